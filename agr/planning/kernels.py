"""Ensures that numerical functions are compiled before the time of a solve begins: once after an installation.

The first process solves tiny cases, which compiles all functions, and notes which these were. Every later process
with the same sources and the same kind of processor only checks that they are still in the cache, and solves nothing.
As a command, at installation: python -m agr.planning.kernels
"""

import hashlib
import json
import os
from collections.abc import Callable
from contextlib import suppress
from functools import cache
from pathlib import Path

import models

_SOURCES = Path(models.__file__).parent
NOTE = _SOURCES / "__pycache__" / "compiled.json"
"""Records that the kernels are compiled, beside Python's own cache. Where it cannot be written, every process compiles
by solving the tiny cases."""


@cache
def compile_kernels() -> None:
    """Compile what a solve calls, or see that it is kept; once per process."""
    from models.method import compile_all

    compile_unless_kept(compile_all, NOTE)


def compile_unless_kept(compile_by: Callable[[], object], note: Path) -> None:
    """Call what compiles functions of `models`, unless those named in the note are all at hand; then write the note.

    No note is written where nothing can be kept: then every process compiles.
    """
    from models.method import at_hand, in_memory

    sources = _digest(_SOURCES)
    with suppress(OSError, ValueError):  # not noted yet
        noted = json.loads(note.read_text(encoding="utf-8"))
        if noted["sources"] == sources and at_hand(noted["compiled"]):
            return
    compile_by()
    compiled = {name: types for name, types in in_memory().items() if name.startswith(f"{models.__name__}.")}
    if at_hand(compiled, on_disk=True):
        with suppress(OSError):
            note.parent.mkdir(exist_ok=True)
            new = note.with_suffix(f".{os.getpid()}")
            new.write_text(json.dumps({"sources": sources, "compiled": compiled}), encoding="utf-8")
            new.replace(note)


def _digest(package: Path) -> str:
    """Return what changes with any file of a package. What numba keeps is looked at besides, by the files' contents."""
    found = hashlib.sha256()
    for path in sorted(package.rglob("*.py")):
        stat = path.stat()
        found.update(f"{path.relative_to(package)} {stat.st_mtime_ns} {stat.st_size}\n".encode())
    return found.hexdigest()


if __name__ == "__main__":
    compile_kernels()
