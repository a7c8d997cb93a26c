"""A value packed by one process and unpacked by another is equal, writable, private, and not copied through a queue."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from agr.planning.shared_arrays import pack, unpack


@dataclass(frozen=True)
class Mixed:
    table: np.ndarray
    narrow: np.ndarray
    turned: np.ndarray
    every_other: np.ndarray
    nothing: np.ndarray
    numbers: dict[str, float]


def mixed() -> Mixed:
    table = np.arange(12.0).reshape(3, 4)
    return Mixed(table, table.astype(np.float32), table.T, table[:, ::2], np.zeros((0, 4)), {"gap": np.inf})


def test_everything_arrives_as_it_was(tmp_path: Path) -> None:
    sent = mixed()
    shared = pack(sent, tmp_path)
    got = unpack(shared)
    shared.file.unlink()
    for name in ("table", "narrow", "turned", "every_other", "nothing"):
        before, after = getattr(sent, name), getattr(got, name)
        assert after.dtype == before.dtype
        assert np.array_equal(after, before)
    assert got.numbers == sent.numbers


def test_what_is_unpacked_may_be_changed_without_changing_another(tmp_path: Path) -> None:
    shared = pack(mixed(), tmp_path)
    one, two = unpack(shared), unpack(shared)
    one.table[0, 0] = 99.0
    assert two.table[0, 0] == 0.0


def test_large_arrays_are_not_in_the_bytes_that_are_sent(tmp_path: Path) -> None:
    shared = pack(np.zeros((1000, 96)), tmp_path)
    assert len(shared.head) < 1000
    assert shared.file.stat().st_size == 1000 * 96 * 8


def test_a_value_without_arrays_needs_no_file_content(tmp_path: Path) -> None:
    assert unpack(pack({"a": 1}, tmp_path)) == {"a": 1}
