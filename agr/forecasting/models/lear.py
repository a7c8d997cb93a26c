"""LEAR of our own: per hour a linear model of past hours with few coefficients, averaged over training windows.

    minimise  ½ ‖y − X b‖² + λ ‖b‖₁      for every hour of the day, λ by Akaike's criterion along a path

X (D,F): the hourly means of the last known day, of the two before it, and of the same weekday last week; the kind of
day; inputs of the day itself. Values are standardised by median and mean deviation and squeezed by asinh, which tames
spikes. All hours share X, so they are solved at once, with products of F×F by F×N. Source of the idea: B. Uniejewski,
J. Nowotarski, R. Weron, Energies 9 (2016) 621; J. Lago et al., Applied Energy 293 (2021) 116983.
"""

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from agr.forecasting.days import Days
from agr.forecasting.models.naive import week_before
from agr.forecasting.models.protocols import Fitted, Floats, ForecastModelError

WINDOWS = (84, 182, 364, 728)
"""Days of each training window; a window longer than the known history takes all of it."""
_PATH = np.geomspace(0.3, 0.004, 14)
"""Values of λ tried, as shares of the smallest λ for which every coefficient is zero; smaller ones overfit more and
take longer."""
_STEPS, _CLOSE = 200, 1e-4
"""Most steps for each λ, and the change of a coefficient below which they end; more steps or a smaller change are more
exact and slower."""
_RANGE_DAYS, _BEYOND = 28, 0.1
"""Forecasts are clipped to the range of the last _RANGE_DAYS, widened by _BEYOND of it on both sides: linear models
have no bounds."""


def clipped(forecast: Floats, known: Days) -> Floats:
    """Return a forecast within the range of the last weeks, plus a tenth of it on both sides."""
    recent = known.values[-_RANGE_DAYS:]
    low, high = float(np.nanmin(recent)), float(np.nanmax(recent))
    return np.clip(forecast, low - _BEYOND * (high - low), high + _BEYOND * (high - low))


@dataclass(frozen=True)
class Lear:
    """The model; see above."""

    name: str = "LEAR"
    least_days: int = 60

    def fit(self, known: Days, lead: int) -> Fitted:
        """Learn one linear model per window. Raises ModelError when too few days are complete."""
        windows = sorted({min(window, len(known.values)) for window in WINDOWS})
        hourly = _hourly(known)
        return _Fitted(tuple(_fit(hourly, lead, window) for window in windows))


@dataclass(frozen=True, eq=False)
class _Window:
    """One window's coefficients."""

    middle: float
    spread: float
    mean: Floats  # (F,)
    scale: Floats  # (F,)
    start: Floats  # (N,)
    slope: Floats  # (F,N)


@dataclass(frozen=True, eq=False)
class _Fitted:
    windows: tuple[_Window, ...]

    def __call__(self, known: Days, lead: int) -> Floats:
        hourly = _hourly(known)
        total = np.zeros(24)
        for one in self.windows:
            x = _features(hourly, lead, np.array([len(known.values) - 1 + lead]), one.middle, one.spread)[0]
            x = np.where(np.isfinite(x), x, one.mean)
            z = one.start + ((x - one.mean) / one.scale) @ one.slope
            total += np.sinh(np.clip(z, -8, 8)) * one.spread + one.middle
        return clipped(np.repeat(total / len(self.windows), known.slots // 24) + _inside_hours(known), known)


def _hourly(known: Days) -> Days:
    """Return the days by hours: with quarters, a fit would take four times as long and gain nothing."""
    if known.slots == 24:
        return known
    means = known.values.reshape(len(known.values), 24, -1).mean(axis=2)
    inputs = known.inputs
    if inputs is not None:
        inputs = inputs.reshape(*inputs.shape[:2], 24, -1).mean(axis=3)
    return replace(known, values=means, minutes=60, inputs=inputs)


def _inside_hours(known: Days) -> Floats:
    """Return by how much slots differ from the mean of their hour, (N,), on average over the last weeks."""
    recent = known.values[-_RANGE_DAYS:]
    recent = recent[np.isfinite(recent).all(axis=1)]
    if known.slots == 24 or not len(recent):
        return np.zeros(known.slots)
    mean: Floats = np.repeat(recent.reshape(len(recent), 24, -1).mean(axis=2), known.slots // 24, axis=1)
    found: Floats = (recent - mean).mean(axis=0)
    return found


def _features(known: Days, lead: int, targets: NDArray[np.int64], middle: float, spread: float) -> Floats:
    z = np.arcsinh((known.values - middle) / spread)
    last = targets - lead
    parts = [z[last], z[last - 1], z[last - 2], z[targets - week_before(lead)]]
    kinds = known.kinds(int(targets.max()) + 1)[targets]
    given = () if known.inputs is None else known.inputs
    return np.hstack([*parts, np.eye(7)[kinds], *(one[targets] for one in given)])


def _fit(known: Days, lead: int, window: int) -> _Window:
    rows = len(known.values)
    earliest = max(rows - window, lead + 2, week_before(lead))
    recent = known.values[earliest:]
    middle = float(np.nanmedian(recent))
    spread = max(float(np.nanmean(np.abs(recent - middle))), 1e-3)
    targets = np.arange(earliest, rows)
    x = _features(known, lead, targets, middle, spread)
    if known.inputs is not None:
        x = _without_gaps(x, first=x.shape[1] - 24 * len(known.inputs))
    y = np.arcsinh((known.values[targets] - middle) / spread)
    good = np.isfinite(x).all(axis=1) & np.isfinite(y).all(axis=1)
    if good.sum() < 30:
        raise ForecastModelError(f"only {int(good.sum())} days are complete; LEAR needs 30")
    x, y = x[good], y[good]
    mean, scale, start = x.mean(axis=0), np.maximum(x.std(axis=0), 1e-6), y.mean(axis=0)
    slope = lasso_path((x - mean) / scale, y - start)
    return _Window(middle, spread, mean, scale, start, slope)


def _without_gaps(x: Floats, first: int) -> Floats:
    """Put the mean of a column where an input is not known, in the columns from the first one on."""
    given = x[:, first:]
    known = np.isfinite(given)
    count = known.sum(axis=0)
    mean = np.divide(np.where(known, given, 0.0).sum(axis=0), count, out=np.zeros(len(count)), where=count > 0)
    return np.hstack([x[:, :first], np.where(known, given, mean)])


def lasso_path(x: Floats, y: Floats) -> Floats:
    """Return the coefficients (F,N) of every column of y (D,N) on standardised x (D,F), λ chosen by Akaike's criterion.

    Columns of x have mean 0 and variance 1. A column's degrees of freedom are its coefficients that are not 0.
    """
    days = len(x)
    gram, cross = x.T @ x / days, x.T @ y / days
    slope, best = np.zeros_like(cross), np.zeros_like(cross)
    square = (y**2).mean(axis=0)
    least = days * np.log(np.maximum(square, 1e-12))
    step = 1 / max(float(np.linalg.eigvalsh(gram)[-1]), 1e-9)
    for share in _PATH:
        penalty = share * np.abs(cross).max(axis=0)
        slope = _descend(gram, cross, slope, penalty, step)
        error = square - 2 * (slope * cross).sum(axis=0) + (slope * (gram @ slope)).sum(axis=0)
        used = (slope != 0).sum(axis=0)
        criterion = days * np.log(np.maximum(error, 1e-12)) + 2 * used
        criterion[used > days // 2] = np.inf
        better = criterion < least
        least = np.where(better, criterion, least)
        best[:, better] = slope[:, better]
    return best


def _descend(gram: Floats, cross: Floats, slope: Floats, penalty: Floats, step: float) -> Floats:
    """Improve all coefficients by accelerated proximal steps until none moves; return them.

    Source: A. Beck, M. Teboulle, SIAM J. Imaging Sci. 2 (2009) 183 (FISTA), restarted where the momentum turns.
    """
    ahead, momentum = slope, 1.0
    for _ in range(_STEPS):
        free = ahead - step * (gram @ ahead - cross)
        new = np.sign(free) * np.maximum(np.abs(free) - step * penalty, 0.0)
        moved = new - slope
        grown = (1 + np.sqrt(1 + 4 * momentum**2)) / 2
        if ((ahead - new) * moved).sum() > 0:
            grown, momentum = 1.0, 1.0
        ahead, slope, momentum = new + (momentum - 1) / grown * moved, new, grown
        if np.abs(moved).max() < _CLOSE:
            break
    found: Floats = slope
    return found
