"""A first answer and a bound in seconds, for problems whose relaxation may take minutes.

Reserve is what makes a large relaxation hard: held energy ties every ISP of a unit to the few rows that sum headroom.
Without free bids the problem is easy, and so it is with the programs of the units that hold reserve given: then only
their headroom and the bids are left. Source: docs/optimisation.md §4.
"""

from collections.abc import Callable
from dataclasses import replace
from time import perf_counter

import numpy as np

from models.branching import Branched
from models.case import Bools, Floats, Ints
from models.solver import Matrix, Relaxation, Run, Status, solve_mixed

_SHARE = 0.3  # of the time left that one choice of bids may take
_GAP = 1e-3  # of the value, good enough for a first answer


def first_answer(
    matrix: Matrix,
    *,
    bids: Ints,
    starts: Ints,
    holders: Ints,
    rests: Bools,
    complete: Callable[[Relaxation, Floats, Floats], Run | None],
    threads: int,
    deadline: float,
) -> Branched:
    """Return the best of: no bids; bids while holders rest; bids while holders do what they would without.

    `bids` are the columns of free bids with their switches, `starts` those of all runs, `holders` those of the power of
    units that hold reserve, `rests` (holders,) which of these may be zero all day. complete(relaxation, x, bids) fixes
    the whole numbers near x with these bids and solves the rest. Bound: bids only take room from everything else, so
    no minimum lies below that without them, less what all bids together can earn at most.
    """
    relaxation = Relaxation(matrix, threads=threads)
    none = np.zeros(len(bids))
    relaxation.bound_columns(bids, none, none)
    without = relaxation.solve(deadline - perf_counter(), "simplex")
    if without.status is not Status.OPTIMAL:
        return Branched(best=None, bound=-np.inf)
    bound = without.objective + float(np.minimum(matrix.cost[bids] * matrix.upper[bids], 0.0).sum())
    best = complete(relaxation, without.x, none)
    if best is None or best.status is not Status.OPTIMAL:
        return Branched(best=None, bound=bound)
    kept = best.x
    for program in (np.where(rests, 0.0, kept[holders]), kept[holders]):
        program = np.clip(program, matrix.lower[holders], matrix.upper[holders])
        given = _given(matrix, np.append(holders, starts), np.append(program, np.round(kept[starts])))
        seconds = _SHARE * (deadline - perf_counter())
        run = solve_mixed(
            given,
            start=np.zeros(0),
            absolute_gap=_GAP * abs(best.objective),
            time_limit_s=seconds,
            threads=threads,
        )
        if not len(run.x) or run.objective >= best.objective:
            continue
        relaxation.bound_columns(holders, program, program)
        found = complete(relaxation, run.x, np.round(run.x[bids]))
        relaxation.release(holders)
        if found is not None and found.status is Status.OPTIMAL and found.objective < best.objective:
            best = found
    return Branched(best=best, bound=bound)


def _given(matrix: Matrix, columns: Ints, values: Floats) -> Matrix:
    lower, upper = matrix.lower.copy(), matrix.upper.copy()
    lower[columns] = upper[columns] = values
    return replace(matrix, lower=lower, upper=upper)
