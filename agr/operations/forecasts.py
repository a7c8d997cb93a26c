"""Forecasts in the market day: takes what happened, records what users gave, and makes forecasts of our own.

Nothing here stops a plan: a series that cannot be forecast is an alarm, and the plan is made without it.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta

import numpy as np
import structlog

from agr.domain.errors import StoreError
from agr.domain.faults import verb_of
from agr.domain.isp import Clock, Period
from agr.domain.price import values_on
from agr.forecasting import DayForecast, Days, Observed, days_of, slot_minutes
from agr.forecasting.admission import admitted
from agr.forecasting.models.registry import GIVEN
from agr.operations.forecast_inputs import with_inputs
from agr.operations.forecast_loads import ALL as LOADS
from agr.operations.forecast_loads import LoadForecasts
from agr.operations.forecast_rows import FAILED, REFUSED, SeriesOutcome, run_of, simpler, with_moment
from agr.operations.forecast_series import PriceSeries, price_series, received
from agr.operations.forecast_sessions import ALL as SESSIONS
from agr.operations.forecast_sessions import SessionForecasts
from agr.operations.forecast_sites import HEAT_PUMPS, SITES, SiteForecasts
from agr.operations.forecast_worker import Maker, Task, make_all
from agr.operations.outlooks import Outlooks
from agr.settings import Settings
from agr.store import actuals, day, forecast_runs, register
from agr.store.actuals import Actual
from agr.store.engine import Store
from agr.store.forecast_runs import ForecastRun

log = structlog.get_logger()
HISTORY = timedelta(days=1100)
"""How far back values are learned from."""
_GROUPS = (LOADS, SESSIONS, SITES, HEAT_PUMPS)
"""Groups of series that share one alarm each, which ends by itself."""


class ForecastService:
    """What the market day and the command line do with forecasts."""

    def __init__(self, store: Store, settings: Settings, clock: Clock, make: Maker = make_all) -> None:
        self.store, self._settings, self._clock, self._make = store, settings, clock, make
        self.sessions = SessionForecasts(store, settings, clock, make)

    def before_plan(self, period: Period) -> None:
        """Forecast what the Period's first plan trades on, where the settings say so; never raises but StoreError.

        Alarms of series that are not forecast any more, switched off or taken out of the settings, end here.
        """
        if not self._settings.forecasts.enabled:
            with self.store.transaction() as tx:
                day.recover_all(tx, FAILED, "", self._clock.now())
            return
        try:
            Outlooks(self.store, self._settings, self._clock).fetch([period])
            self.take_prices()
            self.record_given(period)
            self.run(period)
            self.run_resources(period)
            self.sessions.take_sessions()
            self.sessions.run(period)
            self._end_alarms()
        except StoreError:
            raise
        except Exception as error:
            log.exception("forecasts.failed", period=str(period))
            self._alarm(FAILED, "all series", f"forecasting {period} failed: {error}; the plan is made without")

    def _end_alarms(self) -> None:
        """End the alarm of all series, and those of series that nobody trades on any more."""
        kept = {*_GROUPS, *(series.name for series in price_series(self._settings))}
        with self.store.transaction() as tx:
            for alarm in day.open_alarms(tx):
                if alarm.kind == FAILED and alarm.subject not in kept:
                    day.recover(tx, FAILED, alarm.subject, self._clock.now())

    def run_resources(self, period: Period) -> tuple[int, int]:
        """Forecast measured loads and generators, and heat pumps; return how many of each."""
        loads = LoadForecasts(self.store, self._settings, self._clock, self._make)
        loads.take_readings()
        powers = loads.run(period)
        return powers, SiteForecasts(self.store, self._settings, self._clock).heat(period)

    def take_prices(self) -> int:
        """Store published prices as actuals; refused ones are one alarm per series. Return how many are new."""
        taken, now = 0, self._clock.now()
        for series in price_series(self._settings):
            with self.store.transaction() as tx:
                new = actuals.prices_not_taken(tx, series.name)
                earlier = actuals.known(tx, series.name, now, now - timedelta(days=60))
            known_at = list(received(self._settings, series, new, now))
            come = [(price, at) for price, at in zip(new, known_at, strict=True) if at <= now]
            rows = [Observed(start=p.start, minutes=p.minutes, value=p.value) for p, _ in come]
            places, refusals = admitted(rows, now, self._settings.time_zone, price=True, earlier=earlier)
            with self.store.transaction() as tx:
                taken += actuals.put(
                    tx, [Actual(series=series.name, observed=rows[n], received_at=come[n][1]) for n in places]
                )
                if refusals:
                    words = (
                        f"{len(refusals)} of {len(rows)} prices of {series.name} {verb_of(len(refusals))} not learned "
                    )
                    text = f"{words}from, the first because {refusals[0].why}; import them again, corrected"
                    day.raise_alarm(tx, REFUSED, series.name, text, now)
                else:
                    day.recover(tx, REFUSED, series.name, now)
        return taken

    def record_given(self, period: Period) -> int:
        """Record the forecasts that users gave for a Period as runs of the model `given`; return how many are new."""
        now, new = self._clock.now(), 0
        with self.store.transaction() as tx:
            for series in price_series(self._settings):
                if series.given is None:
                    continue
                rows = register.prices(tx, period.start - timedelta(days=1), period.end)
                values = [value for value in values_on(rows, series.given, period) if value is not None]
                before = forecast_runs.newest(tx, series.name, period.day, now, given=True)
                if len(values) < period.isp_count or forecast_runs.same_values(before, values):
                    continue
                forecast_runs.put(tx, _given(series, period, values, now), now)
                new += 1
        return new

    def run(self, period: Period, names: Sequence[str] = (), *, as_of: datetime | None = None) -> list[SeriesOutcome]:
        """Forecast series for a Period from what was known by `as_of` (now), all when none is named; store the runs.

        A price series whose result is known already is not forecast.
        """
        now = self._clock.now()
        moment = as_of or now
        chosen = [series for series in price_series(self._settings) if not names or series.name in names]
        tasks: list[Task] = []
        outcomes: list[SeriesOutcome] = []
        for series in chosen:
            days = self.days(series.name, period, moment)
            if days is None:
                outcomes.append(SeriesOutcome(series=series.name, run=None, words="nothing of it is known"))
                continue
            row = days.row(period.day)
            if row < len(days.complete) and days.complete[row]:
                outcomes.append(SeriesOutcome(series=series.name, run=None, words="its result is known"))
                continue
            with self.store.transaction() as tx:
                days = with_inputs(tx, days, period, moment)
            tasks.append(Task(series=series.name, days=days, row=row, model=self._settings.forecasts.model))
        for task, made in zip(tasks, self._make(tasks, self._settings.forecasts.budget_s), strict=True):
            found = simpler(task, made) if isinstance(made, str) else made
            outcomes.append(self._store_made(task, found, period, moment, now))
        return outcomes

    def days(self, series: str, period: Period, as_of: datetime) -> Days | None:
        """Return the values of a series that were known by then, as whole days; None for none."""
        with self.store.transaction() as tx:
            known = actuals.known(tx, series, as_of, as_of - HISTORY, period.end)
        if not known:
            return None
        return days_of(
            known, self._settings.time_zone, slot_minutes(known), country=self._settings.forecasts.country
        )  # fmt: skip

    def _store_made(
        self, task: Task, made: DayForecast | str, period: Period, as_of: datetime, now: datetime
    ) -> SeriesOutcome:
        if isinstance(made, str):
            text = f"{task.series} is not forecast for {period}: {made}"
            self._alarm(FAILED, task.series, f"{text}; the plan is made without")
            return SeriesOutcome(series=task.series, run=None, words=made)
        run = with_moment(run_of(task, made, period, as_of), now)
        with self.store.transaction() as tx:
            number = forecast_runs.put(tx, run, now)
            day.recover(tx, FAILED, task.series, now)
        log.info("forecast.made", series=task.series, period=str(period), model=made.model, run=number)
        return SeriesOutcome(series=task.series, run=number, words="; ".join((f"by {made.model}", *made.notes)))

    def _alarm(self, kind: str, subject: str, text: str) -> None:
        with self.store.transaction() as tx:
            day.raise_alarm(tx, kind, subject, text, self._clock.now())


def _given(series: PriceSeries, period: Period, values: list[float], now: datetime) -> ForecastRun:
    return ForecastRun(
        series=series.name, model=GIVEN, made_at=now, period=period.day, minutes=period.isp_minutes,
        mean=np.array(values),
    )  # fmt: skip
