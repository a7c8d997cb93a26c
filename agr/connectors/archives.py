"""Unpacks what sources answer as a zip, if that is not out of all proportion."""

import io
import zipfile

from agr.domain.errors import FeedError

_ZIP = b"PK"


def unpacked(feed: str, content: bytes, what: str, *, most: int, largest: int) -> list[bytes]:
    """Return the files of a zip: at most `most`, of at most `largest` bytes in all; content that is no zip, as it is.

    `what` is its name in messages. Raises FeedError.
    """
    if not content.startswith(_ZIP):
        return [content]
    found, left = list[bytes](), largest
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as packed:
            inside = packed.infolist()
            if not 1 <= len(inside) <= most:
                raise FeedError(f"feed {feed}: the {what} holds {len(inside)} files; expected {_counted(most)}")
            for one in inside:
                with packed.open(one) as file:
                    found.append(file.read(left + 1))
                left -= len(found[-1])
                if left < 0:
                    raise FeedError(
                        f"feed {feed}: what the {what} holds is larger than {largest >> 20} MiB; ask for less"
                    )
    except FeedError:
        raise
    except Exception as error:  # zipfile passes on what its decompressors raise
        raise FeedError(f"feed {feed}: the {what} cannot be unpacked ({error})") from error
    return found


def _counted(most: int) -> str:
    return "one" if most == 1 else f"1 to {most}"
