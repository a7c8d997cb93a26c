"""Solves programs in arrays with HiGHS, known only here and to growing_lp and listening. Minimises −value."""

from dataclasses import dataclass, replace
from enum import Enum
from math import ceil, log2
from typing import Any

import highspy
import numpy as np

from models.case import Bools, Floats, Ints
from models.errors import SolverError
from models.listening import Listener
from models.matrix import Matrix
from models.solver_log import LATE, SolverLog


class Status(Enum):
    """How a run ended."""

    OPTIMAL = "optimal"
    INFEASIBLE = "infeasible"
    TIME_LIMIT = "time limit"
    STALLED = "stalled"  # branching hardly narrowed the gap any more, see models.listening
    CUT_OFF = "cut off"  # the minimum is proven to be above the limit asked for


_BRANCHING_ALONE = {
    "mip_heuristic_run_rins": False,
    "mip_heuristic_run_rens": False,
    "mip_heuristic_run_root_reduced_cost": False,
    "mip_allow_restart": False,
}


_BASIC = highspy.HighsBasisStatus.kBasic

_TOLD_APART = 1e-6
"""What HiGHS tells apart when it branches, in the unit of the objective."""

_MOST_DOUBLINGS = 10
"""How often costs are doubled at most, for the sake of a smaller gap."""


@dataclass(frozen=True, kw_only=True, eq=False)
class SolverRun:
    """One run: x, duals and reduced costs are empty unless a solution was found."""

    status: Status
    x: Floats  # (columns,)
    objective: float
    bound: float  # proven lower bound of the minimum, −inf where none
    row_dual: Floats  # (rows,)
    reduced_cost: Floats  # (columns,)


def version() -> str:
    """Return the solver's name and version."""
    return f"HiGHS {highspy.Highs().version()}"


def _demand(status: Any, what: str) -> None:
    if status != highspy.HighsStatus.kOk:
        raise SolverError(f"HiGHS answered {status.name} to {what}; keep the case and report it as a bug")


def _options(solver: Any, options: dict[str, Any]) -> None:
    for name, value in options.items():
        _demand(solver.setOptionValue(name, value), f"option {name} = {value!r}")


def _listener(solver: Any, log: SolverLog | None) -> Listener:
    """Send the solver's messages to the log, if there is one, and never to the terminal."""
    _options(solver, {"output_flag": log is not None, "log_to_console": False})
    return Listener(solver, log)


def _pass(solver: Any, matrix: Matrix, whole: Bools | None) -> None:
    program = highspy.HighsLp()
    program.num_col_ = len(matrix.cost)
    program.num_row_ = len(matrix.row_lower)
    program.offset_ = matrix.offset
    program.col_cost_ = matrix.cost
    program.col_lower_ = matrix.lower
    program.col_upper_ = matrix.upper
    program.row_lower_ = matrix.row_lower
    program.row_upper_ = matrix.row_upper
    program.a_matrix_.format_ = highspy.MatrixFormat.kColwise
    program.a_matrix_.start_ = matrix.rows.indptr
    program.a_matrix_.index_ = matrix.rows.indices
    program.a_matrix_.value_ = matrix.rows.data
    if whole is not None:
        kinds = highspy.HighsVarType
        program.integrality_ = [kinds.kInteger if w else kinds.kContinuous for w in whole.tolist()]
    _demand(solver.passModel(program), "the model")


def _finish(solver: Any, bound: float | None, log: SolverLog | None, *, stalled: bool = False) -> SolverRun:
    """Return the result of a run, and note in the log if it ran out of time, or got no further.

    Raises SolverError for a run that ended neither optimal nor infeasible nor out of time.
    """
    kinds = highspy.HighsModelStatus
    known = {
        kinds.kOptimal: Status.OPTIMAL,
        kinds.kInfeasible: Status.INFEASIBLE,
        kinds.kTimeLimit: Status.TIME_LIMIT,
        kinds.kInterrupt: Status.STALLED if stalled else Status.TIME_LIMIT,  # by the listener
        kinds.kObjectiveBound: Status.CUT_OFF,
        kinds.kModelEmpty: Status.OPTIMAL,
    }
    ended = solver.getModelStatus()
    if ended not in known:
        raise SolverError(f"HiGHS ended with {solver.modelStatusToString(ended)!r}; keep the case and report it")
    status = known[ended]
    if status is Status.TIME_LIMIT and log is not None:
        log.say(f"{LATE} in a run of HiGHS")
    if status is Status.STALLED and log is not None:
        log.say("HiGHS hardly narrowed the gap any more")
    info, solution = solver.getInfo(), solver.getSolution()
    feasible = info.primal_solution_status == highspy.SolutionStatus.kSolutionStatusFeasible
    usable = status is Status.OPTIMAL or (bound is not None and feasible)
    empty = np.zeros(0)
    objective = float(info.objective_function_value)
    return SolverRun(
        status=status,
        x=np.array(solution.col_value) if usable else empty,
        objective=objective if usable else np.inf,
        bound=(objective if status is Status.OPTIMAL else -np.inf) if bound is None else bound,
        row_dual=np.array(solution.row_dual) if usable else empty,
        reduced_cost=np.array(solution.col_dual) if usable else empty,
    )


class Relaxation:
    """The problem without whole numbers, kept in the solver to be solved again from the last basis with other bounds.

    The log gets the solver's messages of the first run only, or of none if `quiet`, since there may be hundreds, and
    a line for each run that ends by its time limit.
    """

    def __init__(self, matrix: Matrix, *, threads: int, log: SolverLog | None = None, quiet: bool = False) -> None:
        self._matrix, self._log = matrix, log
        self.has_basis = False
        self._solver = highspy.Highs()
        highspy.Highs.resetGlobalScheduler(True)
        _options(self._solver, {"threads": threads})
        self._listener = _listener(self._solver, None if quiet else log)
        _pass(self._solver, matrix, None)

    def bound_columns(self, columns: Ints, lower: Floats, upper: Floats) -> None:
        """Set the bounds of columns (n,) to lower (n,) and upper (n,)."""
        if len(columns):
            args = (len(columns), columns.astype(np.int32), lower.astype(np.float64), upper.astype(np.float64))
            _demand(self._solver.changeColsBounds(*args), "new bounds")

    def restate(self, matrix: Matrix) -> None:
        """Give rows and columns the bounds of a matrix that differs in nothing else."""
        before = self._matrix
        moved = np.flatnonzero((before.row_lower != matrix.row_lower) | (before.row_upper != matrix.row_upper))
        for row in moved.tolist():
            bounds = float(matrix.row_lower[row]), float(matrix.row_upper[row])
            _demand(self._solver.changeRowBounds(row, *bounds), "new bounds of a row")
        self._matrix = matrix
        self.release(np.flatnonzero((before.lower != matrix.lower) | (before.upper != matrix.upper)))

    def release(self, columns: Ints) -> None:
        """Give columns (n,) their own bounds back."""
        self.bound_columns(columns, self._matrix.lower[columns], self._matrix.upper[columns])

    def begin_from(self, parts: "list[tuple[Ints, Ints, Relaxation]]") -> None:
        """Let the next run begin from the last bases of parts.

        Each part has its columns (n,) and rows (m,) in this problem, and the relaxation that solved it.
        """
        matrix, basis = self._matrix, highspy.HighsBasis()
        column, row = [_BASIC] * len(matrix.cost), [_BASIC] * len(matrix.row_lower)
        for columns, rows, part in parts:
            found = part._solver.getBasis()
            for place, status in zip(columns.tolist(), found.col_status, strict=True):
                column[place] = status
            for place, status in zip(rows.tolist(), found.row_status, strict=True):
                row[place] = status
        basis.col_status, basis.row_status, basis.valid = column, row, True
        _demand(self._solver.setBasis(basis), "a basis")

    def solve(self, time_limit_s: float, algorithm: str, *, worth_below: float = np.inf) -> SolverRun:
        """Minimise. `algorithm` is "simplex" (from the last basis) or "ipm" (from scratch, for large problems).

        The simplex method gives up, CUT_OFF, once the minimum is proven to be at least `worth_below`. Raises
        SolverError where HiGHS fails.
        """
        options = {
            "time_limit": self._solver.getRunTime() + self._listener.time_limit_s(time_limit_s),
            "solver": algorithm,
            "objective_bound": worth_below,
        }
        _options(self._solver, options)
        failed = self._solver.run() == highspy.HighsStatus.kError
        _options(self._solver, {"output_flag": False})
        if failed:
            raise SolverError("HiGHS failed while solving the relaxation; keep the case and report it")
        run = _finish(self._solver, None, self._log)
        self.has_basis |= run.status is Status.OPTIMAL
        return run


def solve_interior(matrix: Matrix, *, time_limit_s: float, threads: int, log: SolverLog | None = None) -> SolverRun:
    """Minimise without whole numbers by HiGHS' interior-point method: a point inside the best face, without a basis.

    The log gets a line if the run ends by its time limit. Raises SolverError where HiGHS fails.
    """
    solver = highspy.Highs()
    highspy.Highs.resetGlobalScheduler(True)
    listener = _listener(solver, None)
    options = {
        "threads": threads,
        "solver": "ipx",
        "run_crossover": "off",
        "time_limit": listener.time_limit_s(time_limit_s),
    }
    _options(solver, options)
    _pass(solver, matrix, None)
    if solver.run() == highspy.HighsStatus.kError:
        raise SolverError("HiGHS failed in the interior-point method; keep the case and report it")
    return _finish(solver, None, log)


def solve_mixed(
    matrix: Matrix,
    *,
    start: Floats,
    absolute_gap: float,
    time_limit_s: float,
    threads: int,
    log: SolverLog | None = None,
    few: bool = False,
    stalls_below: float = 0.0,
) -> SolverRun:
    """Minimise with whole numbers from a feasible start (columns,), or an empty one, to a proven absolute gap.

    With `few` whole numbers and many others, branching alone is quicker: a search near an answer, or one begun anew,
    solves the same large relaxation again and again.
    The run ends as STALLED where the gap is below `stalls_below` and hardly narrows any more. A gap below what HiGHS
    tells apart is proven with costs that are larger by a power of two; the log says so. Raises SolverError where
    HiGHS fails.
    """
    times = _enlarged(absolute_gap)
    enlarged = matrix if times == 1.0 else replace(matrix, cost=times * matrix.cost, offset=times * matrix.offset)
    solver = highspy.Highs()
    highspy.Highs.resetGlobalScheduler(True)
    listener = _listener(solver, log)
    options = {
        "threads": threads,
        "time_limit": listener.time_limit_s(time_limit_s, branching=True, stalls_below=times * stalls_below),
        "mip_rel_gap": 0.0,
        "mip_abs_gap": times * absolute_gap,
    } | (_BRANCHING_ALONE if few else {})
    _options(solver, options)
    _pass(solver, enlarged, matrix.whole)
    if log is not None and times > 1.0:
        log.say(f"costs are {times:.0f} times as large in what HiGHS says next, its report included")
    if len(start):
        solution = highspy.HighsSolution()
        solution.col_value = start
        _demand(solver.setSolution(solution), "the start")
    if solver.run() == highspy.HighsStatus.kError:
        raise SolverError("HiGHS failed while solving with whole numbers; keep the case and report it")
    # HiGHS solves a program without whole numbers as a linear one, and then leaves the bound of branching at 0.
    bound = float(solver.getInfo().mip_dual_bound) if matrix.whole.any() else None
    run = _finish(solver, bound, log, stalled=listener.stalled)
    return replace(
        run,
        objective=run.objective / times,
        bound=run.bound / times,
        row_dual=run.row_dual / times,
        reduced_cost=run.reduced_cost / times,
    )


def _enlarged(absolute_gap: float) -> float:
    """Return by what power of two to multiply costs, so that HiGHS tells the gap asked for from its own tolerance.

    It gives up what could gain less than 1e-6 of the objective's unit, whatever gap it is asked for.
    """
    least = _TOLD_APART / 2**_MOST_DOUBLINGS
    return 2.0 ** max(0, ceil(log2(_TOLD_APART / max(absolute_gap, least))))
