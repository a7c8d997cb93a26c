"""Hands large values from process to process: arrays through a file that is mapped, everything else as bytes.

A pool's own queue copies what it carries, and while it copies hundreds of megabytes no other thread of the receiving
process runs: an outcome of 100,000 resources kept the endpoint from answering for a second.
"""

import mmap
import pickle
from dataclasses import dataclass
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import Any

_ALIGNED = 64  # bytes, as numpy likes its arrays


@dataclass(frozen=True, kw_only=True)
class SharedArrays:
    """A value on its way; the file belongs to whoever owns the folder."""

    head: bytes
    file: Path
    places: tuple[tuple[int, int], ...]  # begin and end of each array in the file


def pack(value: object, folder: Path) -> SharedArrays:
    """Write the arrays inside the value to a new file in the folder."""
    buffers: list[pickle.PickleBuffer] = []
    head = pickle.dumps(value, protocol=5, buffer_callback=buffers.append)
    places: list[tuple[int, int]] = []
    with NamedTemporaryFile(dir=folder, prefix="arrays-", delete=False) as file:
        for buffer in buffers:
            raw = buffer.raw()
            begin = -(-file.tell() // _ALIGNED) * _ALIGNED
            file.seek(begin)
            file.write(raw)
            places.append((begin, begin + raw.nbytes))
    return SharedArrays(head=head, file=Path(file.name), places=tuple(places))


def unpack(shared: SharedArrays) -> Any:
    """Return the value, its arrays mapped and not copied; they stay when the file is deleted. Trusts the sender."""
    with shared.file.open("rb") as file:
        empty = shared.file.stat().st_size == 0
        # Private pages: whoever changes an array changes its own.
        content = memoryview(b"" if empty else mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_COPY))
    return pickle.loads(shared.head, buffers=[content[begin:end] for begin, end in shared.places])  # noqa: S301 - ours
