"""Forecasts of a Period in a thread of their own: the gates of other markets do not wait for models that learn."""

from collections.abc import Callable
from threading import Lock, Thread

import structlog

from agr.domain.isp import Period

log = structlog.get_logger()
_PATIENCE_S = 2.0
"""Seconds for which forecasts are waited for: if they are ready by then, the plan need not wait a minute for the next
attempt."""


class ForecastJob:
    """Makes the forecasts of one Period at a time. Thread-safe."""

    def __init__(self, make: Callable[[Period], None], patience_s: float = _PATIENCE_S) -> None:
        self._make, self._patience_s, self._lock = make, patience_s, Lock()
        self._period: Period | None = None
        self._thread: Thread | None = None

    def ready(self, period: Period) -> bool:
        """Begin the forecasts of a Period, or look after them; return whether they are over, made or not."""
        with self._lock:
            if self._thread is None or self._period != period:
                if self._thread is not None and self._thread.is_alive():
                    return False  # another Period's are made first
                self._period = period
                self._thread = Thread(target=self._run, args=(period,), name="forecasts", daemon=True)
                self._thread.start()
            self._thread.join(self._patience_s)
            if self._thread.is_alive():
                return False
            self._thread = None
            return True

    def _run(self, period: Period) -> None:
        try:
            self._make(period)
        except Exception:
            log.exception("forecasts.failed", period=str(period))
