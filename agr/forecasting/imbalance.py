"""Imbalance prices minutes ahead: what the next ISPs are expected to be settled for, from the last known ones. Pure.

For the ISP k after the newest known one, by least squares on the past, with a penalty on coefficients (ridge):

    price[t+k] = b₀ + b₁·price[t] + b₂·price[t−1] + b₃·mean(price[t−3..t]) + b₄·usual[t+k]

`usual` is the mean of that time of day over the weeks before, by the clock: a slot is a part of a day of 24 hours, and
the change to winter time runs through four of 15 minutes twice. Prices are clipped to the 1 % and 99 % quantiles of
past ones before they are learned from: single spikes would decide everything. Far ahead only the usual price is left; a
day ahead imbalance prices cannot be forecast, and no plan of a day that has not begun may see one.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from agr.forecasting.models.protocols import ForecastModelError

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
LEADS = 8
"""ISPs ahead that have coefficients of their own; further ahead, the usual price of the time of day is expected."""
USUAL_DAYS = 28
LEAST_ISPS = 14 * 96
"""Fewest known prices from which anything is learned: 14 days of ISPs."""
NAME = "regression on the last prices"
_PENALTY = 0.01  # as a share of the rows; standardised features
_TAIL = 0.01


@dataclass(frozen=True, eq=False)
class MinutesAhead:
    """What was learned of one series; call it with the newest prices."""

    slope: Floats  # (K,F)
    start: Floats  # (K,)
    usual: Floats  # (S,) by slot of the day
    low: float
    high: float

    def __call__(self, recent: Floats, slots: Ints) -> Floats:
        """Return the prices expected in the ISPs after the newest known one, (N,).

        recent (R,), R ≥ 1: the newest known prices, oldest first, without gaps; slots (N,): those of the ISPs to come.
        """
        found = self.usual[slots]
        last = np.clip(recent[-4:], self.low, self.high)
        now = np.array([last[-1], last[max(len(last) - 2, 0)], last.mean()])
        for k in range(min(len(slots), LEADS)):
            found[k] = self.start[k] + self.slope[k] @ np.append(now, self.usual[slots[k]])
        return np.clip(found, self.low, self.high)


def learned(prices: Floats, slot: Ints, slots: int) -> MinutesAhead:
    """Learn from prices (T,), NaN where unknown, each in its slot (T,) of a day with so many. Raises ModelError."""
    known = np.isfinite(prices)
    if known.sum() < LEAST_ISPS * slots // 96:
        least = LEAST_ISPS // 96
        raise ForecastModelError(f"{int(known.sum())} prices are known; those of {least} days are needed")
    low, high = (float(one) for one in np.quantile(prices[known], [_TAIL, 1 - _TAIL]))
    clipped = np.clip(prices, low, high)
    usual = _usual(clipped[-USUAL_DAYS * slots :], slot[-USUAL_DAYS * slots :], slots)
    past = _usual(clipped, slot, slots)  # to learn from: of the whole time
    x = np.stack([clipped[3:], clipped[2:-1], _mean_of_four(clipped)], axis=1)  # (T−3,3), of t = 3…
    slope, start = np.zeros((LEADS, x.shape[1] + 1)), np.zeros(LEADS)
    for k in range(LEADS):
        now = np.column_stack([x[: len(x) - k - 1], past[slot[4 + k :]]])
        ahead = clipped[4 + k :]
        good = np.isfinite(now).all(axis=1) & np.isfinite(ahead)
        slope[k], start[k] = _ridge(now[good], ahead[good])
    return MinutesAhead(slope=slope, start=start, usual=usual, low=low, high=high)


def _mean_of_four(prices: Floats) -> Floats:
    means: Floats = np.lib.stride_tricks.sliding_window_view(prices, 4).mean(axis=1)
    return means


def _usual(prices: Floats, slot: Ints, slots: int) -> Floats:
    known = np.isfinite(prices)
    count = np.bincount(slot[known], minlength=slots)
    total = np.bincount(slot[known], weights=prices[known], minlength=slots)
    means: Floats = np.divide(total, count, out=np.full(slots, prices[known].mean()), where=count > 0)
    return means


def _ridge(x: Floats, y: Floats) -> tuple[Floats, float]:
    """Return the coefficients (F,) and the constant of y (R,) on x (R,F)."""
    middle, scale = x.mean(axis=0), np.maximum(x.std(axis=0), 1e-9)
    z = (x - middle) / scale
    penalty = _PENALTY * len(y) * np.eye(x.shape[1])
    slope = np.linalg.solve(z.T @ z + penalty, z.T @ (y - y.mean())) / scale
    return slope, float(y.mean() - slope @ middle)
