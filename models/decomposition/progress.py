"""Reports the progress of a run: rounds to a callback, lines to the solver's log, and the seconds of each step."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from time import perf_counter
from typing import TypeAlias

from models.solver_log import SolverLog


@dataclass(frozen=True, kw_only=True, eq=False)
class Round:
    """One round in which all groups or some of them were priced. Value is positive where it is earned."""

    number: int
    value_eur: float  # value of the best program so far; −inf before there is one
    bound_eur: float  # proven upper bound of the value of all programs
    gap_of_gross: float  # difference of the two, relative to gross cost
    seconds: float  # since the run began


Report: TypeAlias = Callable[[Round], None]


class SearchProgress:
    """Reports rounds in order; a round may wait until its program has been recovered."""

    def __init__(self, began_s: float, report: Report | None) -> None:
        self.began_s, self._report = began_s, report
        self.log = SolverLog()
        self.seconds: dict[str, float] = {}  # by step
        self._held: Round | None = None

    def elapsed_s(self) -> float:
        """Return the seconds since the run began."""
        return perf_counter() - self.began_s

    @contextmanager
    def timed(self, step: str) -> Iterator[None]:
        """Add the time spent inside the context to the seconds of a step."""
        began = perf_counter()
        try:
            yield
        finally:
            self.seconds[step] = self.seconds.get(step, 0.0) + perf_counter() - began

    def report_now(self, now: Round) -> None:
        """Report a round at once, after the one held back."""
        self.report_held(now)
        self._say(now)
        if self._report is not None:
            self._report(now)

    def hold_back(self, now: Round) -> None:
        """Hold a round back until the next one, or until `report_held`."""
        self.report_held(now)
        self._say(now)
        self._held = now

    def report_held(self, now: Round) -> None:
        """Report the round held back, if there is one, with the value and gap of `now`."""
        if self._report is not None and self._held is not None:
            self._report(replace(self._held, value_eur=now.value_eur, gap_of_gross=now.gap_of_gross))
        self._held = None

    def _say(self, now: Round) -> None:
        self.log.say(f"round {now.number}: no program above {now.bound_eur:.6f} EUR  {now.seconds:.2f} s")
