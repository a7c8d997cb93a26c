"""A loop of the service: a thread that calls one duty again and again."""

import threading
from collections.abc import Callable

import structlog

from agr.domain.errors import StoppedError, StoreError

log = structlog.get_logger()

PAUSE_S = 0.2
"""Shortest pause, in seconds, of a loop that is woken when there is work."""
_IDLE_S = 1.0
"""Longest pause, in seconds, while there is nothing to do; the pause doubles with each call that finds nothing. Other
processes' writes to the store are noticed within this time; our own writes wake the loop."""
_LONGEST_S = 10.0
"""Longest pause, in seconds, after failures; the pause doubles with each."""


class Loop:
    """Calls a duty again and again in a thread of its own, at once when woken."""

    def __init__(
        self, name: str, duty: Callable[[], object], may: Callable[[], bool] = lambda: True, pause_s: float = PAUSE_S
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

    def end(self) -> None:
        """Let the current call be the last one."""
        self._ended.set()
        self._woken.set()

    def stop(self, patience_s: float | None = None) -> None:
        """End once the current call has returned; wait for it, at most so many seconds."""
        self.end()
        if self._thread.ident is not None:
            self._thread.join(patience_s)

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
                # The watchdog reports the store's failures, once for all loops.
                if not isinstance(error, (StoreError, StoppedError)):
                    log.exception("loop.failed", loop=self.name)
                pause = min(pause * 2, _LONGEST_S)
                self._ended.wait(pause)  # being woken is no reason to fail again sooner
                continue
            woken = again or self._woken.wait(pause)
            pause = self._pause_s if woken else max(min(pause * 2, _IDLE_S), self._pause_s)
