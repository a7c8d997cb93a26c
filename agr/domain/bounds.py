"""Conditions on values, attached to their types with Annotated; a table or change that breaks one is told so."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated, Any


@dataclass(frozen=True)
class Bound:
    """A condition on a number; `holds` takes a number or an array of them."""

    holds: Callable[[Any], Any]
    words: str  # read after the value: "must not be negative"


@dataclass(frozen=True)
class Spelling:
    """A condition on a text; `fault` returns what is wrong in words that are read after the value, else None."""

    fault: Callable[[str], str | None]


NOT_NEGATIVE = Bound(lambda value: value >= 0, "must not be negative")
POSITIVE = Bound(lambda value: value > 0, "must be positive")

NotNegative = Annotated[float, NOT_NEGATIVE]
Efficiency = Annotated[float, Bound(lambda value: 0 < value <= 1, "must be above 0 and at most 1")]
DailyLoss = Annotated[float, Bound(lambda value: 0 <= value < 1, "is the share lost in 24 hours: at least 0, below 1")]
PriceMinutes = Annotated[int, Bound(lambda value: 1 <= value <= 7 * 1440, "must be 1 to 10080 (7 days)")]
