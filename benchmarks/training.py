"""How long all series of a portfolio of 100,000 resources take to learn and to forecast: processor time of one core.

As the daemon does it before a first plan: the day-ahead price and four capacity products with bands, as many loads and
groups of charging sessions as it forecasts one by one at most. Series are drawn; their length is what the daemon uses.
"""

import resource
from datetime import date

import numpy as np

from agr.forecasting import Days, Forecasting, forecast
from agr.forecasting.models.registry import ALIKE, BEST
from agr.forecasting.sessions import SESSION_SERIES
from agr.operations import forecast_loads, forecast_sessions

TARGET_S = 300.0
PRICES, CAPACITY = 1, 4
SOME = 40
"""Of the many series that are alike so many are measured, and the time of all is in proportion."""


def _days(rng: np.random.Generator, rows: int, slots: int) -> Days:
    shape = 50 + 30 * np.sin(np.arange(slots) / slots * 4 * np.pi)
    values = shape + rng.normal(0, 8, (rows, slots)) + rng.normal(0, 8, (rows, 1))
    return Days(
        first=date(2023, 1, 1), values=values, minutes=1440 // slots, zone_name="Europe/Amsterdam", country="NL"
    )


def _cpu_s() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def _timed(days: list[Days], how: Forecasting) -> float:
    begun = _cpu_s()
    for one in days:
        forecast(one, len(one.values), how)
    return (_cpu_s() - begun) / len(days)


def measured() -> dict[str, float]:
    """Return what takes how many seconds, and all of it."""
    rng = np.random.default_rng(19)
    forecast(_days(rng, 70, 24), 70, Forecasting(model=BEST, bands=False))  # imports and compiles
    hourly = _timed([_days(rng, 1100, 24)], Forecasting(model=BEST))
    blocks = _timed([_days(rng, 1100, 24)], Forecasting(model=BEST))
    load = _timed([_days(rng, 100, 96) for _ in range(SOME)], Forecasting(model=ALIKE, bands=False))
    group = _timed([_days(rng, 100, 24) for _ in range(SOME)], Forecasting(model=ALIKE, bands=False))
    groups = forecast_sessions.MOST // len(SESSION_SERIES) * len(SESSION_SERIES)
    found = {
        "day-ahead price": PRICES * hourly, "capacity prices": CAPACITY * blocks,
        "loads and roofs": forecast_loads.MOST * load, "charging sessions by group": groups * group,
    }  # fmt: skip
    return found | {"all": sum(found.values())}
