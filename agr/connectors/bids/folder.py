"""Writes bids as files: each whole or not at all, and never in place of another one."""

import os
from hashlib import sha256
from pathlib import Path

from agr.connectors.folders import folder_to_disk
from agr.connectors.ports import BidPost, BidReceipt
from agr.domain.errors import DeliveryError
from agr.settings import BidFiles


class BidFolder:
    """A folder that whoever trades for us reads; see `agr.connectors.ports.BidCarrier`."""

    def __init__(self, channel: BidFiles) -> None:
        self._folder = channel.folder

    def deliver(self, post: BidPost) -> BidReceipt:
        """Write the file and bring it to the disk. A file that is there with the same content is this bid's.

        Raises DeliveryError, also where another file has the name.
        """
        path = self._folder / post.file_name
        partial = path.with_name(f".{path.name}.partial")  # what a killed process left is written over
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            with partial.open("wb") as file:
                file.write(post.content)
                file.flush()
                os.fsync(file.fileno())
            try:
                self._name(partial, path, post.content)
            finally:
                partial.unlink(missing_ok=True)
            folder_to_disk(self._folder)
        except OSError as error:
            raise DeliveryError(f"{path} cannot be written ({error.strerror}); check the folder") from error
        return BidReceipt(text=f"{path}, SHA-256 {sha256(post.content).hexdigest()}")

    @staticmethod
    def _name(partial: Path, path: Path, content: bytes) -> None:
        """Give a written file its name, unless another file has it."""
        try:
            os.link(partial, path)  # unlike a rename, this never replaces a file
        except OSError:
            if not path.exists():
                partial.rename(path)  # the file system has no links; nobody else writes here under this name
            elif path.read_bytes() != content:
                raise DeliveryError(
                    f"{path} exists with other content and is not replaced; move it away if nobody has used it"
                ) from None

    def close(self) -> None:
        """Release nothing: files are closed at once."""


def open_carrier(channel: BidFiles, _authorities: Path | None = None) -> BidFolder:
    """Return the carrier of a channel; writes nothing yet."""
    return BidFolder(channel)
