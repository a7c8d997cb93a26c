"""What a store holds when a Period begins, from the newest state of charge that was reported before. Pure.

The content that was measured, plus what the plan in force of the Period before still moves between then and midnight.
So what went otherwise than planned until the measurement counts, and what is still planned counts as well.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import numpy as np
from numpy.typing import NDArray

TOO_OLD = "too old"
NO_PATH = "no plan of the day before says what moves until midnight"


@dataclass(frozen=True, kw_only=True)
class Content:
    """What a store held at an instant, as measured."""

    at: datetime
    kwh: float


@dataclass(frozen=True, kw_only=True, eq=False)
class PlannedPath:
    """What the plan of the Period before wants a store to hold."""

    borders: Sequence[datetime]  # the T+1 borders of ISPs; the last is the start of the Period that is planned
    kwh: NDArray[np.float64]  # (T+1,) at these

    def moves_after(self, instant: datetime) -> float | None:
        """Return the change in kWh from an instant to the last border; None: the path begins later."""
        edges = [border.timestamp() for border in self.borders]
        at = instant.timestamp()
        if at < edges[0]:
            return None
        return float(self.kwh[-1] - np.interp(at, edges, self.kwh))


@dataclass(frozen=True, kw_only=True)
class Start:
    """What a store begins with, and how old the measurement is."""

    kwh: float | None  # None: what was planned counts
    age: timedelta  # when the plan is made, or when the Period begins if that was earlier
    why: str = ""  # the measurement does not count


def content_at_start(
    content: Content, start: datetime, now: datetime, path: PlannedPath | None, longest: timedelta, capacity_kwh: float
) -> Start:
    """Return what a store holds at `start`, in 0 to its capacity.

    `path` None: no plan says what moves after the measurement; then it must be no older than `longest` at `start`.
    """
    age = min(now, start) - content.at
    moved = None if path is None else path.moves_after(content.at)
    if age > longest:
        return Start(kwh=None, age=age, why=TOO_OLD)
    if moved is None and start - content.at > longest:
        return Start(kwh=None, age=age, why=NO_PATH)
    return Start(kwh=min(max(content.kwh + (moved or 0.0), 0.0), capacity_kwh), age=age)
