"""Stores in the linear program, with the reserve that they hold."""

from dataclasses import dataclass

import numpy as np

from benchmarks.sheet import Sheet, Where
from models.case import Bools, Case, Direction, Floats, Ints, Reserve


def add_storage(
    sheet: Sheet,
    case: Case,
    prefix: str,
    points: Bools,
    flow: list[tuple[Ints, Ints, Ints, float]],
    held: list[tuple[int, Ints, Ints, Ints]],
    able: Floats,
) -> None:
    """State all stores at some points; write their power into flow, and the reserve that they hold into held."""
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
    rows = sheet.add(inflow.ravel(), inflow.ravel(), count=inflow.size).reshape(inflow.shape)
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
    result = np.full((len(units), shape[1]), -1, dtype=np.int64)
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
    sheet: Sheet,
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
