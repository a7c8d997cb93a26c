"""The programs of a portfolio and the reserve held beside them: arrays by resource class.

The units stand in the order of the case. Axes: T ISPs; R reserve products; U units of a class. Power in kW
(consumption positive), energy in kWh.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import MISSING, dataclass, field, fields
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from models.arrays import Bools, Floats, Ints
from models.markets.balancing_capacity import Direction

Fields: TypeAlias = Mapping[str, NDArray[Any]]
"""Arrays of some units' programs by their field of `Programs`, one row per unit."""
Rows: TypeAlias = Ints | slice
"""Some units of a class: their positions, or a range of them."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Programs:
    """A program for every unit, in the order of the case's classes.

    Fields with a default are those of classes that outcomes of earlier versions did not have: no units, all ISPs.
    """

    curtailable_kw: Floats  # (U,T)
    charge_kw: Floats  # (U,T) storage pc
    discharge_kw: Floats  # (U,T) storage pd
    energy_kwh: Floats  # (U,T) at the end of the ISP
    unmet_kwh: Floats  # (U,T)
    excess_kwh: Floats  # (U,T)
    start: Ints  # (U,) chosen start of each shiftable run, ISP from 0
    switched_on: Bools = field(default_factory=lambda: np.zeros((0, 0), dtype=np.bool_))  # (U,T) of switched units

    def __post_init__(self) -> None:
        isps = np.shape(self.curtailable_kw)[1:]
        for item in fields(self):
            values = getattr(self, item.name)
            if item.default_factory is not MISSING and np.shape(values) == (0, 0) and isps:
                object.__setattr__(self, item.name, np.zeros((0, *isps), dtype=values.dtype))

    def of(self, names: Iterable[str], units: Rows = slice(None)) -> Fields:
        """Return some fields of some units; their rows are taken when a field is read."""
        return _Taken(self, tuple(names), units)

    @property
    def storage_kw(self) -> Floats:
        """Return the net storage program (U,T), kW."""
        return self.charge_kw - self.discharge_kw


class _Taken(Mapping[str, NDArray[Any]]):
    """Rows of some fields, copied when they are read."""

    def __init__(self, programs: Programs, names: tuple[str, ...], units: Rows) -> None:
        self._programs, self._names, self._units = programs, names, units

    def __getitem__(self, name: str) -> NDArray[Any]:
        if name not in self._names:
            raise KeyError(name)
        values: NDArray[Any] = getattr(self._programs, name)[self._units]
        return values

    def __iter__(self) -> Iterator[str]:
        return iter(self._names)

    def __len__(self) -> int:
        return len(self._names)


@dataclass(frozen=True, kw_only=True, eq=False)
class Headroom:
    """Reserve power held per unit; the first axis follows Case.reserves (R)."""

    curtailable_up_kw: Floats  # (R,U,T)
    curtailable_down_kw: Floats  # (R,U,T)
    storage_up_kw: Floats  # (R,U,T)
    storage_down_kw: Floats  # (R,U,T)

    def of(self, name: str, side: Direction) -> Floats:
        """Return the reserve (R,U,T), kW, that units of a resource class hold on a side."""
        held: Floats = getattr(self, _held_field(name, side))
        return held

    @staticmethod
    def by_class(held: Mapping[tuple[str, Direction], Floats]) -> "Headroom":
        """Return the headroom, given for each side of every resource class that may hold reserve."""
        return Headroom(**{_held_field(name, side): values for (name, side), values in held.items()})


def _held_field(name: str, side: Direction) -> str:
    return f"{name}_{side.value}_kw"
