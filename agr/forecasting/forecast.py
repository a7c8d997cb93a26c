"""Makes one forecast of a series: chooses the model, lets it learn, adds bands, and says what stood in for what.

Under 14 known days nothing is forecast: the series is refused, the plan is not. From 14 to 59 it is the mean of alike
days. From 60 on the chosen model forecasts, or the naive one when the chosen one was worse over the last 14 days.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from agr.forecasting.days import Days
from agr.forecasting.inputs import usable
from agr.forecasting.models.naive import filled
from agr.forecasting.models.protocols import Fitted, ForecastModelError, Model
from agr.forecasting.models.registry import ALIKE, BEST, BY_WEATHER, NAIVE, FittedMean, model
from agr.forecasting.quantiles import LEAST, LEVELS, MIDDLE, bands
from agr.forecasting.rolling import Rolled, rolling
from agr.forecasting.scores import score

Floats = NDArray[np.float64]
LEAST_DAYS = 14
"""Fewest known days from which a series is forecast."""
TRIAL_DAYS = 14
"""Days over which a model must do no worse than the naive one to be used."""
_CALIBRATION = 74
"""Past days that are forecast again to learn from the errors: those that make the bands, and those before by which the
forecast adapts."""
_REFIT = 37
LARGEST_LEAD = 7
"""Most days from the newest whole day of a series to the day forecast; an older series is refused, since its source has
stopped."""
VERSION = "1"


@dataclass(frozen=True, kw_only=True)
class Forecasting:
    """How to forecast."""

    model: str = BEST
    bands: bool = True  # without them it is faster
    progress: Callable[[str, int, int], None] = lambda _what, _done, _of: None


@dataclass(frozen=True, kw_only=True, eq=False)
class DayForecast:
    """A forecast of one day by wall-clock slots. Values in the series' unit."""

    model: str
    mean: Floats  # (N,)
    quantiles: Floats | None  # (L,N), ascending; None: too few errors are known
    notes: tuple[str, ...]  # what stood in for what, in words
    lead: int  # days from the newest whole day to this one


def forecast(days: Days, row: int, how: Forecasting | None = None) -> DayForecast:
    """Forecast the day of a row from the rows before it that are known. Raises ModelError, saying why not."""
    how = how or Forecasting()
    notes: list[str] = []
    known = _gapless(days.known(row), notes)
    rows = len(known.values)
    if rows < LEAST_DAYS:
        raise ForecastModelError(f"only {rows} days are known; {LEAST_DAYS} are needed")
    lead = row - rows + 1
    if lead > LARGEST_LEAD:
        raise ForecastModelError(f"nothing is known since {known.day(rows - 1)}; look at its source")
    known = usable(known, row, notes)
    chosen = model(ALIKE if how.model == BY_WEATHER and known.inputs is None else how.model)
    if rows < chosen.least_days:
        notes.append(f"only {rows} days are known, {chosen.name} needs {chosen.least_days}: {ALIKE} stand in")
        chosen = model(ALIKE)
    try:
        fitted = chosen.fit(known, lead)
    except ForecastModelError as error:
        notes.append(f"{chosen.name}: {error}: {ALIKE} stand in")
        chosen = model(ALIKE)
        fitted = chosen.fit(known, lead)
    notes += _missing(fitted)
    name = chosen.name if not isinstance(fitted, FittedMean) or not fitted.missing else fitted.learned[0][0]
    tried = _tried(known, chosen, lead, how)
    if chosen.name != NAIVE and tried is not None:
        naive = rolling(known, model(NAIVE), tried.first, tried.first + len(tried.forecast), lead=lead)
        last = slice(-TRIAL_DAYS, None)
        against = score(tried.forecast[last], tried.actual[last], naive=naive.forecast[last])
        if against is not None and against.worse_than_naive:
            notes.append(
                f"{name} was worse than naive over the last {TRIAL_DAYS} days (relative error "
                f"{against.relative_mae:.2f}): naive takes over"
            )
            chosen, name, tried = model(NAIVE), NAIVE, naive
            fitted = chosen.fit(known, lead)
    point = fitted(known, lead)
    quantiles = None if tried is None or not how.bands else _bands(point, tried)
    return DayForecast(model=name, mean=point, quantiles=quantiles, notes=tuple(notes), lead=lead)


def _gapless(known: Days, notes: list[str]) -> Days:
    """Leave out what is not known yet at the end; fill gaps from the week before, and say so of large ones."""
    usable = np.flatnonzero(np.isfinite(known.values).mean(axis=1) >= 0.75)
    known = known.known(int(usable[-1]) + 1 if len(usable) else 0)
    holes = np.flatnonzero(~known.complete)
    if not len(holes):
        return known
    values = known.values.copy()
    recent = 0
    for row in holes:
        values[row] = filled(known.values[row], known.known(int(row))) if row else filled(known.values[0], known)
        recent += int(row >= len(values) - 60 and np.isnan(known.values[row]).mean() > 0.25)
    if recent:
        notes.append(f"{recent} of the last 60 days miss more than a quarter of their values; earlier days stand in")
    return replace(known, values=values)


def _missing(fitted: Fitted) -> list[str]:
    if not isinstance(fitted, FittedMean):
        return []
    alone = " and ".join(name for name, _ in fitted.learned)
    return [f"{name}: {why}: {alone} alone" for name, why in fitted.missing]


def _tried(known: Days, chosen: Model, lead: int, how: Forecasting) -> Rolled | None:
    """Forecast the last days again, each from the days before it; None where too few are known for that."""
    rows = len(known.values)
    first = max(rows - (_CALIBRATION if how.bands else TRIAL_DAYS), min(chosen.least_days, rows) + lead, LEAST_DAYS)
    if rows - first < (LEAST if how.bands else 7):
        return None
    try:
        return rolling(
            known, chosen, first, rows, lead=lead, refit_days=_REFIT,
            progress=lambda done, of: how.progress(chosen.name, done, of),
        )  # fmt: skip
    except ForecastModelError:
        return None


def _bands(point: Floats, tried: Rolled) -> Floats | None:
    found = bands(np.concatenate([tried.forecast, point[None]]), tried.errors)[-1]
    return found if np.isfinite(found).all() else None


def quantile_of(quantiles: Floats, level: float) -> Floats:
    """Return one of the stored quantiles, (N,)."""
    found: Floats = quantiles[LEVELS.index(level)]
    return found


__all__ = ["LEVELS", "MIDDLE", "DayForecast", "Forecasting", "forecast", "quantile_of"]
