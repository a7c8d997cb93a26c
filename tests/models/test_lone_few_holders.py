"""The interior-point method where few hold reserve, and where many congestion points have rows of their own."""

from dataclasses import replace
from functools import partial

import numpy as np
import pytest

from models import ladder
from models.audit import audit
from models.decomposition.bids.exact import plan_whole_bids
from models.decomposition.bids.lone_case import is_lone
from models.decomposition.executors import local
from models.decomposition.tuning import DEFAULT
from models.decomposition.whole import equations
from models.decomposition.whole.arrow import Arrow
from models.ladder import climb
from models.outcome import Termination
from models.reference.problem import solve as reference
from tests.models.test_lone_bids import fleet, lone, whole


def test_rows_of_many_congestion_points_are_solved_point_by_point(monkeypatch):
    parts = list[int]()

    class Noted(Arrow):
        def __init__(self, of, matrix):
            parts.append(len(of.rows))
            super().__init__(of, matrix)

    monkeypatch.setattr(equations, "Arrow", Noted)
    one = lone(case := fleet(4, holders=7, points=12))
    found, bound = one.any_bids(), whole(case).with_any(time_left_s=600).bound_eur
    assert set(parts) == {11}, "a point without units that see its limit has no row"
    assert found.least_eur == pytest.approx(bound, abs=1e-5 * one.master.gross())


@pytest.mark.parametrize("seed", [20, 21])
def test_few_holders_of_a_large_portfolio_are_planned_by_it_with_the_bids_of_patterns(seed):
    case = fleet(seed, holders=3, runs=1)
    tuning = replace(DEFAULT, lone=replace(DEFAULT.lone, least_cells=0))
    plan = partial(plan_whole_bids, case, relative_gap=1e-3, time_limit_s=600, threads=1)
    mine, theirs = plan(tuning=tuning), plan()
    assert "whole LP" in mine.solver
    assert "whole LP" not in theirs.solver
    assert mine.objective_eur == pytest.approx(theirs.objective_eur, abs=1e-3 * theirs.gross_cost_eur)
    assert mine.bound_eur == pytest.approx(theirs.bound_eur, abs=1e-3 * theirs.gross_cost_eur)
    assert mine.bound_eur >= theirs.objective_eur
    assert theirs.bound_eur >= mine.objective_eur
    assert not audit(case, mine)


@pytest.mark.parametrize("runs", [0, 1])
def test_what_few_hold_of_awards_is_one_linear_program(monkeypatch, runs):
    case = fleet(22, holders=3, runs=runs)
    free = plan_whole_bids(case, relative_gap=1e-3, time_limit_s=600, threads=1)
    awarded = replace(case, reserves=tuple(
        replace(one, committed_mw=np.array(bids)) for one, bids in zip(case.reserves, free.bids_mw, strict=True)
    ))  # fmt: skip
    best = reference(awarded, relative_gap=1e-9, time_limit_s=600)
    monkeypatch.setattr(ladder, "is_large_lone", lambda case: is_lone(case, DEFAULT.lone))
    found = climb(
        awarded, relative_gap=1e-4, enough_gap=1e-3, exact=False, time_limit_s=600, threads=1, report=None,
        cancelled=lambda: False, executor=local,
    )  # fmt: skip
    assert found.solver.startswith("whole bids, whole LP")
    assert found.termination is Termination.OPTIMAL
    solved = sum(line.startswith("whole LP:") for line in found.log)
    assert solved == 1 or runs, "nothing but a start can be decided by a second one"
    assert best.objective_eur - 1e-3 * best.gross_cost_eur <= found.objective_eur <= best.bound_eur + 1e-6
    assert found.bound_eur >= best.objective_eur - 1e-6
    assert not audit(awarded, found)


@pytest.mark.parametrize(("awarded_mw", "import_kw"), [(0.05, 30.0), (0.005, -40.0)])
def test_where_a_promise_is_missed_highs_has_the_last_word(monkeypatch, awarded_mw, import_kw):
    case = fleet(22, holders=3)
    more = replace(
        case, limits=replace(case.limits, import_kw=np.full((1, case.isps), import_kw)), reserves=tuple(
            replace(one, committed_mw=np.full(2, awarded_mw), max_mw=np.full(2, 0.06)) for one in case.reserves
        ),
    )  # fmt: skip
    monkeypatch.setattr(ladder, "is_large_lone", lambda case: is_lone(case, DEFAULT.lone))
    found = climb(
        more, relative_gap=1e-4, enough_gap=1e-3, exact=False, time_limit_s=600, threads=1, report=None,
        cancelled=lambda: False, executor=local,
    )  # fmt: skip
    assert max(1000 * found.reserve_shortfall_mw.max(), found.breach_import_kw.max()) > 1.0
    assert found.solver.startswith("HiGHS")
