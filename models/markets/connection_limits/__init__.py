"""Limits of connections and of nested groups of connections: their parameters.

Source: docs/reference/formulation.md §3.7.
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from models.arrays import (
    NO_POINT,
    Extent,
    Floats,
    Ints,
    check_not_negative,
    check_numbers,
    check_shape,
    check_units,
    check_values,
    fault,
)

NO_LIMIT = -1
"""Index of the limit of a unit, or above a limit, where there is none."""


@dataclass(frozen=True, kw_only=True, eq=False)
class ConnectionLimits:
    """Bounds of what the units behind a connection, or behind all connections of a group, draw together.

    Limits form trees: whatever counts at a limit counts at the one above it as well, its parent, which comes later.
    """

    name: tuple[str, ...]  # (L,) connection or group
    point: Ints  # (L,) congestion point in which all its units are; NO_POINT: in none, or in several
    parent: Ints  # (L,) the limit above it, NO_LIMIT where none
    import_kw: Floats  # (L,T) upper bound, +inf where none
    export_kw: Floats  # (L,T) lower bound, −inf where none
    penalty_eur_per_mwh: Floats  # (L,)
    leaf: tuple[Ints, ...]
    """Per class of units (U,): the innermost limit of each, NO_LIMIT where none; () where there are no limits. Classes
    that are younger than an archive are missing at its end"""

    def check(self, where: str, extent: Extent) -> None:
        """Raise CaseError naming the first field that contradicts the case or another field."""
        count = len(self.name)
        for name in ("import_kw", "export_kw"):
            if getattr(self, name).shape != (count, extent.isps) and count:
                shape = getattr(self, name).shape
                raise fault(f"{where}.{name}", f"has shape {shape}, expected {(count, extent.isps)}")
            check_values(f"{where}.{name}", getattr(self, name), infinite=True)
        for name in ("point", "parent", "penalty_eur_per_mwh"):
            check_shape(f"{where}.{name}", getattr(self, name), (count,))
        check_not_negative(where, self, "penalty_eur_per_mwh")
        if count and not (self.point.min() >= NO_POINT and self.point.max() < extent.points):
            raise fault(f"{where}.point", f"must be {NO_POINT}..{extent.points - 1}")
        above = self.parent[self.parent != NO_LIMIT]
        if bool((above >= count).any()) or bool((above <= np.flatnonzero(self.parent != NO_LIMIT)).any()):
            raise fault(f"{where}.parent", "must be a limit that comes later, so that no limit lies in itself")
        check_numbers(f"{where}.leaf", self.leaf, NO_LIMIT, count)

    def check_units(self, where: str, counts: Iterable[tuple[str, int]]) -> None:
        """Raise CaseError where there are limits, but not an entry of `leaf` for each unit of each class, in order."""
        if self.name:
            check_units(f"{where}.leaf", self.leaf, counts)

    def of_units(self, rows: Iterable[Any]) -> "ConnectionLimits":
        """Return the limits for some units of each class only: their positions (n,), or a range of them."""
        if not self.leaf:
            return self
        return replace(self, leaf=tuple(units[some] for units, some in zip(self.leaf, rows, strict=False)))


def no_connection_limits() -> ConnectionLimits:
    """Return no limits at all."""
    nothing = np.zeros(0, dtype=np.int64)
    return ConnectionLimits(
        name=(), point=nothing, parent=nothing, import_kw=np.zeros((0, 0)), export_kw=np.zeros((0, 0)),
        penalty_eur_per_mwh=np.zeros(0), leaf=(),
    )  # fmt: skip
