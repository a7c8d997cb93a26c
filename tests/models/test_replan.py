"""Replanning a part of a portfolio: its outcome fits into the whole, and its bound holds for the whole.

Oracle: the reference formulation of the whole portfolio, which knows nothing of parts, and the audit.
"""

from dataclasses import replace
from functools import cache

import numpy as np
import pytest

from benchmarks.instances import make_case
from models.audit import audit
from models.decomposition.reoptimise.merging import whole_case, whole_outcome
from models.decomposition.reoptimise.replan import dual_slack_eur, replan
from models.decomposition.reoptimise.subproblem import renewed, subproblem
from models.decomposition.solve import solve
from models.errors import CaseError
from models.method import solve as choose
from models.outcome import Termination
from models.reference.problem import solve as reference
from tests.models.test_formulation_oracle import world

LIMIT_S = 240.0
GAP = 1e-3


def again(case, outcome, points, change, *, stay=0.0, gap=GAP):
    """Plan the points (list) again after `change` (reservations → reservations); return all there is to look at."""
    points = np.array(points)
    before = subproblem(case, outcome, points)
    announced = outcome.point_kw[points] if stay else None
    new = renewed(before, change(before.reservations), announced, stay)
    new = replace(new, remainder=replace(new.remainder, dual_slack_eur=dual_slack_eur(before)))
    found = replan(new, relative_gap=gap, time_limit_s=LIMIT_S)
    whole = whole_case(case, outcome, points, new)
    return new, found, whole, whole_outcome(case, outcome, points, new, found)


def scaled(share):
    """Return a change of reservations: a part of each is still reserved."""
    return lambda rows: replace(rows, reserved_kw=rows.reserved_kw * share)


@pytest.fixture(scope="module")
def small():
    """Sixty resources at two congestion points, one of them with a limit and a reservation; reserve bids."""
    case = make_case(60)
    return case, solve(case, relative_gap=GAP, time_limit_s=LIMIT_S)


@pytest.fixture(scope="module")
def kept(small):
    """Return the first reservation's point planned again with a share of the reservation; once for each share."""
    case, before = small
    return cache(lambda share: again(case, before, case.reservations.point[:1], scaled(share)))


@pytest.mark.parametrize("share", [1.0, 0.5, 0.0])
def test_a_part_planned_again_fits_into_the_whole_and_its_bound_holds_for_the_whole(kept, share):
    new, found, whole, outcome = kept(share)
    assert audit(new, found) == ()
    assert audit(whole, outcome) == ()
    assert outcome.objective_eur == pytest.approx(found.objective_eur)
    theirs = reference(whole, relative_gap=1e-5, time_limit_s=LIMIT_S)
    rounding = 1e-6 * theirs.gross_cost_eur
    assert found.bound_eur >= theirs.objective_eur - rounding
    assert found.objective_eur <= theirs.bound_eur + rounding


def test_a_part_that_did_not_change_is_planned_no_worse(small, kept):
    case, before = small
    new, found, _, outcome = kept(1.0)
    assert np.array_equal(new.reservations.reserved_kw, case.reservations.reserved_kw)
    assert found.objective_eur >= before.objective_eur - 1e-6
    assert found.bound_eur <= before.duals.bound_eur + 1e-6
    elsewhere = case.storage.point != case.reservations.point[0]
    assert np.array_equal(outcome.programs.charge_kw[elsewhere], before.programs.charge_kw[elsewhere])


def test_what_is_released_lets_the_program_move(small, kept):
    """Half the reservation earns less for being available; what the program gains by moving is found."""
    case, before = small
    point = case.reservations.point[:1]
    _, found, _, _ = kept(0.5)
    fee = 0.5 * case.reservations.availability_eur_per_mw_h[0] * np.abs(case.reservations.reserved_kw[0]).sum()
    left = before.objective_eur - fee * case.isp_hours / 1000
    assert found.objective_eur >= left - 1e-6
    assert np.abs(found.point_kw[0] - before.point_kw[point[0]]).max() > 0.1


def test_staying_near_what_was_announced_costs_nobody_elsewhere(small):
    case, before = small
    new, found, whole, outcome = again(case, before, case.reservations.point[:1], scaled(0.5), stay=5.0)
    assert audit(new, found) == ()
    assert audit(whole, outcome) == ()
    moved = np.abs(found.point_kw - before.point_kw[case.reservations.point[:1]]).sum() * case.isp_hours / 1000
    assert outcome.terms_eur["prognosis change"] == pytest.approx(-5.0 * moved, abs=1e-6)
    theirs = reference(whole, relative_gap=1e-5, time_limit_s=LIMIT_S)
    assert found.bound_eur >= theirs.objective_eur - 1e-6 * theirs.gross_cost_eur


def test_parts_can_be_planned_one_after_another(kept):
    """The second part begins from the whole the first has left, with its prices and its bound."""
    _, _, case, outcome = kept(0.5)
    second = [1 - int(case.reservations.point[0])]
    new, found, whole, outcome = again(case, outcome, second, lambda rows: rows)
    assert audit(new, found) == ()
    assert audit(whole, outcome) == ()
    theirs = reference(whole, relative_gap=1e-5, time_limit_s=LIMIT_S)
    assert found.bound_eur >= theirs.objective_eur - 1e-6 * theirs.gross_cost_eur


@pytest.mark.parametrize("seed", range(4))
def test_parts_of_small_worlds_with_everything_in_them(seed):
    """Runs, boilers, awarded reserve, contradicting contracts: the bound holds, and both audits pass."""
    case = world(seed)
    before = solve(case, relative_gap=1e-4, time_limit_s=LIMIT_S)
    for point in range(len(case.points)):
        new, found, whole, outcome = again(case, before, [point], scaled(0.5), gap=1e-4)
        assert audit(new, found) == ()
        assert audit(whole, outcome) == ()
        theirs = reference(whole, time_limit_s=LIMIT_S)
        rounding = 1e-6 * max(1.0, theirs.gross_cost_eur)
        assert found.bound_eur >= theirs.objective_eur - rounding
        assert found.objective_eur <= theirs.bound_eur + rounding


def test_in_place_the_same_numbers_come_out(small, kept):
    case, before = small
    points = case.reservations.point[:1]
    new, found, _, outcome = kept(0.5)
    copy = whole_outcome(case, before, points, new, found)
    same = whole_outcome(case, copy, points, new, found, in_place=True)
    for name in ("charge_kw", "energy_kwh", "curtailable_kw"):
        assert np.array_equal(getattr(same.programs, name), getattr(outcome.programs, name))
    assert same.programs.charge_kw is copy.programs.charge_kw
    assert not np.array_equal(outcome.programs.charge_kw, before.programs.charge_kw)  # and the one before is as it was


def test_a_part_is_solved_by_its_own_method_and_a_wide_gap_is_said(kept):
    new, _, _, _ = kept(0.5)
    found = choose(new, relative_gap=1e-9, time_limit_s=LIMIT_S)
    assert found.termination is Termination.GAP_OPEN
    assert found.solver.startswith("part of a portfolio")


def test_without_prices_there_is_nothing_to_prove_with(small, kept):
    case, _ = small
    new, _, _, _ = kept(0.5)
    with pytest.raises(CaseError, match="no part of a portfolio"):
        replan(replace(new, start=None), relative_gap=GAP, time_limit_s=LIMIT_S)
    with pytest.raises(CaseError, match="no part of a portfolio"):
        replan(case, relative_gap=GAP, time_limit_s=LIMIT_S)


def test_the_portfolios_prices_stay_to_the_last_bit(small, kept):
    """The dual slack is known at these only; others would make the bound a guess."""
    _, before = small
    _, found, _, _ = kept(0.5)
    assert np.array_equal(found.duals.balance, before.duals.balance)
    assert np.array_equal(found.duals.reserve, before.duals.reserve)
    assert np.array_equal(found.duals.called, before.duals.called)


def test_prices_that_are_not_those_of_its_markets_are_refused(kept):
    new, _, _, _ = kept(0.5)
    other = replace(new.start, balance=new.start.balance + 10.0)
    with pytest.raises(CaseError, match="do not fit its markets"):
        replan(replace(new, start=other), relative_gap=GAP, time_limit_s=LIMIT_S)
