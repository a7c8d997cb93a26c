"""What a model is: it learns from whole days and forecasts a later one."""

from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from agr.forecasting.days import Days

Floats = NDArray[np.float64]


class Fitted(Protocol):
    """A model that has learned."""

    def __call__(self, known: Days, lead: int) -> Floats:
        """Return the forecast (N,) of the day `lead` days after the last known one, in the series' unit."""


class Model(Protocol):
    """A way to forecast."""

    @property
    def name(self) -> str:
        """Name in runs, settings and on pages."""

    @property
    def least_days(self) -> int:
        """With fewer known days a simpler model stands in."""

    def fit(self, known: Days, lead: int) -> Fitted:
        """Learn from the days that are known, to forecast `lead` days after the last of them. Raises ModelError."""


class ForecastModelError(Exception):
    """A model cannot be used; the message says why. A simpler one stands in."""
