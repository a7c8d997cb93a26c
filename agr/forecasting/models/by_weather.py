"""Alike days, corrected by how the weather of the day differs from theirs: for loads and roofs.

    forecast[n] = mean of alike days[n] + Σ_k b[k,n] · (input_k[n] − mean of input_k on the same days[n])

b[k,n] is learned from the known days, each against the alike days before it, by least squares with a penalty that draws
it to zero (ridge), for every slot from its own and the neighbouring hour's values. Without inputs it is alike days.
"""

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from agr.forecasting.days import Days
from agr.forecasting.models.lear import clipped
from agr.forecasting.models.naive import AlikeDays, filled
from agr.forecasting.models.protocols import Fitted, Floats, ForecastModelError

_PENALTY = 20.0
"""Weight of the ridge penalty on the coefficients of standardised inputs; a larger one draws them closer to zero."""
_LEAST = 20


@dataclass(frozen=True)
class ByWeather:
    """The model; see above."""

    name: str = "alike days by weather"
    least_days: int = 60
    alike: AlikeDays = field(default_factory=AlikeDays)

    def fit(self, known: Days, lead: int) -> Fitted:
        """Learn the coefficients. Raises ModelError where too few days have their weather."""
        if known.inputs is None:
            return self.alike
        pairs = [_apart(known, row, lead, self.alike.count) for row in range(14 + lead, len(known.values))]
        x, y = np.array([one for one, _ in pairs]), np.array([one for _, one in pairs])  # (R,K,N), (R,N)
        good = np.isfinite(x).all(axis=(1, 2)) & np.isfinite(y).all(axis=1) if len(pairs) else np.zeros(0, dtype=bool)
        if good.sum() < _LEAST:
            raise ForecastModelError(f"the weather of only {int(good.sum())} days is known; {_LEAST} are needed")
        x, y = x[good], y[good]
        scale = np.maximum(x.std(axis=(0, 2)), 1e-9)  # (K,)
        return _Fitted(self.alike, _ridge(x / scale[:, None], y) / scale[:, None])


@dataclass(frozen=True, eq=False)
class _Fitted:
    alike: AlikeDays
    slope: Floats  # (K,N)

    def __call__(self, known: Days, lead: int) -> Floats:
        row = len(known.values) - 1 + lead
        differs, _ = _apart(known, row, lead, self.alike.count)
        correction = (self.slope * np.where(np.isfinite(differs), differs, 0.0)).sum(axis=0)
        return clipped(self.alike(known, lead) + correction, known)


def _apart(known: Days, row: int, lead: int, count: int) -> tuple[Floats, Floats]:
    """Return by how much inputs (K,N) and values (N,) of a day differ from their means on alike days before it."""
    assert known.inputs is not None
    rows = row - lead + 1
    kinds: NDArray[np.int64] = np.maximum(known.kinds(row + 1), 4)
    alike = np.flatnonzero((kinds[:rows] == kinds[row]) & known.complete[:rows])[-count:]
    if not len(alike):
        alike = np.arange(max(rows - count, 0), rows)
    differs = known.inputs[:, row] - known.inputs[:, alike].mean(axis=1)
    if row >= len(known.values):
        return differs, np.full(known.slots, np.nan)
    return differs, known.values[row] - filled(known.values[alike].mean(axis=0), known)


def _ridge(x: Floats, y: Floats) -> Floats:
    """Return the coefficients (K,N) of y (R,N) on x (R,K,N)."""
    count, slots = x.shape[1], x.shape[2]
    near = max(slots // 24, 1)
    found = np.zeros((count, slots))
    for slot in range(slots):
        places = np.arange(max(slot - near, 0), min(slot + near + 1, slots))
        a = np.moveaxis(x[:, :, places], 1, 2).reshape(-1, count)
        b = y[:, places].reshape(-1)
        found[:, slot] = np.linalg.solve(a.T @ a + _PENALTY * np.eye(count), a.T @ b)
    return found
