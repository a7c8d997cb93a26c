"""Promises by probability: what to announce at congestion points so that calls can be answered on most days.

`scenarios` takes days that may come, drawn jointly; `promise` finds what to announce for them, with a proven bound;
`calibrated` adds the margin that other days show to be needed; `count_on` counts on days that it was not made for.

Source: docs/explanation/promises.md.
"""

from models.promises.calibration import Calibrated, Fared, calibrated, count_on
from models.promises.plan import BindingCall, PointPromise, Promises, promise
from models.promises.rows import Terms
from models.promises.scenarios import Scenarios, equal_weights, scenarios
from models.promises.search import Effort

__all__ = [
    "BindingCall",
    "Calibrated",
    "Effort",
    "Fared",
    "PointPromise",
    "Promises",
    "Scenarios",
    "Terms",
    "calibrated",
    "count_on",
    "equal_weights",
    "promise",
    "scenarios",
]
