"""The relaxed problem as arrays, built with numpy like a hand-written model for HiGHS.

Written from docs/reference/formulation.md, independently of `models/reference`, with the same optimum. It covers the
benchmarks' instances: cases with runs, pins, an anchor or sustained reserve are refused.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from benchmarks.linear_storage import add_storage, open_isps
from benchmarks.sheet import Arrays, Sheet, Where, cells_where
from models.case import Bools, Case, Floats, Ints
from models.resources.storage.reachability import meetable


@dataclass(frozen=True, kw_only=True, eq=False)
class _Programs:
    """The units' power at congestion points and their held reserve: entries (column, point, ISP, kW per unit)."""

    flow: list[tuple[Ints, Ints, Ints, float]]
    held: list[tuple[int, Ints, Ints, Ints]]  # product, column, point, ISP
    able: Floats  # (R,T) most reserve that could be held, kW


def relaxation(case: Case) -> Arrays:
    """Return the relaxed problem: continuous bids, simultaneous charging and discharging allowed."""
    refuse(case)
    sheet = Sheet()
    rows = len(case.points) + 1
    power = sheet.cells("power", _grid(rows, case.isps), -np.inf, np.inf).reshape(rows, case.isps)
    planned = _programs(sheet, case, "", np.ones(rows, dtype=np.bool_))
    fixed = _fixed(case).ravel()
    sums = sheet.add(fixed, fixed, count=power.size).reshape(power.shape)
    sheet.put(sums.ravel(), power.ravel(), 1.0)
    for column, point, isp, sign in planned.flow:
        sheet.put(sums[point, isp], column, -sign)
    _balance(sheet, case, power)
    _limits(sheet, case, power)
    reserved = reserved_points(case)
    called = _programs(sheet, case, "called ", reserved) if reserved.any() else None
    if called is not None:
        _deliver(sheet, case, power, called)
    _reserves(sheet, case, planned, called, reserved)
    return sheet.arrays()


def refuse(case: Case) -> None:
    """Raise ValueError for a case that only the reference formulation covers."""
    pinned = ~np.isnan(case.storage.pinned_kw).all() or ~np.isnan(case.curtailable.pinned_kw).all()
    if len(case.shiftable.point) or len(case.switched.point) or pinned or case.anchor is not None:
        raise ValueError("runs, switched units, pins and anchors are not stated here; use models.reference.problem")
    if (
        any(reserve.sustain_h > 0 for reserve in case.reserves)
        or not meetable(case.storage, case.isps, case.isp_hours).all()
    ):
        raise ValueError(
            "sustained reserve and bands that cannot be kept are not stated here; use models.reference.problem"
        )


def _grid(rows: int, isps: int) -> Where:
    return np.repeat(np.arange(rows), isps), np.tile(np.arange(isps), rows)


def _fixed(case: Case) -> Floats:
    total = np.zeros((len(case.points) + 1, case.isps))
    np.add.at(total, case.fixed.point, case.fixed.program_kw)
    return total


def reserved_points(case: Case) -> Bools:
    """Return (C+1,), the last entry for units in no congestion point."""
    result = np.zeros(len(case.points) + 1, dtype=np.bool_)
    result[case.reservations.point[(case.reservations.reserved_kw != 0).any(axis=1)]] = True
    return result


def _programs(sheet: Sheet, case: Case, prefix: str, points: Bools) -> _Programs:
    """State the programs of units at the chosen points; called ones (with a prefix) are worth nothing."""
    able = np.zeros((len(case.reserves), case.isps))
    flow: list[tuple[Ints, Ints, Ints, float]] = []
    held: list[tuple[int, Ints, Ints, Ints]] = []
    _generation(sheet, case, prefix, points, flow)
    add_storage(sheet, case, prefix, points, flow, held, able)
    return _Programs(flow=flow, held=held, able=able)


def _generation(
    sheet: Sheet, case: Case, prefix: str, points: Bools, flow: list[tuple[Ints, Ints, Ints, float]]
) -> None:
    data = case.curtailable
    if (data.reserve_kw > 0).any():
        raise ValueError("reserve of generation is not stated here; use models.reference.problem")
    present = points[data.point][:, None] & (data.forecast_kw < 0)
    if prefix:
        here = np.zeros((len(case.points) + 1, case.isps), dtype=np.bool_)
        np.logical_or.at(here, case.reservations.point, case.reservations.reserved_kw != 0)
        present &= here[data.point]
    unit, isp = np.nonzero(present)
    forecast = data.forecast_kw[unit, isp].astype(np.float64)
    rate = 0.0 if prefix else data.cost_eur_per_mwh[unit] * case.isp_hours / 1000
    column = sheet.cells(f"{prefix}curtailable", (unit, isp), forecast, 0.0, rate)
    sheet.offset -= float(np.sum(rate * forecast))
    flow.append((column, data.point[unit], isp, 1.0))


def _balance(sheet: Sheet, case: Case, power: Ints) -> None:
    """DA + buy − sell + short − long = Σ_c P_c."""
    market, intraday, hours = case.day_ahead, case.intraday, case.isp_hours / 1000
    free = np.isnan(market.committed_kw)
    net = np.nan_to_num(intraday.committed_kw)
    need = -(np.nan_to_num(market.committed_kw) + net)
    rows = sheet.add(need, need, count=case.isps)
    sheet.put(np.tile(rows, len(power)), power.ravel(), -1.0)
    for product in np.unique(market.product[free]).tolist():
        mine = np.flatnonzero(free & (market.product == product))
        low, high = -market.max_sell_kw[mine].min(), market.max_buy_kw[mine].min()
        price = market.price_eur_per_mwh[mine].sum() * hours
        column = sheet.cells(f"day-ahead {product}", (np.zeros(1, dtype=np.int64), mine[:1]), low, high, price)
        sheet.put(rows[mine], np.repeat(column, len(mine)), 1.0)
    isps, open_isps = np.arange(case.isps), np.isnan(intraday.committed_kw)
    for name, sign, price, depth in (
        ("buy", 1.0, intraday.buy_eur_per_mwh, np.where(open_isps, intraday.buy_depth_kw, 0.0)),
        ("sell", -1.0, -intraday.sell_eur_per_mwh, np.where(open_isps, intraday.sell_depth_kw, 0.0)),
        ("short", 1.0, case.imbalance.short_eur_per_mwh, np.full(case.isps, np.inf)),
        ("long", -1.0, case.imbalance.long_eur_per_mwh, np.full(case.isps, np.inf)),
    ):
        column = sheet.cells(name, (np.zeros_like(isps), isps), 0.0, depth, price * hours)
        sheet.put(rows, column, sign)
    bought = market.price_eur_per_mwh @ np.nan_to_num(market.committed_kw)
    bought += intraday.buy_eur_per_mwh @ np.maximum(net, 0.0) - intraday.sell_eur_per_mwh @ np.maximum(-net, 0.0)
    sheet.offset += float(bought) * hours


def _limits(sheet: Sheet, case: Case, power: Ints) -> None:
    limits = case.limits
    for name, bound, sign in (("import", limits.import_kw, 1.0), ("export", limits.export_kw, -1.0)):
        at = cells_where(np.isfinite(bound))
        penalty = limits.penalty_eur_per_mwh[at[0]] * case.isp_hours / 1000
        breach = sheet.cells(f"breach {name}", at, 0.0, np.inf, penalty)
        rows = sheet.add(-np.inf, sign * bound[at], count=len(breach))
        sheet.put(rows, power[limits.point[at[0]], at[1]], sign)
        sheet.put(rows, breach, -1.0)


def _deliver(sheet: Sheet, case: Case, power: Ints, called: _Programs) -> None:
    """Σ q − P − s <= R where R < 0, mirrored where R > 0; contracts of one sign share the row."""
    data = case.reservations
    per_kw = case.isp_hours / 1000
    sheet.offset -= float((data.availability_eur_per_mw_h[:, None] * data.paid_kw).sum()) * per_kw
    fixed = _fixed(case)
    for sign in (-1.0, 1.0):
        at = cells_where(np.sign(data.reserved_kw) == sign)
        reserved = np.abs(data.reserved_kw[at])
        name = "undelivered less" if sign < 0 else "undelivered more"
        short = sheet.cells(name, at, 0.0, reserved, data.penalty_eur_per_mwh[at[0]] * per_kw)
        owed = np.zeros(power.shape)
        np.add.at(owed, (data.point[at[0]], at[1]), reserved)
        place = np.nonzero(owed > 0)
        table = np.full(power.shape, -1)
        table[place] = sheet.add(
            owed[place] - sign * fixed[place], np.inf, count=len(place[0])
        )  # sign·(q − P) + s >= |R|
        sheet.put(table[place], power[place], -sign)
        sheet.put(table[data.point[at[0]], at[1]], short, 1.0)
        for column, point, isp, kw in called.flow:
            row = table[point, isp]
            there = row >= 0
            sheet.put(row[there], column[there], sign * kw)


def _reserves(sheet: Sheet, case: Case, planned: _Programs, called: _Programs | None, reserved: Bools) -> None:
    """Σ held >= 1000·(bid − shortfall), as planned and when everything reserved is called."""
    none = np.zeros(1, dtype=np.int64)
    for r, reserve in enumerate(case.reserves):
        isps = np.flatnonzero(open_isps(reserve))
        committed = np.nan_to_num(reserve.committed_mw)
        sheet.offset -= float(reserve.price_eur_per_mw @ committed)
        bids = np.full(len(committed), -1)
        for block in np.unique(reserve.block[isps]).tolist():
            if np.isnan(reserve.committed_mw[block]):
                most = min(float(reserve.max_mw[block]), float(planned.able[r, reserve.block == block].min()) / 1000)
                most = np.floor(most / reserve.step_mw + 1e-9) * reserve.step_mw
                price = -reserve.price_eur_per_mw[block]
                bids[block] = sheet.cells(f"bid {reserve.name} {block}", (none, none), 0.0, most, price)[0]
        owed = committed[reserve.block[isps]]
        rate = reserve.shortfall_eur_per_mwh * case.isp_hours
        owing = np.flatnonzero(owed > 0)
        short = sheet.cells(f"missing {reserve.name}", (np.zeros_like(owing), isps[owing]), 0.0, owed[owing], rate)
        kept: Callable[[Ints], Bools] = lambda point: ~reserved[point]  # noqa: E731
        everyone: Callable[[Ints], Bools] = lambda point: np.ones(len(point), dtype=np.bool_)  # noqa: E731
        situations = [[(planned, everyone)]] + ([] if called is None else [[(planned, kept), (called, everyone)]])
        for situation in situations:
            table = np.full(case.isps, -1)
            table[isps] = sheet.add(1000 * owed, np.inf, count=len(isps))
            bidden = isps[bids[reserve.block[isps]] >= 0]
            sheet.put(table[bidden], bids[reserve.block[bidden]], -1000.0)
            sheet.put(table[isps[owing]], short, 1000.0)
            for programs, counts in situation:
                for product, column, point, isp in programs.held:
                    if product == r:
                        mine = counts(point)
                        sheet.put(table[isp[mine]], column[mine], 1.0)
