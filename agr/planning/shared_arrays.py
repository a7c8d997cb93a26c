"""Passes large values between processes: arrays in a memory-mapped file, everything else as bytes.

The queue of a process pool copies its values. While it copies hundreds of megabytes, no other thread of the receiving
process runs: the outcome of 100,000 resources kept the endpoint from answering for a second.
"""

import mmap
import pickle
from dataclasses import dataclass
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import Any

_ALIGNED = 64  # bytes; alignment for vectorised access


@dataclass(frozen=True, kw_only=True)
class SharedArrays:
    """A value in transit; the owner of the folder deletes the file."""

    head: bytes
    file: Path
    places: tuple[tuple[int, int], ...]  # start and end of each array in the file


def pack(value: object, folder: Path) -> SharedArrays:
    """Write the arrays inside the value to a new file in the folder; return the rest with their places."""
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
    """Return the value. Its arrays are mapped, not copied, and outlive the file. Unpickles: trust the sender."""
    with shared.file.open("rb") as file:
        empty = shared.file.stat().st_size == 0
        # Private pages: a process that changes an array changes only its own copy.
        content = memoryview(b"" if empty else mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_COPY))
    return pickle.loads(shared.head, buffers=[content[begin:end] for begin, end in shared.places])  # noqa: S301 - ours
