"""The threads that call the stages: some are woken when there may be work, the others look every few seconds."""

from collections.abc import Callable, Mapping
from functools import partial

from agr.schedule.loop import PAUSE_S, Loop


def _running(loop: Loop) -> bool:
    return loop.running


class Loops:
    """Loops that are started and stopped together. `leading`: says whether those that act may."""

    def __init__(self, leading: Callable[[], bool]) -> None:
        self._leading = leading
        self._woken: list[Loop] = []
        self._watching: list[Loop] = []

    def wake_for(
        self, name: str, duty: Callable[[], object], *, always: bool = False, pause_s: float = PAUSE_S
    ) -> None:
        """Add a duty that is called when anybody wakes the loops; `always`: also on a standby."""
        self._woken.append(self._loop(name, duty, always, pause_s))

    def watch(self, name: str, duty: Callable[[], object], pause_s: float, *, always: bool = False) -> None:
        """Add a duty that is called every so many seconds; `always`: also on a standby."""
        self._watching.append(self._loop(name, duty, always, pause_s))

    def _loop(self, name: str, duty: Callable[[], object], always: bool, pause_s: float) -> Loop:
        return Loop(name, duty, pause_s=pause_s) if always else Loop(name, duty, self._leading, pause_s)

    def wake(self) -> None:
        """Let duties look at once whether there is work."""
        for loop in self._woken:
            loop.wake()

    def wake_all(self) -> None:
        """Let every duty look at once: whoever takes the lead does not wait for the next look."""
        for loop in [*self._woken, *self._watching]:
            loop.wake()

    def running(self) -> Mapping[str, Callable[[], bool]]:
        """Return name → whether its thread lives, for the loops that were added so far."""
        return {loop.name: partial(_running, loop) for loop in [*self._woken, *self._watching]}

    def start(self) -> None:
        """Start all threads."""
        for loop in [*self._woken, *self._watching]:
            loop.start()

    def end(self) -> None:
        """Let the current calls be the last ones."""
        for loop in [*self._watching, *self._woken]:
            loop.end()

    def stop(self, left_s: Callable[[], float | None]) -> None:
        """End all threads, waiting for each at most for the time that is left by then; None: as long as it takes."""
        for loop in [*self._watching, *self._woken]:
            loop.stop(left_s())
