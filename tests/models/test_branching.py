"""Branch and bound on bids and starts against SciPy's solver, on small random problems."""

import numpy as np
import pytest
from scipy import sparse
from scipy.optimize import Bounds, LinearConstraint, milp

from models.matrix import Matrix
from models.reference.branching import Tree, branch
from models.solver import Relaxation, Status
from models.solver_log import SolverLog, hurried
from models.work_clock import now

WHOLES, GROUPS, STARTS, FREE = 6, 3, 4, 4
COLUMNS = WHOLES + GROUPS * STARTS + FREE


def knapsacks(seed):
    """Bids 0..4, three choices of one start in four, and numbers between 0 and 10 that share six scarce rows."""
    rng = np.random.default_rng(seed)
    scarce = rng.uniform(-0.2, 2.0, (6, COLUMNS)) * (rng.random((6, COLUMNS)) < 0.7)
    once = np.zeros((GROUPS, COLUMNS))
    for group in range(GROUPS):
        once[group, WHOLES + group * STARTS : WHOLES + (group + 1) * STARTS] = 1
    high = np.concatenate([np.full(WHOLES, 4.0), np.ones(GROUPS * STARTS), np.full(FREE, 10.0)])
    starts = slice(WHOLES, WHOLES + GROUPS * STARTS)
    capacity = scarce.clip(0)[:, starts].sum(axis=1) + rng.uniform(2, 9, 6)  # all starts fit with all bids at zero
    return Matrix(
        cost=-rng.uniform(0.2, 3.0, COLUMNS),
        offset=rng.uniform(-5, 5),
        lower=np.zeros(COLUMNS),
        upper=high,
        whole=np.arange(COLUMNS) < WHOLES + GROUPS * STARTS,
        rows=sparse.csc_array(np.vstack([scarce, once])),
        row_lower=np.concatenate([np.full(6, -np.inf), np.ones(GROUPS)]),
        row_upper=np.concatenate([capacity, np.ones(GROUPS)]),
        column_of={},
        row_of={},
    )


def least(matrix):
    """Return the minimum as SciPy finds it."""
    result = milp(
        matrix.cost,
        integrality=matrix.whole.astype(int),
        bounds=Bounds(matrix.lower, matrix.upper),
        constraints=LinearConstraint(matrix.rows, matrix.row_lower, matrix.row_upper),
        options={"mip_rel_gap": 0.0},
    )
    assert result.success
    return result.fun + matrix.offset


def branched(matrix, *, allowed=0.0, seconds=30.0, log=None):
    """Run the search from nothing; whole numbers are completed by fixing all of them as they are in the node."""
    relaxation = Relaxation(matrix, threads=1)
    root = relaxation.solve(10.0, "simplex")
    fixed = np.flatnonzero(matrix.whole)

    def complete(x):
        value = np.round(x[fixed])
        relaxation.bound_columns(fixed, value, value)
        run = relaxation.solve(10.0, "simplex")
        relaxation.release(fixed)
        return run

    choices = np.arange(WHOLES, WHOLES + GROUPS * STARTS).reshape(GROUPS, STARTS)
    tree = Tree(
        whole=np.arange(WHOLES), lower=matrix.lower[:WHOLES], upper=matrix.upper[:WHOLES], choices=tuple(choices)
    )
    return root, branch(
        relaxation,
        tree,
        root,
        None,
        complete=complete,
        allowed=lambda _run: allowed,
        deadline=now() + seconds,
        log=log or SolverLog(),
    )


@pytest.mark.parametrize("seed", range(25))
def test_the_minimum_is_found_and_proven(seed):
    matrix = knapsacks(seed)
    _root, found = branched(matrix)
    expected = least(matrix)
    assert found.best is not None
    assert found.best.status is Status.OPTIMAL
    assert abs(found.best.objective - expected) <= 1e-6
    assert abs(found.bound - expected) <= 1e-5


@pytest.mark.parametrize("seed", range(25))
def test_what_is_found_is_whole_and_keeps_every_row(seed):
    matrix = knapsacks(seed)
    x = branched(matrix)[1].best.x
    rows = matrix.rows @ x
    assert np.abs(x[matrix.whole] - np.round(x[matrix.whole])).max() < 1e-6
    assert (x >= matrix.lower - 1e-6).all()
    assert (x <= matrix.upper + 1e-6).all()
    assert (rows >= matrix.row_lower - 1e-6).all()
    assert (rows <= matrix.row_upper + 1e-6).all()


@pytest.mark.parametrize("allowed", [0.3, 2.0])
def test_an_allowed_gap_is_kept_and_the_bound_stays_proven(allowed):
    for seed in range(10):
        matrix = knapsacks(seed)
        _root, found = branched(matrix, allowed=allowed)
        assert found.bound - 1e-6 <= least(matrix) <= found.best.objective + 1e-6
        assert found.best.objective - found.bound <= allowed + 1e-6


def test_out_of_time_the_relaxation_is_the_bound():
    matrix = knapsacks(1)
    log = SolverLog()
    root, found = branched(matrix, seconds=0.0, log=log)
    assert hurried(log.lines())
    assert found.bound <= least(matrix) + 1e-6
    assert found.bound >= root.objective - 1e-6


def test_the_problems_are_not_solved_by_their_relaxation():
    gaps = []
    for seed in range(25):
        root, found = branched(knapsacks(seed))
        gaps.append(found.best.objective - root.objective)
    assert np.median(gaps) > 0.01
