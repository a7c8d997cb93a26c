"""By how much forecasts of past days were wrong, day by day and all series at once: what is drawn from. Pure.

What goes together stays together: a day is drawn as a whole, with the errors of all series on it. An error is what
happened minus what was forecast, by wall-clock slots, so that days of 23 and 25 hours lie on those of 24.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta

import numpy as np
from numpy.typing import NDArray

from agr.domain.isp import Period
from agr.forecasting.days import DAY_MINUTES, Observed, days_of

Floats = NDArray[np.float64]


@dataclass(frozen=True, kw_only=True, eq=False)
class Predicted:
    """What was forecast for a past local day: a mean per interval of `minutes` from its start."""

    day: date
    made_at: datetime
    minutes: int
    mean: Floats


@dataclass(frozen=True, kw_only=True, eq=False)
class PastForecasts:
    """What was forecast of past days, and what happened, by series."""

    predicted: Mapping[str, Sequence[Predicted]] = field(default_factory=dict)
    observed: Mapping[str, Sequence[Observed]] = field(default_factory=dict)

    def before(self, series: Sequence[str], period: Period, now: datetime, days: int) -> "PastForecasts":
        """Return some series on the last days before a Period, forecast as early as `now` is before it."""
        first = period.day - timedelta(days=days)

        def early(one: Predicted) -> bool:
            of = Period(one.day, period.zone_name, period.isp_minutes)
            return first <= one.day < period.day and one.made_at <= min(period.as_early(now, of), now)

        return PastForecasts(
            predicted={name: [one for one in self.predicted.get(name, ()) if early(one)] for name in series},
            observed={name: [one for one in self.observed.get(name, ()) if one.start < now] for name in series},
        )


NOTHING_PAST = PastForecasts()


@dataclass(frozen=True, kw_only=True, eq=False)
class ErrorDays:
    """Errors (D,N) of each series on the same D days, by N wall-clock slots of the series; oldest day first."""

    days: tuple[date, ...]
    errors: Mapping[str, Floats]
    certain: tuple[str, ...] = ()  # series of which too few errors are known: they are taken as they are forecast

    def on(self, series: str, place: int, period: Period, minutes: int) -> Floats:
        """Return the errors of a series on the place-th day per interval of `minutes` of a Period (T,)."""
        slots = self.errors[series][place]
        fine = np.repeat(slots, DAY_MINUTES // len(slots))
        starts = np.array(Period(period.day, period.zone_name, minutes).wall_clock_minutes())
        found: Floats = fine[starts[:, None] + np.arange(minutes)].mean(axis=1)
        return found


def error_days(
    predicted: Mapping[str, Sequence[Predicted]], observed: Mapping[str, Sequence[Observed]], period: Period, least: int
) -> ErrorDays:  # fmt: skip
    """Return the errors on the days of which every series is known, of the series known on at least `least` days."""
    each = {
        series: found
        for series in sorted(predicted)
        if (found := _of_series(predicted[series], observed.get(series, ()), period))
    }
    known = {series: found for series, found in each.items() if len(found) >= least}
    common = sorted(set.intersection(*(set(found) for found in known.values()))) if known else []
    return ErrorDays(
        days=tuple(common),
        errors={
            series: np.array([found[day] for day in common]).reshape(len(common), -1) for series, found in known.items()
        },
        certain=tuple(sorted(predicted.keys() - known.keys())),
    )


def _of_series(predicted: Sequence[Predicted], observed: Sequence[Observed], period: Period) -> dict[date, Floats]:
    """Return day → errors by slots (N,), of days that are known whole."""
    if not predicted or not observed:
        return {}
    minutes = predicted[-1].minutes
    days = days_of(observed, period.zone_name, minutes)
    found = {}
    for one in predicted:
        row = days.row(one.day)
        if one.minutes != minutes or not 0 <= row < len(days.values) or not days.complete[row]:
            continue
        of = Period(one.day, period.zone_name, minutes)
        said = days.by_the_clock(one.mean, minutes, of)
        found[one.day] = np.where(np.isnan(said), 0.0, days.values[row] - said)  # a skipped hour has no error
    return found
