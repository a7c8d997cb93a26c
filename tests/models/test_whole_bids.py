"""Whole bids: patterns for all holders together, their bound, and plans of small and larger portfolios with them."""

from dataclasses import replace

import numpy as np
import pytest

from benchmarks.instances import make_case
from models.audit import audit
from models.case import Direction
from models.decomposition.bids.exact import has_whole_bids, plan_whole_bids
from models.decomposition.solve import solve as decompose
from models.ladder import joined
from models.outcome import Termination
from models.reference.problem import solve as reference
from tests.models.builders import day_ahead, intraday, load, make, reserve, solar, storage
from tests.models.oracle import best_value
from tests.models.test_formulation_oracle import world


@pytest.mark.parametrize("seed", range(800, 812))
def test_the_optimum_lies_between_the_plan_and_its_bound(seed):
    case = world(seed, reserves=1 + seed % 3, reserved=seed % 2 == 0)
    if not has_whole_bids(case):
        pytest.skip("nobody holds reserve in this world")
    best, outcome = best_value(case), plan_whole_bids(case, relative_gap=1e-3, time_limit_s=30, threads=1)
    slack = 1e-6 * max(1.0, outcome.gross_cost_eur)
    assert outcome.objective_eur <= best + slack
    assert outcome.bound_eur >= best - slack
    assert not audit(case, outcome)


def two_batteries(*, step_mw):
    """Two batteries of 700 kW that rest, since wear costs more than energy earns; a product up pays 60 EUR per MW."""
    pair = [storage(4, charge_kw=700.0, discharge_kw=700.0, high=4000.0, start=2000.0, wear=0.2, reserve_kw=700.0)] * 2
    return make(
        4, load(4, 10.0), *pair, day_ahead=day_ahead(4, 80.0), intraday=intraday(4, 82.0, 78.0, depth_kw=5000.0),
        reserves=(reserve(4, 60.0, direction=Direction.UP, minimum_mw=step_mw, step_mw=step_mw, max_mw=9.0),),
    )  # fmt: skip


def test_a_bid_that_only_both_can_hold_together_is_found_and_proven():
    """1.4 MW are prequalified, so one whole MW is sold for 60 EUR; 10 kW of load cost 4 h · 0.8 EUR = 3.2 EUR."""
    case = two_batteries(step_mw=1.0)
    outcome = plan_whole_bids(case, relative_gap=1e-6, time_limit_s=30, threads=1)
    assert outcome.bids_mw[0].tolist() == [1.0]
    assert outcome.objective_eur == pytest.approx(60 - 3.2)
    assert outcome.bound_eur == pytest.approx(60 - 3.2)
    assert outcome.termination is Termination.OPTIMAL


@pytest.mark.parametrize(("price", "value"), [(10.0, 0.08), (0.0, 0.0)])
def test_holders_who_can_bid_in_no_whole_block_are_planned_all_the_same(price, value):
    """The sun of 2 and 6 kW shines in a part of the only block: no bid; 8 kWh at 10 EUR/MWh earn 8 ct."""
    sun = solar(4, [0.0, -2.0, -6.0, 0.0], cost=price / 2, reserve_kw=5000.0)
    case = make(
        4, sun, load(4, 0.0), day_ahead=day_ahead(4, price),
        reserves=(reserve(4, 60.0, direction=Direction.DOWN, minimum_mw=0.001, step_mw=0.001, max_mw=0.002),),
    )  # fmt: skip
    outcome = plan_whole_bids(case, relative_gap=1e-6, time_limit_s=30, threads=1)
    assert outcome.objective_eur == pytest.approx(value)
    assert outcome.bound_eur == pytest.approx(value)


def test_fine_bids_are_left_to_the_relaxation():
    assert has_whole_bids(two_batteries(step_mw=0.1))
    assert not has_whole_bids(two_batteries(step_mw=0.001))


def test_many_holders_bid_whole_steps_that_they_hold_exactly():
    """At 200 resources a step of 20 kW is a fifth of what can be sold; no bid is lost for a few watts."""
    case = make_case(200, "typical")
    case = replace(case, reserves=tuple(replace(r, minimum_mw=0.02, step_mw=0.02) for r in case.reserves))
    assert not has_whole_bids(case)
    relaxed = decompose(
        replace(case, reserves=tuple(replace(r, minimum_mw=0.0, step_mw=1e-4) for r in case.reserves)),
        relative_gap=1e-3, time_limit_s=60, threads=2,
    )  # fmt: skip
    outcome = decompose(case, relative_gap=1e-3, time_limit_s=60, threads=2)
    assert not audit(case, outcome)
    assert outcome.bound_eur >= outcome.objective_eur
    assert sum(bids.sum() for bids in outcome.bids_mw) > 0.5 * sum(bids.sum() for bids in relaxed.bids_mw)
    lost = relaxed.objective_eur - outcome.objective_eur
    assert lost <= 0.04 * relaxed.gross_cost_eur
    assert np.isfinite(outcome.duals.bound_eur)


def test_the_better_program_and_the_better_bound_of_two_runs_are_kept():
    case = two_batteries(step_mw=1.0)
    exact = reference(case, relative_gap=1e-6)
    worse = replace(exact, objective_eur=exact.objective_eur - 5, bound_eur=exact.bound_eur + 1, gap_eur=6.0)
    both = joined(worse, replace(exact, bound_eur=exact.bound_eur + 3), 1e-3)
    assert both.objective_eur == exact.objective_eur
    assert both.bound_eur == exact.bound_eur + 1
