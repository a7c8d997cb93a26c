"""The answer to a case: programs, positions, bids, shortfalls, value by term, shadow prices, bound and gap.

Sign of money: positive is earned. Termination is a value, never an exception. Source: docs/reference/formulation.md §1.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from models.case import Bools, Direction, Duals, Floats, Ints

Fields: TypeAlias = Mapping[str, NDArray[Any]]
"""Arrays of some units' programs by their field of `Programs`, one row per unit."""
Rows: TypeAlias = Ints | slice
"""Some units of a class: their positions, or a range of them."""


class Termination(Enum):
    """How the search ended."""

    OPTIMAL = "optimal"  # gap within the tolerance asked for
    TIME_LIMIT = "time limit"  # best program so far, with its gap
    GAP_OPEN = "gap open"  # the search ended by itself with a wider gap than asked for, and would do so again
    NO_PROGRAM = "no program"  # no usable program was found; arrays hold the baseline


@dataclass(frozen=True, kw_only=True, eq=False)
class Programs:
    """A program for every unit, in the order of the case's classes."""

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
        if np.shape(self.switched_on) == (0, 0) and isps:  # outcomes of versions that did not have the field
            object.__setattr__(self, "switched_on", np.zeros((0, *isps), dtype=np.bool_))

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


@dataclass(frozen=True, kw_only=True, eq=False)
class ProgramValues:
    """Programs, reserve and positions: the fields of an Outcome that cost or earn money. Shapes as in Outcome."""

    programs: Programs
    called: Programs | None
    headroom: Headroom
    called_headroom: Headroom | None
    point_kw: Floats  # (C+1,T), the last row for units in no congestion point
    day_ahead_kw: Floats
    intraday_buy_kw: Floats
    intraday_sell_kw: Floats
    short_kw: Floats
    long_kw: Floats
    bids_mw: tuple[Floats, ...]
    reserve_shortfall_mw: Floats
    breach_import_kw: Floats
    breach_export_kw: Floats
    reservation_shortfall_kw: Floats


@dataclass(frozen=True, kw_only=True, eq=False)
class Shadow:
    """Shadow prices: the value of one more unit of each coupling."""

    balance_eur_per_mwh: Floats  # (T,) value of a MWh less consumption in the portfolio
    limit_import_eur_per_mwh: Floats  # (L,T) >= 0: value of a MWh more import limit
    limit_export_eur_per_mwh: Floats  # (L,T) >= 0: value of a MWh more export limit
    reservation_eur_per_mwh: Floats  # (K,T) >= 0: value of releasing a MWh of the reservation
    reserve_eur_per_mw: Floats  # (R,T) >= 0: value of a MW more headroom during the ISP


@dataclass(frozen=True, kw_only=True, eq=False)
class Outcome:
    """One program for the whole portfolio with its proof."""

    termination: Termination
    programs: Programs
    called: Programs | None  # programs when every reservation is called; None: nothing is reserved
    headroom: Headroom
    called_headroom: Headroom | None  # reserve still held when every reservation is called
    point_kw: Floats  # (C,T) program per congestion point
    total_kw: Floats  # (T,) program of the portfolio, congestion point or not
    day_ahead_kw: Floats  # (T,) bought (+), sold (−)
    intraday_buy_kw: Floats  # (T,) >= 0
    intraday_sell_kw: Floats  # (T,) >= 0
    short_kw: Floats  # (T,) >= 0 imbalance: consumed beyond the positions
    long_kw: Floats  # (T,) >= 0
    bids_mw: tuple[Floats, ...]  # per reserve product (B,)
    reserve_shortfall_mw: Floats  # (R,T) committed capacity not held
    breach_import_kw: Floats  # (L,T)
    breach_export_kw: Floats  # (L,T)
    reservation_shortfall_kw: Floats  # (K,T) >= 0 not deliverable when called
    terms_eur: dict[str, float]  # value by term, earned positive; sums to objective_eur
    point_terms_eur: dict[str, Floats]  # (C+1,) the terms that arise at a congestion point; last entry: in none
    objective_eur: float
    bound_eur: float  # proven upper bound of the value of all programs
    gap_eur: float  # bound − objective
    gross_cost_eur: float  # Σ |term|: what relative gaps refer to
    shadow: Shadow
    solver: str  # algorithm and version, for the record
    seconds: dict[str, float]  # build, solve, …
    log: tuple[str, ...] = ()  # the solver's log with our own lines and times, see models.solver_log
    duals: Duals | None = None  # prices from which a later search may begin; None where nothing was decomposed
