"""Listens to HiGHS while it runs: keeps its messages, and ends a run once its seconds of work are over.

HiGHS itself counts seconds on the wall, which pass however little of the processor it gets. A run that branches may
also end where it gets no further.
"""

from typing import Any

import highspy

from models.solver_log import SolverLog
from models.work_clock import WorkClock, now

_LEAST_S = 0.01
_EVERY = 16  # calls of HiGHS, some for every step of the simplex method, per look at the clock
_STALLED_S = 2.0
"""Least seconds of work after which branching counts as stalled."""
_STALLED = 4.0
"""It does once it has worked so many times longer than until the gap last narrowed."""
_NARROWED = 0.95
"""The gap has narrowed once it is at most this share of what it was when it last did."""
_KINDS = highspy.cb.HighsCallbackType
_ASKS = (_KINDS.kCallbackSimplexInterrupt, _KINDS.kCallbackIpmInterrupt, _KINDS.kCallbackMipInterrupt)


class Listener:
    """What one solver calls. It does not hold the solver, which holds it: nobody would ever free the two."""

    def __init__(self, solver: Any, log: SolverLog | None, clock: WorkClock = now) -> None:
        self._log, self._clock, self._until, self._calls = log, clock, float("inf"), 0
        self._began, self._stalls_below = 0.0, 0.0
        self._narrowed, self._least_gap = 0.0, float("inf")
        self.stalled = False
        solver.setCallback(self.called, None)
        for kind in (*_ASKS, *(() if log is None else (_KINDS.kCallbackLogging,))):
            solver.startCallback(kind)

    def time_limit_s(self, left_s: float, *, branching: bool = False, stalls_below: float = 0.0) -> float:
        """Begin to count, and return the time limit on the wall that HiGHS gets for `left_s` seconds of work.

        It is not asked often while it branches, so its own limit must then be near. Branching that has stalled ends
        where the gap is below `stalls_below`, and `stalled` says so.
        """
        left_s = max(left_s, _LEAST_S)
        self._began, self._stalls_below, self.stalled = self._clock(), stalls_below, False
        self._narrowed, self._least_gap = self._began, float("inf")
        self._until = self._began + left_s
        return left_s * (self._clock.slowness() if branching else self._clock.longest)

    def called(self, kind: Any, message: str, told: Any, answer: Any, _data: Any) -> None:
        """Keep a message of HiGHS, or answer whether a run has to end."""
        if kind == _KINDS.kCallbackLogging:
            if self._log is not None:
                self._log.hear(message)
            return
        self._calls += 1
        if (self._calls % _EVERY == 0 or kind == _KINDS.kCallbackMipInterrupt) and self._clock() >= self._until:
            answer.user_interrupt = True
        elif kind == _KINDS.kCallbackMipInterrupt and self._stalls_below > 0.0:
            self.stalled = self._stalls(float(told.mip_primal_bound) - float(told.mip_dual_bound))
            answer.user_interrupt = self.stalled

    def _stalls(self, gap: float) -> bool:
        at = self._clock()
        if gap <= _NARROWED * self._least_gap:
            self._narrowed, self._least_gap = at, gap
        worked = at - self._began
        return gap < self._stalls_below and worked > max(_STALLED_S, _STALLED * (self._narrowed - self._began))
