"""Gives each mixing pair one direction by solving again only the units around such pairs, while all others stay.

In a large problem few units charge and discharge at once in the relaxation's answer, mostly in their called programs,
where that costs nothing. Solving the whole again for them takes a thousand steps of the simplex method.
Source: docs/explanation/optimisation.md §1.
"""

from dataclasses import replace

import numpy as np
from scipy import sparse
from scipy.sparse import csgraph

from models.case import Bools, Floats, Ints
from models.matrix import Matrix
from models.reference.rounding import DiscreteColumns, fixed_whole, losers, mixing_pairs
from models.solver import Relaxation, SolverRun, Status
from models.work_clock import now

_NARROW = 6
"""Most columns of a row that ties others to those that mix: the rows of single units. Longer ones do not tie."""
_MOST = 0.2
"""Largest share of the columns that is solved again in this way; where more hang together, there is no answer."""
_ROUNDS = 6
_WHOLE = 1e-6


def directed_around(
    relaxation: Relaxation,
    matrix: Matrix,
    columns: DiscreteColumns,
    relaxed: SolverRun,
    *,
    threads: int,
    deadline: float,
) -> SolverRun | None:
    """Return the relaxation's answer with whole starts, and one direction of each pair; None where that fails.

    Starts that are not whole are rounded first, and the whole is solved from the last basis: these are few. Marginals
    are those of that run. There is no answer where bids are not whole, where too much hangs together, or where the
    units around cannot make up for a direction.
    """
    run = _with_starts(relaxation, columns, relaxed, deadline)
    if run is None:
        return None
    x, mixing = run.x.copy(), mixing_pairs(columns, run.x)
    free = _around(matrix, np.concatenate([columns.first[mixing], columns.second[mixing]]))
    if free.sum() > _MOST * len(x):
        return None
    chosen, place = np.flatnonzero(free), np.cumsum(free) - 1
    part = Relaxation(_part(matrix, chosen, x, _whole(columns)), threads=threads, quiet=True)
    for _ in range(_ROUNDS):
        if not mixing.any():
            return replace(run, x=x, objective=float(matrix.cost @ x) + matrix.offset)
        closed = place[losers(columns, x, mixing)]
        part.bound_columns(closed, np.zeros(len(closed)), np.zeros(len(closed)))
        found = part.solve(deadline - now(), "simplex")
        if found.status is not Status.OPTIMAL:
            return None
        x[chosen] = found.x
        mixing = mixing_pairs(columns, x)
    return None


def _with_starts(
    relaxation: Relaxation, columns: DiscreteColumns, relaxed: SolverRun, deadline: float
) -> SolverRun | None:
    x = relaxed.x
    bids = np.round(x[columns.whole])
    if bool((np.abs(x[columns.whole] - bids) > _WHOLE).any()):
        return None
    whole, value = fixed_whole(columns, x, bids)
    if not bool((np.abs(x[whole] - value) > _WHOLE).any()):
        return relaxed
    relaxation.bound_columns(whole, value, value)
    try:
        run = relaxation.solve(deadline - now(), "simplex")
    finally:
        relaxation.release(whole)
    return run if run.status is Status.OPTIMAL else None


def _whole(columns: DiscreteColumns) -> Ints:
    parts = (columns.whole, columns.switch[columns.switch >= 0], columns.on, columns.partly)
    return np.concatenate([*parts, *columns.choices, *(states for states, _ in columns.states)])


def _around(matrix: Matrix, columns: Ints) -> Bools:
    """Return the columns (V,) that narrow rows tie to these, directly or by way of others."""
    rows = sparse.csr_array(matrix.rows)
    narrow = rows[np.flatnonzero(np.diff(rows.indptr) <= _NARROW)]
    both = sparse.block_array([[None, narrow], [narrow.T, None]], format="csr")
    _, together = csgraph.connected_components(both, directed=False)
    of_column = together[narrow.shape[0] :]
    return np.isin(of_column, of_column[columns])


def _part(matrix: Matrix, chosen: Ints, x: Floats, whole: Ints) -> Matrix:
    """Return the problem of the chosen columns (n,), beside which all others stay as in x, as whole numbers do."""
    rest = x.copy()
    rest[chosen] = 0.0
    beside, now_kw = matrix.rows @ rest, matrix.rows @ x
    mine = matrix.rows[:, chosen]
    touched = np.unique(mine.indices)
    lower, upper = matrix.lower.copy(), matrix.upper.copy()
    lower[whole] = upper[whole] = np.round(x[whole])
    low, high = np.minimum(matrix.row_lower, now_kw), np.maximum(matrix.row_upper, now_kw)  # rounding stays
    return Matrix(
        cost=matrix.cost[chosen],
        offset=0.0,
        lower=np.minimum(lower[chosen], x[chosen]),
        upper=np.maximum(upper[chosen], x[chosen]),
        whole=np.zeros(len(chosen), dtype=np.bool_),
        rows=sparse.csc_array(sparse.csr_array(mine)[touched]),
        row_lower=(low - beside)[touched],
        row_upper=(high - beside)[touched],
        column_of={},
        row_of={},
    )
