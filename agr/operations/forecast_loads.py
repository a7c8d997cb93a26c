"""Forecasts of the power of loads and generators that are measured: from readings, or from imported series.

The series of a resource is called `power_kw RESOURCE`. Where the user gave no forecast of a resource, its forecast
is the mean of alike days, corrected by the weather where that is known, or naive where that was better; the
plan uses it before a forecast of an older day.
"""

from collections.abc import Sequence
from dataclasses import replace
from datetime import date, datetime, timedelta

import numpy as np
import structlog

from agr.domain.faults import number_of, verb_of
from agr.domain.isp import Clock, Period, period_of
from agr.domain.kinds import KINDS
from agr.domain.kinds.quantities import POWER
from agr.forecasting import Days, Observed, days_of, slot_minutes
from agr.forecasting.admission import admitted
from agr.forecasting.inputs import WEATHER
from agr.forecasting.models.registry import ALIKE, BY_WEATHER
from agr.operations.forecast_inputs import with_inputs
from agr.operations.forecast_rows import FAILED, REFUSED, clipped_at_zero, run_of
from agr.operations.forecast_sites import Cold, SiteForecasts
from agr.operations.forecast_worker import Maker, Task
from agr.operations.readings import ReadingIntake
from agr.settings import Settings
from agr.store import actuals, day, forecast_runs, register
from agr.store.actuals import Actual
from agr.store.engine import Store, Tx
from agr.store.forecast_runs import POWER_SERIES, ForecastRun

log = structlog.get_logger()
HISTORY = timedelta(days=100)
COMPARED = timedelta(days=21)
"""How much of the past new values are compared with, to see whether they stand still, are in another unit, or are
outliers."""
MOST = 2_000
"""Most resources that are forecast one by one, which takes about a minute; the others follow the forecast of their
group."""
WITH_BANDS = 100
"""Most resources whose bands are forecast; beyond that only the means are, since bands take ten times as long."""
_WHOLE = 0.999
ALL = "loads"


class LoadForecasts:
    """What the market day does about measured resources."""

    def __init__(self, store: Store, settings: Settings, clock: Clock, make: Maker) -> None:
        self._store, self._settings, self._clock, self._make = store, settings, clock, make

    def take_readings(self) -> int:
        """Store energy that registers have counted since the last time as actuals; return how many values are new."""
        now = self._clock.now()
        today = period_of(now, self._settings.time_zone, self._settings.isp_minutes)
        with self._store.transaction() as tx:
            measured = sorted(one.resource for one in forecast_resources(tx))
            newest = actuals.newest_starts(tx, [POWER_SERIES + name for name in measured])
        readings = ReadingIntake(self._store, self._settings, self._clock, lambda: None)
        taken, refused, told = 0, set[str](), set[str]()
        for back in range(self._settings.readings.oldest_days, 0, -1):
            period = Period(today.day - timedelta(days=back), today.zone_name, today.isp_minutes)
            begins = datetime.min.replace(tzinfo=now.tzinfo)
            open_ones = [name for name in measured if newest.get(POWER_SERIES + name, begins) < period.start]
            with self._store.transaction() as tx:
                for name, energy in readings.energies(tx, period, open_ones).items():
                    rows = [
                        Observed(start=start, minutes=period.isp_minutes, value=float(kwh) / period.isp_hours)
                        for start, kwh, covered in zip(period.starts(), energy.kwh, energy.covered, strict=True)
                        if covered >= _WHOLE and np.isfinite(kwh)
                    ]
                    if rows:
                        told.add(POWER_SERIES + name)
                        stored, whole = self._put(tx, POWER_SERIES + name, rows, now)
                        taken += stored
                        refused |= set() if whole else {POWER_SERIES + name}
        with self._store.transaction() as tx:
            for series in sorted(told - refused):
                day.recover(tx, REFUSED, series, now)
        return taken

    def _put(self, tx: Tx, series: str, rows: Sequence[Observed], now: datetime) -> tuple[int, bool]:
        """Store a day of a series; return how many values are new, and whether none is refused."""
        earlier = actuals.known(tx, series, now, now - COMPARED)
        places, refusals = admitted(rows, now, self._settings.time_zone, price=False, earlier=earlier)
        if refusals:
            text = f"{len(refusals)} of {len(rows)} values of {series} {verb_of(len(refusals))} not learned from"
            day.raise_alarm(tx, REFUSED, series, f"{text}, the first because {refusals[0].why}", now)
        new = [Actual(series=series, observed=rows[place], received_at=now) for place in places]
        return actuals.put(tx, new), not refusals

    def run(self, period: Period) -> int:
        """Forecast the measured resources for which the user gave no forecast of a Period; return how many."""
        now = self._clock.now()
        with self._store.transaction() as tx:
            wanted = forecast_resources(tx)
            kinds = {one.resource: one.produces for one in wanted}
            given = {name for name, quantity in register.forecasts_on(tx, period) if quantity == POWER.name}
            known = [name for name in actuals.series_known(tx, now) if name.startswith(POWER_SERIES)]
        names = [name for series in known if (name := series.removeprefix(POWER_SERIES)) in kinds and name not in given]
        tasks = []
        weather: dict[tuple[date, int], Days] = {}  # first day, minutes → days with it
        for name in names[:MOST]:
            with self._store.transaction() as tx:
                observed = actuals.known(tx, POWER_SERIES + name, now, now - HISTORY, now)
            if not observed:
                continue
            minutes = max(slot_minutes(observed), self._settings.isp_minutes)
            days = days_of(observed, self._settings.time_zone, minutes, country=self._settings.forecasts.country)
            lying = (days.first, days.minutes)
            if lying not in weather:
                with self._store.transaction() as tx:
                    weather[lying] = with_inputs(tx, days, period, now, (WEATHER,))
            told = weather[lying]
            days = replace(days, inputs=told.inputs, input_names=told.input_names)
            tasks.append(
                Task(series=POWER_SERIES + name, days=days, row=days.row(period.day),
                     model=ALIKE if days.inputs is None else BY_WEATHER,
                     bands=len(names) <= WITH_BANDS)
            )  # fmt: skip
        made: dict[str, ForecastRun] = {}
        why: dict[str, str] = dict.fromkeys(names[MOST:], f"at most {MOST} resources are forecast one by one")
        for task, one in zip(tasks, self._make(tasks, self._settings.forecasts.budget_s), strict=True):
            name = task.series.removeprefix(POWER_SERIES)
            if isinstance(one, str):
                why[name] = one
                continue
            if kinds[name]:
                one = clipped_at_zero(one)
            made[name] = run_of(task, one, period, now)
            with self._store.transaction() as tx:
                forecast_runs.put(tx, made[name], now)
        open_ones = [one for one in wanted if one.resource not in given]
        by_site = SiteForecasts(self._store, self._settings, self._clock).powers(period, open_ones, made)
        failed = [f"{POWER_SERIES}{name}: {words}" for name, words in why.items() if name not in by_site]
        with self._store.transaction() as tx:
            if failed:
                whose = number_of(len(failed), "measured resource is", "measured resources are")
                text = f"{whose} not forecast for {period}, the first: {failed[0]}"
                day.raise_alarm(tx, FAILED, ALL, text, now)
            else:
                day.recover(tx, FAILED, ALL, now)
        log.info("forecast.loads", period=str(period), made=len(made), by_site=len(by_site), failed=len(failed))
        return len(made) + len(by_site)


def forecast_resources(tx: Tx) -> list[Cold]:
    """Return the resources of the kinds whose power is forecast, by kind."""
    chosen = [kind for kind in KINDS if POWER in kind.follows]
    whole = register.load_tables(tx, *(kind.table for kind in chosen))
    return [
        Cold(resource=row.resource, connection=row.connection, table=kind.table, produces=kind.produces)
        for kind in chosen
        for row in whole.of(kind.row)
    ]
