"""Of equally good programs the calmest: devices rest, and nothing is curtailed, where moving earns nothing.

A second linear program: whole numbers and directions stay, and of the best programs that with the least
Σ (pc + pd) + Σ (p − g) is taken. What heats takes as much however it swings, so of these the one that changes least
from ISP to ISP is taken. Its cost is never counted as money, and the bound stays as it was proven. Only for portfolios
of a few stores and generators: there one looks at every device, and the second program takes no time.
"""

from dataclasses import replace
from time import perf_counter

import numpy as np
from scipy import sparse

from models.assembly import assemble
from models.case import Case, Floats
from models.matrix import Matrix, translate
from models.outcome import Outcome, Termination
from models.reference.incumbent import incumbent_values
from models.reference.problem import state
from models.reference.reading import Problem, read_answer
from models.reference.rounding import DiscreteColumns, columns_of, fixed_whole, mixing_pairs, values_of
from models.resources.registry import PRICED
from models.solver import Relaxation, SolverRun, Status
from models.work_clock import now

MOST_CELLS = 2_500
"""Most units times ISPs for which programs are calmed: about 25 units of a day."""
_SECONDS = 5.0
_EUR_FIRST = 1e8
"""One EUR counts as much as this many kW moved in one ISP: a spread of less than 4e-5 EUR/MWh is not worth a move."""
_CALLED = 1e-3
"""A kW moved in a called program, which is run only when a DSO calls, counts as this many in the plan."""
_CHANGE = 0.01
"""A kW by which the power of what heats changes from one ISP to the next counts as this many moved."""
_TRIES = 5
_LESS_KW = 1e-6
"""A program is calmer than another if its movement is less by at least this, kW, summed over units and ISPs."""


def calmed(case: Case, outcome: Outcome, *, threads: int = 1) -> Outcome:
    """Return the calmest program of the same value, or the outcome itself where none is calmer."""
    units = sum(resource.count(case) for resource in PRICED)
    before = _movement_kw(case, outcome)
    known = outcome.termination is not Termination.NO_PROGRAM and case.remainder is None
    if not known or not 0 < units * case.isps <= MOST_CELLS or before <= _LESS_KW:
        return outcome
    started = perf_counter()
    problem = state(case)
    matrix = translate(problem.model)
    columns = columns_of(matrix, problem.discrete)
    x = incumbent_values(case, matrix, problem.discrete, outcome)
    still = _steady(_calmer(_fixed(matrix, columns, x), _moves(problem, matrix)), case, problem)
    run = _unmixed(still, columns, threads)
    if run is None:
        return outcome
    found = assemble(
        case,
        read_answer(case, problem, values_of(still, run.x)),
        outcome.shadow,
        termination=outcome.termination,
        bound_eur=max(outcome.bound_eur, outcome.objective_eur),
        solver=outcome.solver,
        seconds=outcome.seconds | {"calm": perf_counter() - started},
    )
    lost = outcome.objective_eur - found.objective_eur
    if lost > outcome.indifference_eur or _movement_kw(case, found) > before - _LESS_KW:
        return outcome
    return replace(found, duals=outcome.duals, log=outcome.log)


def _moves(problem: Problem, matrix: Matrix) -> Floats:
    """Return what a kW of each column counts as a move; those of called programs count far less, but rest as well."""
    moves = np.zeros(len(matrix.cost))
    planned_and_called = ((problem.units, 1.0), *(() if problem.called is None else ((problem.called, _CALLED),)))
    for units, weight in planned_and_called:
        for resource in PRICED:
            if resource.moved_kw is not None:  # what cannot mix keeps its choice
                moves[matrix.columns(list(units.blocks[resource.name].flow.variables))] = weight
    return moves


def _steady(matrix: Matrix, case: Case, problem: Problem) -> Matrix:
    """Return the problem in which what heats changes little: a column for each |p[t] − p[t−1]|, kW, of the plan."""
    changes: list[sparse.csr_array] = []
    for resource in PRICED:
        if resource.steadied is not None and len(units := resource.steadied(case)):
            flow, cells = problem.units.blocks[resource.name].flow, resource.count(case) * case.isps
            power = sparse.csr_array(
                (flow.kw_per_unit, (flow.unit * case.isps + flow.isp, matrix.columns(list(flow.variables)))),
                shape=(cells, len(matrix.cost)),
            )
            later = np.arange(cells).reshape(-1, case.isps)[units, 1:].ravel()
            changes.append(power[later] - power[later - 1])
    if not changes:
        return matrix
    change = sparse.vstack(changes)
    size, count = sparse.eye_array(change.shape[0]), change.shape[0]
    rows = sparse.block_array([[matrix.rows, None], [change, -size], [-change, -size]], format="csc")
    return replace(
        matrix,
        cost=np.append(matrix.cost, np.full(count, _CHANGE)),
        lower=np.append(matrix.lower, np.zeros(count)),
        upper=np.append(matrix.upper, np.full(count, np.inf)),
        whole=np.append(matrix.whole, np.zeros(count, dtype=np.bool_)),
        rows=sparse.csc_array(rows),
        row_lower=np.append(matrix.row_lower, np.full(2 * count, -np.inf)),
        row_upper=np.append(matrix.row_upper, np.zeros(2 * count)),
    )


def _unmixed(matrix: Matrix, columns: DiscreteColumns, threads: int) -> SolverRun | None:
    """Return the optimum in which no unit charges and discharges at once; None if there is none within the time.

    Pairs that would, which neither the plan nor the call uses, are closed.
    """
    until = now() + _SECONDS
    relaxation = Relaxation(matrix, threads=threads)
    for _ in range(_TRIES):
        run = relaxation.solve(until - now(), "simplex")
        if run.status is not Status.OPTIMAL:
            return None
        pairs = mixing_pairs(columns, run.x)
        if not pairs.any():
            return run
        mixed = np.concatenate([columns.first[pairs], columns.second[pairs]])
        relaxation.bound_columns(mixed, np.zeros(len(mixed)), np.zeros(len(mixed)))
    return None


def _movement_kw(case: Case, outcome: Outcome) -> float:
    """Return Σ (pc + pd) + Σ (p − g) of planned programs, and what the changes of those that heat count."""
    programs, moved = outcome.programs, 0.0
    for one in PRICED:
        if one.moved_kw is not None:
            moved += one.moved_kw(case, programs.of(one.fields, slice(None)))
        if one.steadied is not None:
            units = one.steadied(case)
            power_kw = one.power_kw(case, units, programs.of(one.fields, units))
            moved += _CHANGE * float(np.abs(np.diff(power_kw, axis=1)).sum())
    return moved


def _fixed(matrix: Matrix, columns: DiscreteColumns, x: Floats) -> Matrix:
    """Return the problem with the whole numbers of x, and without the directions that x does not use."""
    lower, upper = matrix.lower.copy(), matrix.upper.copy()
    whole, value = fixed_whole(columns, x, x[columns.whole])
    lower[whole] = upper[whole] = value
    for used, other in ((columns.first, columns.second), (columns.second, columns.first)):
        closed = other[(x[used] > 0) & (x[other] <= 0)]
        upper[closed] = np.maximum(lower[closed], 0.0)
    return replace(matrix, lower=lower, upper=upper)


def _calmer(matrix: Matrix, moves: Floats) -> Matrix:
    """Return the problem in which value comes first and moving little second; the matrix minimises −value."""
    return replace(matrix, cost=_EUR_FIRST * matrix.cost + moves, offset=0.0)
