"""Completes combined programs to an answer: reserve, bids, positions and shortfalls, exact by construction.

Source: docs/explanation/optimisation.md §3.5.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any, TypeAlias

import numpy as np

from models.block import called_units, reserved_points
from models.case import Case, Direction, Floats, Ints
from models.connection_costs import tariff_fields
from models.connection_loads import HeldUnits, breach_fields, drawn_kw, sides_kw
from models.decomposition.master.possible_bids import committed_kw
from models.decomposition.primal.activation import Activation, as_planned, moved_kw
from models.decomposition.primal.convex_combination import CombinedPrograms
from models.decomposition.primal.limit_rooms import LimitRooms
from models.decomposition.primal.reserve_allocation import fill, fit
from models.decomposition.primal.reserve_ceilings import ReserveCeilings
from models.headroom import KW_PER_MW, takes, traded_isps
from models.markets.imbalance.costs import unmeant_kw
from models.markets.positions import positions
from models.markets.registry import MARKETS
from models.objective import market_terms, place_terms
from models.outcome import Fields, Headroom, Programs, ProgramValues
from models.reserve_room import SIDES, ReserveAllocation
from models.resources.protocols import Reserving, ResourceClass
from models.resources.registry import PRICED
from models.resources.totals import called_terms, points_kw

_ROUNDING = 1e-9
_SLACK_KW, _SLACK = 5e-5, 5e-7  # tolerances in kW and as a share of the program: half of what the audit allows


def _found(combined: list[CombinedPrograms], *, called: bool) -> dict[str, tuple[Ints, Fields]]:
    """Return the programs of one scenario: class → units (n,) and their fields, which are not copied."""
    return {some.resource.name: (some.units, some.fields) for some in combined if some.called == called}


def _programs(case: Case, combined: list[CombinedPrograms]) -> Programs:
    """Return the planned programs of all units."""
    found = _found(combined, called=False)
    fields: dict[str, Any] = {}
    for resource in PRICED:
        fields |= found[resource.name][1] if resource.name in found else _nobodys(case, resource)
    return Programs(**fields)


def _nobodys(case: Case, resource: ResourceClass) -> Fields:
    if resource.mixing is not None:
        return resource.mixing.empty(case, 0)
    return {} if resource.choosing is None else resource.choosing.empty(case, 0)


@dataclass(frozen=True, kw_only=True, eq=False)
class ClassReserve:
    """The reserve that some units (n,) of a class hold."""

    units: Ints
    held: ReserveAllocation


AllocatedReserve: TypeAlias = dict[str, ClassReserve]
"""The reserve held in one scenario, by class."""


def reserving() -> Iterator[tuple[ResourceClass, Reserving]]:
    """Yield the classes that may hold reserve, in the order in which they are priced."""
    for resource in PRICED:
        if resource.reserving is not None:
            yield resource, resource.reserving


def _class_reserves(case: Case, combined: list[CombinedPrograms], *, called: bool) -> AllocatedReserve:
    """Return the reserve held in a scenario, with the room that the units' programs in it leave."""
    found = {some.resource.name: some for some in combined if some.called == called}
    result: AllocatedReserve = {}
    case = case.when_called() if called else case
    for resource, how in reserving():
        if resource.name in found:
            some = found[resource.name]
            units = some.units[some.reserve_units]
            held = how.allocation(case, units, some.fields, some.reserve_units, some.held_kw)
            result[resource.name] = ClassReserve(units=units, held=held)
    return result


def held_of(case: Case, held: AllocatedReserve) -> HeldUnits:
    """Return the reserve of units as connection limits count it."""
    return {name: (mine.units, *sides_kw(case, mine.held.held_kw)) for name, mine in held.items()}


def _allocations(held: AllocatedReserve) -> list[ReserveAllocation]:
    return [of_class.held for of_class in held.values()]


def reserve(
    case: Case,
    planned: AllocatedReserve,
    called: AllocatedReserve | None,
    bids_mw: list[Floats],
    at_limits_kw: Sequence[Floats] = (),
) -> tuple[tuple[Floats, ...], Floats]:
    """Fit reserve into its room and fill up what bids lack; return bids and shortfalls.

    Bids are per product (B,), MW, lowered where the reserve does not suffice; shortfalls of awarded bids (R,T), MW.
    What the remainder of a part holds counts as well. at_limits_kw: what is drawn at connection limits (L,T) in each
    of the scenarios, without reserve.
    """
    other, none = case.remainder, np.zeros((len(case.reserves), case.isps))
    rest, rest_called = (none, none) if other is None else (other.held_kw, other.when_called_kw)
    outside, mine, again = [], _allocations(planned), None if called is None else _allocations(called)
    for name, of_class in planned.items():
        fit(case, of_class.held)
        outside.append(~called_units(case, case.units(name).point[of_class.units]))
    for allocation in again or ():
        fit(case, allocation)
    ceilings, ceilings_again = (
        None if of is None or not case.held_at_most.name else ReserveCeilings(
            case=case, most_kw=most,
            holders=[(case.units(name).point[mine.units], mine.held) for name, mine in of.items()],
        )
        for of, most in ((planned, case.held_at_most.planned_kw), (called, case.held_at_most.called_kw))
    )  # fmt: skip
    for ceiling in (ceilings, ceilings_again):
        if ceiling is not None:
            ceiling.fit()
    committed, shortfall = committed_kw(case), np.zeros((len(case.reserves), case.isps))
    bids = [np.zeros(0)] * len(case.reserves)
    rooms, rooms_again = (
        None
        if of is None or k >= len(at_limits_kw)
        else LimitRooms(
            case=case, power_kw=at_limits_kw[k], holders=[(name, mine.units, mine.held) for name, mine in of.items()]
        )
        for k, of in enumerate((planned, called))
    )
    sides = [sum(takes(product, side) for side in SIDES) for product in case.reserves]
    for r in sorted(range(len(sides)), key=lambda r: -sides[r]):  # those of one side can use what room is left
        product = case.reserves[r]
        wanted = np.where(traded_isps(product), np.append(bids_mw[r], 0.0)[product.block], 0.0) * KW_PER_MW
        fill(case, mine, r, np.maximum(wanted - _sum(rest[r], mine, r), 0.0), rooms, ceilings)
        least = _sum(rest[r], mine, r)
        if again is not None:
            kept = sum(
                (h.held_kw[r, out].sum(axis=0, dtype=np.float64) for h, out in zip(mine, outside, strict=True)),
                rest_called[r],
            )
            lacking = np.maximum(wanted - kept - _sum(none[r], again, r), 0.0)
            fill(case, again, r, lacking, rooms_again, ceilings_again)
            least = np.minimum(least, kept + _sum(none[r], again, r))
        shortfall[r] = np.where(committed[r] > 0, np.maximum(committed[r] - least, 0.0), 0.0) / KW_PER_MW
        bids[r] = _supported(case, r, bids_mw[r], least)
    return tuple(bids), shortfall


def _sum(rest_kw: Floats, allocations: list[ReserveAllocation], product: int) -> Floats:
    held = (allocation.held_kw[product].sum(axis=0, dtype=np.float64) for allocation in allocations)
    return sum(held, rest_kw)


def _supported(case: Case, r: int, wanted_mw: Floats, held_kw: Floats) -> Floats:
    """Return the bids (B,), free ones lowered to whole steps that are held in every ISP of their block."""
    product = case.reserves[r]
    bids = np.nan_to_num(product.committed_mw)
    for block in np.flatnonzero(np.isnan(product.committed_mw)).tolist():
        inside = product.block == block
        if not inside.any() or wanted_mw[block] <= 0:
            continue
        steps = np.floor(
            min(float(wanted_mw[block]), float(held_kw[inside].min()) / KW_PER_MW) / product.step_mw + 1e-7
        )
        bid = float(steps) * product.step_mw
        bids[block] = bid if bid >= product.minimum_mw - _ROUNDING else 0.0
    return bids


def headroom(case: Case, *scenarios: AllocatedReserve, into: Headroom | None = None) -> Headroom:
    """Return the reserve held per unit and side; where scenarios differ, the last one that has the unit counts.

    The tables take memory only for units that hold reserve, since memory is taken when it is first written. `into`:
    tables of an earlier answer of the same units, which are written to.
    """
    result: dict[tuple[str, Direction], Floats] = {}
    for resource, how in reserving():
        shape = (len(case.reserves), resource.count(case), case.isps)
        for side in SIDES:
            table = np.zeros(shape, dtype=how.precision(case)) if into is None else into.of(resource.name, side)
            for held in scenarios:
                mine = held.get(resource.name)
                for r, product in enumerate(case.reserves):
                    if mine is not None and len(mine.units) and takes(product, side):
                        table[r, mine.units] = mine.held.held_kw[r]
            result[resource.name, side] = table
    return Headroom.by_class(result)


def undelivered(case: Case, moved_kw: Floats, program_kw: Floats) -> tuple[Floats, Ints]:
    """Return shortfalls (K,T), kW, and the congestion points (m,) where no shortfall is enough.

    moved_kw and program_kw, (C+1,T) or (C,T): d = Q − P, called less planned program, and P. Cheapest shortfalls first.
    """
    data = case.reservations
    result = np.zeros(data.reserved_kw.shape)
    broken: list[int] = []
    order = np.argsort(data.penalty_eur_per_mwh, kind="stable")
    for point in np.unique(data.point).tolist():
        mine = [row for row in order.tolist() if data.point[row] == point]
        for sign in (-1.0, 1.0):
            amounts = {row: np.maximum(sign * data.reserved_kw[row], 0.0) for row in mine}
            total = sum(amounts.values(), np.zeros(case.isps))
            missing = np.where(total > 0, np.maximum(total - sign * moved_kw[point], 0.0), 0.0)
            for row in mine:
                take = np.minimum(missing, amounts[row])
                result[row] += take
                missing = missing - take
            if (missing > _SLACK_KW + _SLACK * np.abs(program_kw[point])).any():
                broken.append(point)
    return result, np.unique(np.array(broken, dtype=np.int64))


@dataclass(frozen=True, kw_only=True, eq=False)
class Recovered:
    """The answer recovered from a mixture and its value; called programs and reserve only of units that have them."""

    case: Case
    plain: ProgramValues  # the answer without called programs and headroom
    called: Activation | None
    held: AllocatedReserve
    called_held: AllocatedReserve | None
    objective_eur: float
    gross_cost_eur: float  # Σ |term|

    @property
    def broken_kwh(self) -> float:
        """Energy (kWh, of reserve kW·h) of missed reservations, awards, orders and limits, and imbalance not chosen."""
        plain = self.plain
        missed = (
            plain.reservation_shortfall_kw, KW_PER_MW * plain.reserve_shortfall_mw, plain.order_shortfall_kw,
            plain.breach_import_kw, plain.breach_export_kw, plain.connection_import_breach_kw,
            plain.connection_export_breach_kw, unmeant_kw(self.case, plain),
        )  # fmt: skip
        return self.case.isp_hours * float(sum(np.sum(kw) for kw in missed))

    def answer(self) -> ProgramValues:
        """Return the answer with the programs and headroom of every unit."""
        return replace(
            self.plain,
            called=None if self.called is None else self.called.everywhere(self.plain.programs),
            headroom=headroom(self.case, self.held),
            called_headroom=None if self.called_held is None else headroom(self.case, self.held, self.called_held),
        )


def complete(case: Case, combined: list[CombinedPrograms], bids_mw: list[Floats]) -> Recovered:
    """Return the answer that follows from the combined programs of all units and the bids (per product (B,), MW)."""
    done = _programs(case, combined)
    planned_kw = points_kw(case, done)
    held = _class_reserves(case, combined, called=False)
    called, called_held, shortfall = None, None, np.zeros(case.reservations.reserved_kw.shape)
    if reserved_points(case).any():
        called = Activation(called=_found(combined, called=True))
        shortfall, broken = undelivered(case, moved_kw(case, called, done)[:-1], planned_kw)
        if len(broken):
            as_planned(case, called, done, broken)
            shortfall, _ = undelivered(case, moved_kw(case, called, done)[:-1], planned_kw)
        called_held = _class_reserves(case, combined, called=True)
    drawn = drawn_kw(case, done, None if called is None else called.called)
    bids, missing = reserve(case, held, called_held, bids_mw, drawn)
    settled: dict[str, Any] = breach_fields(
        case, done, held_of(case, held), None if called is None else called.called,
        None if called_held is None else held_of(case, called_held),
    )  # fmt: skip
    settled |= tariff_fields(case, done)
    for allocation in (*_allocations(held), *_allocations(called_held or {})):
        allocation.forget_rooms()
    settled |= positions(case, done, planned_kw)
    for market in MARKETS:
        settled |= {} if market.settled is None else market.settled(case, planned_kw)
    plain = ProgramValues(
        programs=done, called=None, headroom=nothing_held(case), called_headroom=None,
        point_kw=planned_kw, bids_mw=bids, reserve_shortfall_mw=missing,
        reservation_shortfall_kw=shortfall, **settled,
    )  # fmt: skip
    places = place_terms(case, plain)
    if called is not None:
        places |= called_terms(case, called.called)
    terms = [*market_terms(case, plain).values(), *(float(values.sum()) for values in places.values())]
    return Recovered(
        case=case, plain=plain, called=called, held=held, called_held=called_held,
        objective_eur=sum(terms), gross_cost_eur=sum(abs(amount) for amount in terms),
    )  # fmt: skip


def nothing_held(case: Case) -> Headroom:
    """Return tables of zero, which take no memory and cannot be written to."""
    shapes = {resource.name: (len(case.reserves), resource.count(case), case.isps) for resource, _ in reserving()}
    return Headroom.by_class({(name, s): np.broadcast_to(0.0, shapes[name]) for name in shapes for s in SIDES})
