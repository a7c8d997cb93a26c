"""Cuts some units out of a planned portfolio as a case of their own, wherever they are; all others keep their programs.

Unlike a part (subproblem.py), whose congestion points are whole, it may have a few of the units of a point. It is made
to be searched at once, and the whole is evaluated after that: money of other units is not in it. Numpy only.
Source: docs/explanation/optimisation.md §3.8.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from models.block import called_units, reserved_points
from models.case import (
    NO_LIMIT,
    NO_POINT,
    NO_TARIFF,
    Bools,
    Case,
    Fixed,
    FixedRemainder,
    Floats,
    Ints,
    no_connection_limits,
    no_connection_tariffs,
)
from models.decomposition.reoptimise.point_tables import at_points, places, rows_of
from models.headroom import takes
from models.outcome import Headroom, Outcome, Programs
from models.reserve_room import SIDES
from models.resources.registry import PRICED
from models.resources.totals import points_kw


@dataclass(frozen=True, kw_only=True, eq=False)
class Selection:
    """Units of a case, with the case in which only they choose their programs."""

    units: Mapping[str, Ints]  # class → units (n,), ascending
    case: Case

    def put_in(self, case: Case, outcome: Outcome, new: Outcome) -> Callable[[], None]:
        """Write the programs and the reserve of the units from `new` into the tables of the outcome.

        Returns a function that puts back the ones before, and the called programs of all units at reserved points.
        """
        before: list[tuple[NDArray[Any], Any, NDArray[Any]]] = []

        def put(table: NDArray[Any], rows: Any, values: NDArray[Any]) -> None:
            before.append((table, rows, table[rows]))
            table[rows] = values

        def put_held(table: Floats, units: Ints, values: Floats) -> None:
            """Leave what holds nothing before and after: rows that were never written take no memory."""
            for r, of_product in enumerate(values):
                some = np.flatnonzero(of_product.any(axis=1) | table[r, units].any(axis=1))
                put(table[r], units[some], of_product[some])

        def undo() -> None:
            for table, rows, values in reversed(before):
                table[rows] = values

        called, held = outcome.called, outcome.called_headroom
        for one in PRICED:
            mine = self.units[one.name]
            if called is not None:
                ours, theirs = np.flatnonzero(called_units(case, one.arrays(case).point)), new.called or new.programs
                for name in one.fields:
                    table = getattr(called, name)
                    put(table, ours, table[ours])
                    put(table, mine, getattr(theirs, name))
            for name in one.fields:
                put(getattr(outcome.programs, name), mine, getattr(new.programs, name))
            for side in SIDES if one.reserving is not None else ():
                put_held(outcome.headroom.of(one.name, side), mine, new.headroom.of(one.name, side))
                if held is not None:
                    again = new.called_headroom or new.headroom
                    put_held(held.of(one.name, side), mine, again.of(one.name, side))
        return undo


def selectable(case: Case) -> tuple[Mapping[str, Bools], Bools]:
    """Return class → whether each unit (U,) may be selected, and whether each point (C+1,) is selected as a whole only.

    Units behind connections that have limits or tariffs cannot be selected yet, nor can a point with such units that
    may only be selected as a whole, because of its reservations or of what it may hold. With balancing groups no unit
    can.
    """
    whole = reserved_points(case)
    whole[case.held_at_most.point] = True
    nobody = bool(case.balancing_groups.name)
    free: dict[str, Bools] = {}
    for resource in PRICED:
        behind = (case.leaf(resource.name) != NO_LIMIT) | (case.tariff(resource.name) != NO_TARIFF)
        free[resource.name] = ~behind & (not nobody)
    closed = np.zeros_like(whole)
    for resource in PRICED:
        closed[resource.arrays(case).point[~free[resource.name]]] = True
    closed &= whole
    for resource in PRICED:
        free[resource.name] &= ~closed[resource.arrays(case).point]
    return free, whole


def select(case: Case, outcome: Outcome, wanted: Mapping[str, Ints]) -> Selection | None:
    """Return the case of some units, and of all units at points that are selected as a whole; None if nobody is left.

    `wanted`: positions (n,) of the units of each class. Awarded and made bids of the outcome are fixed. The case begins
    its search at the prices of the outcome, `duals`.
    """
    free, whole = selectable(case)
    at = np.zeros_like(whole)
    for resource in PRICED:
        chosen = wanted[resource.name]
        at[resource.arrays(case).point[chosen[free[resource.name][chosen]]]] = True
    full, units = at & whole, dict[str, Ints]()
    for resource in PRICED:
        mine = np.zeros(resource.count(case), dtype=np.bool_)
        mine[wanted[resource.name]] = True
        units[resource.name] = np.flatnonzero(free[resource.name] & (mine | full[resource.arrays(case).point]))
    if outcome.duals is None or not any(len(some) for some in units.values()):
        return None
    points = np.flatnonzero(at[:-1])
    place = places(case, points)
    tables: dict[str, Any] = {
        one.name: rows_of(one.arrays(case), units[one.name], place) for one in PRICED
    }  # fmt: skip
    start = replace(
        outcome.duals, program=outcome.duals.program[points], call=outcome.duals.call[points],
        connections=np.zeros((0, case.isps)),
    )  # fmt: skip
    part = replace(
        case,
        **tables,
        **at_points(case, points, place),
        fixed=Fixed(point=np.zeros(0, dtype=np.int64), program_kw=np.zeros((0, case.isps))),
        connection_limits=no_connection_limits(),
        connection_tariffs=no_connection_tariffs(),
        brought_forward_eur=0.0,
        start=start,
        remainder=others_hold(case, outcome, units, full),
        reserves=tuple(
            replace(product, committed_mw=bids)
            for product, bids in zip(case.reserves, outcome.bids_mw, strict=True)
        ),
    )  # fmt: skip
    return Selection(units=units, case=replace(part, fixed=_others_kw(part, outcome, units, points)))


def _others_kw(part: Case, outcome: Outcome, units: Mapping[str, Ints], points: Ints) -> Fixed:
    """Return the power (n+1,T), kW, of all others at each of the points, and elsewhere."""
    mine = points_kw(part, chosen(outcome.programs, units))
    there = outcome.point_kw[points]
    elsewhere = outcome.total_kw - there.sum(axis=0) - mine[-1]
    return Fixed(
        point=np.append(np.arange(len(points)), NO_POINT), program_kw=np.vstack([there - mine[:-1], elsewhere[None]])
    )


def chosen(programs: Programs, units: Mapping[str, Ints]) -> Programs:
    """Return the programs of some units (n,) of each class."""
    return Programs(
        **{name: getattr(programs, name)[units[one.name]] for one in PRICED for name in one.fields}
    )  # fmt: skip


def others_hold(case: Case, outcome: Outcome, units: Mapping[str, Ints], full: Bools) -> FixedRemainder:
    """Return the reserve that all others hold."""
    elsewhere = reserved_points(case) & ~full
    called = outcome.called_headroom if elsewhere.any() else None
    return FixedRemainder(
        held_kw=_left_kw(case, outcome.headroom, units),
        called_held_kw=None if called is None else _left_kw(case, called, units),
        terms_eur={},
        bids_mw=outcome.bids_mw,
    )


def _left_kw(case: Case, headroom: Headroom, units: Mapping[str, Ints]) -> Floats:
    """Return the reserve (R,T), kW, that all units but these hold."""
    total = np.zeros((len(case.reserves), case.isps))
    for r, reserve in enumerate(case.reserves):
        side = next(side for side in SIDES if takes(reserve, side))
        for one in PRICED:
            if one.reserving is not None:
                held = headroom.of(one.name, side)[r]
                total[r] += held.sum(axis=0, dtype=np.float64) - held[units[one.name]].sum(axis=0, dtype=np.float64)
    return total
