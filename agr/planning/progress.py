"""The progress of the optimisation, in memory: one writer per run, any number of readers."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime
from threading import Lock

KEPT_ROUNDS = 2000


@dataclass(frozen=True, kw_only=True)
class RoundProgress:
    """One round of a search: proven bound, best value so far (None before there is one) and their gap, in EUR."""

    round: int
    bound: float
    value: float | None
    gap: float | None
    seconds: float  # since the run started


@dataclass(frozen=True, kw_only=True)
class RunProgress:
    """One run: its reasons, its start, its rounds, and its outcome (empty while it runs)."""

    number: int
    period: str
    reasons: tuple[str, ...]
    preview: bool
    started_at: datetime
    rounds: tuple[RoundProgress, ...] = ()
    ended_at: datetime | None = None
    outcome: str = ""
    plan: int | None = None


class PlanningProgress:
    """The run under way, or the last one. Thread-safe; listeners are called after each change and must be quick."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._run: RunProgress | None = None
        self.listeners: list[Callable[[], None]] = []

    def started(self, period: str, reasons: tuple[str, ...], preview: bool, at: datetime) -> None:
        """Begin a run."""
        with self._lock:
            number = self._run.number + 1 if self._run else 1
            self._run = RunProgress(number=number, period=period, reasons=reasons, preview=preview, started_at=at)
        self._tell()

    def reached(self, step: RoundProgress) -> None:
        """Record a round of the run under way."""
        with self._lock:
            if self._run is None or self._run.ended_at is not None:
                return
            self._run = replace(self._run, rounds=(*self._run.rounds, step)[-KEPT_ROUNDS:])
        self._tell()

    def ended(self, at: datetime, outcome: str, plan: int | None = None) -> None:
        """End the run."""
        with self._lock:
            if self._run is None or self._run.ended_at is not None:
                return
            self._run = replace(self._run, ended_at=at, outcome=outcome, plan=plan)
        self._tell()

    def latest(self) -> RunProgress | None:
        """Return the run under way or the last one."""
        with self._lock:
            return self._run

    def _tell(self) -> None:
        for listener in tuple(self.listeners):
            listener()
