"""From a blended set of programs to a complete answer: holdings, bids, positions and shortfalls, exact by construction.

Source: docs/optimisation.md §8.5.
"""

from dataclasses import dataclass

import numpy as np

from models.block import per_point, reserved_points
from models.case import Case, Direction, Floats, Ints
from models.decomposition.blend import Blended
from models.decomposition.holding import Holding, curtailable_holding, fill, fit, storage_holding
from models.decomposition.master import KW_PER_MW, committed_kw
from models.decomposition.split import Split
from models.headroom import takes, traded_isps
from models.objective import Answer
from models.outcome import Headroom, Programs
from models.units.fixed import fixed_program_kw
from models.units.shiftable import run_program_kw
from models.units.switched import switched_program_kw

_ROUNDING = 1e-9
_SLACK_KW, _SLACK = 5e-5, 5e-7  # rounding, and as much of the program: half of what the audit allows


def of(parts: Split, blended: list[Blended], label: str, *, called: bool) -> tuple[Ints, Blended] | None:
    """Return the units and programs of a class in one scenario, None if it has none."""
    for batch, result in zip(parts.batches, blended, strict=True):
        if batch.label == label and batch.called == called:
            return batch.units, result
    return None


def programs(case: Case, parts: Split, blended: list[Blended]) -> Programs:
    """Return the planned programs."""
    return _programs(case, parts, blended, called=False, otherwise=_nothing(case))


def _nothing(case: Case) -> Programs:
    stored = case.storage.unmanaged_kw.shape
    return Programs(
        curtailable_kw=np.zeros(case.curtailable.forecast_kw.shape),
        charge_kw=np.zeros(stored), discharge_kw=np.zeros(stored), energy_kwh=np.zeros(stored),
        unmet_kwh=np.zeros(stored), excess_kwh=np.zeros(stored), start=case.shiftable.first_start.copy(),
        switched_on=np.zeros((len(case.switched.point), case.isps), dtype=np.bool_),
    )  # fmt: skip


def _programs(case: Case, parts: Split, blended: list[Blended], *, called: bool, otherwise: Programs) -> Programs:
    """Return programs with those of the batches in place of `otherwise`."""
    result = {name: getattr(otherwise, name) for name in otherwise.__dataclass_fields__}
    if called:
        result = {name: values.copy() for name, values in result.items()}
    found = of(parts, blended, "curtailable", called=called)
    if found is not None:
        result["curtailable_kw"][found[0]] = found[1].power_kw
    found = of(parts, blended, "storage", called=called)
    if found is not None:
        for name in ("charge_kw", "discharge_kw", "energy_kwh", "unmet_kwh", "excess_kwh"):
            result[name][found[0]] = getattr(found[1], name)
    found = of(parts, blended, "shiftable", called=called)
    if found is not None:
        result["start"][found[0]] = found[1].start
    found = of(parts, blended, "switched", called=called)
    if found is not None:
        result["switched_on"][found[0]] = found[1].on
    return Programs(**result)


def point_kw(case: Case, done: Programs) -> Floats:
    """Return P_c (C+1,T), the last row for units in no congestion point."""
    return (
        fixed_program_kw(case)
        + per_point(case, case.curtailable.point, done.curtailable_kw)
        + per_point(case, case.storage.point, done.charge_kw - done.discharge_kw)
        + per_point(case, case.shiftable.point, run_program_kw(case, done.start))
        + per_point(case, case.switched.point, switched_program_kw(case.switched, done.switched_on))
    )


@dataclass(frozen=True, kw_only=True, eq=False)
class Held:
    """Holdings of the classes in one scenario, with the units they belong to."""

    storage_units: Ints
    storage: Holding
    curtailable_units: Ints
    curtailable: Holding

    def both(self) -> list[Holding]:
        """Return the holdings."""
        return [self.storage, self.curtailable]


def _holdings(case: Case, parts: Split, blended: list[Blended], done: Programs, *, called: bool) -> Held:
    products = len(case.reserves)
    found = of(parts, blended, "storage", called=called)
    units, held = _holders(case.storage.reserve_kw, found, products, case.isps)
    storage = storage_holding(
        case, units, (done.charge_kw - done.discharge_kw)[units] if len(units) else np.zeros((0, case.isps)),
        done.energy_kwh[units], held,
    )  # fmt: skip
    found = of(parts, blended, "curtailable", called=called)
    own, held = _holders(case.curtailable.reserve_kw, found, products, case.isps)
    return Held(
        storage_units=units, storage=storage, curtailable_units=own,
        curtailable=curtailable_holding(case, own, done.curtailable_kw[own], held),
    )  # fmt: skip


def _holders(reserve_kw: Floats, found: tuple[Ints, Blended] | None, products: int, isps: int) -> tuple[Ints, Floats]:
    if found is None or not found[1].held_kw.size:
        return np.zeros(0, dtype=np.int64), np.zeros((products, 0, isps))
    units, result = found
    mine = reserve_kw[units] > 0
    return units[mine], result.held_kw[:, mine]


def reserve(case: Case, planned: Held, called: Held | None, bids_mw: list[Floats]) -> tuple[tuple[Floats, ...], Floats]:
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
                (h.held_kw[r, out].sum(axis=0) for h, out in zip(planned.both(), outside, strict=True)), np.zeros(1)
            )
            fill(case, called.both(), r, np.maximum(wanted - kept - _sum(called.both(), r), 0.0))
            least = np.minimum(least, kept + _sum(called.both(), r))
        shortfall[r] = np.where(committed[r] > 0, np.maximum(committed[r] - least, 0.0), 0.0) / KW_PER_MW
        bids.append(_supported(case, r, bids_mw[r], least))
    return tuple(bids), shortfall


def _sum(holdings: list[Holding], product: int) -> Floats:
    return sum((holding.held_kw[product].sum(axis=0) for holding in holdings), np.zeros(1))


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


def headroom(case: Case, held: Held, otherwise: Headroom | None = None) -> Headroom:
    """Return what is held per unit and side; `otherwise` for units that are not among the holdings."""
    products, isps = len(case.reserves), case.isps
    result = {}
    for label, units, holding in (
        ("curtailable", held.curtailable_units, held.curtailable), ("storage", held.storage_units, held.storage)
    ):  # fmt: skip
        count = len(getattr(case, label).point)
        for side in (Direction.UP, Direction.DOWN):
            name = f"{label}_{side.value}_kw"
            table = np.zeros((products, count, isps)) if otherwise is None else getattr(otherwise, name).copy()
            for r, product in enumerate(case.reserves):
                if len(units):
                    table[r, units] = holding.held_kw[r] if takes(product, side) else 0.0
            result[name] = table
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


def complete(case: Case, parts: Split, blended: list[Blended], bids_mw: list[Floats]) -> Answer:
    """Return the complete answer for blended programs."""
    done = programs(case, parts, blended)
    planned_kw = point_kw(case, done)
    held = _holdings(case, parts, blended, done, called=False)
    reserved = reserved_points(case)
    called_programs, called_held, shortfall = None, None, np.zeros(case.reservations.reserved_kw.shape)
    if reserved.any():
        called_programs = _programs(case, parts, blended, called=True, otherwise=done)
        moved = point_kw(case, called_programs) - planned_kw
        shortfall, broken = undelivered(case, moved[:-1], planned_kw)
        if len(broken):
            called_programs = as_planned(case, called_programs, done, broken)
            moved = point_kw(case, called_programs) - planned_kw
            shortfall, _ = undelivered(case, moved[:-1], planned_kw)
        called_held = _holdings(case, parts, blended, called_programs, called=True)
    bids, missing = reserve(case, held, called_held, bids_mw)
    room = headroom(case, held)
    day_ahead, buy, sell, short, long = positions(case, planned_kw.sum(axis=0))
    limits = case.limits
    return Answer(
        programs=done, called=called_programs, headroom=room,
        called_headroom=None if called_held is None else headroom(case, called_held, room),
        point_kw=planned_kw, day_ahead_kw=day_ahead, intraday_buy_kw=buy, intraday_sell_kw=sell, short_kw=short,
        long_kw=long, bids_mw=bids, reserve_shortfall_mw=missing,
        breach_import_kw=np.maximum(planned_kw[limits.point] - limits.import_kw, 0.0),
        breach_export_kw=np.maximum(limits.export_kw - planned_kw[limits.point], 0.0),
        reservation_shortfall_kw=shortfall,
    )  # fmt: skip


def as_planned(case: Case, called: Programs, planned: Programs, points: Ints) -> Programs:
    """Return called programs that keep the plan at some points: nothing is delivered there, and nothing broken."""
    storage, curtailable, runs, switched = (
        np.isin(getattr(case, c).point, points) for c in ("storage", "curtailable", "shiftable", "switched")
    )
    stored = ("charge_kw", "discharge_kw", "energy_kwh", "unmet_kwh", "excess_kwh")
    return Programs(
        curtailable_kw=np.where(curtailable[:, None], planned.curtailable_kw, called.curtailable_kw),
        start=np.where(runs, planned.start, called.start),
        switched_on=np.where(switched[:, None], planned.switched_on, called.switched_on),
        **{n: np.where(storage[:, None], getattr(planned, n), getattr(called, n)) for n in stored},
    )
