"""Imbalance prices minutes ahead, forecast while a Period runs, each time that a newer price is known.

They are shown and kept; plans react to the last known price (agr.planning.reaction), which earned more where both were
tried: benchmarks/measurements.md. They learn once a day, and nothing of them stops a plan.
"""

from datetime import date, datetime, timedelta

import numpy as np
import structlog
from numpy.typing import NDArray

from agr.domain.errors import StoreError
from agr.domain.isp import Clock, Period, clock_minutes
from agr.forecasting import ForecastModelError, Observed
from agr.forecasting.admission import admitted
from agr.forecasting.days import DAY_MINUTES
from agr.forecasting.imbalance import NAME, MinutesAhead, learned
from agr.operations.forecast_rows import FAILED, REFUSED, SeriesOutcome
from agr.settings import Settings
from agr.store import actuals, day, forecast_runs
from agr.store.actuals import Actual
from agr.store.engine import Store, Tx
from agr.store.forecast_runs import ForecastRun

Floats = NDArray[np.float64]
log = structlog.get_logger()
HISTORY = timedelta(days=90)
_OLDEST = timedelta(hours=2)
"""Oldest last known price from which the next ISPs are forecast."""


class ImbalanceForecasts:
    """What the running day does about imbalance prices. Learns each series once a day."""

    def __init__(self, store: Store, settings: Settings, clock: Clock) -> None:
        self._store, self._settings, self._clock = store, settings, clock
        self._learned: dict[str, tuple[date, MinutesAhead]] = {}

    def look(self, period: Period) -> list[SeriesOutcome]:
        """Forecast the ISPs to come of a running Period, where prices are newer; never raises but StoreError."""
        if not self._settings.forecasts.enabled:
            return []
        market, now = self._settings.markets.imbalance, self._clock.now()
        found = []
        for series in (market.shortage_series, market.surplus_series):
            try:
                with self._store.transaction() as tx:
                    found.append(self._one(tx, series, period, now))
                    day.recover(tx, FAILED, series, now)
            except StoreError:
                raise
            except Exception as error:
                log.exception("forecasts.failed", series=series)
                with self._store.transaction() as tx:
                    day.raise_alarm(tx, FAILED, series, f"forecasting {series} failed: {error}", now)
        return found

    def _one(self, tx: Tx, series: str, period: Period, now: datetime) -> SeriesOutcome:
        self._take(tx, series, now)
        known = [one for one in actuals.known(tx, series, now, now - HISTORY, now) if one.minutes == period.isp_minutes]
        if not known:
            return SeriesOutcome(series=series, run=None, words=f"no price of {period.isp_minutes} minutes is known")
        isp = timedelta(minutes=period.isp_minutes)
        until = known[-1].start + isp
        if now - until > _OLDEST:
            return SeriesOutcome(series=series, run=None, words=f"nothing is known since {until.isoformat()}")
        before = forecast_runs.newest(tx, series, period.day, now, given=False)
        if before is not None and before.known_until == until:
            return SeriesOutcome(series=series, run=before.id, words="no newer price is known")
        line = np.full((until - known[0].start) // isp, np.nan)  # one price per ISP, up to the newest
        for one in known:
            line[(one.start - known[0].start) // isp] = one.value
        newest = (known[-1].start - period.start) // isp  # ISPs from the Period's start on; below 0: the day before
        try:
            model = self._model(series, line, known[0].start, period)
        except ForecastModelError as error:
            return SeriesOutcome(series=series, run=None, words=str(error))
        to_come = _slots(until, max(period.isp_count - 1 - newest, 0), period)
        recent = line[-4:]
        recent = np.where(np.isfinite(recent), recent, line[-1])
        line = np.concatenate([line, model(recent, to_come)])
        first = len(line) - period.isp_count
        mean = np.concatenate([np.full(max(-first, 0), np.nan), line[max(first, 0) :]])
        mean = np.where(np.isfinite(mean), mean, model.usual[_slots(period.start, period.isp_count, period)])
        run = ForecastRun(
            series=series, model=NAME, made_at=now, period=period.day, minutes=period.isp_minutes, mean=mean,
            known_until=until, notes=(f"known until {until.astimezone(period.tz):%H:%M}",),
        )  # fmt: skip
        number = forecast_runs.put(tx, run, now, planned_with=False)
        return SeriesOutcome(series=series, run=number, words=f"by {NAME}")

    def _model(self, series: str, line: Floats, first: datetime, period: Period) -> MinutesAhead:
        """Return what was learned about a series today."""
        when, model = self._learned.get(series, (None, None))
        slots = DAY_MINUTES // period.isp_minutes
        if model is None or when != period.day or len(model.usual) != slots:
            model = learned(line, _slots(first, len(line), period), slots)
            self._learned[series] = period.day, model
        return model

    def _take(self, tx: Tx, series: str, now: datetime) -> None:
        """Store new prices of ISPs that are over as actuals; refused ones are one alarm."""
        new = [
            Observed(start=price.start, minutes=price.minutes, value=price.value)
            for price in actuals.prices_not_taken(tx, series)
            if price.start + timedelta(minutes=price.minutes) <= now
        ]
        earlier = actuals.known(tx, series, now, now - HISTORY, now) if new else ()
        places, refusals = admitted(new, now, self._settings.time_zone, price=True, earlier=earlier)
        actuals.put(tx, [
            Actual(series=series, observed=new[n], received_at=_known_at(new[n], now)) for n in places
        ])  # fmt: skip
        if refusals:
            text = f"{len(refusals)} of {len(new)} prices of {series} are not learned from, the first because "
            day.raise_alarm(tx, REFUSED, series, text + refusals[0].why, now)
        else:
            day.recover(tx, REFUSED, series, now)


def _slots(first: datetime, count: int, period: Period) -> NDArray[np.int64]:
    """Return the slots of the day, by the clock, of so many ISPs from an instant on."""
    instants = (first + n * period.isp_length for n in range(count))
    return np.array(clock_minutes(instants, period.tz), dtype=np.int64) // period.isp_minutes


def _known_at(one: Observed, now: datetime) -> datetime:
    """Return when a price was known: now if its ISP has just ended; of history nobody knows, it counts from its end."""
    end = one.start + timedelta(minutes=one.minutes)
    return now if now - end < _OLDEST else end
