"""Models that only copy: what every other model is measured against, and what stands in for it.

Source of the naive rule: J. Lago, G. Marcjasz, B. De Schutter, R. Weron, Applied Energy 293 (2021) 116983, §4.
"""

from dataclasses import dataclass

import numpy as np

from agr.forecasting.days import Days
from agr.forecasting.models.protocols import Fitted, Floats


def week_before(lead: int) -> int:
    """Return how many days before the target the newest known day of the same weekday lies."""
    return 7 * -(-lead // 7)


@dataclass(frozen=True)
class Naive:
    """Tuesday to Friday the last known day if it is yesterday; else the same day of last week."""

    name: str = "naive"
    least_days: int = 1

    def fit(self, known: Days, lead: int) -> Fitted:
        """Learn nothing."""
        return self

    def __call__(self, known: Days, lead: int) -> Floats:
        """Return a copy of a known day."""
        last, target = len(known.values) - 1, len(known.values) - 1 + lead
        weekday = known.day(target).weekday()
        week = target - week_before(lead)
        copied = last if (lead == 1 and 1 <= weekday <= 4) or week < 0 else week
        return filled(known.values[copied], known)


@dataclass(frozen=True)
class HalfAndHalf:
    """Half the last known day, half the same day of last week."""

    name: str = "half yesterday, half last week"
    least_days: int = 7

    def fit(self, known: Days, lead: int) -> Fitted:
        """Learn nothing."""
        return self

    def __call__(self, known: Days, lead: int) -> Floats:
        """Return the mean of two known days."""
        last = len(known.values) - 1
        week = max(last + lead - week_before(lead), 0)
        return (filled(known.values[last], known) + filled(known.values[week], known)) / 2


@dataclass(frozen=True)
class AlikeDays:
    """The mean of the newest days of the same kind: working day, Saturday, or Sunday and holiday."""

    name: str = "alike days"
    least_days: int = 7
    count: int = 8

    def fit(self, known: Days, lead: int) -> Fitted:
        """Learn nothing."""
        return self

    def __call__(self, known: Days, lead: int) -> Floats:
        """Return the mean of alike days; of all days where there is none."""
        rows = len(known.values)
        kinds = np.maximum(known.kinds(rows + lead), 4)
        alike = np.flatnonzero((kinds[:rows] == kinds[-1]) & known.complete)[-self.count :]
        chosen = known.values[alike] if len(alike) else known.values[-self.count :]
        return filled(np.nanmean(chosen, axis=0), known)


def filled(values: Floats, known: Days) -> Floats:
    """Return values with gaps filled: from the mean of the newest week's slots, else of everything."""
    if np.isfinite(values).all():
        return values.copy()
    week = known.values[-7:]
    count = np.isfinite(week).sum(axis=0)
    mean = np.divide(np.nansum(week, axis=0), count, out=np.full(week.shape[1], np.nan), where=count > 0)
    found = np.where(np.isfinite(values), values, mean)
    everything = known.values[np.isfinite(known.values)]
    return np.where(np.isfinite(found), found, everything.mean() if len(everything) else 0.0)
