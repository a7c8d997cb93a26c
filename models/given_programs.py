"""Everything that follows from programs that are given: reserve, bids, positions, shortfalls. Nothing is searched.

Source: docs/explanation/optimisation.md §3.7.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from models.block import called_units, reserved_points
from models.case import Bools, Case, Floats, Ints
from models.connection_costs import tariff_fields
from models.connection_loads import breach_fields, drawn_kw
from models.decomposition.primal.activation import Activation, as_planned, moved_kw
from models.decomposition.primal.recovery import (
    AllocatedReserve,
    ClassReserve,
    headroom,
    held_of,
    nothing_held,
    reserve,
    reserving,
    undelivered,
)
from models.markets.positions import positions
from models.markets.registry import MARKETS
from models.outcome import Fields, Outcome, Programs, ProgramValues
from models.resources.registry import RESOURCES
from models.resources.totals import points_kw

Called = Programs | Activation | None
"""Called programs: of all units, or of those only that may have one of their own; None where nothing is reserved."""


@dataclass(frozen=True, kw_only=True, eq=False)
class HeldBefore:
    """The reserve (R,h,T), kW, that units (h,) which may hold some held before."""

    units: Ints
    held_kw: Floats

    def of(self, units: Ints) -> Floats:
        """Return a copy of the reserve (R,n,T), kW, of some of the units (n,)."""
        return self.held_kw[:, np.searchsorted(self.units, units)]


@dataclass(frozen=True, kw_only=True, eq=False)
class Consequences:
    """What follows from programs; the tables of the reserve that units hold are made of the best answer only."""

    plain: ProgramValues  # without the reserve that units hold
    held: AllocatedReserve
    called_held: AllocatedReserve | None

    def headroom(self, case: Case, into: Outcome | None = None) -> dict[str, Any]:
        """Return the reserve that units hold, planned and called, by field of an outcome; `into`: its tables."""
        first, second = (None, None) if into is None else (into.headroom, into.called_headroom)
        again = None if self.called_held is None else headroom(case, self.held, self.called_held, into=second)
        return {"headroom": headroom(case, self.held, into=first), "called_headroom": again}


def answer_of(
    case: Case, programs: Programs, called: Called, held: Mapping[str, HeldBefore],
    called_held: Mapping[str, HeldBefore], bids: list[Floats], into: Programs | None,
) -> Consequences:  # fmt: skip
    """Return everything that follows from programs, planned and called, and from what was held with either before.

    `bids`: MW (B,) of each product. `into`: see Activation.everywhere.
    """
    planned_kw = points_kw(case, programs)
    shortfall = np.zeros(case.reservations.reserved_kw.shape)
    activation = None
    if called is not None:
        activation = called if isinstance(called, Activation) else Activation(called=dict(_of_reserved(case, called)))
        shortfall, broken = undelivered(case, moved_kw(case, activation, programs)[:-1], planned_kw)
        if len(broken):
            as_planned(case, activation, programs, broken)
            shortfall, _ = undelivered(case, moved_kw(case, activation, programs)[:-1], planned_kw)
    everywhere = None if activation is None else activation.everywhere(programs, into)
    first = _allocated(case, programs, held)
    again = (
        None if everywhere is None
        else _allocated(case.when_called(), everywhere, called_held, reserved_points(case))
    )  # fmt: skip
    drawn = drawn_kw(case, programs, None if activation is None else activation.called)
    made, missing = reserve(case, first, again, bids, drawn)
    settled: dict[str, Any] = breach_fields(
        case, programs, held_of(case, first), None if activation is None else activation.called,
        None if again is None else held_of(case, again),
    )  # fmt: skip
    settled |= tariff_fields(case, programs) | positions(case, programs, planned_kw)
    for market in MARKETS:
        settled |= {} if market.settled is None else market.settled(case, planned_kw)
    plain = ProgramValues(
        programs=programs, called=everywhere, headroom=nothing_held(case), called_headroom=None, point_kw=planned_kw,
        bids_mw=made, reserve_shortfall_mw=missing, reservation_shortfall_kw=shortfall, **settled,
    )  # fmt: skip
    return Consequences(plain=plain, held=first, called_held=again)


def _of_reserved(case: Case, called: Programs) -> Iterator[tuple[str, tuple[Ints, Fields]]]:
    """Yield the called programs of the units at congestion points with a reservation, as copies."""
    for resource in RESOURCES:
        units = np.flatnonzero(called_units(case, resource.arrays(case).point))
        if resource.fields:
            yield resource.name, (units, dict(called.of(resource.fields, units)))


def _allocated(
    case: Case, programs: Programs, held: Mapping[str, HeldBefore], points: Bools | None = None
) -> AllocatedReserve:
    """Return the reserve of all units that may hold some, or of those at some congestion points (C+1,) only."""
    result: AllocatedReserve = {}
    for resource, how in reserving():
        able = how.reserve_kw(case) > 0
        if points is not None:
            able &= points[resource.arrays(case).point]
        units = np.flatnonzero(able)
        taken, places = programs.of(resource.fields, units), np.arange(len(units))
        kept = held[resource.name].of(units)
        result[resource.name] = ClassReserve(units=units, held=how.allocation(case, units, taken, places, kept))
    return result
