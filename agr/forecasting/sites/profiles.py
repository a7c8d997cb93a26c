"""Standard load profiles: what a household, a shop or a farm takes on a day, from its yearly use. Pure.

    power[t] = 4 · table[month, kind of day, t] · f(day of year) · yearly use / 1,000,000

f is 1 for shops (G25) and farms (L25), and a polynomial for households (H25), those with PV (P25), and those with PV
and a battery (S25). Source: BDEW, Standardlastprofile Strom 2025; the table is in bdew2025.csv beside this file.
"""

import csv
from datetime import date
from functools import cache
from importlib.resources import files

import numpy as np
from numpy.typing import NDArray

from agr.domain.isp import Period
from agr.forecasting.days import holidays_of

Floats = NDArray[np.float64]
NAMES = ("H25", "G25", "L25", "P25", "S25")
_DYNAMIC = ("H25", "P25", "S25")
_YEAR = (-3.92e-10, 3.2e-7, -7.02e-5, 0.0021, 1.24)  # of powers of the day of the year, the fourth first
_TABLE_KWH = 1e6


@cache
def _table(profile: str) -> dict[tuple[int, str], Floats]:
    text = files(__package__).joinpath("bdew2025.csv").read_text("utf-8")
    rows = csv.reader(text.splitlines()[1:])
    return {(int(row[1]), row[2]): np.array(row[3:], dtype=np.float64) for row in rows if row[0] == profile}


def _kind(day: date, country: str | None) -> str:
    if day.weekday() == 6 or day in holidays_of(country, (day.year,)):
        return "sunday"
    return "saturday" if day.weekday() == 5 else "working day"


def standard_kw(profile: str, kwh_per_year: float, period: Period, country: str | None = None) -> Floats:
    """Return what a customer takes in each ISP of a Period, (T,), kW; the mean in ISPs longer than 15 minutes."""
    values = _table(profile)[period.day.month, _kind(period.day, country)]
    factor = float(np.polyval(_YEAR, period.day.timetuple().tm_yday)) if profile in _DYNAMIC else 1.0
    first = np.array(period.wall_clock_minutes())
    fine = np.repeat(values, 15)
    kwh = np.array([fine[start : start + period.isp_minutes].mean() for start in first])
    return kwh * 4 * factor * kwh_per_year / _TABLE_KWH
