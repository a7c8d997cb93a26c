"""The clock of time limits: seconds of work, which stand still while the machine does other things.

A plan may then depend on how much a search has done, but not on what else the machine does. A second counts as the
processor time that this process has had in it, at most as one second however many threads run, and at least as a
quarter, so that a search that waits or starves still comes to an end. Source: docs/explanation/optimisation.md §1.
"""

from collections.abc import Callable
from math import exp
from threading import Lock
from time import perf_counter, process_time

LONGEST = 4.0
"""Most seconds that pass on the wall while one second of work is counted, unless less is set."""
_RECENT_S = 10.0
"""Seconds on the wall after which earlier slowness still counts for a third."""


class WorkClock:
    """Counts seconds of work since it was made; its differences mean something, its value does not."""

    def __init__(self, wall: Callable[[], float] = perf_counter, processor: Callable[[], float] = process_time) -> None:
        self._wall, self._processor, self._lock = wall, processor, Lock()
        self._last, self._work = (wall(), processor()), 0.0
        self.longest = LONGEST
        self._recent = 0.0, 0.0  # seconds on the wall and of work, older ones counting less

    def __call__(self) -> float:
        """Return the seconds of work so far. It never goes back."""
        with self._lock:
            at = self._wall(), self._processor()
            passed, worked = at[0] - self._last[0], at[1] - self._last[1]
            self._last = at
            counted = max(min(passed, worked), passed / self.longest, 0.0)
            self._work += counted
            kept = exp(-max(passed, 0.0) / _RECENT_S)
            self._recent = kept * self._recent[0] + passed, kept * self._recent[1] + counted
            return self._work

    def slowness(self) -> float:
        """Return how many seconds on the wall a second of work has lately taken, from 1 to `longest`."""
        passed, counted = self._recent
        return min(max(passed / counted, 1.0), self.longest) if counted > 0 else 1.0


now = WorkClock()
"""The clock of this process."""
