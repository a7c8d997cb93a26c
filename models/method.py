"""Chooses how a case is solved: the reference formulation for small ones, the decomposition above."""

from collections.abc import Callable
from enum import Enum

from models.block import called_units
from models.case import Case
from models.decomposition.executors import LOCAL, executor_of
from models.decomposition.precompile import compile_all
from models.decomposition.progress import Report
from models.decomposition.reoptimise.replan import replan
from models.decomposition.solve import solve as decompose
from models.markets.registry import MARKETS
from models.outcome import Outcome
from models.reference.problem import solve as reference
from models.resources.registry import PRICED

__all__ = ["SMALL", "Method", "choices", "chosen", "compile_all", "solve"]


class Method(Enum):
    """Which optimiser answers."""

    AUTO = "auto"
    REFERENCE = "reference"
    DECOMPOSITION = "decomposition"


SMALL = 1_000
"""Choices up to which `auto` takes the reference formulation: it proves small gaps, and whole bids, better."""


def choices(case: Case) -> int:
    """Return how many programs are to be chosen; a called program counts like a unit."""
    points = (resource.arrays(case).point for resource in PRICED)
    return sum(len(point) + int(called_units(case, point).sum()) for point in points)


def chosen(case: Case, method: Method) -> Method:
    """Return the method that `auto` stands for."""
    if case.remainder is not None:  # the gap of a decomposition is the one to keep
        return Method.DECOMPOSITION
    if method is not Method.AUTO:
        return method
    if any(market.whole_only(case) for market in MARKETS):
        return Method.REFERENCE
    return Method.REFERENCE if choices(case) <= SMALL else Method.DECOMPOSITION


def solve(
    case: Case,
    *,
    method: Method = Method.AUTO,
    relative_gap: float = 1e-4,
    time_limit_s: float = 60.0,
    threads: int = 2,
    report: Report | None = None,
    cancelled: Callable[[], bool] = lambda: False,
    executor: str = LOCAL,
) -> Outcome:
    """Return the best program found with its proven bound; see the two optimisers for what they raise.

    `report` is told every round of the decomposition; the reference reports nothing and cannot be cancelled.
    A part of a portfolio (`case.remainder`) has a method of its own: the reference formulation with the whole's bound.
    `executor` says where the decomposition answers prices, see models.decomposition.executors.executor_of.
    """
    if case.remainder is not None:
        return replan(case, relative_gap=relative_gap, time_limit_s=time_limit_s, threads=threads)
    if chosen(case, method) is Method.REFERENCE:
        return reference(case, relative_gap=relative_gap, time_limit_s=time_limit_s, threads=threads)
    return decompose(
        case,
        relative_gap=relative_gap,
        time_limit_s=time_limit_s,
        threads=threads,
        report=report,
        cancelled=cancelled,
        executor=executor_of(executor),
    )
