"""Forecasts that others make, as inputs of ours: the names of their series, and how they lie on days. Pure.

`weather QUANTITY PLACE` for weather, `entsoe QUANTITY AREA` for what grid operators forecast of their areas.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta

import numpy as np
from numpy.typing import NDArray

from agr.domain.isp import Period
from agr.forecasting.days import Days, Observed

Floats = NDArray[np.float64]
WEATHER, ENTSOE = "weather ", "entsoe "
INPUT_SERIES = (WEATHER, ENTSOE)
"""How the names of series that are inputs to forecasts begin."""
_STEP = timedelta(minutes=5)
LEAST_COVERED = 0.75
"""Least share of a Period that an input must cover; its gaps are interpolated. With less, it is not kept for that
day."""


LEAST_DAYS = 60
"""Fewest days for which an input must be known to be learned from."""


def weather_series(quantity: str, place: str) -> str:
    """Return the name of a place's series."""
    return f"{WEATHER}{quantity} {place}"


def entsoe_series(quantity: str, area: str) -> str:
    """Return the name of an area's series."""
    return f"{ENTSOE}{quantity} {area}"


@dataclass(frozen=True, kw_only=True, eq=False)
class Covered:
    """A forecast on the intervals of a Period, (T,), and how many of these were missing and interpolated."""

    values: Floats
    drawn: int


def on_period(rows: Sequence[Observed], period: Period) -> Covered | None:
    """Return rows on a Period's intervals, straight lines over gaps; None where too little of it is covered."""
    each = period.isp_minutes // 5
    fine = np.full(period.isp_count * each, np.nan)
    for one in rows:
        first = (one.start - period.start) // _STEP
        fine[max(first, 0) : max(first + max(one.minutes // 5, 1), 0)] = one.value
    values: Floats = fine.reshape(-1, each).mean(axis=1)
    known = np.isfinite(values)
    if known.mean() < LEAST_COVERED:
        return None
    places = np.arange(len(values))
    values[~known] = np.interp(places[~known], places[known], values[known])
    return Covered(values=values, drawn=int((~known).sum()))


def on_slots(days: Days, values: Floats, minutes: int, day: date) -> Floats:
    """Return a day's values per interval of `minutes` on the slots of days, (N,): repeated or averaged."""
    if minutes < days.minutes:
        values, minutes = values.reshape(-1, days.minutes // minutes).mean(axis=1), days.minutes
    found = days.by_the_clock(values, minutes, days.period(days.row(day)))
    for slot in np.flatnonzero(np.isnan(found)):  # the clock skips it
        found[slot] = found[slot - 1]
    return found


def usable(known: Days, row: int, notes: list[str]) -> Days:
    """Leave out the inputs that are not known of the day of a row, or of too few days before it, and say so."""
    if known.inputs is None:
        return known
    complete: NDArray[np.bool_] = np.asarray(np.isfinite(known.inputs).all(axis=2), dtype=bool)  # (K,D')
    kept = []
    for place, name in enumerate(known.input_names):
        days = int(complete[place, : len(known.values)].sum())
        if row >= complete.shape[1] or not complete[place, row]:
            notes.append(f"{name} is not known of this day: forecast without it")
        elif days < LEAST_DAYS:
            notes.append(f"{name} is known of {days} days, {LEAST_DAYS} are needed: forecast without it")
        else:
            kept.append(place)
    if not kept:
        return replace(known, inputs=None, input_names=())
    return replace(known, inputs=known.inputs[kept], input_names=tuple(known.input_names[n] for n in kept))
