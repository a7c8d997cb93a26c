"""Forecasts of prices and powers: models, bands, scores. Pure: arrays and days go in, arrays come out.

How to, also from a notebook: docs/how-to/forecast.md. What the daemon does with it: agr.operations.forecasts.
"""

from agr.forecasting.days import Days, Observed, days_of, slot_minutes
from agr.forecasting.forecast import DayForecast, Forecasting, forecast
from agr.forecasting.models.protocols import Fitted, ForecastModelError, Model
from agr.forecasting.models.registry import MODELS, model
from agr.forecasting.rolling import Rolled, rolling
from agr.forecasting.scores import Score, score

__all__ = [
    "MODELS",
    "DayForecast",
    "Days",
    "Fitted",
    "ForecastModelError",
    "Forecasting",
    "Model",
    "Observed",
    "Rolled",
    "Score",
    "days_of",
    "forecast",
    "model",
    "rolling",
    "score",
    "slot_minutes",
]  # fmt: skip
