"""Linear programs as arrays: how a Pyomo model becomes one, and how pairs of columns exclude each other."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy import sparse

from models.block import Variables
from models.case import Bools, Floats, Ints
from models.errors import SolverError

NEGLIGIBLE = 1e-9  # HiGHS drops smaller coefficients with a warning; they are dropped here first


@dataclass(frozen=True, kw_only=True, eq=False)
class Matrix:
    """min cost·x + offset, row_lower <= A·x <= row_upper, lower <= x <= upper, x whole where `whole`."""

    cost: Floats  # (columns,)
    offset: float
    lower: Floats  # (columns,)
    upper: Floats  # (columns,)
    whole: Bools  # (columns,)
    rows: Any  # A: scipy csc_array (rows, columns)
    row_lower: Floats  # (rows,)
    row_upper: Floats  # (rows,)
    column_of: dict[int, int]  # id of a Pyomo variable → column
    row_of: dict[int, int]  # id of a Pyomo constraint → row

    def rows_at(self, rows: Variables) -> Ints:
        """Return the numbers (n,) of rows."""
        return np.array([self.row_of[id(row)] for row in rows], dtype=np.int64)

    def columns(self, variables: Variables) -> Ints:
        """Return the columns (n,) of variables. Raises SolverError for a variable in no row and no term."""
        try:
            return np.array([self.column_of[id(variable)] for variable in variables], dtype=np.int64)
        except KeyError as error:
            raise SolverError("a variable occurs in no constraint and no term; leave it out of the model") from error


def translate(model: Any) -> Matrix:
    """Return the arrays of a linear Pyomo model whose constraints have one bound or are equalities."""
    from pyomo.common.log import LoggingIntercept
    from pyomo.repn.plugins.standard_form import LinearStandardFormCompiler

    with LoggingIntercept(module="pyomo.core"):  # Pyomo's compiler calls a method that Pyomo has deprecated
        form = LinearStandardFormCompiler().write(model, mixed_form=True)
    count = len(form.columns)
    kinds = np.array([row.bound_type for row in form.rows], dtype=np.int64)
    rows = sparse.csc_array(form.A, copy=True)
    rows.data[np.abs(rows.data) < NEGLIGIBLE] = 0.0
    rows.eliminate_zeros()
    rhs = np.asarray(form.rhs, dtype=np.float64)
    bounds = [variable.bounds for variable in form.columns]
    return Matrix(
        cost=form.c.toarray().reshape(-1)[:count].astype(np.float64),
        offset=float(form.c_offset[0]),
        lower=np.array([-np.inf if low is None else low for low, _ in bounds], dtype=np.float64),
        upper=np.array([np.inf if high is None else high for _, high in bounds], dtype=np.float64),
        whole=np.array([not variable.is_continuous() for variable in form.columns], dtype=np.bool_),
        rows=rows,
        row_lower=np.where(kinds <= 0, rhs, -np.inf),
        row_upper=np.where(kinds >= 0, rhs, np.inf),
        column_of={id(variable): i for i, variable in enumerate(form.columns)},
        row_of={id(row.constraint): i for i, row in enumerate(form.rows)},
    )


def with_exclusions(matrix: Matrix, first: Ints, second: Ints) -> Matrix:
    """Return the problem with a binary d per pair of columns (n,): x[first] <= u·d, x[second] <= u·(1 − d)."""
    pairs, columns = len(first), len(matrix.cost)
    line = np.arange(pairs)
    binaries = columns + line
    high_first, high_second = matrix.upper[first], matrix.upper[second]
    data = np.concatenate([np.ones(pairs), -high_first, np.ones(pairs), high_second])
    row = np.concatenate([line, line, pairs + line, pairs + line])
    column = np.concatenate([first, binaries, second, binaries])
    new = sparse.coo_array((data, (row, column)), shape=(2 * pairs, columns + pairs))
    wide = sparse.hstack([matrix.rows, sparse.csc_array((matrix.rows.shape[0], pairs))])
    return Matrix(
        cost=np.append(matrix.cost, np.zeros(pairs)),
        offset=matrix.offset,
        lower=np.append(matrix.lower, np.zeros(pairs)),
        upper=np.append(matrix.upper, np.ones(pairs)),
        whole=np.append(matrix.whole, np.ones(pairs, dtype=np.bool_)),
        rows=sparse.csc_array(sparse.vstack([wide, new])),
        row_lower=np.append(matrix.row_lower, np.full(2 * pairs, -np.inf)),
        row_upper=np.concatenate([matrix.row_upper, np.zeros(pairs), high_second]),
        column_of=matrix.column_of,
        row_of=matrix.row_of,
    )
