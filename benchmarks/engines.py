"""One function per engine: takes a case, returns figures. Runs in the measuring process, in its environment."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from time import perf_counter, process_time
from typing import Any, Literal

import numpy as np

from models.case import Case
from models.matrix import Matrix


@dataclass(frozen=True, kw_only=True)
class Figures:
    """An engine's figures. Money in EUR, earned positive; None where the engine gives no figure."""

    build_s: float  # before the solver starts
    solve_s: float
    objective: float | None = None
    bound: float | None = None
    gap_of_gross_cost: float | None = None
    note: str = ""
    cpu_s: float | None = None  # where more was computed than what is measured
    rounds: list[dict[str, Any]] = field(default_factory=list)
    seconds: dict[str, float] = field(default_factory=dict)
    finished: Callable[[], dict[str, Any]] | None = None  # figures to compute after the memory has been read


Method = Literal["decomposition", "reference"]


def agr(case: Case, limit_s: float) -> Figures:
    """Run the product's optimiser, the outcome audited."""
    from benchmarks.optimiser import measure

    return measure(case, limit_s)


def whole(case: Case, limit_s: float) -> Figures:
    """Run HiGHS on the whole model with its whole numbers, as the reference formulation does."""
    from benchmarks.optimiser import RELATIVE_GAP
    from models.reference.problem import solve

    started = perf_counter()
    outcome = solve(case, relative_gap=RELATIVE_GAP, time_limit_s=limit_s, threads=2)
    build = outcome.seconds.get("build", 0.0) + outcome.seconds.get("translate", 0.0)
    return Figures(
        build_s=build,
        solve_s=perf_counter() - started - build,
        objective=outcome.objective_eur,
        bound=outcome.bound_eur if np.isfinite(outcome.bound_eur) else None,
        gap_of_gross_cost=outcome.gap_eur / outcome.gross_cost_eur if np.isfinite(outcome.gap_eur) else None,
        note="" if outcome.termination.value == "optimal" else outcome.termination.value,
    )


def highs(case: Case, limit_s: float, algorithm: str) -> Figures:
    """Run one algorithm of HiGHS on arrays built by numpy.

    With connections they are those of the reference formulation, stated before the clock starts.
    """
    from benchmarks.highs import ALGORITHMS, load, run
    from benchmarks.linear import relaxation

    of_reference = _of_reference(case)
    started, cpu = perf_counter(), process_time()
    arrays = relaxation(case) if of_reference is None else of_reference
    solver = load(arrays, {**ALGORITHMS[algorithm], "threads": 2, "time_limit": limit_s})
    built = perf_counter()
    solved = run(solver)
    figures = _optimum(solved.status, -solved.objective, built - started, perf_counter() - built)
    return replace(figures, cpu_s=process_time() - cpu)


def _of_reference(case: Case) -> Matrix | None:
    """Return the arrays of the reference formulation where a case has connections, which the others leave out."""
    if not case.connection_limits.name and not case.connection_tariffs.name:
        return None
    from models.reference.problem import stated

    return stated(case)[1]


def pyomo(case: Case, limit_s: float) -> Figures:
    """State the reference formulation in Pyomo, translate and solve its relaxation by the project's route."""
    import gc

    from models.matrix import translate
    from models.reference.problem import state
    from models.solver import Relaxation

    started = perf_counter()
    gc.disable()
    problem = state(case)
    stated = perf_counter()
    matrix = translate(problem.model)
    gc.enable()
    built = perf_counter()
    run = Relaxation(matrix, threads=2).solve(limit_s, "ipm")
    figures = _optimum(run.status.value, -run.objective, built - started, perf_counter() - built)
    figures.seconds.update({"state": stated - started, "translate": built - stated})
    return figures


def linopy(case: Case, limit_s: float) -> Figures:
    """State the relaxed problem in linopy and solve it through its direct interface to HiGHS."""
    import warnings

    from benchmarks.highs import ALGORITHMS
    from benchmarks.linopy_model import constant_eur, state

    warnings.simplefilter("ignore")  # its warnings about future releases
    started = perf_counter()
    model = state(case)
    built = perf_counter()
    options = {**ALGORITHMS["hipo"], "threads": 2, "time_limit": limit_s, "output_flag": False}
    status, condition = model.solve("highs", io_api="direct", log_to_console=False, **options)
    value = -(model.objective.value + constant_eur(case)) if status == "ok" else np.nan
    return _optimum("optimal" if status == "ok" else condition, value, built - started, perf_counter() - built)


def flexmeasures(case: Case, limit_s: float) -> Figures:
    """Run FlexMeasures' device_scheduler on what it can express of the case."""
    from benchmarks.flexmeasures_model import LEFT_OUT, schedule

    del limit_s  # the engine has no time limit; the process is ended
    built, solved, cost = schedule(case)
    return Figures(build_s=built, solve_s=solved, objective=-cost, note=f"a smaller problem: without {LEFT_OUT}")


def _optimum(status: str, value: float, build_s: float, solve_s: float) -> Figures:
    if status != "optimal":
        return Figures(build_s=build_s, solve_s=solve_s, note=status)
    return Figures(build_s=build_s, solve_s=solve_s, objective=value, bound=value, gap_of_gross_cost=0.0)


RUN: dict[str, Callable[..., Figures]] = {
    "agr": agr, "whole": whole, "highs": highs, "pyomo": pyomo, "linopy": linopy, "flexmeasures": flexmeasures,
}  # fmt: skip
