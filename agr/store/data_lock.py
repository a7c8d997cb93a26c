"""A lock on the data folder: one daemon per store."""

import fcntl
from pathlib import Path
from typing import IO


class DataLock:
    """A lock on the data folder: one daemon per store."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._path = folder / "agr.lock"
        self._file: IO[str] | None = None

    def take(self) -> bool:
        """Take the lock; False when another process has it."""
        file = self._path.open("w", encoding="utf-8")
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
