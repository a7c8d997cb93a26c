"""The part of a case that FlexMeasures' device_scheduler can express: devices, congestion points as groups, one market.

A congestion limit is a hard capacity of a group; the day-ahead position is a commitment whose deviations cost the
intraday prices.
"""

from time import perf_counter
from typing import Any

import numpy as np
import pandas as pd
from flask import Flask
from flexmeasures.data.models.planning import FlowCommitment
from flexmeasures.data.models.planning.linear_optimization import device_scheduler

from models.case import Case, Floats

LEFT_OUT = (
    "reserve products, FlexOptions, intraday depth, wear, curtailment cost and the value of energy left at the end"
)

_COLUMNS = ("equals", "max", "min", "efficiency", "derivative equals", "derivative max", "derivative min",
            "derivative down efficiency", "derivative up efficiency", "stock delta")  # fmt: skip


def schedule(case: Case) -> tuple[float, float, float]:
    """Return the seconds to prepare the tables and to run the scheduler, and its cost in EUR. Raises RuntimeError."""
    started = perf_counter()
    index = pd.date_range("2024-10-03", periods=case.isps, freq=f"{round(case.isp_hours * 60)}min", tz="UTC")
    storage = [_device(case, index, unit) for unit in range(len(case.storage.point))]
    solar = [_generation(case, index, unit) for unit in range(len(case.curtailable.point))]
    stock = [*(case.storage.energy_start_kwh / case.isp_hours).tolist(), *[0.0] * len(solar)]
    point = np.concatenate([case.storage.point, case.curtailable.point])
    capacities, groups = _capacities(case, index, point)
    per_kw = case.isp_hours / 1000
    position = FlowCommitment(
        name="day-ahead position",
        index=index,
        quantity=pd.Series(case.day_ahead.committed_kw, index=index),
        upwards_deviation_price=pd.Series(case.intraday.buy_eur_per_mwh * per_kw, index=index),
        downwards_deviation_price=pd.Series(case.intraday.sell_eur_per_mwh * per_kw, index=index),
    )
    app = Flask("benchmark")
    app.config.update(FLEXMEASURES_LP_SOLVER="highspy", LOGGING_LEVEL="WARNING")
    prepared = perf_counter()
    with app.app_context():
        _, cost, results, _ = device_scheduler(
            device_constraints=[*storage, *solar],
            ems_constraints=capacities,
            ems_constraint_groups=groups,
            commitments=[position],
            initial_stock=stock,
        )
    condition = str(results.solver.termination_condition)
    if condition != "optimal":
        raise RuntimeError(f"device_scheduler ended with {condition!r}")
    bought = float(case.day_ahead.price_eur_per_mwh @ case.day_ahead.committed_kw) * per_kw
    return prepared - started, perf_counter() - prepared, float(cost) + bought


def _table(index: Any, **columns: Floats | float) -> pd.DataFrame:
    table = pd.DataFrame(np.nan, index=index, columns=list(_COLUMNS))
    table["stock delta"] = 0.0
    for name, values in columns.items():
        table[name.replace("_", " ")] = values
    return table


def _device(case: Case, index: Any, unit: int) -> pd.DataFrame:
    """Stocks are in kW times ISPs, bounds relative to the initial stock; a heat pump's efficiency is its COP."""
    data, start = case.storage, case.storage.energy_start_kwh[unit]

    def row(values: Floats) -> Floats:
        return np.broadcast_to(values[unit], (case.isps,)).astype(np.float64)

    return _table(
        index,
        max=(row(data.energy_max_kwh) - start) / case.isp_hours,
        min=(row(data.energy_min_kwh) - start) / case.isp_hours,
        efficiency=float(data.retention[unit]),
        derivative_max=row(data.charge_kw),
        derivative_min=-row(data.discharge_kw),
        derivative_down_efficiency=float(data.discharge_efficiency[unit]),
        derivative_up_efficiency=row(data.charge_efficiency),
        stock_delta=-row(data.demand_kwh) / case.isp_hours,
    )


def _generation(case: Case, index: Any, unit: int) -> pd.DataFrame:
    forecast = case.curtailable.forecast_kw[unit].astype(np.float64)
    return _table(index, derivative_max=0.0, derivative_min=forecast)


def _capacities(case: Case, index: Any, point: Any) -> tuple[list[pd.DataFrame], list[list[int]]]:
    capacities: list[pd.DataFrame] = []
    groups: list[list[int]] = []
    for limit, where in enumerate(case.limits.point.tolist()):
        bound = np.where(np.isfinite(case.limits.import_kw[limit]), case.limits.import_kw[limit], np.nan)
        capacities.append(pd.DataFrame({"derivative max": bound, "derivative min": np.nan}, index=index))
        groups.append(np.flatnonzero(point == where).tolist())
    return capacities, groups
