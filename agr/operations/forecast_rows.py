"""What forecasts of prices and of powers have in common: the length of slots, and how a forecast is stored."""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from hashlib import sha256

import numpy as np
from numpy.typing import NDArray

from agr.domain.isp import Period
from agr.forecasting import DayForecast, Days
from agr.forecasting.forecast import VERSION
from agr.forecasting.models.registry import ALIKE
from agr.operations.forecast_worker import Task, make
from agr.store.forecast_runs import ForecastRun

Floats = NDArray[np.float64]
FAILED, REFUSED = "forecast failed", "forecast input refused"
"""Kinds of alarms."""


@dataclass(frozen=True, kw_only=True)
class SeriesOutcome:
    """What came of one series: the number of its run, or why there is none."""

    series: str
    run: int | None
    words: str


def run_of(task: Task, made: DayForecast, period: Period, made_at: datetime) -> ForecastRun:
    """Return a forecast as it is stored: by intervals of the Period, with what it was made from."""
    days, of = task.days, Period(period.day, period.zone_name, task.days.minutes)
    newest = of.day - timedelta(days=made.lead)
    digest = sha256(days.known(task.row).values.tobytes() + f"{days.first} {task.row} {made.model}".encode())
    if days.inputs is not None:
        digest.update(days.inputs[:, : task.row + 1].tobytes() + " ".join(days.input_names).encode())
    return ForecastRun(
        series=task.series, model=made.model, made_at=made_at, period=period.day, minutes=days.minutes,
        mean=days.on(made.mean, of), version=VERSION, known_until=Period(newest, of.zone_name, of.isp_minutes).end,
        quantiles=None if made.quantiles is None else _each(days, made.quantiles, of),
        features_hash=digest.hexdigest(), notes=made.notes,
    )  # fmt: skip


def with_moment(run: ForecastRun, now: datetime) -> ForecastRun:
    """Return the run, with a note where it was made after the moment it says."""
    if run.made_at >= now:
        return run
    words = f"made afterwards, at {now.isoformat(timespec='minutes')}, from what was known then"
    return replace(run, notes=(*run.notes, words))


def simpler(task: Task, why: str) -> DayForecast | str:
    """Return the mean of alike days where a model made no forecast in time, or died; else why there is none."""
    made = make(replace(task, model=ALIKE, bands=False))
    if isinstance(made, str):
        return made
    return replace(made, notes=(f"{task.model}: {why}: {ALIKE} stand in", *made.notes))


def clipped_at_zero(made: DayForecast) -> DayForecast:
    """Return the forecast of a generator: not above zero, for it does not consume."""
    quantiles = None if made.quantiles is None else np.minimum(made.quantiles, 0.0)
    return replace(made, mean=np.minimum(made.mean, 0.0), quantiles=quantiles)


def from_zero(made: DayForecast) -> DayForecast:
    """Return the forecast of what is never negative."""
    quantiles = None if made.quantiles is None else np.maximum(made.quantiles, 0.0)
    return replace(made, mean=np.maximum(made.mean, 0.0), quantiles=quantiles)


def _each(days: Days, quantiles: Floats, of: Period) -> Floats:
    return np.array([days.on(one, of) for one in quantiles])
