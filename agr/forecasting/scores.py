"""How good forecasts were, against what happened and against the naive forecast. All shapes (K,N): days by slots."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from agr.forecasting.quantiles import LEVELS

Floats = NDArray[np.float64]
_EIGHTY = (LEVELS.index(0.1), LEVELS.index(0.9))


@dataclass(frozen=True, kw_only=True)
class Score:
    """Scores over the days that have both forecast and actual values; None: unknown."""

    days: int
    mae: float  # mean absolute error, in the series' unit
    bias: float  # mean of forecast minus actual
    relative_mae: float | None  # mae / mae of the naive forecast; below 1 is better than naive
    crps: float | None  # continuous ranked probability score, in the series' unit; lower is better
    crps_skill: float | None  # 1 − crps / crps of the naive forecast; above 0 is better than naive
    coverage: float | None  # share of actual values inside the 80 % band
    kendall: float | None  # mean rank correlation within a day: what storage earns from

    @property
    def worse_than_naive(self) -> bool:
        """Whether the naive forecast was better."""
        return self.relative_mae is not None and self.relative_mae > 1


def score(
    forecast: Floats, actual: Floats, *, quantiles: Floats | None = None, naive: Floats | None = None,
    naive_quantiles: Floats | None = None,
) -> Score | None:  # fmt: skip
    """Return the scores; quantiles are (K,L,N). None where no value has both forecast and actual."""
    both = np.isfinite(forecast) & np.isfinite(actual)
    if naive is not None:
        both &= np.isfinite(naive)
    if not both.any():
        return None
    error = (forecast - actual)[both]
    mae = float(np.abs(error).mean())
    other = None if naive is None else float(np.abs((naive - actual)[both]).mean())
    own, theirs = crps(quantiles, actual, both), crps(naive_quantiles, actual, both)
    return Score(
        days=int(both.any(axis=1).sum()), mae=mae, bias=float(error.mean()),
        relative_mae=mae / other if other else None, crps=own,
        crps_skill=1 - own / theirs if own is not None and theirs else None,
        coverage=_coverage(quantiles, actual, both), kendall=_kendall(forecast, actual, both),
    )  # fmt: skip


def crps(quantiles: Floats | None, actual: Floats, both: NDArray[np.bool_] | None = None) -> float | None:
    """Return the score of quantiles (K,L,N): twice the pinball loss, integrated over all probabilities.

    Beyond the outermost levels the loss of the outermost quantile is taken to fall linearly to 0.
    """
    if quantiles is None:
        return None
    told = np.isfinite(quantiles).all(axis=1) & np.isfinite(actual)
    told = told if both is None else told & both
    if not told.any():
        return None
    values = np.moveaxis(quantiles, 1, 2)[told]  # (M,L)
    miss = actual[told][:, None] - values
    levels = np.array(LEVELS)
    loss = np.maximum(levels * miss, (levels - 1) * miss).mean(axis=0)
    ends = np.concatenate([[0.0], loss, [0.0]])
    return float(2 * np.trapezoid(ends, np.concatenate([[0.0], levels, [1.0]])))


def _coverage(quantiles: Floats | None, actual: Floats, both: NDArray[np.bool_]) -> float | None:
    if quantiles is None:
        return None
    low, high = quantiles[:, _EIGHTY[0]], quantiles[:, _EIGHTY[1]]
    told = both & np.isfinite(low) & np.isfinite(high)
    return float(((actual >= low) & (actual <= high))[told].mean()) if told.any() else None


def _kendall(forecast: Floats, actual: Floats, both: NDArray[np.bool_]) -> float | None:
    """Return the mean over days of Kendall's τ-b."""
    found = [tau for f, a, b in zip(forecast, actual, both, strict=True) if b.sum() > 2
             and (tau := kendall(f[b], a[b])) is not None]  # fmt: skip
    return float(np.mean(found)) if found else None


def kendall(one: Floats, other: Floats) -> float | None:
    """Return Kendall's τ-b of two rows; None where one of them is constant."""
    first, second = (np.sign(values[:, None] - values[None, :]) for values in (one, other))
    norm = np.sqrt((first**2).sum() * (second**2).sum())
    return float((first * second).sum() / norm) if norm else None
