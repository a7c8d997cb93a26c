"""The quantile levels of every forecast, and how a forecast and past errors become quantiles: adaptive conformal bands.

The error of the past days at the same time of day (and a slot before and after) is added to the forecast. A band that
has covered too little lately is widened: its level moves by `_GAIN` times the share it missed, day after day.
Source: I. Gibbs, E. Candès, Adaptive conformal inference under distribution shift, NeurIPS 2021.
"""

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

LEVELS = (0.025, *(round(0.05 * n, 2) for n in range(1, 20)), 0.975)
"""Probabilities of the quantiles, ascending; the middle one is the median."""
MIDDLE = len(LEVELS) // 2
WINDOW = 60
"""Past days whose errors make the bands. A larger number makes steadier bands that follow the market later."""
LEAST = 14
"""Fewest days of errors that make bands."""
_GAIN = 0.03
_WIDEST = 0.995


def bands(forecasts: Floats, errors: Floats) -> Floats:
    """Return quantiles (K,L,N) of the forecasts (K,N) of consecutive days, the last of which may still be to come.

    `errors` (J,N), actual minus forecast, of the days before and during them: day k of the forecasts sees only the
    first J − K + k rows where the last forecast has no error yet (J = K − 1 + days before). Days with fewer than LEAST
    errors before them are NaN. Quantiles ascend.
    """
    before = len(errors) - (len(forecasts) - 1)
    coverage = np.array([LEVELS[-1 - n] - LEVELS[n] for n in range(MIDDLE)])
    level = coverage.copy()
    found = np.full((len(forecasts), len(LEVELS), forecasts.shape[1]), np.nan)
    for day in range(LEAST, len(errors) + 1):
        past = _pooled(errors[max(day - WINDOW, 0) : day])
        low, high = _between(past, level)
        k = day - before
        if 0 <= k < len(forecasts):
            inner = np.nanquantile(past, 0.5, axis=0)[None]
            offsets = np.concatenate([low, inner, high[::-1]])
            found[k] = np.sort(forecasts[k] + offsets, axis=0)
        if day < len(errors) and np.isfinite(errors[day]).any():
            known = np.isfinite(errors[day])
            inside = (errors[day] >= low) & (errors[day] <= high)
            covered = inside[:, known].mean(axis=1)
            level = np.clip(level + _GAIN * (coverage - covered), 0.01, _WIDEST)
    return found


def _pooled(errors: Floats) -> Floats:
    """Return errors (3·D,N): those of a slot and of its two neighbours."""
    return np.concatenate([errors, np.roll(errors, 1, axis=1), np.roll(errors, -1, axis=1)])


def _between(past: Floats, level: Floats) -> tuple[Floats, Floats]:
    """Return the lower and upper ends (P,N) of the bands with these coverages (P,)."""
    quantile = np.quantile if np.isfinite(past).all() else np.nanquantile  # the latter is ten times slower
    both: Floats = quantile(past, np.concatenate([(1 - level) / 2, (1 + level) / 2]), axis=0)
    return both[: len(level)], both[len(level) :]
