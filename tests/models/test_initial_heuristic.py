"""The initial heuristic: a program and a bound on either side of the optimum, in a fraction of the time."""

from dataclasses import replace

import numpy as np
import pytest

from models.audit import audit
from models.case import Direction
from models.matrix import translate
from models.objective import gross_eur
from models.outcome import Termination
from models.reference.mip_search import SearchResult, first_answer_of, search
from models.reference.problem import solve, state
from models.reference.reading import read_outcome
from models.solver_log import SolverLog, hurried
from models.work_clock import now
from tests.models.builders import day_ahead, load, make, run, storage
from tests.models.obligation_builders import reservation, reserve


def a_case(*, minimum_mw=0.0):
    """Batteries with and without reserve, a car that cannot rest, a run, a reservation; capacity beats the spread."""
    isps = 6
    return make(
        isps,
        storage(isps, charge_kw=50, discharge_kw=50, eta_c=0.9, low=0, high=100, start=50, reserve_kw=50, wear=0.001),
        storage(isps, point=1, charge_kw=40, discharge_kw=40, high=90, start=30),
        storage(isps, point=1, charge_kw=20, discharge_kw=20, high=60, start=30, reserve_kw=20),
        storage(isps, charge_kw=20, low=[0, 0, 0, 0, 40, 40], high=40, reserve_kw=20),
        run([5.0, 8.0], 0, 4, point=1),
        load(isps, 30.0),
        reservation(isps, [0, 0, 0, -10, -10, 0], point=1),
        points=2,
        day_ahead=day_ahead(isps, [20, 90, -10, 150, 60, 40]),
        reserves=(
            reserve(isps, [600.0, 900.0], name="up", block=[0, 0, 0, 1, 1, 1], step_mw=0.01, sustain_h=0.5,
                    minimum_mw=minimum_mw),
            reserve(isps, [700.0], name="both", direction=Direction.SYMMETRIC, step_mw=0.02, sustain_h=0.25),
        ),
    )  # fmt: skip


def first(case, seconds=60.0, log=None):
    problem = state(case)
    matrix = translate(problem.model)
    found = first_answer_of(matrix, problem.discrete, threads=1, deadline=now() + seconds, log=log)
    return problem, matrix, found


@pytest.mark.parametrize("minimum_mw", [0.0, 0.03])
def test_the_optimum_lies_between_the_first_answer_and_its_bound(minimum_mw):
    case = a_case(minimum_mw=minimum_mw)
    optimum = solve(case, threads=1)
    _, _, found = first(case)
    assert optimum.termination is Termination.OPTIMAL
    assert -found.bound >= optimum.objective_eur - 1e-6
    assert -found.best.objective <= optimum.objective_eur + 1e-6


def test_the_first_answer_is_a_plan_that_passes_the_audit_and_bids():
    case = a_case()
    problem, matrix, found = first(case)
    answer = SearchResult(
        x=found.best.x,
        row_dual=found.best.row_dual,
        reduced_cost=found.best.reduced_cost,
        objective=found.best.objective,
        bound=found.bound,
        gap_allowed=0.0,
        late=True,
    )
    outcome = read_outcome(case, problem, matrix, answer, {})
    assert audit(case, outcome) == ()
    assert outcome.termination is Termination.TIME_LIMIT
    assert sum(bids.sum() for bids in outcome.bids_mw) > 0


def test_bids_make_the_first_answer_better_than_none():
    case = a_case()
    _, _, found = first(case)
    none = replace(case, reserves=())
    assert -found.best.objective > solve(none, threads=1).objective_eur + 0.1


def test_without_time_there_is_no_first_answer_but_no_crash():
    log = SolverLog()
    _, _, found = first(a_case(), seconds=-1.0, log=log)
    assert hurried(log.lines()) if found.best is None else np.isfinite(found.best.objective)


def test_a_search_without_time_finds_nothing_and_claims_nothing():
    problem, log = state(a_case()), SolverLog()
    matrix = translate(problem.model)
    found = search(
        matrix,
        problem.discrete,
        gross_eur=lambda values: gross_eur(problem.terms, values),
        relative_gap=1e-4,
        deadline=now() - 1.0,
        threads=1,
        log=log,
    )
    assert hurried(log.lines()) if found.x is None else found.bound <= found.objective
