"""Solves and audits a case in this process: the work of a worker, here or on a cluster."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from math import nan
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from agr.planning.kernels import compile_kernels
from agr.settings import Planning
from models.case import Case, Reservations, no_orders
from models.errors import ModelError
from models.outcome import Outcome
from models.solver_log import LATE
from models.work_clock import LONGEST
from models.work_clock import now as clock

if TYPE_CHECKING:  # it imports much that only workers need
    from models.evaluation import Earlier
    from models.resumption import Resumed


@dataclass(frozen=True, kw_only=True, eq=False)
class Solution:
    """A worker's answer."""

    outcome: Outcome
    findings: tuple[str, ...]  # of the audit; empty: passed
    no_flexibility_eur: float
    dual_slack_eur: float = 0.0  # of the fixed remainder, where a part of a portfolio was solved
    mended: Mapping[str, NDArray[np.int64]] | None = None
    """Class → indices of the units (n,) that could not run their program as it was, where the outcome is the program in
    force under new facts. None: a new program was searched for"""


GOES_ON_FROM = 1_000
"""Resources from which the plan of a running day starts from the program in force; smaller portfolios are searched
anew."""
_GOING_ON = 0.25
"""Share of the time limit for going on from the program in force; after that the search starts anew."""
OF_BUDGET = 0.8
"""Share of the budget within which a search ends, overtime included, however slow the machine is: after the budget its
result would be lost."""


def unmanaged(case: Case) -> Case:
    """Return the case of an AGR without flexibility: no reserves sold, no contracts or orders, no fixed positions.

    Peaks of customers have been paid for as far as unmanaged programs of the Periods before have reached.
    """
    none = np.zeros(0)
    return replace(
        case,
        reserves=(),
        anchor=None,
        start=None,  # its prices belong to reserves and reservations that are dropped here
        day_ahead=replace(case.day_ahead, committed_kw=np.full(case.isps, np.nan)),
        intraday=replace(case.intraday, committed_kw=np.full(case.isps, np.nan), traded_kw=np.zeros(0), traded_eur=0.0),
        orders=no_orders(),
        balancing_groups=case.balancing_groups.free(),
        connection_tariffs=case.connection_tariffs.unsteered(),
        reservations=Reservations(
            name=(),
            point=none.astype(np.int64),
            reserved_kw=np.zeros((0, case.isps)),
            penalty_eur_per_mwh=none,
            availability_eur_per_mw_h=none,
        ),
    )


@dataclass(frozen=True, kw_only=True)
class How:
    """How a case is solved."""

    method: str  # "auto", "reference", "decomposition"
    relative_gap: float
    decomposed_gap: float
    time_limit_s: float
    threads: int
    executor: str = "local"  # as in compute.executor
    longest: float = 1.0  # most seconds of wall-clock time for each second of the time limit

    @staticmethod
    def of(planning: Planning, *, threads: int | None = None, executor: str = "local") -> "How":
        """Return the options from the settings."""
        return How(
            method=planning.method,
            relative_gap=planning.relative_gap,
            decomposed_gap=planning.decomposed_gap,
            time_limit_s=planning.time_limit_s,
            threads=threads or planning.threads,
            executor=executor,
            longest=max(OF_BUDGET * planning.budget_s / planning.time_limit_s, 1.0),
        )


def answer(
    case: Case,
    how: How,
    report: Callable[[Any], None] | None = None,
    cancelled: Callable[[], bool] = lambda: False,
    begun: Callable[[], object] = lambda: None,
    earlier: "Earlier | None" = None,
    better: Callable[[Outcome], None] = lambda _found: None,
) -> Solution:
    """Solve and audit a case in this process. Compilation is done first and not counted as solving time.

    `begun` is called once that time begins, `better` with each better program on the way. A large portfolio goes on
    with the program in force, `earlier`, where that is within the gap under the facts of the case; nothing is searched
    then. Raises ModelError when the solve fails.
    """
    # Imported here, in the worker: Pyomo takes seconds that `agr status` and the endpoint should not wait for.
    from models.audit import audit
    from models.baseline import no_flexibility
    from models.method import Method, chosen, solve

    clock.longest = min(how.longest, LONGEST)
    method = chosen(case, Method(how.method))
    if method is not Method.REFERENCE:
        compile_kernels()
    begun()
    resumed, why = None, ""
    if earlier is not None and method is Method.DECOMPOSITION:
        resumed, why = _gone_on(case, earlier, how, cancelled)
    outcome = (
        resumed.outcome
        if resumed
        else solve(
            case,
            method=method,
            relative_gap=how.decomposed_gap if method is Method.DECOMPOSITION else how.relative_gap,
            enough_gap=how.decomposed_gap,
            time_limit_s=how.time_limit_s,
            threads=how.threads,
            report=report,
            cancelled=cancelled,
            executor=how.executor,
            better=better,
        )
    )
    outcome = replace(outcome, log=(why, *outcome.log)) if why else outcome
    whole = case.remainder is None  # a part does not know the unmanaged programs of the rest
    no_flexibility_eur = no_flexibility(unmanaged(case)).objective_eur if whole else nan
    mended = resumed.replaced if resumed is not None and not resumed.searched else None
    return Solution(
        outcome=outcome, findings=audit(case, outcome), no_flexibility_eur=no_flexibility_eur, mended=mended
    )  # fmt: skip


def _gone_on(case: Case, earlier: "Earlier", how: How, cancelled: Callable[[], bool]) -> "tuple[Resumed | None, str]":
    """Return the program in force, mended, where it is proven to be within the gap; else None, and why."""
    from models.outcome import Termination
    from models.resumption import resume

    try:
        found = resume(
            case, earlier, relative_gap=how.decomposed_gap, time_limit_s=_GOING_ON * how.time_limit_s,
            threads=how.threads, executor=how.executor, cancelled=cancelled,
        )  # fmt: skip
    except ModelError as error:  # whatever is wrong with it, a search does not need it
        return None, f"the program in force was not gone on with: {error}"
    if found is None:
        return None, "the program in force was not gone on with: it has no prices"
    if found.outcome.termination is not Termination.OPTIMAL:
        return None, f"the program in force was not gone on with: it is within {found.gap:.1e} of gross cost only"
    return found, ""


def unfinished(case: Case, found: Outcome | None, why: str) -> Solution:
    """Audit the best program of a solve that was ended, and say so in its log; without one, that of unsteered units."""
    from models.audit import audit
    from models.baseline import as_it_stands, no_flexibility

    what = (
        "the best program that it had" if found is not None else "no program: units run unsteered, and nothing is bid"
    )
    outcome = found if found is not None else no_flexibility(as_it_stands(case))
    outcome = replace(outcome, log=(*outcome.log, f"{LATE}: {why}; this is {what}"))
    return Solution(
        outcome=outcome, findings=audit(case, outcome),
        no_flexibility_eur=no_flexibility(unmanaged(case)).objective_eur,
    )  # fmt: skip


def answer_part(before: Case, case: Case, how: How, begun: Callable[[], object] = lambda: None) -> Solution:
    """Solve and audit a part of a portfolio in this process; `before` is the part in force. Raises ModelError.

    `begun` is called once the time of solving begins.
    """
    from models.audit import audit
    from models.method import solve
    from models.part import dual_slack_eur

    clock.longest = min(how.longest, LONGEST)
    compile_kernels()
    begun()
    if case.remainder is None:
        raise ModelError("the case is no part of a portfolio; report it as a bug")
    slack = dual_slack_eur(before)
    case = replace(case, remainder=replace(case.remainder, dual_slack_eur=slack))
    outcome = solve(case, relative_gap=how.decomposed_gap, time_limit_s=how.time_limit_s, threads=how.threads)
    return Solution(outcome=outcome, findings=audit(case, outcome), no_flexibility_eur=nan, dual_slack_eur=slack)
