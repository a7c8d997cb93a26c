"""Solves on a Dask cluster instead of local processes."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from time import monotonic
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from agr.domain.errors import InputError, PlanError
from agr.planning.budget import Budget, Sharing
from agr.planning.failed_cases import FailedCases
from agr.planning.progress import RoundProgress
from agr.planning.solving import How, Solution, answer, answer_part
from agr.scenario.running import RUNS
from agr.settings import Planning
from models.case import Case
from models.errors import ModelError
from models.outcome import Outcome

if TYPE_CHECKING:
    from agr.planning.probability.question import CountedPoint, Proposed
    from agr.planning.probability.question import PromiseQuestion as Uncertainty
    from models.evaluation import Earlier
    from models.flexibility.question import Answer, Question


def _price(question: "Question", how: How) -> "Answer":
    """Price an offer of flexibility in a worker."""
    from models.flexibility.pricing import price

    del how  # the question says how long it may take
    return price(question)


def _propose(question: "Uncertainty", how: How) -> "tuple[Proposed, ...]":
    """Find what to announce in a worker."""
    from agr.planning.probability.question import propose

    return propose(question, how.threads)


def _call_again(case: Case, kept: Outcome, bids_mw: list[NDArray[np.float64]], how: How) -> Outcome:
    """In a worker, find called programs for a program that is kept."""
    from models.called_again import called_again

    return called_again(case, kept, bids_mw, threads=how.threads)


def _count(question: "Uncertainty", how: How) -> "tuple[CountedPoint, ...]":
    """In a worker, count how often what is announced is kept."""
    from agr.planning.probability.question import count

    return count(question, how.threads)


class ClusterSolver:
    """Solves on the workers of a Dask cluster."""

    def __init__(self, client: Any, planning: Planning) -> None:
        self._client, self._planning = client, planning
        self._failed_cases = FailedCases.of(planning, RUNS)

    def within(self, budget_s: float) -> Sharing:
        """Return what solves, proposes and counts on this cluster, all within one budget."""
        return Sharing(self, budget_s)

    def solve(
        self, case: Case, reached: Callable[[RoundProgress], None] | None = None, budget: Budget | None = None
    ) -> Solution:  # fmt: skip
        """Return the audited outcome; rounds are not reported. Raises PlanError."""
        with self._failed_cases.of_failure(case):
            solution: Solution = self._result(answer, case, budget=budget)
            return solution

    def go_on(self, earlier: "Earlier", case: Case, reached: Callable[[RoundProgress], None] | None = None) -> Solution:
        """Return the audited outcome, searched anew: to send a program in force takes longer than it saves."""
        del earlier
        return self.solve(case, reached)

    def solve_part(self, before: Case, case: Case) -> Solution:
        """Return the audited outcome of a part of a portfolio. Raises PlanError."""
        with self._failed_cases.of_failure(case, before):
            solution: Solution = self._result(answer_part, before, case)
            return solution

    def call_again(self, case: Case, kept: Outcome, bids_mw: list[NDArray[np.float64]]) -> Outcome:
        """Return a kept program with the best called programs for it. Raises PlanError."""
        found: Outcome = self._result(_call_again, case, kept, bids_mw)
        return found

    def price(self, question: "Question") -> "Answer":
        """Return what an offer of flexibility costs. Raises PlanError."""
        found: Answer = self._result(_price, question)
        return found

    def propose(self, question: "Uncertainty", budget: Budget | None = None) -> "tuple[Proposed, ...]":
        """Return what to announce at congestion points with reservations. Raises PlanError."""
        found: tuple[Proposed, ...] = self._result(_propose, question, budget=budget)
        return found

    def count(self, question: "Uncertainty", budget: Budget | None = None) -> "tuple[CountedPoint, ...]":
        """Return how often what is announced there is kept. Raises PlanError."""
        found: tuple[CountedPoint, ...] = self._result(_count, question, budget=budget)
        return found

    def _result(self, work: Callable[..., Any], *cases: object, budget: Budget | None = None) -> Any:
        budget = budget or Budget.of(self._planning.budget_s)
        left_s, began_at = budget.require("planning.promises.days"), monotonic()
        future = self._client.submit(work, *cases, How.of(self._planning, threads=1), pure=False)
        try:
            found = future.result(timeout=left_s)
        except TimeoutError as error:
            future.cancel()
            raise PlanError(f"the cluster gave no answer within planning.budget_s = {budget.whole_s:g} s") from error
        except ModelError as error:
            raise PlanError(f"the solve failed: {error}") from error
        finally:
            budget.spend(monotonic() - began_at)
        return found


@contextmanager
def cluster_solver(address: str, planning: Planning, patience_s: float = 10) -> Iterator[ClusterSolver]:
    """Yield a solver on the cluster. Raises InputError when the cluster cannot be used.

    Workers must have one thread each: concurrent solves in threads of one process can hang.
    """
    try:
        from distributed import Client
    except ImportError as error:
        raise InputError("--cluster needs Dask: pip install 'agr-optimizer[cluster]'") from error
    try:
        client = Client(address, timeout=patience_s, set_as_default=False)
    except (OSError, ValueError) as error:
        raise InputError(f"the Dask scheduler {address} does not answer: {error}") from error
    with client:
        many = {worker: threads for worker, threads in client.nthreads().items() if threads > 1}
        if many:
            words = ", ".join(f"{worker} has {threads}" for worker, threads in many.items())
            raise InputError(f"{words} threads; start the workers with --nthreads 1, since solves in threads can hang")
        yield ClusterSolver(client, planning)
