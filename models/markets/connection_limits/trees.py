"""Limits as trees: what counts at a limit counts at every limit above it. Numpy only."""

from collections.abc import Iterator

import numpy as np
from scipy import sparse

from models.block import reserved_points
from models.case import NO_LIMIT, UNIT_CLASSES, Bools, Case, ConnectionLimits, Floats, Ints


def limited_units(case: Case) -> Iterator[tuple[str, Ints]]:
    """Yield each class with the positions (n,) of its units that are behind a limit."""
    for name in UNIT_CLASSES:
        units = np.flatnonzero(case.leaf(name) != NO_LIMIT)
        if len(units):
            yield name, units


def with_below(limits: ConnectionLimits, own: Floats) -> Floats:
    """Return the sums (L,…) over each limit and all limits below it, given what counts at each alone, own (L,…)."""
    total = own.copy()
    for limit, parent in enumerate(limits.parent.tolist()):  # a parent comes later than what lies in it
        if parent != NO_LIMIT:
            total[parent] += total[limit]
    return total


def chains(limits: ConnectionLimits) -> sparse.csr_array:
    """Return (L,L) with 1 in row l for l and every limit above it, innermost first."""
    begins, entries, above = [0], list[int](), list[list[int]]()
    for limit in range(len(limits.name) - 1, -1, -1):
        parent = int(limits.parent[limit])
        above.append([limit, *(above[len(limits.name) - 1 - parent] if parent != NO_LIMIT else [])])
    for chain in reversed(above):
        entries += chain
        begins.append(len(entries))
    shape = (len(limits.name), len(limits.name))
    return sparse.csr_array((np.ones(len(entries)), np.array(entries, dtype=np.int64), begins), shape=shape)


def called_limits(case: Case) -> Bools:
    """Return whether each limit (L,) has a unit that may have a called program of its own."""
    own = np.zeros(len(case.connection_limits.name))
    reserved = reserved_points(case)
    for name, units in limited_units(case):
        mine = units[reserved[case.units(name).point[units]]]
        own[case.leaf(name)[mine]] = 1.0
    return with_below(case.connection_limits, own) > 0
