"""The scoreboard: how good the stored forecasts of a series were, model by model, those that users gave beside ours."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

import numpy as np
from numpy.typing import NDArray

from agr.domain.isp import period_of
from agr.forecasting import Days, Score, days_of, model, rolling, score, slot_minutes
from agr.forecasting.inputs import INPUT_SERIES, WEATHER, usable
from agr.forecasting.models.registry import GIVEN, NAIVE
from agr.forecasting.quantiles import LEVELS
from agr.forecasting.sessions import of_sessions
from agr.forecasting.storage_value import worth
from agr.operations.forecast_inputs import with_inputs
from agr.operations.forecast_series import lead_of
from agr.operations.forecasts import HISTORY
from agr.settings import Settings
from agr.store import actuals, forecast_runs
from agr.store.engine import Tx
from agr.store.forecast_runs import POWER_SERIES, ForecastRun

Floats = NDArray[np.float64]
OURS = "ours"
"""Stands for the forecasts that plans are made with: all runs not given by users, whichever model made them."""


@dataclass(frozen=True, kw_only=True)
class ScoreRow:
    """One line of the scoreboard."""

    model: str
    score: Score
    lost_eur_per_day: float | None = None  # by the battery of reference against foresight; None: not asked for

    @property
    def words(self) -> str:
        """What the model is to a reader."""
        return {GIVEN: "given by you", OURS: "ours", NAIVE: "naive"}.get(self.model, self.model)


def scoreboard(
    tx: Tx, settings: Settings, series: str, first: date, last: date, as_of: datetime, *, money: bool = False
) -> list[ScoreRow]:
    """Return the scores of the newest forecast of each Period before it began, as known at a moment; best first.

    `money`: also what a battery loses by its errors, which takes some milliseconds a day; of energy prices only.
    """
    days = known_days(tx, settings, series, as_of)
    if days is None:
        return []
    begin, end = max(days.row(first), 10), min(days.row(last) + 1, len(days.values))
    if end <= begin:
        return []
    lead = lead_of(series)
    naive = rolling(days, model(NAIVE), max(begin - 74, 8 + lead), end, lead=lead)
    skip = begin - naive.first
    naive_quantiles = naive.quantiles()[skip:]
    runs = forecast_runs.between(tx, series, first, last, as_of)
    rows = []
    for name in (GIVEN, OURS):
        mine = [run for run in runs if run.given == (name == GIVEN)]
        mean, quantiles = on_slots(days, mine, begin, end)
        found = score(
            mean, naive.actual[skip:], quantiles=quantiles, naive=naive.forecast[skip:],
            naive_quantiles=naive_quantiles,
        )  # fmt: skip
        if found is not None:
            rows.append(
                ScoreRow(model=name, score=found, lost_eur_per_day=_lost(mean, naive.actual[skip:], asked=money))
            )
    own = score(naive.forecast[skip:], naive.actual[skip:], quantiles=naive_quantiles, naive=naive.forecast[skip:])
    if own is not None:
        lost = _lost(naive.forecast[skip:], naive.actual[skip:], asked=money)
        rows.append(ScoreRow(model=NAIVE, score=own, lost_eur_per_day=lost))
    return sorted(rows, key=lambda row: row.score.relative_mae or 0.0)


def _lost(forecast: Floats, actual: Floats, *, asked: bool) -> float | None:
    found = worth(forecast, actual) if asked else None
    return found.lost_eur_per_day if found is not None and found.days else None


def known_days(tx: Tx, settings: Settings, series: str, as_of: datetime) -> Days | None:
    """Return the values of a series that were known by then; None for none."""
    known = actuals.known(tx, series, as_of, as_of - HISTORY)
    if not known:
        return None
    return days_of(known, settings.time_zone, slot_minutes(known), country=settings.forecasts.country)


def training_days(
    tx: Tx, settings: Settings, series: str, as_of: datetime, notes: list[str]
) -> Days | None:  # fmt: skip
    """Return what was known of a series by then, with the inputs that plans forecast it from; None for nothing.

    Inputs of each day are those of the moment of its first plan. Says in `notes` which cannot be used yet.
    """
    days = known_days(tx, settings, series, as_of)
    if days is None or of_sessions(series):
        return days
    last = days.period(len(days.values) - 1)
    moment = dict(settings.timetable.moments(last))["first_plan"]
    begins = (WEATHER,) if series.startswith(POWER_SERIES) else INPUT_SERIES
    return usable(with_inputs(tx, days, last, min(moment, as_of), begins), days.row(last.day), notes)


def on_slots(days: Days, runs: Sequence[ForecastRun], begin: int, end: int) -> tuple[Floats, Floats]:
    """Return the newest of the runs of each day made before it began: means (K,N), quantiles (K,L,N), NaN for none."""
    mean = np.full((end - begin, days.slots), np.nan)
    quantiles = np.full((end - begin, len(LEVELS), days.slots), np.nan)
    for run in runs:  # oldest first, so that the newest stays
        period = days.period(days.row(run.period))
        row = days.row(run.period) - begin
        if run.made_at >= period.start or not 0 <= row < end - begin:
            continue
        mean[row] = days.by_the_clock(run.mean, run.minutes, period)
        quantiles[row] = np.nan
        if run.quantiles is not None:
            quantiles[row] = [days.by_the_clock(one, run.minutes, period) for one in run.quantiles]
    return mean, quantiles


def last_days(settings: Settings, now: datetime, count: int) -> tuple[date, date]:
    """Return the first and the last of so many local days that end with today."""
    today = period_of(now, settings.time_zone, settings.isp_minutes).day
    return today - timedelta(days=count - 1), today
