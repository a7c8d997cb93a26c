"""Compiles the decomposition by solving a tiny case with everything in it.

Run it with `python -m models.decomposition.precompile`. The machine code is kept on disk, so this takes a minute once,
and seconds in every later process.
"""

from functools import cache

import numpy as np

from models.case import (
    NO_POINT,
    Case,
    Curtailable,
    DayAhead,
    Direction,
    Fixed,
    Floats,
    Imbalance,
    Intraday,
    Limits,
    Reservations,
    Reserve,
    Shiftable,
    Storage,
    Switched,
)
from models.decomposition.solve import solve

_ISPS = 4


def _rows(*values: float) -> Floats:
    return np.array(values)[:, None] * np.ones(_ISPS)


def tiny() -> Case:
    """Return a case of two batteries, a solar system, a run and a boiler, with a limit, a reservation and a product."""
    flat, here = np.ones(_ISPS), np.array([0, NO_POINT])
    free = np.full((2, _ISPS), np.nan)
    return Case(
        isps=_ISPS,
        isp_hours=0.25,
        points=("here",),
        fixed=Fixed(point=here[:1], program_kw=_rows(3.0)),
        curtailable=Curtailable(
            point=here[:1],
            forecast_kw=_rows(-2.0),
            cost_eur_per_mwh=np.ones(1),
            reserve_kw=np.ones(1),
            pinned_kw=free[:1],
        ),
        storage=Storage(
            point=here,
            charge_kw=_rows(5.0, 4.0),
            charge_min_kw=np.array([0.0, 1.0]),
            discharge_kw=_rows(5.0, 4.0),
            charge_efficiency=_rows(0.9, 0.95),
            discharge_efficiency=np.array([0.9, 0.95]),
            retention=np.array([0.999, 1.0]),
            energy_min_kwh=_rows(0.0, 0.0),
            energy_max_kwh=_rows(10.0, 8.0),
            energy_start_kwh=np.array([5.0, 4.0]),
            demand_kwh=_rows(0.1, 0.0),
            wear_eur_per_kwh=np.array([0.01, 0.02]),
            end_value_eur_per_kwh=np.array([0.05, 0.06]),
            shortfall_eur_per_kwh=np.array([10.0, 10.0]),
            reserve_kw=np.array([3.0, 2.0]),
            unmanaged_kw=np.zeros((2, _ISPS)),
            pinned_kw=free,
        ),
        shiftable=Shiftable(
            point=here[:1],
            profile_kw=np.ones((1, 2)),
            length=np.array([2]),
            first_start=np.array([0]),
            last_start=np.array([2]),
        ),
        switched=Switched(
            point=here[:1],
            on_kw=_rows(1.5),
            min_run=np.array([2]),
            min_rest=np.array([1]),
            start_eur=np.array([0.01]),
            before=np.array([-3]),
            window_first=np.array([[0]]),
            window_end=np.array([[4]]),
            least_on=np.array([[2]]),
            most_on=np.array([[3]]),
            shortfall_eur=np.array([1.0]),
            pinned_on=free[:1],
        ),
        limits=Limits(
            point=here[:1], import_kw=_rows(6.0), export_kw=_rows(-6.0), penalty_eur_per_mwh=np.array([1000.0])
        ),
        reservations=Reservations(
            name=("option",),
            point=here[:1],
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


@cache
def compile_all() -> None:
    """Solve the tiny case, once per process; every later solve uses the code compiled by then."""
    solve(tiny(), relative_gap=1e-2, time_limit_s=600.0)


if __name__ == "__main__":
    compile_all()
