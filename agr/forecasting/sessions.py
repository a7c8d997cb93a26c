"""Charging sessions of a group as series that models forecast: arrivals, their energy, how long they stay. Pure.

A group is what arrives at one congestion point, or whatever a user calls one. Single charge points are not forecast:
for one charger, chance alone makes an error larger than the mean. All three series add up, so that means over days are
right: energy and stay of an hour are those of all cars that arrive in it, and 0 where none does.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

import numpy as np
from numpy.typing import NDArray

from agr.domain.isp import Period
from agr.forecasting.days import DAY_MINUTES, Days

Floats = NDArray[np.float64]
ARRIVALS, ENERGY, STAY = "ev_arrivals ", "ev_energy_kwh ", "ev_stay_h "
SESSION_SERIES = (ARRIVALS, ENERGY, STAY)
"""How the names of a group's series begin; the group's name follows."""
SESSION_UNITS = {ARRIVALS: "cars", ENERGY: "kWh", STAY: "h"}
ELSEWHERE = "in no congestion point"
"""The group of the charge points that lie in no congestion point."""
LONGEST = timedelta(days=2)
"""A car that stays longer than this after the day of its arrival is counted as if it left then."""


@dataclass(frozen=True, kw_only=True)
class Session:
    """A charging session; `energy_kwh` None: nobody measured it. `departure` None: the car is still there."""

    arrival: datetime
    departure: datetime | None
    energy_kwh: float | None


@dataclass(frozen=True, kw_only=True, eq=False)
class SessionDay:
    """A day of a group, per interval of the Period, (N,), and when it was known."""

    arrivals: Floats
    energy_kwh: Floats  # of the cars that arrive in the interval
    stay_h: Floats  # likewise, added up
    known_at: datetime

    def series(self) -> Iterable[tuple[str, Floats]]:
        """Return what the name of each series begins with, and its values."""
        return zip(SESSION_SERIES, (self.arrivals, self.energy_kwh, self.stay_h), strict=True)


def count(sessions: Sequence[Session], period: Period) -> SessionDay:
    """Count the sessions that arrive in a Period.

    The day is known when its last car has left, at the latest LONGEST after it ended. Of a car that stays longer
    nothing later is used: it stays until then, and takes the mean energy of the others, as one does that was not
    measured.
    """
    last = period.end + LONGEST
    mine = [one for one in sessions if period.start <= one.arrival < period.end]
    left = [min(one.departure or last, last) for one in mine]
    told = [one.energy_kwh if one.energy_kwh is not None and (one.departure or last) < last else np.nan for one in mine]
    energy = np.array(told, dtype=np.float64)
    known = energy[np.isfinite(energy)]
    energy[~np.isfinite(energy)] = known.mean() if len(known) else 0.0
    at = np.array([period.isp_of(one.arrival) - 1 for one in mine], dtype=np.int64)
    stay = np.array(
        [(end - one.arrival) / timedelta(hours=1) for one, end in zip(mine, left, strict=True)], dtype=np.float64
    )
    size = period.isp_count

    def per_interval(values: Floats) -> Floats:
        return np.bincount(at, weights=values, minlength=size).astype(np.float64)

    return SessionDay(
        arrivals=per_interval(np.ones(len(mine))),
        energy_kwh=per_interval(energy),
        stay_h=per_interval(stay),
        known_at=max([period.end, *left]),
    )  # fmt: skip


def whole_days(days: Days) -> Days:
    """Return the sums of whole days as a series with one slot a day; NaN where a day is not known."""
    return replace(days, values=days.values.sum(axis=1, keepdims=True), minutes=DAY_MINUTES)


def of_sessions(series: str) -> bool:
    """Say whether a series is one of a group of charging sessions."""
    return series.startswith(SESSION_SERIES)


def session_unit(series: str) -> str:
    """Return the unit of a group's series; empty for another series."""
    return next((unit for begins, unit in SESSION_UNITS.items() if series.startswith(begins)), "")
