"""Gradient boosting on the series' own past, the calendar and inputs, by LightGBM.

Values are standardised by the level and the spread of the last weeks, so that trees need not have seen today's level.
The absolute error is minimised: the forecast is the median. One thread and fixed seeds: the same input gives the same
bits.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from agr.forecasting.days import Days
from agr.forecasting.models.lear import clipped
from agr.forecasting.models.naive import week_before
from agr.forecasting.models.protocols import Fitted, Floats, ForecastModelError

_WINDOW = 730
"""Most days to learn from: two winters and two summers."""
_TREES = 220
_OPTIONS = {
    "objective": "l1", "learning_rate": 0.06, "num_leaves": 40, "min_data_in_leaf": 30, "feature_fraction": 0.7,
    "bagging_fraction": 0.8, "bagging_freq": 1, "num_threads": 1, "deterministic": True, "force_row_wise": True,
    "seed": 7, "verbosity": -1,
}  # fmt: skip
_PAST = 28


@dataclass(frozen=True)
class Boosting:
    """The model; see above."""

    name: str = "LightGBM"
    least_days: int = 60

    def fit(self, known: Days, lead: int) -> Fitted:
        """Grow trees. Raises ModelError where LightGBM cannot be loaded, or days are too few."""
        try:
            import lightgbm
        except (ImportError, OSError) as error:  # OSError: the system's OpenMP (libgomp1) is missing
            raise ForecastModelError(f"LightGBM cannot be loaded ({error}); install the system's libgomp") from error
        rows = len(known.values)
        targets = np.arange(max(rows - _WINDOW, _PAST + lead, week_before(lead) + 7), rows)
        if len(targets) < 25:
            raise ForecastModelError(f"only {len(targets)} days to learn from; LightGBM needs 25 after the first month")
        x, level, spread = _features(known, lead, targets)
        y = (known.values[targets] - level[:, None]) / spread[:, None]
        x, y = x.reshape(-1, x.shape[2]), y.reshape(-1)
        good = np.isfinite(y)
        grown = lightgbm.train(_OPTIONS, lightgbm.Dataset(x[good], y[good], free_raw_data=True), _TREES)
        return _Fitted(grown)


@dataclass(frozen=True, eq=False)
class _Fitted:
    trees: Any

    def __call__(self, known: Days, lead: int) -> Floats:
        target = np.array([len(known.values) - 1 + lead])
        x, level, spread = _features(known, lead, target)
        z = np.asarray(self.trees.predict(x[0], num_threads=1), dtype=np.float64)
        return clipped(z * spread[0] + level[0], known)


def _features(known: Days, lead: int, targets: NDArray[np.int64]) -> tuple[Floats, Floats, Floats]:
    """Return what is known before each target day, (D,N,F), and the level and spread (D,) it is standardised by."""
    v, slots = known.values, known.slots
    last, week = targets - lead, targets - week_before(lead)
    past = np.stack([v[last - n] for n in range(_PAST)], axis=1)  # (D,28,N), newest first
    with np.errstate(invalid="ignore"):
        level = np.nanmean(past[:, :7], axis=(1, 2))
        spread = np.maximum(np.nanmean(np.abs(past - level[:, None, None]), axis=(1, 2)), 1e-3)
        z = (past - level[:, None, None]) / spread[:, None, None]
        weekly = (np.stack([v[week], v[week - 7]], axis=1) - level[:, None, None]) / spread[:, None, None]
        days = len(targets)
        newest = z[:, 0]
        kinds = known.kinds(int(targets.max()) + 1)
        season = np.array([known.day(int(t)).timetuple().tm_yday for t in targets]) * (2 * np.pi / 365.25)

        def wide(per_day: Floats) -> Floats:
            return np.broadcast_to(per_day[:, None], (days, slots))

        quarter = max(slots // 24, 1)
        columns = [
            np.broadcast_to(np.arange(slots, dtype=np.float64), (days, slots)),
            wide(kinds[targets].astype(np.float64)), wide(kinds[last].astype(np.float64)),
            wide(np.sin(season)), wide(np.cos(season)),
            newest, z[:, 1], z[:, 2], weekly[:, 0], weekly[:, 1],
            np.roll(newest, quarter, axis=1), np.roll(newest, -quarter, axis=1),
            np.nanmean(z[:, :7], axis=1), np.nanmean(z, axis=1),
            np.nanmin(z[:, :7], axis=1), np.nanmax(z[:, :7], axis=1),
            wide(np.nanmean(newest, axis=1)), wide(np.nanmin(newest, axis=1)), wide(np.nanmax(newest, axis=1)),
            wide(newest[:, -1]), wide(newest[:, -3 * quarter]), wide(np.nanmean(z[:, 1], axis=1)),
            wide(np.nanmean(weekly[:, 0], axis=1)), wide(np.nanmean(np.abs(z[:, :7]), axis=(1, 2))),
            wide(level / spread),
        ]  # fmt: skip
        for one in () if known.inputs is None else known.inputs:
            columns += [one[targets], one[targets] - one[last], wide(one[targets].mean(axis=1))]
    return np.stack(columns, axis=2), level, spread
