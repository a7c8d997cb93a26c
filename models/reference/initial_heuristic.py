"""A first answer and a bound in seconds, for problems whose relaxation may take minutes.

Reserve makes a large relaxation hard, since held energy couples every ISP of a unit to the few rows that sum headroom.
Without free bids the problem is easy. With fixed programs of the units that hold reserve it is easy as well: then only
their headroom and the bids are left. Source: docs/explanation/optimisation.md §1.
"""

from collections.abc import Callable
from dataclasses import replace

import numpy as np

from models.case import Bools, Floats, Ints
from models.matrix import Matrix
from models.reference.branching import Branched
from models.solver import Relaxation, SolverRun, Status, solve_mixed
from models.solver_log import SolverLog
from models.work_clock import now

_SHARE = 0.3  # share of the time left that one choice of bids may take
_TOLERANCE = 1e-6
_GAP = 1e-3  # gap of a first answer, as a share of its value


def first_answer(
    matrix: Matrix,
    *,
    bids: Ints,
    held: Ints,
    powers: Ints,
    rests: Bools,
    complete: Callable[[Relaxation, Floats, Floats], SolverRun | None],
    threads: int,
    deadline: float,
    log: SolverLog | None = None,
) -> Branched:
    """Return the best of three answers: no bids, the best bids on that program, the best bids while units rest.

    `bids` are the columns of free bids with their switches, `held` those of reserve power, `powers` those of the power
    of units that hold reserve; `rests` (powers,) says which of these may be zero all day. complete(relaxation, x, bids)
    fixes the whole numbers near x with these bids and solves the rest. Bound: bids only take room from all else, so the
    minimum is at least that without bids, less the most that all bids together can earn. Duals are those of the program
    without bids. The log gets HiGHS' lines while it chooses bids, and a line for every time limit reached.
    """
    relaxation = Relaxation(matrix, threads=threads, log=log, quiet=True)
    none = np.zeros(len(bids))
    relaxation.bound_columns(bids, none, none)
    without = relaxation.solve(deadline - now(), "simplex")
    if without.status is not Status.OPTIMAL:
        return Branched(best=None, bound=-np.inf)
    bound = without.objective + float(np.minimum(matrix.cost[bids] * matrix.upper[bids], 0.0).sum())
    best = complete(relaxation, without.x, none)
    if best is None or best.status is not Status.OPTIMAL:
        return Branched(best=None, bound=bound)
    kept = best.x
    best = _with_bids(matrix, np.append(bids, held), best, threads, deadline, log)
    program = np.clip(np.where(rests, 0.0, kept[powers]), matrix.lower[powers], matrix.upper[powers])
    relaxation.bound_columns(powers, program, program)
    resting = complete(relaxation, kept, none)
    if resting is not None and resting.status is Status.OPTIMAL:
        resting = _with_bids(matrix, np.append(bids, held), resting, threads, deadline, log)
        best = resting if resting.objective < best.objective else best
    return Branched(best=best, bound=bound)


def _with_bids(
    matrix: Matrix, free: Ints, run: SolverRun, threads: int, deadline: float, log: SolverLog | None
) -> SolverRun:
    """Return the run with the best bids and reserve power that its program can hold; all else stays."""
    lower, upper = run.x.copy(), run.x.copy()
    lower[matrix.whole] = upper[matrix.whole] = np.round(run.x[matrix.whole])
    lower[free], upper[free] = matrix.lower[free], matrix.upper[free]
    # A program is feasible to the solver's tolerance only, so rows are relaxed by that much where all else is given.
    given = replace(
        matrix,
        lower=lower,
        upper=upper,
        row_lower=matrix.row_lower - _TOLERANCE,
        row_upper=matrix.row_upper + _TOLERANCE,
    )
    found = solve_mixed(
        given,
        start=np.zeros(0),
        absolute_gap=_GAP * abs(run.objective),
        time_limit_s=_SHARE * (deadline - now()),
        threads=threads,
        log=log,
    )
    if not len(found.x) or found.objective >= run.objective:
        return run
    # Bids are whole to a tolerance as well; headroom must cover the whole ones.
    exact = Relaxation(given, threads=threads, log=log, quiet=True)
    whole = free[matrix.whole[free]]
    exact.bound_columns(whole, np.round(found.x[whole]), np.round(found.x[whole]))
    held = exact.solve(deadline - now(), "simplex")
    return replace(run, x=held.x, objective=held.objective) if held.status is Status.OPTIMAL else run
