"""Runs one algorithm of HiGHS on arrays, and checks every status."""

from dataclasses import dataclass
from time import perf_counter
from typing import Any

import highspy
import numpy as np
from numpy.typing import NDArray

from benchmarks.sheet import Arrays
from models.matrix import Matrix

ALGORITHMS: dict[str, dict[str, Any]] = {
    "hipo": {"solver": "hipo", "hipo_system": "normaleq", "hipo_ordering": "amd", "run_crossover": "off"},
    "ipx": {"solver": "ipx", "run_crossover": "off"},
    "ipx and crossover": {"solver": "ipx", "run_crossover": "on"},
    "simplex": {"solver": "simplex"},
}
"""Option sets; HiPO needs highspy-extras of the same version as highspy."""


class HighsError(Exception):
    """HiGHS refused an option or the model, or ended without a usable answer."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Solved:
    """A finished run; x is empty if the time limit was reached."""

    status: str
    x: NDArray[np.float64]
    objective: float
    duals: NDArray[np.float64]
    seconds: float


def load(arrays: Arrays | Matrix, options: dict[str, Any]) -> highspy.Highs:
    """Return a solver with the model. Raises HighsError when HiGHS returns anything but OK."""
    solver = highspy.Highs()
    highspy.Highs.resetGlobalScheduler(True)  # an earlier run in this process may have had other threads
    for name, value in {"output_flag": False, **options}.items():
        if solver.setOptionValue(name, value) != highspy.HighsStatus.kOk:
            raise HighsError(f"HiGHS {solver.version()} refused option {name} = {value!r}")
    program = highspy.HighsLp()
    program.num_col_, program.num_row_ = len(arrays.cost), len(arrays.row_lower)
    program.offset_ = arrays.offset
    program.col_cost_, program.col_lower_, program.col_upper_ = arrays.cost, arrays.lower, arrays.upper
    program.row_lower_, program.row_upper_ = arrays.row_lower, arrays.row_upper
    program.a_matrix_.format_ = highspy.MatrixFormat.kColwise
    program.a_matrix_.start_ = arrays.rows.indptr
    program.a_matrix_.index_ = arrays.rows.indices
    program.a_matrix_.value_ = arrays.rows.data
    if solver.passModel(program) == highspy.HighsStatus.kError:
        raise HighsError("HiGHS refused the model")
    return solver


def run(solver: highspy.Highs) -> Solved:
    """Solve. Raises HighsError when the status is neither optimal nor time limit."""
    started = perf_counter()
    if solver.run() == highspy.HighsStatus.kError:
        raise HighsError("HiGHS failed")
    seconds = perf_counter() - started
    ended = solver.getModelStatus()
    name = solver.modelStatusToString(ended)
    if ended == highspy.HighsModelStatus.kTimeLimit:
        empty = np.zeros(0)
        return Solved(status="time limit", x=empty, objective=np.nan, duals=empty, seconds=seconds)
    if ended != highspy.HighsModelStatus.kOptimal:
        raise HighsError(f"HiGHS ended with {name!r}")
    solution = solver.getSolution()
    return Solved(
        status="optimal",
        x=np.array(solution.col_value),
        objective=float(solver.getInfo().objective_function_value),
        duals=np.array(solution.row_dual),
        seconds=seconds,
    )
