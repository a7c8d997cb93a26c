"""A loop of the service: a thread that calls one duty again and again."""

import threading
from collections.abc import Callable

import structlog

from agr.domain.errors import StoreError

log = structlog.get_logger()

_PAUSE_S = 0.2
_LONGEST_S = 10.0
"""Seconds: the longest pause after failures, which doubles with each."""


class Loop:
    """Calls a duty again and again in a thread of its own, at once when woken."""

    def __init__(
        self, name: str, duty: Callable[[], object], may: Callable[[], bool] = lambda: True, pause_s: float = _PAUSE_S
    ) -> None:
        self.name, self._duty, self._may, self._pause_s = name, duty, may, pause_s
        self._woken, self._ended = threading.Event(), threading.Event()
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)

    def start(self) -> None:
        """Start the thread."""
        self._thread.start()

    def wake(self) -> None:
        """Call the duty now."""
        self._woken.set()

    def stop(self) -> None:
        """End once the current call has returned."""
        self._ended.set()
        self._woken.set()
        self._thread.join()

    @property
    def running(self) -> bool:
        """Whether the thread lives."""
        return self._thread.is_alive()

    def _run(self) -> None:
        pause = self._pause_s
        while not self._ended.is_set():
            self._woken.clear()
            try:
                again = self._may() and self._duty()
            except Exception as error:
                if not isinstance(error, StoreError):  # the watchdog reports the store's failures, once for all loops
                    log.exception("loop.failed", loop=self.name)
                pause = min(pause * 2, _LONGEST_S)
                self._ended.wait(pause)  # being woken is no reason to fail again sooner
            else:
                pause = self._pause_s
                if not again:
                    self._woken.wait(pause)
