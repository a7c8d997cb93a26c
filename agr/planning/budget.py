"""Lets several solves of one plan share one budget, so that promises cost a plan at most one more such budget."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from agr.domain.errors import PlanError
from agr.planning.progress import RoundProgress
from agr.planning.solving import Solution
from models.case import Case

if TYPE_CHECKING:
    from agr.planning.probability.question import CountedPoint, PromiseQuestion, Proposed


@dataclass
class Budget:
    """Seconds that several solves share; waiting for a worker and compiling use up none."""

    whole_s: float
    left_s: float

    @staticmethod
    def of(seconds: float) -> "Budget":
        """Return a budget of which nothing has been used."""
        return Budget(whole_s=seconds, left_s=seconds)

    def require(self, instead: str) -> float:
        """Return what is left. Raises PlanError where that is nothing."""
        if self.left_s <= 0:
            raise PlanError(
                f"the steps before have used up planning.budget_s = {self.whole_s:g} s, which promises share; "
                f"raise the budget or lower {instead}"
            )
        return self.left_s

    def spend(self, seconds: float) -> None:
        """Use up some of it."""
        self.left_s = max(self.left_s - seconds, 0.0)


class Pool(Protocol):
    """What solves within a budget."""

    def solve(
        self, case: Case, reached: Callable[[RoundProgress], None] | None = None, budget: Budget | None = None
    ) -> Solution:  # fmt: skip
        """Return the audited outcome."""

    def propose(self, question: "PromiseQuestion", budget: Budget | None = None) -> "tuple[Proposed, ...]":
        """Return what to announce."""

    def count(self, question: "PromiseQuestion", budget: Budget | None = None) -> "tuple[CountedPoint, ...]":
        """Return how often what is announced is kept."""


class Sharing:
    """A pool of which all solves together take no longer than one budget."""

    def __init__(self, pool: Pool, budget_s: float) -> None:
        self._pool, self._budget = pool, Budget.of(budget_s)

    def solve(self, case: Case, reached: Callable[[RoundProgress], None] | None = None) -> Solution:
        """Return the audited outcome. Raises PlanError."""
        return self._pool.solve(case, reached, self._budget)

    def propose(self, question: "PromiseQuestion") -> "tuple[Proposed, ...]":
        """Return what to announce. Raises PlanError."""
        return self._pool.propose(question, self._budget)

    def count(self, question: "PromiseQuestion") -> "tuple[CountedPoint, ...]":
        """Return how often what is announced is kept. Raises PlanError."""
        return self._pool.count(question, self._budget)
