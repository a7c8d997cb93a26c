"""What a run tells while it goes: rounds to whoever listens, lines to the solver's log, and the time of its steps."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from time import perf_counter
from typing import TypeAlias

from models.solver_log import SolverLog


@dataclass(frozen=True, kw_only=True, eq=False)
class Round:
    """One round of all groups or of some, for progress and the record. Value is earned positive."""

    number: int
    value_eur: float  # of the best program found so far; −inf before there is one
    bound_eur: float  # proven: no program is worth more
    gap_of_gross: float  # of the two, relative to gross cost
    seconds: float  # since the run began


Report: TypeAlias = Callable[[Round], None]


class Progress:
    """Tells rounds in order; one may wait until the program that follows it is made."""

    def __init__(self, began_s: float, report: Report | None) -> None:
        self.began_s, self._report = began_s, report
        self.log = SolverLog()
        self.seconds: dict[str, float] = {}  # of each step
        self._waiting: Round | None = None

    def elapsed_s(self) -> float:
        """Return the seconds since the run began."""
        return perf_counter() - self.began_s

    @contextmanager
    def timed(self, step: str) -> Iterator[None]:
        """Add what is done inside to a step's seconds."""
        began = perf_counter()
        try:
            yield
        finally:
            self.seconds[step] = self.seconds.get(step, 0.0) + perf_counter() - began

    def tell(self, now: Round) -> None:
        """Tell of a round at once, after the one that waits."""
        self.told(now)
        self._say(now)
        if self._report is not None:
            self._report(now)

    def tell_later(self, now: Round) -> None:
        """Tell of a round with the next, or once its programs are made."""
        self.told(now)
        self._say(now)
        self._waiting = now

    def told(self, now: Round) -> None:
        """Tell of the round that waits, with the value found since."""
        if self._report is not None and self._waiting is not None:
            self._report(replace(self._waiting, value_eur=now.value_eur, gap_of_gross=now.gap_of_gross))
        self._waiting = None

    def _say(self, now: Round) -> None:
        self.log.say(f"round {now.number}: no program above {now.bound_eur:.6f} EUR  {now.seconds:.2f} s")
