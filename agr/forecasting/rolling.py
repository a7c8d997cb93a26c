"""Rolling forecasts: each day from the days before it only, learned again every so often."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from agr.forecasting.days import Days
from agr.forecasting.models.protocols import Fitted, ForecastModelError, Model
from agr.forecasting.quantiles import bands

Floats = NDArray[np.float64]


@dataclass(frozen=True, kw_only=True, eq=False)
class Rolled:
    """What a model forecast day by day, and what happened; (K,N), `first` is the row of the first day."""

    model: str
    first: int
    forecast: Floats
    actual: Floats

    @property
    def errors(self) -> Floats:
        """Actual minus forecast, (K,N)."""
        return self.actual - self.forecast

    def quantiles(self) -> Floats:
        """Return the bands of each day from the errors of the days before it, (K,L,N); NaN for the first days."""
        return bands(self.forecast, self.errors[:-1])


def rolling(
    days: Days, model: Model, first: int, last: int, *, lead: int = 1, refit_days: int = 7,
    progress: Callable[[int, int], None] = lambda _done, _of: None,
) -> Rolled:  # fmt: skip
    """Forecast the rows from first to before last; row r sees only rows up to r − lead.

    Raises ModelError when the model cannot learn at all.
    """
    found = np.full((last - first, days.slots), np.nan)
    fitted: Fitted | None = None
    for row in range(first, last):
        known = days.known(row - lead + 1)
        if fitted is None or (row - first) % refit_days == 0:
            try:
                fitted = model.fit(known, lead)
            except ForecastModelError:
                if fitted is None:
                    raise
        found[row - first] = fitted(known, lead)
        progress(row - first + 1, last - first)
    return Rolled(model=model.name, first=first, forecast=found, actual=_actual(days, first, last))


def _actual(days: Days, first: int, last: int) -> Floats:
    wide = np.full((last - first, days.slots), np.nan)
    part = days.values[first:last]
    wide[: len(part)] = part
    return wide
