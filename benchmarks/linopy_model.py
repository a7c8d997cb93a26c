"""The relaxed problem stated in linopy, as its documentation recommends: labelled arrays, masks, group sums."""

from typing import Any

import linopy
import numpy as np
import xarray as xr

from benchmarks.linear import refuse, reserved_points
from benchmarks.linear_storage import open_isps, takes
from models.case import Case, Direction, Floats, Ints


def state(case: Case) -> Any:
    """Return the linopy model; its optimum plus constant_eur(case) is that of benchmarks.linear."""
    refuse(case)
    model = linopy.Model()
    isps, points = _labels("isp", case.isps), _labels("point", len(case.points) + 1)
    power = model.add_variables(coords=[points, isps], name="power")
    reserved = reserved_points(case)
    everyone = np.arange(len(case.storage.point))
    planned = _storage(model, case, everyone, "")
    generation = _generation(model, case, np.ones(case.curtailable.forecast_kw.shape, dtype=np.bool_), "")
    flows = [_sums(planned[0] - planned[1], case.storage.point), _sums(generation, case.curtailable.point)]
    objective = [*planned[3], (generation * _da(case.curtailable.cost_eur_per_mwh * _per_kw(case), "unit")).sum()]
    model.add_constraints(power - flows[0] - flows[1] == 0, name="sums")
    objective.append(_markets(model, case, power))
    objective.append(_limits(model, case, power))
    called = None
    if reserved.any():
        chosen = np.flatnonzero(reserved[case.storage.point])
        called = (_storage(model, case, chosen, "called "), chosen)
        objective.append(_deliver(model, case, power, called))
    objective += _reserves(model, case, planned, called, reserved)
    model.add_objective(sum(objective[1:], objective[0]))
    return model


def constant_eur(case: Case) -> float:
    """Return the constant part of the cost of benchmarks.linear, in EUR."""
    hours, data = _per_kw(case), case.reservations
    fee = float((data.availability_eur_per_mw_h[:, None] * data.paid_kw).sum()) * hours
    curtailed = float((case.curtailable.cost_eur_per_mwh[:, None] * case.curtailable.forecast_kw).sum()) * hours
    bought = float(case.day_ahead.price_eur_per_mwh @ case.day_ahead.committed_kw) * hours
    awarded = sum(float(r.price_eur_per_mw @ np.nan_to_num(r.committed_mw)) for r in case.reserves)
    return bought - fee - curtailed - awarded


def _per_kw(case: Case) -> float:
    return case.isp_hours / 1000


def _labels(name: str, count: int) -> Any:
    import pandas as pd

    return pd.RangeIndex(count, name=name)


def _da(values: Any, *dims: str) -> Any:
    return xr.DataArray(
        values, dims=dims, coords={d: np.arange(n) for d, n in zip(dims, np.shape(values), strict=True)}
    )


def _sums(expression: Any, point: Ints) -> Any:
    return expression.groupby(_da(point, "unit").rename("point")).sum()


def _storage(model: Any, case: Case, units: Ints, prefix: str) -> tuple[Any, Any, list[Any], list[Any]]:
    """Return charge, discharge, held per product, and objective terms of the units."""
    data, shape, hours = case.storage, (len(units), case.isps), case.isp_hours

    def wide(values: Floats) -> Any:
        return _da(np.broadcast_to(values[units].astype(np.float64), shape), "unit", "isp")

    def one(values: Floats) -> Any:
        return _da(values[units], "unit")

    limit_in, limit_out = wide(data.charge_kw), wide(data.discharge_kw)
    charge = model.add_variables(lower=0, upper=limit_in, mask=limit_in > 0, name=f"{prefix}charge")
    discharge = model.add_variables(lower=0, upper=limit_out, mask=limit_out > 0, name=f"{prefix}discharge")
    energy = model.add_variables(
        lower=wide(data.energy_min_kwh), upper=wide(data.energy_max_kwh), name=f"{prefix}energy"
    )
    inflow = -np.broadcast_to(data.demand_kwh[units].astype(np.float64), shape)
    inflow = inflow + np.eye(1, case.isps) * (data.retention * data.energy_start_kwh)[units][:, None]
    change = charge * (hours * wide(data.charge_efficiency)) - discharge * (hours / one(data.discharge_efficiency))
    before = energy.shift(isp=1) * one(data.retention)
    model.add_constraints(energy - before - change == _da(inflow, "unit", "isp"), name=f"{prefix}recursion")
    held = _hold(model, case, units, prefix, charge, discharge)
    terms = []
    if not prefix:
        wear = one(data.wear_eur_per_kwh * hours)
        terms = [(charge * wear).sum(), (discharge * wear).sum()]
        terms.append((energy.isel(isp=[case.isps - 1]) * (-one(data.end_value_eur_per_kwh))).sum())
    return charge, discharge, held, terms


def _hold(model: Any, case: Case, units: Ints, prefix: str, charge: Any, discharge: Any) -> list[Any]:
    data = case.storage
    shape = (len(units), case.isps)
    room_up = _da(np.broadcast_to(data.discharge_kw[units].astype(np.float64), shape), "unit", "isp")
    room_down = _da(np.broadcast_to(data.charge_kw[units].astype(np.float64), shape), "unit", "isp")
    prequalified = _da(data.reserve_kw[units], "unit")
    most = np.minimum(prequalified, room_up + room_down)
    held = [
        model.add_variables(
            lower=0, upper=most, mask=(most > 0) & _da(open_isps(r), "isp"), name=f"{prefix}held {r.name}"
        )
        for r in case.reserves
    ]
    holds = (prequalified > 0) & (room_up > -1)
    for side, room, sign in ((Direction.UP, room_up, 1.0), (Direction.DOWN, room_down, -1.0)):
        mine = [h for h, r in zip(held, case.reserves, strict=True) if takes(r, side)]
        if mine:
            total = sum(mine[1:], 1.0 * mine[0])
            model.add_constraints(total <= prequalified, mask=holds, name=f"{prefix}cap {side.value}")
            room_row = total - sign * charge + sign * discharge <= room
            model.add_constraints(room_row, mask=holds, name=f"{prefix}room {side.value}")
    return held


def _generation(model: Any, case: Case, needed: Any, prefix: str) -> Any:
    forecast = _da(case.curtailable.forecast_kw.astype(np.float64), "unit", "isp")
    mask = _da(needed, "unit", "isp") & (forecast < 0)
    return model.add_variables(lower=forecast, upper=0, mask=mask, name=f"{prefix}curtailable")


def _markets(model: Any, case: Case, power: Any) -> Any:
    isp, intraday = [_labels("isp", case.isps)], case.intraday
    buy = model.add_variables(lower=0, upper=_da(intraday.buy_depth_kw, "isp"), name="buy")
    sell = model.add_variables(lower=0, upper=_da(intraday.sell_depth_kw, "isp"), name="sell")
    short = model.add_variables(lower=0, coords=isp, name="short")
    long = model.add_variables(lower=0, coords=isp, name="long")
    committed = _da(case.day_ahead.committed_kw, "isp")
    model.add_constraints(buy - sell + short - long - power.sum("point") == -committed, name="balance")
    prices = (
        (buy, intraday.buy_eur_per_mwh), (sell, -intraday.sell_eur_per_mwh),
        (short, case.imbalance.short_eur_per_mwh), (long, case.imbalance.long_eur_per_mwh),
    )  # fmt: skip
    terms = [(v * _da(price * _per_kw(case), "isp")).sum() for v, price in prices]
    return sum(terms[1:], terms[0])


def _limits(model: Any, case: Case, power: Any) -> Any:
    limits = case.limits
    bound = _da(limits.import_kw, "limit", "isp")
    finite = np.isfinite(bound)
    breach = model.add_variables(lower=0, coords=bound.coords, mask=finite, name="breach")
    at = power.sel(point=xr.DataArray(limits.point, dims="limit", coords={"limit": bound.limit}))
    model.add_constraints(at - breach <= bound.where(finite, 0.0), mask=finite, name="limits")
    return (breach * _da(limits.penalty_eur_per_mwh * _per_kw(case), "limit")).sum()


def _deliver(model: Any, case: Case, power: Any, called: tuple[Any, Ints]) -> Any:
    """State the reservations as instances have them: reductions only, one contract per congestion point."""
    data, ((charge, discharge, _, _), units) = case.reservations, called
    reserved = _da(-data.reserved_kw, "contract", "isp")
    here = reserved > 0
    short = model.add_variables(lower=0, upper=reserved, mask=here, name="undelivered")
    position = np.full(len(case.points) + 1, -1)
    position[data.point] = np.arange(len(data.point))
    sums = (charge - discharge).groupby(_da(position[case.storage.point[units]], "unit").rename("contract")).sum()
    may_be_called = here.values.any(axis=0) & reserved_points(case)[case.curtailable.point][:, None]
    generation = _generation(model, case, may_be_called, "called ")
    called_pv = generation.groupby(_da(position[case.curtailable.point], "unit").rename("contract")).sum()
    called_pv = called_pv.sel(contract=reserved.contract)
    at = power.sel(point=xr.DataArray(data.point, dims="contract", coords={"contract": reserved.contract}))
    model.add_constraints(sums + called_pv - at - short <= -reserved, mask=here, name="delivery")
    return (short * _da(data.penalty_eur_per_mwh * _per_kw(case), "contract")).sum()


def _reserves(model: Any, case: Case, planned: Any, called: Any, reserved: Any) -> list[Any]:
    terms = []
    outside = _da(~reserved[case.storage.point], "unit")
    for r, reserve in enumerate(case.reserves):
        block = _da(reserve.block, "isp")
        committed = np.nan_to_num(reserve.committed_mw)
        able = case.storage.reserve_kw.sum() / 1000
        most = np.where(np.isnan(reserve.committed_mw), np.minimum(reserve.max_mw, able), 0.0)
        bid = model.add_variables(lower=0, upper=_da(most, "block"), name=f"bid {reserve.name}")
        missing = model.add_variables(
            lower=0, upper=_da(committed, "block").sel(block=block), name=f"missing {reserve.name}"
        )
        owed = (1000.0 * bid.sel(block=block) - 1000.0 * missing).drop_vars("block", errors="ignore")
        needed = _da(1000 * committed[reserve.block], "isp")
        model.add_constraints(planned[2][r].sum("unit") - owed >= needed, name=f"hold {reserve.name}")
        if called is not None:
            kept = (planned[2][r] * outside).sum("unit") + called[0][2][r].sum("unit")
            model.add_constraints(kept - owed >= needed, name=f"hold called {reserve.name}")
        terms.append((bid * _da(-reserve.price_eur_per_mw, "block")).sum())
        terms.append((missing * (reserve.shortfall_eur_per_mwh * case.isp_hours)).sum())
    return terms
