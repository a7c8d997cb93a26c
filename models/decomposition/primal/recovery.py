"""From a blended set of programs to a complete answer: holdings, bids, positions and shortfalls, exact by construction.

Source: docs/explanation/optimisation.md §3.5.
"""

from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from models.block import reserved_points
from models.case import Case, Floats, Ints
from models.decomposition.master.restricted_master import KW_PER_MW, committed_kw
from models.decomposition.prices.grouping import CLASSES, Grouping
from models.decomposition.primal.activation import FIELDS, STORED, Activation, as_planned, moved_kw, point_kw
from models.decomposition.primal.convex_combination import CombinedPrograms
from models.decomposition.primal.reserve_allocation import (
    ReserveAllocation,
    curtailable_holding,
    fill,
    fit,
    storage_holding,
)
from models.headroom import SIDES, takes, traded_isps
from models.objective import ProgramValues, called_terms, market_terms, missed_kwh_of, place_terms
from models.outcome import Headroom, Programs

_ROUNDING = 1e-9
_SLACK_KW, _SLACK = 5e-5, 5e-7  # rounding, and as much of the program: half of what the audit allows


def _units(parts: Grouping, *, called: bool) -> dict[str, Ints]:
    """Return who has a program in one scenario, by class."""
    nobody = np.zeros(0, dtype=np.int64)
    return dict.fromkeys(CLASSES, nobody) | {b.label: b.units for b in parts.batches if b.called == called}


def _programs(case: Case, parts: Grouping, blended: list[CombinedPrograms], *, called: bool) -> Programs:
    """Return the programs of all units that have one in a scenario: the arrays of the batches themselves."""
    nothing = np.zeros((0, case.isps))
    found: dict[str, Any] = {
        "curtailable_kw": nothing, **dict.fromkeys(STORED, nothing), "start": np.zeros(0, dtype=np.int64),
        "switched_on": np.zeros((0, case.isps), dtype=np.bool_),
    }  # fmt: skip
    for batch, result in zip(parts.batches, blended, strict=True):
        if batch.called == called:
            own = {"curtailable_kw": "power_kw", "switched_on": "on"}
            found |= {name: getattr(result, own.get(name, name)) for name in FIELDS[batch.label]}
    return Programs(**found)


@dataclass(frozen=True, kw_only=True, eq=False)
class AllocatedReserve:
    """Holdings of the classes in one scenario, with the units they belong to."""

    storage_units: Ints
    storage: ReserveAllocation
    curtailable_units: Ints
    curtailable: ReserveAllocation

    def both(self) -> list[ReserveAllocation]:
        """Return the holdings."""
        return [self.storage, self.curtailable]


def _holdings(
    case: Case, parts: Grouping, blended: list[CombinedPrograms], programs: Programs, *, called: bool
) -> AllocatedReserve:
    """Return what is held in a scenario, and its room beside these programs of the units that have one in it."""
    found = {b.label: (b, r) for b, r in zip(parts.batches, blended, strict=True) if b.called == called}
    nobody, nothing = np.zeros(0, dtype=np.int64), np.zeros((len(case.reserves), 0, case.isps))

    def holders(label: str) -> tuple[Ints, Ints, Floats]:
        if label not in found:
            return nobody, nobody, nothing
        batch, result = found[label]
        return result.holder, batch.units[result.holder], result.held_kw

    place, units, held = holders("storage")
    storage = storage_holding(case, units, programs, place, held)
    place, own, held = holders("curtailable")
    return AllocatedReserve(
        storage_units=units, storage=storage, curtailable_units=own,
        curtailable=curtailable_holding(case, own, programs.curtailable_kw[place], held),
    )  # fmt: skip


def reserve(
    case: Case, planned: AllocatedReserve, called: AllocatedReserve | None, bids_mw: list[Floats]
) -> tuple[tuple[Floats, ...], Floats]:
    """Fit and fill what is held; return bids (per product (B,)) lowered where it does not suffice, and shortfalls."""
    reserved = reserved_points(case)
    outside = []
    for holding, units, point in (
        (planned.storage, planned.storage_units, case.storage.point),
        (planned.curtailable, planned.curtailable_units, case.curtailable.point),
    ):
        fit(case, holding)
        outside.append(~reserved[point[units]])
    if called is not None:
        for holding in called.both():
            fit(case, holding)
    committed = committed_kw(case)
    shortfall = np.zeros((len(case.reserves), case.isps))
    bids = []
    for r, product in enumerate(case.reserves):
        wanted = np.where(traded_isps(product), np.append(bids_mw[r], 0.0)[product.block], 0.0) * KW_PER_MW
        fill(case, planned.both(), r, np.maximum(wanted - _sum(planned.both(), r), 0.0))
        least = _sum(planned.both(), r)
        if called is not None:
            kept = sum(
                (
                    h.held_kw[r, out].sum(axis=0, dtype=np.float64)
                    for h, out in zip(planned.both(), outside, strict=True)
                ),
                np.zeros(1),
            )
            fill(case, called.both(), r, np.maximum(wanted - kept - _sum(called.both(), r), 0.0))
            least = np.minimum(least, kept + _sum(called.both(), r))
        shortfall[r] = np.where(committed[r] > 0, np.maximum(committed[r] - least, 0.0), 0.0) / KW_PER_MW
        bids.append(_supported(case, r, bids_mw[r], least))
    return tuple(bids), shortfall


def _sum(holdings: list[ReserveAllocation], product: int) -> Floats:
    return sum((holding.held_kw[product].sum(axis=0, dtype=np.float64) for holding in holdings), np.zeros(1))


def _supported(case: Case, r: int, wanted_mw: Floats, held_kw: Floats) -> Floats:
    """Lower free bids to whole steps that are held in every ISP of their block."""
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


def headroom(case: Case, *scenarios: AllocatedReserve) -> Headroom:
    """Return what is held per unit and side; where scenarios differ, what is held in the last that has the unit.

    Memory that nobody writes to is not taken: tables cost what those who hold reserve need.
    """
    result = {}
    for label, own in (("curtailable", case.curtailable.forecast_kw), ("storage", case.storage.unmanaged_kw)):
        shape = (len(case.reserves), *own.shape)
        for side in SIDES:
            table = np.zeros(shape, dtype=own.dtype)
            for held in scenarios:
                units, holding = getattr(held, f"{label}_units"), getattr(held, label)
                for r, product in enumerate(case.reserves):
                    if len(units) and takes(product, side):
                        table[r, units] = holding.held_kw[r]
            result[f"{label}_{side.value}_kw"] = table
    return Headroom(**result)


def positions(case: Case, total_kw: Floats) -> tuple[Floats, Floats, Floats, Floats, Floats]:
    """Return the cheapest day-ahead, intraday buy and sell, short and long (T,) that balance a given total.

    A day-ahead product's cost is convex and piecewise linear in its position, so one of the kinks is best.
    """
    market, intraday = case.day_ahead, case.intraday
    day_ahead = np.nan_to_num(market.committed_kw)
    free = np.isnan(market.committed_kw)
    net = np.nan_to_num(intraday.committed_kw)
    for number in np.unique(market.product[free]).tolist():
        mine = np.flatnonzero(free & (market.product == number))
        need = total_kw[mine] - net[mine]
        low, high = -float(market.max_sell_kw[mine].min()), float(market.max_buy_kw[mine].min())
        kinks = np.concatenate([need, need - intraday.buy_depth_kw[mine], need + intraday.sell_depth_kw[mine]])
        tries = np.unique(np.clip(np.append(kinks, [low, high]), low, high))
        cost = [
            float(market.price_eur_per_mwh[mine].sum() * z) + _cover_cost(case, mine, total_kw[mine] - z) for z in tries
        ]
        day_ahead[mine] = tries[int(np.argmin(cost))]
    every = np.arange(case.isps)
    buy, sell, short, long = _cover(case, every, total_kw - day_ahead)
    return day_ahead, buy, sell, short, long


def _cover(case: Case, isps: Ints, need: Floats) -> tuple[Floats, Floats, Floats, Floats]:
    intraday, penal = case.intraday, case.imbalance
    net = np.nan_to_num(intraday.committed_kw)[isps]
    free = np.isnan(intraday.committed_kw)[isps]
    left = need - net
    buys = free & (intraday.buy_eur_per_mwh[isps] <= penal.short_eur_per_mwh[isps])
    sells = free & (intraday.sell_eur_per_mwh[isps] >= -penal.long_eur_per_mwh[isps])
    buy = np.where(buys, np.clip(left, 0.0, intraday.buy_depth_kw[isps]), 0.0)
    sell = np.where(sells, np.clip(-left, 0.0, intraday.sell_depth_kw[isps]), 0.0)
    left = left - buy + sell
    return buy + np.maximum(net, 0.0), sell + np.maximum(-net, 0.0), np.maximum(left, 0.0), np.maximum(-left, 0.0)


def _cover_cost(case: Case, isps: Ints, need: Floats) -> float:
    buy, sell, short, long = _cover(case, isps, need)
    intraday, penal = case.intraday, case.imbalance
    return float(
        intraday.buy_eur_per_mwh[isps] @ buy - intraday.sell_eur_per_mwh[isps] @ sell
        + penal.short_eur_per_mwh[isps] @ short + penal.long_eur_per_mwh[isps] @ long
    )  # fmt: skip


def undelivered(case: Case, moved_kw: Floats, program_kw: Floats) -> tuple[Floats, Ints]:
    """Return shortfalls (K,T) for d = Q − P (C,T), cheapest first, and the points where no shortfall is enough."""
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
    """Everything made of a mixture, called programs and reserve only where there are any, and what it is worth."""

    case: Case
    plain: ProgramValues  # without called programs and headroom
    called: Activation | None
    held: AllocatedReserve
    called_held: AllocatedReserve | None
    objective_eur: float
    gross_cost_eur: float  # Σ |term|

    def answer(self) -> ProgramValues:
        """Return the answer with the programs and headroom of every unit."""
        return replace(
            self.plain,
            called=None if self.called is None else self.called.everywhere(self.plain.programs),
            headroom=headroom(self.case, self.held),
            called_headroom=None if self.called_held is None else headroom(self.case, self.held, self.called_held),
        )


def complete(case: Case, parts: Grouping, blended: list[CombinedPrograms], bids_mw: list[Floats]) -> Recovered:
    """Return all that follows from blended programs."""
    done = _programs(case, parts, blended, called=False)
    planned_kw = point_kw(case, done)
    held = _holdings(case, parts, blended, done, called=False)
    called, called_held, shortfall = None, None, np.zeros(case.reservations.reserved_kw.shape)
    if reserved_points(case).any():
        called = Activation(units=_units(parts, called=True), programs=_programs(case, parts, blended, called=True))
        shortfall, broken = undelivered(case, moved_kw(case, called, done)[:-1], planned_kw)
        if len(broken):
            as_planned(case, called, done, broken)
            shortfall, _ = undelivered(case, moved_kw(case, called, done)[:-1], planned_kw)
        called_held = _holdings(case, parts, blended, called.programs, called=True)
    bids, missing = reserve(case, held, called_held, bids_mw)
    for holding in (*held.both(), *(called_held.both() if called_held is not None else ())):
        holding.forget_rooms()
    day_ahead, buy, sell, short, long = positions(case, planned_kw.sum(axis=0))
    limits = case.limits
    plain = ProgramValues(
        programs=done, called=None, headroom=_nothing_held(case), called_headroom=None,
        point_kw=planned_kw, day_ahead_kw=day_ahead, intraday_buy_kw=buy, intraday_sell_kw=sell, short_kw=short,
        long_kw=long, bids_mw=bids, reserve_shortfall_mw=missing,
        breach_import_kw=np.maximum(planned_kw[limits.point] - limits.import_kw, 0.0),
        breach_export_kw=np.maximum(limits.export_kw - planned_kw[limits.point], 0.0),
        reservation_shortfall_kw=shortfall,
    )  # fmt: skip
    places = place_terms(case, plain)
    if called is not None:
        missed_kwh = missed_kwh_of(called.programs)
        places |= called_terms(
            case, called.units["storage"], missed_kwh, called.units["switched"], called.programs.switched_on
        )
    terms = [*market_terms(case, plain).values(), *(float(values.sum()) for values in places.values())]
    return Recovered(
        case=case, plain=plain, called=called, held=held, called_held=called_held,
        objective_eur=sum(terms), gross_cost_eur=sum(abs(amount) for amount in terms),
    )  # fmt: skip


def _nothing_held(case: Case) -> Headroom:
    storage, curtailable = (
        np.broadcast_to(0.0, (len(case.reserves), *own.shape))
        for own in (case.storage.unmanaged_kw, case.curtailable.forecast_kw)
    )
    return Headroom(
        storage_up_kw=storage, storage_down_kw=storage, curtailable_up_kw=curtailable, curtailable_down_kw=curtailable
    )
