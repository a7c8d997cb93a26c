"""Listens to HiGHS while it runs: keeps its messages, and ends a run once its seconds of work are over.

HiGHS itself counts seconds on the wall, which pass however little of the processor it gets.
"""

from typing import Any

import highspy

from models.solver_log import SolverLog
from models.work_clock import WorkClock, now

_LEAST_S = 0.01
_EVERY = 16  # calls of HiGHS, some for every step of the simplex method, per look at the clock
_KINDS = highspy.cb.HighsCallbackType
_ASKS = (_KINDS.kCallbackSimplexInterrupt, _KINDS.kCallbackIpmInterrupt, _KINDS.kCallbackMipInterrupt)


class Listener:
    """What one solver calls. It does not hold the solver, which holds it: nobody would ever free the two."""

    def __init__(self, solver: Any, log: SolverLog | None, clock: WorkClock = now) -> None:
        self._log, self._clock, self._until, self._calls = log, clock, float("inf"), 0
        solver.setCallback(self.called, None)
        for kind in (*_ASKS, *(() if log is None else (_KINDS.kCallbackLogging,))):
            solver.startCallback(kind)

    def time_limit_s(self, left_s: float, *, branching: bool = False) -> float:
        """Begin to count, and return the time limit on the wall that HiGHS gets for `left_s` seconds of work.

        It is not asked often while it branches, so its own limit must then be near.
        """
        left_s = max(left_s, _LEAST_S)
        self._until = self._clock() + left_s
        return left_s * (self._clock.slowness() if branching else self._clock.longest)

    def called(self, kind: Any, message: str, _told: Any, answer: Any, _data: Any) -> None:
        """Keep a message of HiGHS, or answer whether a run has to end."""
        if kind == _KINDS.kCallbackLogging:
            if self._log is not None:
                self._log.hear(message)
            return
        self._calls += 1
        if (self._calls % _EVERY == 0 or kind == _KINDS.kCallbackMipInterrupt) and self._clock() >= self._until:
            answer.user_interrupt = True
