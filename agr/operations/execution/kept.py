"""Keeps the overview that took long, so that the viewers of a large portfolio share it. Thread-safe."""

import time
from collections.abc import Callable
from threading import Lock

from agr.domain.isp import Clock, Period
from agr.operations.execution.overview import Overview, overview
from agr.operations.resource_programs import ProgramCache
from agr.settings import Settings
from agr.store.engine import Store

LONG_S = 1.0
"""An overview that takes fewer seconds than this is worked out again for every request."""
_SHARE = 0.05
"""An overview that takes longer is kept for so long that working it out takes no more than this share of the time."""


class Overviews:
    """Works out what became of a Period's plan."""

    def __init__(
        self, store: Store, settings: Settings, clock: Clock, programs: ProgramCache,
        passed_s: Callable[[], float] = time.monotonic,
    ) -> None:  # fmt: skip
        self._store, self._settings, self._clock, self._programs = store, settings, clock, programs
        self._passed_s, self._lock = passed_s, Lock()
        self._kept: tuple[Overview, float] | None = None  # an overview, and until when it may be shown

    def of(self, period: Period) -> Overview:
        """Return what became of a Period's plan. Raises MissingError where there is none."""
        programs = self._programs.in_force(period)
        with self._lock:
            began = self._passed_s()
            if self._kept is not None:
                found, until = self._kept
                if (found.period, found.plan) == (period, programs.plan) and began < until:
                    return found
            with self._store.reading() as tx:
                found = overview(tx, self._settings, programs, self._clock.now())
            took = self._passed_s() - began
            self._kept = (found, began + took + took / _SHARE) if took >= LONG_S else None
            return found
