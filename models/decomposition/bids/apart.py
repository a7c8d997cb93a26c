"""Solves the planned programs of a large relaxation alone first, then the called ones beside them, for a basis of both.

No row of called programs is in the first step, so it bounds the whole. What is found second is best for the whole if it
costs nothing more. Both bases together are one of the whole, because no called variable is in a row of the first
step: the simplex method confirms it there in a few steps. Source: docs/explanation/optimisation.md §3.5.
"""

from dataclasses import replace

import numpy as np
from scipy import sparse

from models.algebra import pyo
from models.case import Bools, Floats, Ints
from models.matrix import Matrix
from models.reference.reading import Problem
from models.solver import Relaxation, SolverRun, Status
from models.work_clock import now

_CALLED = "called_"


def called_columns(problem: Problem, matrix: Matrix) -> Bools:
    """Return the columns (V,) of called programs of units."""
    result = np.zeros(len(matrix.cost), dtype=np.bool_)
    for block in problem.model.component_objects(pyo.Block, descend_into=False):
        if block.name.startswith(_CALLED):
            found = (matrix.column_of.get(id(one)) for one in block.component_data_objects(pyo.Var))
            result[[column for column in found if column is not None]] = True
    return result


class ProgramsApart:
    """The planned part of a relaxation, kept to be solved with one set of bounds after another.

    `least_eur`: the least that all other columns can cost whatever the planned programs are, −inf where they may earn
    without end.
    """

    def __init__(self, matrix: Matrix, called: Bools, *, threads: int) -> None:
        self._matrix, self._threads = matrix, threads
        rows = sparse.csr_array(matrix.rows)
        touched = np.diff(rows[:, np.flatnonzero(called)].indptr) > 0
        elsewhere = np.diff(sparse.csc_array(rows[np.flatnonzero(~touched)]).indptr) > 0
        some = np.diff(matrix.rows.indptr) > 0
        self._second = np.flatnonzero(called | (some & ~elsewhere))
        self._first = np.setdiff1d(np.arange(len(matrix.cost)), self._second)
        self._second_rows, self._first_rows = np.flatnonzero(touched), np.flatnonzero(~touched)
        self._beside = rows[self._second_rows]
        cost = matrix.cost[self._second]
        worst = np.where(cost > 0, matrix.lower[self._second], matrix.upper[self._second])
        self.least_eur = float(cost[cost != 0] @ worst[cost != 0])
        self._planned = Relaxation(self._part(self._first_rows, self._first), threads=threads, quiet=True)
        self._place = np.full(len(matrix.cost), -1)
        self._place[self._first] = np.arange(len(self._first))

    def bound_columns(self, columns: Ints, lower: Floats, upper: Floats) -> None:
        """Set the bounds of columns (n,), all in rows of planned programs, to lower (n,) and upper (n,)."""
        self._planned.bound_columns(self._place[columns], lower, upper)

    def planned(self, time_left_s: float, algorithm: str) -> SolverRun:
        """Return the planned programs alone, x (V,) with zeros for all else: a bound of what the whole costs."""
        run = self._planned.solve(time_left_s, algorithm)
        if run.status is not Status.OPTIMAL:
            return run
        x = np.zeros(len(self._matrix.cost))
        x[self._first] = run.x
        return replace(run, x=x, objective=run.objective + self.least_eur)

    def joined(self, planned: SolverRun, whole: Relaxation, *, within: float, deadline: float) -> SolverRun | None:
        """Return the whole's best answer, from called programs beside the planned ones; None where these cost more.

        `whole` has the bounds with which `planned` was found, none of which concern called programs. `within` is what
        counts as no cost, EUR.
        """
        beside = self._beside @ planned.x
        part = self._part(self._second_rows, self._second)
        part = replace(part, row_lower=part.row_lower - beside, row_upper=part.row_upper - beside)
        called = Relaxation(part, threads=self._threads, quiet=True)
        found = called.solve(deadline - now(), "simplex")
        if found.status is not Status.OPTIMAL or found.objective - part.offset - self.least_eur > within:
            return None
        whole.begin_from([
            (self._first, self._first_rows, self._planned), (self._second, self._second_rows, called)
        ])  # fmt: skip
        run = whole.solve(deadline - now(), "simplex")
        return run if run.status is Status.OPTIMAL else None

    def _part(self, rows: Ints, columns: Ints) -> Matrix:
        matrix = self._matrix
        return replace(
            matrix, cost=matrix.cost[columns], lower=matrix.lower[columns], upper=matrix.upper[columns],
            whole=matrix.whole[columns], rows=sparse.csc_array(sparse.csr_array(matrix.rows)[rows][:, columns]),
            row_lower=matrix.row_lower[rows], row_upper=matrix.row_upper[rows], column_of={}, row_of={},
        )  # fmt: skip
