"""The relaxed problem as arrays, built with numpy like a hand-written model for HiGHS.

Written from docs/reference/formulation.md, independently of `models/reference`, with the same optimum. It covers the
benchmarks' instances: cases with runs, pins, an anchor or sustained reserve are refused.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from models.case import Bools, Case, Direction, Floats, Ints, Reserve
from models.resources.storage.reachability import meetable

Where: TypeAlias = tuple[Ints, Ints]


@dataclass(frozen=True, kw_only=True, eq=False)
class Arrays:
    """min cost·x + offset, row_lower <= A·x <= row_upper, lower <= x <= upper."""

    cost: Floats
    offset: float
    lower: Floats
    upper: Floats
    rows: Any  # scipy csc_array
    row_lower: Floats
    row_upper: Floats
    columns: dict[str, tuple[int, Ints, Ints]]  # name → first column, and the (unit, ISP) of its cells


@dataclass
class _Sheet:
    """Columns and rows under construction."""

    columns: int = 0
    rows: int = 0
    cost: list[Floats] = field(default_factory=list)
    lower: list[Floats] = field(default_factory=list)
    upper: list[Floats] = field(default_factory=list)
    row_lower: list[Floats] = field(default_factory=list)
    row_upper: list[Floats] = field(default_factory=list)
    entries: list[tuple[Ints, Ints, Floats]] = field(default_factory=list)
    named: dict[str, tuple[int, Ints, Ints]] = field(default_factory=dict)
    offset: float = 0.0

    def cells(self, name: str, where: Where, lower: Any, upper: Any, cost: Any = 0.0) -> Ints:
        """Add one column per listed (unit, ISP) and return their numbers."""
        count = len(where[0])
        for bounds, value in ((self.lower, lower), (self.upper, upper), (self.cost, cost)):
            bounds.append(np.broadcast_to(np.asarray(value, dtype=np.float64), (count,)))
        first = self.columns
        self.columns += count
        self.named[name] = (first, *where)
        return np.arange(first, self.columns)

    def add(self, lower: Any, upper: Any, count: int) -> Ints:
        """Add rows and return their numbers."""
        for bounds, value in ((self.row_lower, lower), (self.row_upper, upper)):
            bounds.append(np.broadcast_to(np.asarray(value, dtype=np.float64), (count,)))
        first = self.rows
        self.rows += count
        return np.arange(first, self.rows)

    def put(self, rows: Ints, columns: Ints, values: Any) -> None:
        """Add entries."""
        spread = np.broadcast_to(np.asarray(values, dtype=np.float64), rows.shape)
        self.entries.append((rows.astype(np.int32), columns.astype(np.int32), spread))

    def arrays(self) -> Arrays:
        """Return the finished arrays."""
        rows, columns, values = (np.concatenate([part[i] for part in self.entries]) for i in range(3))
        self.entries.clear()
        matrix = sparse.coo_array((values, (rows, columns)), shape=(self.rows, self.columns)).tocsc()
        return Arrays(
            cost=np.concatenate(self.cost),
            offset=self.offset,
            lower=np.concatenate(self.lower),
            upper=np.concatenate(self.upper),
            rows=matrix,
            row_lower=np.concatenate(self.row_lower),
            row_upper=np.concatenate(self.row_upper),
            columns=self.named,
        )


@dataclass(frozen=True, kw_only=True, eq=False)
class _Programs:
    """The units' power at congestion points and their held reserve: entries (column, point, ISP, kW per unit)."""

    flow: list[tuple[Ints, Ints, Ints, float]]
    held: list[tuple[int, Ints, Ints, Ints]]  # product, column, point, ISP
    able: Floats  # (R,T) most reserve that could be held, kW


def relaxation(case: Case) -> Arrays:
    """Return the relaxed problem: continuous bids, simultaneous charging and discharging allowed."""
    refuse(case)
    sheet = _Sheet()
    rows = len(case.points) + 1
    power = sheet.cells("power", _grid(rows, case.isps), -np.inf, np.inf).reshape(rows, case.isps)
    planned = _programs(sheet, case, "", np.ones(rows, dtype=np.bool_))
    sums = sheet.add(*[_fixed(case).ravel()] * 2, count=power.size).reshape(power.shape)
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


def _programs(sheet: _Sheet, case: Case, prefix: str, points: Bools) -> _Programs:
    """State the programs of units at the chosen points; called ones (with a prefix) are worth nothing."""
    able = np.zeros((len(case.reserves), case.isps))
    flow: list[tuple[Ints, Ints, Ints, float]] = []
    held: list[tuple[int, Ints, Ints, Ints]] = []
    _generation(sheet, case, prefix, points, flow)
    _storage(sheet, case, prefix, points, flow, held, able)
    return _Programs(flow=flow, held=held, able=able)


def _generation(
    sheet: _Sheet, case: Case, prefix: str, points: Bools, flow: list[tuple[Ints, Ints, Ints, float]]
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


def _storage(
    sheet: _Sheet,
    case: Case,
    prefix: str,
    points: Bools,
    flow: list[tuple[Ints, Ints, Ints, float]],
    held: list[tuple[int, Ints, Ints, Ints]],
    able: Floats,
) -> None:
    data, hours = case.storage, case.isp_hours
    units = np.flatnonzero(points[data.point])
    wear = np.zeros(len(data.point)) if prefix else data.wear_eur_per_kwh * hours

    def wide(values: Floats) -> Floats:
        return np.broadcast_to(values, (len(data.point), case.isps))

    def spread(values: Floats, where: Where) -> Floats:
        return wide(values)[where].astype(np.float64)

    def present(values: Floats) -> Where:
        unit, isp = np.nonzero(wide(values)[units] > 0)
        return units[unit], isp

    charge_at, discharge_at = present(data.charge_kw), present(data.discharge_kw)
    charge = sheet.cells(f"{prefix}charge", charge_at, 0.0, spread(data.charge_kw, charge_at), wear[charge_at[0]])
    discharge = sheet.cells(
        f"{prefix}discharge", discharge_at, 0.0, spread(data.discharge_kw, discharge_at), wear[discharge_at[0]]
    )
    everywhere = (np.repeat(units, case.isps), np.tile(np.arange(case.isps), len(units)))
    low, high = spread(data.energy_min_kwh, everywhere), spread(data.energy_max_kwh, everywhere)
    end = np.where((everywhere[1] == case.isps - 1) & (prefix == ""), -data.end_value_eur_per_kwh[everywhere[0]], 0.0)
    energy = sheet.cells(f"{prefix}energy", everywhere, low, high, end)
    inflow = -wide(data.demand_kwh)[units].astype(np.float64)
    inflow[:, 0] += (data.retention * data.energy_start_kwh)[units]
    rows = sheet.add(*[inflow.ravel()] * 2, count=inflow.size).reshape(inflow.shape)
    energies = energy.reshape(inflow.shape)
    sheet.put(rows.ravel(), energy, 1.0)
    sheet.put(rows[:, 1:].ravel(), energies[:, :-1].ravel(), -np.repeat(data.retention[units], case.isps - 1))
    place = np.full(len(data.point), -1)
    place[units] = np.arange(len(units))
    efficiency = spread(data.charge_efficiency, charge_at)
    sheet.put(rows[place[charge_at[0]], charge_at[1]], charge, -hours * efficiency)
    drain = hours / data.discharge_efficiency[discharge_at[0]]
    sheet.put(rows[place[discharge_at[0]], discharge_at[1]], discharge, drain)
    flow.append((charge, data.point[charge_at[0]], charge_at[1], 1.0))
    flow.append((discharge, data.point[discharge_at[0]], discharge_at[1], -1.0))
    tables = _Tables(charge=_table(charge, charge_at, wide(data.charge_kw).shape, units, place),
                     discharge=_table(discharge, discharge_at, wide(data.charge_kw).shape, units, place))  # fmt: skip
    _hold(sheet, case, prefix, units, tables, held, able)


@dataclass(frozen=True, kw_only=True, eq=False)
class _Tables:
    """Column of each (chosen unit, ISP), −1 where none."""

    charge: Ints
    discharge: Ints


def _table(columns: Ints, where: Where, shape: tuple[int, ...], units: Ints, place: Ints) -> Ints:
    result = np.full((len(units), shape[1]), -1, dtype=np.int32)
    result[place[where[0]], where[1]] = columns
    return result


def takes(reserve: Reserve, side: Direction) -> bool:
    """Say whether the product needs room on that side of a program."""
    return reserve.direction in (side, Direction.SYMMETRIC)


def open_isps(reserve: Reserve) -> Bools:
    """Return (T,) where a bid can be above zero."""
    free = np.isnan(reserve.committed_mw) & (reserve.max_mw > 0) & (reserve.price_eur_per_mw > 0)
    return np.append(free | (np.nan_to_num(reserve.committed_mw) > 0), np.False_)[reserve.block]


def _hold(
    sheet: _Sheet,
    case: Case,
    prefix: str,
    units: Ints,
    tables: _Tables,
    held: list[tuple[int, Ints, Ints, Ints]],
    able: Floats,
) -> None:
    """Σ held <= reserve_kw on each side; up: Σ held <= p + pd_max, down: Σ held <= pc_max − p."""
    data = case.storage
    local = np.flatnonzero(data.reserve_kw[units] > 0)
    holders = units[local]
    shape = (len(data.point), case.isps)
    limit_up = np.broadcast_to(data.discharge_kw, shape)[holders].astype(np.float64)
    limit_down = np.broadcast_to(data.charge_kw, shape)[holders].astype(np.float64)
    prequalified = np.broadcast_to(data.reserve_kw[holders][:, None], limit_up.shape)
    most = np.minimum(prequalified, limit_up + limit_down)
    sides: dict[Direction, list[Ints]] = {Direction.UP: [], Direction.DOWN: []}
    for r, reserve in enumerate(case.reserves):
        unit, isp = np.nonzero((most > 0) & open_isps(reserve))
        column = sheet.cells(f"{prefix}held {reserve.name}", (holders[unit], isp), 0.0, most[unit, isp])
        np.add.at(able[r], isp, most[unit, isp])
        held.append((r, column, data.point[holders[unit]], isp))
        for side, members in sides.items():
            if takes(reserve, side):
                table = np.full(most.shape, -1, dtype=np.int64)
                table[unit, isp] = column
                members.append(table)
    for side, members in sides.items():
        if not members:
            continue
        used = np.logical_or.reduce([table >= 0 for table in members])
        sign, room = (1.0, limit_up) if side is Direction.UP else (-1.0, limit_down)
        caps = sheet.add(-np.inf, prequalified[used], count=int(used.sum()))
        rooms = sheet.add(-np.inf, room[used], count=int(used.sum()))
        for table in members:
            column = table[used]
            there = column >= 0
            sheet.put(caps[there], column[there], 1.0)
            sheet.put(rooms[there], column[there], 1.0)
        for table, value in ((tables.charge, -sign), (tables.discharge, sign)):
            column = table[local][used]
            sheet.put(rooms[column >= 0], column[column >= 0], value)


def _balance(sheet: _Sheet, case: Case, power: Ints) -> None:
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


def _limits(sheet: _Sheet, case: Case, power: Ints) -> None:
    limits = case.limits
    for name, bound, sign in (("import", limits.import_kw, 1.0), ("export", limits.export_kw, -1.0)):
        at = np.nonzero(np.isfinite(bound))
        penalty = limits.penalty_eur_per_mwh[at[0]] * case.isp_hours / 1000
        breach = sheet.cells(f"breach {name}", at, 0.0, np.inf, penalty)
        rows = sheet.add(-np.inf, sign * bound[at], count=len(breach))
        sheet.put(rows, power[limits.point[at[0]], at[1]], sign)
        sheet.put(rows, breach, -1.0)


def _deliver(sheet: _Sheet, case: Case, power: Ints, called: _Programs) -> None:
    """Σ q − P − s <= R where R < 0, mirrored where R > 0; contracts of one sign share the row."""
    data = case.reservations
    per_kw = case.isp_hours / 1000
    sheet.offset -= float((data.availability_eur_per_mw_h[:, None] * data.paid_kw).sum()) * per_kw
    fixed = _fixed(case)
    for sign in (-1.0, 1.0):
        at = np.nonzero(np.sign(data.reserved_kw) == sign)
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


def _reserves(sheet: _Sheet, case: Case, planned: _Programs, called: _Programs | None, reserved: Bools) -> None:
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


def spread(arrays: Arrays, x: NDArray[np.float64], name: str, units: int, isps: int) -> Floats:
    """Return the values of a named variable as (U,T), zero where it does not exist."""
    first, unit, isp = arrays.columns[name]
    table = np.zeros((units, isps))
    table[unit, isp] = x[first : first + len(unit)]
    return table
