"""Which setpoints differ between two programs. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Watts = NDArray[np.int32]


@dataclass(frozen=True, kw_only=True, eq=False)
class Spans:
    """Resources whose setpoints changed, and where; ISPs from 0."""

    place: NDArray[np.intp]  # (K,) rows of the program now
    first: NDArray[np.intp]  # (K,) first changed ISP
    last: NDArray[np.intp]  # (K,) last changed ISP


def in_watts(power_kw: NDArray[np.float64]) -> Watts:
    """Return power in whole W, up to 2 GW: what a device can be told."""
    return np.rint(power_kw * 1000).astype(np.int32)


def changed(
    before: Watts | None, after: Watts, names_before: Sequence[str], names: Sequence[str], first_isp: int
) -> Spans:
    """Return what changed from ISP `first_isp` on; all of it where there was no program before, or no such resource.

    `before` (M,T) and `after` (N,T): power of resources by name.
    """
    if before is None:
        apart = np.ones(after.shape, dtype=bool)
    elif tuple(names_before) == tuple(names):
        apart = before != after
    else:
        rows = {name: row for row, name in enumerate(names_before)}
        place = np.array([rows.get(name, -1) for name in names], dtype=np.intp)
        apart = np.ones(after.shape, dtype=bool)
        known = place >= 0
        apart[known] = before[place[known]] != after[known]
    apart[:, :first_isp] = False
    there = np.flatnonzero(apart.any(axis=1))
    mine = apart[there]
    return Spans(
        place=there, first=mine.argmax(axis=1), last=after.shape[-1] - 1 - mine[:, ::-1].argmax(axis=1)
    )  # fmt: skip
