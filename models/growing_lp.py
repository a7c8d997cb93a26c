"""A linear program that gains columns, kept in HiGHS and solved again from its last basis. Minimises."""

from dataclasses import dataclass
from typing import Any

import highspy
import numpy as np
from scipy import sparse

from models.case import Floats, Ints
from models.errors import SolverError


@dataclass(frozen=True, kw_only=True, eq=False)
class LpSolution:
    """An optimum: values of all columns in the order in which they were added, and what a unit of each row costs."""

    objective: float
    x: Floats  # (columns,)
    row_dual: Floats  # (rows,)


class GrowingLp:
    """min cost·x, row_lower <= A·x <= row_upper, lower <= x <= upper."""

    def __init__(
        self, *, cost: Floats, lower: Floats, upper: Floats, rows: Any, row_lower: Floats, row_upper: Floats
    ) -> None:
        """Begin with these columns; `rows` is a SciPy matrix (rows, columns). Raises SolverError as all methods do."""
        self._solver, self._rows = highspy.Highs(), len(row_lower)
        for name, value in (("output_flag", False), ("solver", "simplex"), ("simplex_strategy", 4)):
            self._demand(self._solver.setOptionValue(name, value), f"option {name}")
        empty = (np.zeros(0, dtype=np.int32), np.zeros(0, dtype=np.int32), np.zeros(0))
        self._demand(
            self._solver.addRows(self._rows, row_lower.astype(float), row_upper.astype(float), 0, *empty), "rows"
        )
        self.add_columns(cost, rows, lower, upper)

    def add_columns(self, cost: Floats, columns: Any, lower: Floats, upper: Floats) -> None:
        """Add columns with cost (n,), lower and upper bounds (n,); `columns` is a SciPy matrix (rows,n)."""
        packed = sparse.csc_array(columns)
        self._demand(
            self._solver.addCols(
                len(cost), cost.astype(float), lower.astype(float), upper.astype(float), packed.nnz,
                packed.indptr[:-1].astype(np.int32), packed.indices.astype(np.int32), packed.data.astype(float),
            ),
            "columns",
        )  # fmt: skip

    def charge(self, columns: Ints, cost: Floats) -> None:
        """Give columns (n,) another cost (n,)."""
        self._demand(self._solver.changeColsCost(len(columns), columns.astype(np.int32), cost.astype(float)), "costs")

    def solve(self) -> LpSolution:
        """Return the optimum. Raises SolverError where there is none, which is a fault of the program."""
        run, ended = self._solver.run(), self._solver.getModelStatus()
        if run == highspy.HighsStatus.kError or ended != highspy.HighsModelStatus.kOptimal:
            raise SolverError(f"HiGHS ended with {self._solver.modelStatusToString(ended)!r}; keep the case")
        found = self._solver.getSolution()
        return LpSolution(
            objective=float(self._solver.getInfo().objective_function_value),
            x=np.array(found.col_value), row_dual=np.array(found.row_dual),
        )  # fmt: skip

    @staticmethod
    def _demand(status: Any, what: str) -> None:
        if status == highspy.HighsStatus.kError:
            raise SolverError(f"HiGHS refused {what}; keep the case and report it as a bug")
