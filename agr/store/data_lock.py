"""A lock on the data folder: one daemon per store."""

import fcntl
from pathlib import Path
from typing import IO

from agr.domain.errors import StoreError


class DataLock:
    """A lock on the data folder: one daemon per store."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._file: IO[str] | None = None

    def take(self) -> bool:
        """Take the lock, in a folder that only its owner may enter where it is new; False: another process has it.

        Raises StoreError when the folder cannot be used.
        """
        try:
            self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            file = (self._folder / "agr.lock").open("w", encoding="utf-8")
        except OSError as error:
            why = "it is no folder" if isinstance(error, (FileExistsError, NotADirectoryError)) else error.strerror
            raise StoreError(
                f"data_folder {self._folder} cannot be used: {why}; give it to the user that runs agr, or choose "
                "another data_folder"
            ) from error
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            file.close()
            return False
        self._file = file
        return True

    def release(self) -> None:
        """Give the lock back."""
        if self._file is not None:
            self._file.close()
            self._file = None
