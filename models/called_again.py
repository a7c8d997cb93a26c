"""Finds called programs and reserve for planned programs that stand, where those known miss what was promised.

Called programs cost nothing, so the ones in force are any of many that keep the promises they were made for. Once other
points are reserved, other units take part in a call, and what they hold together may lack reserve, although the
planned programs could keep every promise. A linear program says so: planned programs, whole numbers and bids stay.
Source: docs/explanation/optimisation.md §3.7.
"""

from dataclasses import replace
from time import perf_counter

import numpy as np

from models.assembly import assemble
from models.block import called_units
from models.case import Case, Floats
from models.matrix import Matrix
from models.outcome import Outcome
from models.reference.incumbent import incumbent_values
from models.reference.problem import stated
from models.reference.reading import Problem, read_answer
from models.reference.rounding import DiscreteColumns, columns_of, fixed_whole, losers, mixing_pairs, values_of
from models.resources.registry import PRICED
from models.solver import Relaxation, SolverRun, Status
from models.work_clock import now

MOST_CELLS = 60_000
"""Most units, planned and called, times ISPs for which it is tried: some 600 of a day. It takes a few seconds."""
_SECONDS = 10.0
_TRIES = 6


def called_again(case: Case, outcome: Outcome, bids_mw: list[Floats], *, threads: int = 1) -> Outcome:
    """Return the outcome with the called programs and the reserve that make it worth most; itself if none are better.

    `bids_mw`: per product (B,), the bids to hold, of which the outcome may hold less.
    """
    points = [case.units(one.name).point for one in PRICED]
    size = case.isps * sum(len(point) + int(called_units(case, point).sum()) for point in points)
    if outcome.called is None or size > MOST_CELLS:
        return outcome
    began = perf_counter()
    problem, matrix = stated(case)
    columns = columns_of(matrix, problem.discrete)
    best = outcome
    for bids in (bids_mw, outcome.bids_mw):
        run = _solved(case, problem, matrix, columns, replace(outcome, bids_mw=tuple(bids)), threads)
        if run is None:
            continue
        found = assemble(
            case, read_answer(case, problem, values_of(matrix, run.x)), outcome.shadow,
            termination=outcome.termination, bound_eur=np.inf, solver=outcome.solver,
            seconds=outcome.seconds | {"called again": perf_counter() - began},
        )  # fmt: skip
        if found.objective_eur > best.objective_eur:
            best = replace(found, duals=outcome.duals, log=outcome.log)
        break
    return best


def _solved(
    case: Case, problem: Problem, matrix: Matrix, columns: DiscreteColumns, outcome: Outcome, threads: int
) -> SolverRun | None:  # fmt: skip
    """Return the best answer with the planned programs, whole numbers and bids of the outcome; None if there is none.

    Called units that would charge and discharge at once keep the direction of their change of energy.
    """
    x = _known(case, problem, matrix, outcome)
    lower, upper = matrix.lower.copy(), matrix.upper.copy()
    whole, value = fixed_whole(columns, x, x[columns.whole])
    lower[whole] = upper[whole] = value
    planned = matrix.columns([v for block in problem.units.blocks.values() for v in block.flow.variables])
    lower[planned] = upper[planned] = np.clip(x[planned], matrix.lower[planned], matrix.upper[planned])
    until = now() + _SECONDS
    relaxation = Relaxation(replace(matrix, lower=lower, upper=upper), threads=threads, quiet=True)
    for _ in range(_TRIES):
        run = relaxation.solve(until - now(), "simplex")
        if run.status is not Status.OPTIMAL:
            return None
        mixing = mixing_pairs(columns, run.x)
        mixing &= ~np.isin(columns.first, planned)  # what is planned stands
        if not mixing.any():
            return run
        closed = losers(columns, run.x, mixing)
        relaxation.bound_columns(closed, np.zeros(len(closed)), np.zeros(len(closed)))
    return None


def _known(case: Case, problem: Problem, matrix: Matrix, outcome: Outcome) -> Floats:
    """Return x (V,) with the planned programs, and with what whole numbers follow from; all else is zero."""
    x = incumbent_values(case, matrix, problem.discrete, outcome)
    for resource in PRICED:
        if resource.name not in problem.units.blocks:
            continue
        flow = problem.units.blocks[resource.name].flow
        cells = flow.unit * case.isps + flow.isp
        alone = np.bincount(cells, minlength=1)[cells] == 1  # its power says what the variable is
        every = np.arange(resource.count(case))
        power = resource.power_kw(case, every, outcome.programs.of(resource.fields, every))
        single = np.flatnonzero(alone)
        variables = [flow.variables[i] for i in single.tolist()]
        x[matrix.columns(variables)] = power[flow.unit[single], flow.isp[single]] / flow.kw_per_unit[single]
    return x
