"""Temporary folders that are locked as long as their process lives; what a killed process has left is removed later.

The lock is on the folder itself. It ends with the process, however that ends, and keeps systemd-tmpfiles away, too.
"""

import fcntl
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

_PREFIX = "agr-scratch-"


@contextmanager
def scratch_folder(kind: str, near: Path | None = None) -> Iterator[Path]:
    """Give an empty folder, for its owner only, that is removed with the block. Raises OSError.

    It is made in the folder `near`, where those that killed processes have left are removed first; without it, in the
    temporary directory, where `remove_abandoned` does so. `kind`: what it is for, as a part of its name.
    """
    if near is not None:
        remove_abandoned(near)
    path, held = _made_and_locked(f"{_PREFIX if near is None else '.' + _PREFIX}{kind}-", near)
    try:
        yield path
    finally:
        shutil.rmtree(path, ignore_errors=True)
        os.close(held)


def _made_and_locked(prefix: str, near: Path | None) -> tuple[Path, int]:
    while True:
        path = Path(tempfile.mkdtemp(prefix=prefix, dir=near))
        try:
            held = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
        except FileNotFoundError:  # another process took it for abandoned: it was not locked yet
            continue
        with suppress(OSError):  # on a file system without locks nobody else can lock and remove it either
            fcntl.flock(held, fcntl.LOCK_EX)
        if path.is_dir():
            return path, held
        os.close(held)


def remove_abandoned(near: Path | None = None) -> tuple[Path, ...]:
    """Remove the scratch folders of this user whose processes no longer live; return them.

    They are looked for in the folder `near`, by default in the temporary directory.
    """
    place = Path(tempfile.gettempdir()) if near is None else near
    try:
        found = [path for path in place.iterdir() if path.name.removeprefix(".").startswith(_PREFIX)]
    except PermissionError:  # a folder that one may write to and not list
        return ()
    return tuple(path for path in found if _removed(path))


def _removed(path: Path) -> bool:
    try:
        held = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
    except OSError:  # another user's, or no longer there
        return False
    try:
        if os.fstat(held).st_uid != os.geteuid():
            return False
        fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:  # in use, or on a file system without locks
        return False
    else:
        shutil.rmtree(path, ignore_errors=True)
        return True
    finally:
        os.close(held)
