"""Forecasts of prices and powers: models, bands, scores. Pure: arrays and days go in, arrays come out.

How to, also from a notebook: docs/how-to/forecast.md. What the daemon does with it: agr.operations.forecasts.
"""

from agr.forecasting.days import Days, Observed, days_of
from agr.forecasting.forecast import Forecasting, Made, forecast
from agr.forecasting.models.protocols import Fitted, Model, ModelError
from agr.forecasting.models.registry import MODELS, model
from agr.forecasting.rolling import Rolled, rolling
from agr.forecasting.scores import Score, score

__all__ = [
    "MODELS", "Days", "Fitted", "Forecasting", "Made", "Model", "ModelError", "Observed", "Rolled", "Score", "days_of",
    "forecast", "model", "rolling", "score",
]  # fmt: skip
