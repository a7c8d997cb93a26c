"""One Period of a series as a moment saw it: forecast with bands, what was given, naive, what happened."""

from dataclasses import dataclass
from datetime import datetime, timedelta

import numpy as np
from numpy.typing import NDArray

from agr.domain.isp import Period
from agr.forecasting import days_of, model, slot_minutes
from agr.forecasting.models.registry import NAIVE
from agr.forecasting.quantiles import LEVELS
from agr.settings import Settings
from agr.store import actuals, forecast_runs
from agr.store.engine import Tx
from agr.store.forecast_runs import ForecastRun

Floats = NDArray[np.float64]
FAN = (0.025, 0.1, 0.25, 0.5, 0.75, 0.9, 0.975)
"""The quantiles shown: bands of 95, 80 and 50 %, and the median."""
_RECENT = timedelta(days=36)
Values = tuple[float | None, ...]


@dataclass(frozen=True, kw_only=True, eq=False)
class View:
    """Values per ISP (T,), None where there is none."""

    series: str
    period: Period
    as_of: datetime
    run: ForecastRun | None
    given: ForecastRun | None
    mean: Values
    fan: dict[float, Values]  # empty: no bands
    given_values: Values
    naive: Values
    actual: Values
    made: tuple[datetime, ...]  # when each forecast of the Period was made, also later than as_of

    @property
    def title(self) -> str:
        """What is shown, in words."""
        if self.run is None:
            return f"{self.series}, {self.period}: given"
        made = self.run.made_at.astimezone(self.period.tz)
        return f"{self.series}, {self.period}: forecast {self.run.id} by {self.run.model}, made {made:%Y-%m-%d %H:%M}"

    @property
    def notes(self) -> tuple[str, ...]:
        """What stood in for what."""
        return () if self.run is None else self.run.notes

    @property
    def columns(self) -> tuple[str, ...]:
        """The columns of `rows`."""
        return ("ISP", "mean", *(f"q{level:g}" for level in self.fan), "given", "naive", "actual")

    def rows(self) -> list[tuple[str | float | None, ...]]:
        """Return a row per ISP."""
        lists = (self.mean, *self.fan.values(), self.given_values, self.naive, self.actual)
        return [(self.period.label(n + 1), *(values[n] for values in lists)) for n in range(self.period.isp_count)]

    def records(self) -> list[dict[str, str | float | None]]:
        """Return a record per ISP, with its start."""
        starts = self.period.starts()
        return [
            dict(zip(self.columns, row, strict=True)) | {"start": starts[n].isoformat()}
            for n, row in enumerate(self.rows())
        ]


def view(tx: Tx, settings: Settings, series: str, period: Period, as_of: datetime) -> View:
    """Return what was forecast by a moment; what happened is what is known of it now or by then, whichever is later."""
    run = forecast_runs.newest(tx, series, period.day, as_of, given=False)
    given = forecast_runs.newest(tx, series, period.day, as_of, given=True)
    far = datetime.max.replace(tzinfo=as_of.tzinfo)
    every = forecast_runs.of_period(tx, series, period.day, far)
    happened = actuals.known(tx, series, far, period.start, period.end)
    actual: list[float | None] = [None] * period.isp_count
    for one in happened:
        first = period.isp_of(one.start)
        for isp in range(first, first + max(one.minutes // period.isp_minutes, 1)):
            if 1 <= isp <= period.isp_count:
                actual[isp - 1] = one.value
    return View(
        series=series, period=period, as_of=as_of, run=run, given=given, mean=_on(run, period),
        fan={} if run is None or run.quantiles is None else {
            level: _per_isp(run.quantiles[LEVELS.index(level)], run.minutes, period) for level in FAN
        },
        given_values=_on(given, period), naive=_naive(tx, settings, series, period, as_of), actual=tuple(actual),
        made=tuple(one.made_at for one in every),
    )  # fmt: skip


def _on(run: ForecastRun | None, period: Period) -> Values:
    return (None,) * period.isp_count if run is None else _per_isp(run.mean, run.minutes, period)


def _per_isp(values: Floats, minutes: int, period: Period) -> Values:
    return tuple(float(values[n * period.isp_minutes // minutes]) for n in range(period.isp_count))


def _naive(tx: Tx, settings: Settings, series: str, period: Period, as_of: datetime) -> Values:
    known = actuals.known(tx, series, min(as_of, period.start), period.start - _RECENT)
    known = [one for one in known if one.start < period.start]
    if not known:
        return (None,) * period.isp_count
    days = days_of(known, settings.time_zone, slot_minutes(known))
    usable = np.flatnonzero(days.complete)
    if not len(usable):
        return (None,) * period.isp_count
    days = days.known(int(usable[-1]) + 1)
    lead = days.row(period.day) - len(days.values) + 1
    slots = model(NAIVE).fit(days, lead)(days, lead)
    return tuple(float(value) for value in days.on(slots, period))
