"""Compiles the decomposition by solving a tiny case with everything in it.

Run it with `python -m models.decomposition.precompile`. The machine code is kept on disk, so this takes a minute once,
and seconds in every later process.
"""

from dataclasses import replace
from functools import cache
from typing import Any

import numpy as np

from models.arrays import of_rows
from models.case import (
    NO_LIMIT,
    UNIT_CLASSES,
    Case,
    ConnectionLimits,
    ConnectionTariffs,
    DayAhead,
    Direction,
    Floats,
    Imbalance,
    Intraday,
    Limits,
    Orders,
    Reservations,
    Reserve,
)
from models.decomposition.joint.connections import SOLAR, STORAGE
from models.decomposition.solve import solve
from models.decomposition.tuning import DEFAULT
from models.resources.registry import RESOURCES
from models.resources.storage.afterwards import Afterwards, worth_afterwards

_ISPS = 4

_GAP = 0.02
"""Relative gap of the tiny cases. Half of it takes four times as long, in every process, and compiles nothing more."""


def _rows(*values: float) -> Floats:
    return np.array(values)[:, None] * np.ones(_ISPS)


def tiny() -> Case:
    """Return a case of a few units of every class, with limits, a reservation, an order and two products."""
    flat, here = np.ones(_ISPS), np.array([0])
    units: dict[str, Any] = {resource.name: resource.example(_ISPS) for resource in RESOURCES}
    leaf = tuple(np.arange(len(units[name].point)) % 2 - 1 for name in UNIT_CLASSES)  # every other unit
    return Case(
        isps=_ISPS,
        isp_hours=0.25,
        points=("here",),
        **units,
        connection_limits=ConnectionLimits(
            name=("connection",),
            point=here,
            parent=np.array([NO_LIMIT]),
            import_kw=_rows(4.0),
            export_kw=_rows(-4.0),
            penalty_eur_per_mwh=np.array([1000.0]),
            leaf=leaf,
        ),
        connection_tariffs=ConnectionTariffs(
            name=("connection",),
            point=here,
            import_eur_per_mwh=_rows(30.0),
            export_eur_per_mwh=_rows(10.0),
            peak_at=here[:0],
            peak_eur_per_kw=np.zeros(0),
            peak_reached_kw=np.zeros(0),
            peak_inside=np.zeros((0, _ISPS), dtype=np.bool_),
            of_units=leaf,
        ),
        limits=Limits(point=here, import_kw=_rows(6.0), export_kw=_rows(-6.0), penalty_eur_per_mwh=np.array([1000.0])),
        orders=Orders(
            name=("order",),
            point=here,
            least_kw=_rows(-np.inf),
            most_kw=_rows(5.0),
            penalty_eur_per_mwh=np.array([2000.0]),
            price_eur=np.array([1.0]),
        ),
        reservations=Reservations(
            name=("option",),
            point=here,
            reserved_kw=_rows(-2.0),
            penalty_eur_per_mwh=np.array([500.0]),
            availability_eur_per_mw_h=np.array([5.0]),
        ),
        day_ahead=DayAhead(
            price_eur_per_mwh=np.array([50.0, 80.0, 20.0, -10.0]),
            max_buy_kw=100 * flat,
            max_sell_kw=100 * flat,
            product=np.array([0, 0, 1, 1]),
            committed_kw=np.full(_ISPS, np.nan),
        ),
        intraday=Intraday(
            buy_eur_per_mwh=60 * flat,
            sell_eur_per_mwh=40 * flat,
            buy_depth_kw=5 * flat,
            sell_depth_kw=5 * flat,
            committed_kw=np.full(_ISPS, np.nan),
        ),
        imbalance=Imbalance(short_eur_per_mwh=500 * flat, long_eur_per_mwh=300 * flat),
        reserves=tuple(
            Reserve(
                name=name,
                direction=direction,
                price_eur_per_mw=np.array([9.0]),
                block=np.zeros(_ISPS, dtype=np.int64),
                minimum_mw=0.0,
                step_mw=0.0001,
                max_mw=np.array([0.003]),
                sustain_h=sustain_h,
                committed_mw=np.array([np.nan]),
                shortfall_eur_per_mwh=1000.0,
            )
            for name, direction, sustain_h in (("up", Direction.UP, 0.5), ("both", Direction.SYMMETRIC, 0.0))
        ),
    )


def house() -> Case:
    """Return a case of one connection whose devices answer prices together."""
    case = tiny()
    units = len(case.storage.point)
    storage = replace(case.storage, point=np.zeros(units, dtype=np.int64), charge_min_kw=np.zeros(units))
    behind = tuple(
        np.full(len(case.units(name).point), 0 if name in (STORAGE, SOLAR) else NO_LIMIT) for name in UNIT_CLASSES
    )
    tariffs = replace(
        case.connection_tariffs, peak_at=np.array([0]), peak_eur_per_kw=np.ones(1), peak_reached_kw=np.zeros(1),
        peak_inside=_rows(1.0) > 0, of_units=behind,
    )  # fmt: skip
    return replace(
        case, storage=storage, reserves=(), connection_limits=replace(case.connection_limits, leaf=behind),
        connection_tariffs=tariffs,
    )  # fmt: skip


def alone() -> Case:
    """Return a case of such a connection and nothing else, which is one linear program."""
    case = house()
    rows = {name: np.arange(len(case.units(name).point) if name in (STORAGE, SOLAR) else 0) for name in UNIT_CLASSES}
    units: dict[str, Any] = {name: of_rows(case.units(name), some) for name, some in rows.items()}
    behind = tuple(np.zeros(len(some), dtype=np.int64) for some in rows.values())
    return replace(
        case, **units, connection_limits=replace(case.connection_limits, leaf=behind),
        connection_tariffs=replace(case.connection_tariffs, of_units=behind),
    )  # fmt: skip


def _compile_afterwards() -> None:
    """Work out what a store is worth after the Period, which is done where cases are stated."""
    flat = np.ones(_ISPS)
    store = Afterwards(
        charge_kw=flat, discharge_kw=flat, charge_efficiency=flat, demand_kwh=0.0 * flat, low_kwh=0.0 * flat,
        high_kwh=4.0 * flat, discharge_efficiency=1.0, retention=1.0, wear_eur_per_kwh=0.01, end_value_eur_per_kwh=0.0,
        shortfall_eur_per_kwh=1.0,
    )  # fmt: skip
    worth_afterwards(store, np.arange(1.0, 1.0 + _ISPS), 1.0, 0.0, 4.0)


@cache
def compile_all() -> None:
    """Solve the tiny cases, once per process; every later solve uses the code compiled by then."""
    solve(tiny(), relative_gap=_GAP, time_limit_s=600.0)
    solve(house(), relative_gap=_GAP, time_limit_s=600.0)
    _compile_afterwards()
    whole = replace(DEFAULT, whole=replace(DEFAULT.whole, least_connections=1))
    solve(alone(), relative_gap=_GAP, time_limit_s=600.0, tuning=whole)


if __name__ == "__main__":
    compile_all()
