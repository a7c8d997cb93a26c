"""The decomposed optimiser: Case in, Outcome out, for portfolios of any size.

Source: docs/explanation/optimisation.md §3.
"""

from collections.abc import Callable
from dataclasses import replace
from time import perf_counter

from models.case import Case
from models.decomposition.algorithm import optimise
from models.decomposition.executors import Executor, local
from models.decomposition.prices.grouping import group_units
from models.decomposition.progress import Report, SearchProgress
from models.decomposition.steps import DecompositionSteps
from models.decomposition.stopping import Interrupted
from models.decomposition.tuning import DEFAULT, Tuning
from models.outcome import Outcome
from models.response import limited
from models.work_clock import now


def solve(
    case: Case,
    *,
    relative_gap: float = 1e-3,
    time_limit_s: float = 60.0,
    overtime_s: float | None = None,
    threads: int = 2,
    report: Report | None = None,
    cancelled: Callable[[], bool] = lambda: False,
    executor: Executor = local,
    tuning: Tuning = DEFAULT,
) -> Outcome:
    """Return the best program found, with its proven bound; `relative_gap` is a share of gross cost.

    A run that is stopped by time or cancellation returns its best program so far with its gap. Where that breaks
    promises (reservations, awards, orders, limits, balance), a run out of time goes on for `overtime_s`, by default as
    long again. `executor` says where prices are answered; a sample's are always answered in this process. The outcome
    depends neither on the executor nor on the number of `threads`. Raises CaseError where the decomposition cannot plan
    the case, ExecutorError where the executor fails, SolverError where HiGHS fails.
    """
    began = perf_counter()
    clock = now if executor is local else perf_counter  # work elsewhere is not counted in this process
    stop = Interrupted(
        deadline_s=clock() + time_limit_s,
        cancelled=cancelled,
        clock=clock,
        overtime_s=time_limit_s if overtime_s is None else overtime_s,
    )
    progress = SearchProgress(began, report)
    grouping = group_units(case, tuning.pool.unpriced_groups)
    with limited(threads), executor(case, grouping) as pricing:
        steps = DecompositionSteps(
            case, grouping, pricing, relative_gap=relative_gap, threads=threads, tuning=tuning, stop=stop,
            progress=progress,
        )  # fmt: skip
        progress.seconds["prepare"] = progress.elapsed_s()
        cycles = tuning.cycles
        if grouping.joint:
            cycles = replace(cycles, sampled_rounds=max(cycles.sampled_rounds, tuning.joint.sampled_rounds))
        why = optimise(steps, relative_gap=relative_gap, tuning=cycles)
        return steps.outcome(why)
