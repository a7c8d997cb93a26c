"""A solver that answers a case again as it did before, in whatever process of this test run that was.

For tests of what is made of plans, not of how they are made. That the same would come out again has tests of its own.
"""

import atexit
import fcntl
import os
import pickle
from collections.abc import Callable
from functools import cache
from hashlib import sha256
from pathlib import Path
from typing import Any

import agr
from agr.planning import serialisation
from agr.planning.budget import Budget
from agr.planning.pool import SolverPool
from agr.planning.progress import RoundProgress
from agr.planning.solving import How, Solution
from agr.settings import Planning
from models.case import Case
from tests.builders.answers import SHARED

_own: dict[str, bytes] = {}
"""Answers of this process where there is no such folder."""


def _once(key: str, ask: Callable[[], Any]) -> Any:
    """Return a new copy of what was answered: who gets it may write to it."""
    folder = os.environ.get(SHARED)
    if folder is None:
        if key not in _own:
            _own[key] = pickle.dumps(ask())
        return pickle.loads(_own[key])
    file = Path(folder) / key
    if not file.exists():
        asked = file.with_suffix(".asked")
        with asked.open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)  # who asks meanwhile waits for the answer, which takes nobody's time
            if not file.exists():
                part = file.with_suffix(f".{os.getpid()}")
                part.write_bytes(pickle.dumps(ask()))
                part.replace(file)
        asked.unlink(missing_ok=True)
    return pickle.loads(file.read_bytes())


class Remembering(SolverPool):
    """Asks another solver (`real`) what nobody in this test run has asked yet; ends nothing of it."""

    def __init__(self, solver: SolverPool) -> None:
        self.real = solver
        how = How.of(solver._planning, executor=solver._executor)
        self._how = f"{agr.__file__} {how}"  # a changed copy of the code answers for itself

    def _answer(self, ask: Callable[[], Any], *of: Any) -> Any:
        return _once(sha256(" ".join([self._how, *map(serialisation.digest, of)]).encode()).hexdigest(), ask)

    def solve(
        self, case: Case, reached: Callable[[RoundProgress], None] | None = None, budget: Budget | None = None
    ) -> Solution:  # fmt: skip
        def ask() -> tuple[Solution, list[RoundProgress]]:
            rounds: list[RoundProgress] = []
            return self.real.solve(case, rounds.append, budget), rounds

        solution, rounds = self._answer(ask, case)
        for one in rounds if reached is not None else ():
            reached(one)
        return solution

    def go_on(self, earlier: Any, case: Case, reached: Callable[[RoundProgress], None] | None = None) -> Solution:
        return self.real.go_on(earlier, case, reached)

    def solve_part(self, before: Case, case: Case) -> Solution:
        return self._answer(lambda: self.real.solve_part(before, case), before, case)

    def call_again(self, case: Case, kept: Any, bids_mw: Any) -> Any:
        return self.real.call_again(case, kept, bids_mw)

    def price(self, question: Any) -> Any:
        return self.real.price(question)

    def propose(self, question: Any, budget: Budget | None = None) -> Any:
        return self.real.propose(question, budget)

    def count(self, question: Any, budget: Budget | None = None) -> Any:
        return self.real.count(question, budget)

    def warm_up(self, *, parts: bool = False) -> None:
        """Do nothing: who asks may be answered by others."""

    def rest(self, after_s: float = 0.0) -> None:
        """Do nothing: others may ask."""

    def stop_searching(self) -> None:
        self.real.stop_searching()

    def abandon(self) -> None:
        """Do nothing: others may ask."""

    def close(self) -> None:
        """Do nothing: others may ask."""


@cache
def _pool(planning: str) -> SolverPool:
    made = SolverPool(Planning.model_validate_json(planning))
    atexit.register(made.close)
    return made


def remembering(planning: Planning) -> Remembering:
    """Return a solver for daemons of these tests; they share its worker, one for each kind of settings."""
    return Remembering(_pool(planning.model_dump_json()))


def by_method(method: str) -> Remembering:
    """Return a solver for scenarios of a few resources that plans by this method, on however busy a machine.

    The method in a scenario's own settings says nothing to a solver that is passed to it.
    """
    return remembering(Planning(threads=1, method=method, time_limit_s=600, budget_s=900))  # type: ignore[arg-type]
