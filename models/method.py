"""Chooses how a case is solved: by the decomposition, in small cases with the reference formulation after it."""

from collections.abc import Callable
from enum import Enum

from models.block import called_units
from models.calm import calmed
from models.case import Case
from models.compiled import at_hand, in_memory, load_kept
from models.decomposition.bids.exact import has_whole_bids
from models.decomposition.executors import LOCAL, executor_of
from models.decomposition.precompile import compile_all
from models.decomposition.progress import Report
from models.decomposition.reoptimise.replan import replan
from models.decomposition.solve import solve as decompose
from models.few_in_turn import improved
from models.hard_to_mix import hard_to_mix
from models.ladder import climb
from models.markets.registry import MARKETS
from models.outcome import Outcome, Termination
from models.reference.problem import solve as reference
from models.resources.registry import PRICED
from models.work_clock import now

__all__ = ["SMALL", "Method", "at_hand", "choices", "chosen", "compile_all", "in_memory", "load_kept", "solve"]


class Method(Enum):
    """The optimiser that solves a case."""

    AUTO = "auto"
    LADDER = "ladder"
    REFERENCE = "reference"
    DECOMPOSITION = "decomposition"


SMALL = 1_000
"""Most choices for which the reference formulation goes on where the decomposition has left the gap open."""

HARD = 1_600
"""The same where many units at limits cannot mix their answers: it takes a minute, and no other method is near. Also
most choices for which whole bids that few units hold are searched for: a mixture of so few answers seldom is one."""

TINY = 150
"""Most choices for which it always does: it takes a second, and its programs are exact."""

_FIRST = 0.4
"""Share of the time that a decomposition of more choices may take where many units at limits cannot mix their answers;
in the rest a few of them at a time are planned around all others. Larger: more of them stay as they were."""


def choices(case: Case) -> int:
    """Return the number of programs to be chosen; a called program counts like a unit."""
    points = (resource.arrays(case).point for resource in PRICED)
    return sum(len(point) + int(called_units(case, point).sum()) for point in points)


def chosen(case: Case, method: Method) -> Method:
    """Return the method that `auto` stands for."""
    if case.remainder is not None:  # a decomposition proved the gap that must be kept
        return Method.DECOMPOSITION
    if method is not Method.AUTO:
        return method
    if any(market.whole_only(case) for market in MARKETS):
        return Method.REFERENCE
    count = choices(case)
    steps = count <= SMALL or (count <= HARD and (hard_to_mix(case) or has_whole_bids(case)))
    return Method.LADDER if steps else Method.DECOMPOSITION


def solve(
    case: Case,
    *,
    method: Method = Method.AUTO,
    relative_gap: float = 1e-4,
    enough_gap: float | None = None,
    time_limit_s: float = 60.0,
    threads: int = 2,
    report: Report | None = None,
    cancelled: Callable[[], bool] = lambda: False,
    executor: str = LOCAL,
    better: Callable[[Outcome], None] = lambda _found: None,
) -> Outcome:
    """Return the best program found with its proven bound; `relative_gap` is a share of gross cost.

    `report` is called with every round of the decomposition; the reference reports nothing and cannot be cancelled.
    In small portfolios the reference goes on where the decomposition leaves more than `enough_gap` open, by default the
    gap asked for. In larger ones with `auto` the units at limits are planned a few at a time after it, where many of
    them cannot mix their answers. A part of a portfolio (`case.remainder`) is planned by the reference formulation,
    with the whole portfolio's bound.
    `better` is called with programs on the way that are better than those before, where several methods search.
    `executor` names where the decomposition answers prices, see models.decomposition.executors.executor_of.
    Raises CaseError, SolverError, ExecutorError.
    """
    if case.remainder is not None:
        return replan(case, relative_gap=relative_gap, time_limit_s=time_limit_s, threads=threads)
    taken = chosen(case, method)
    if taken is Method.REFERENCE:
        found = reference(case, relative_gap=relative_gap, time_limit_s=time_limit_s, threads=threads)
        return calmed(case, found, threads=threads)
    if taken is Method.LADDER:
        found = climb(
            case, relative_gap=relative_gap, enough_gap=max(enough_gap or 0.0, relative_gap),
            exact=choices(case) <= TINY, time_limit_s=time_limit_s, threads=threads, report=report,
            cancelled=cancelled, executor=executor_of(executor), better=better,
        )  # fmt: skip
    else:
        in_turn = method is Method.AUTO and hard_to_mix(case)
        began = now()
        found = decompose(
            case, relative_gap=relative_gap, time_limit_s=_FIRST * time_limit_s if in_turn else time_limit_s,
            overtime_s=0.0 if in_turn else None, threads=threads, report=report, cancelled=cancelled,
            executor=executor_of(executor),
        )  # fmt: skip
        left = time_limit_s - (now() - began)
        if in_turn and found.termination is not Termination.OPTIMAL and left > 0 and not cancelled():
            better(found)
            found = improved(
                case, found, relative_gap=relative_gap, time_limit_s=left, threads=threads, cancelled=cancelled
            )
    return calmed(case, found, threads=threads)
