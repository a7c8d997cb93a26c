"""Whole bids: patterns for all holders together, their bound, and plans of small and larger portfolios with them."""

from dataclasses import replace

import numpy as np
import pytest

from benchmarks.instances import make_case
from models.audit import audit
from models.case import Direction, Storage
from models.decomposition.bids.exact import awarded_to_few, has_whole_bids, plan_whole_bids
from models.decomposition.bids.fixed_bids import FixedBids
from models.decomposition.bids.holders import put_together
from models.decomposition.bids.known_prices import evened
from models.decomposition.bids.pattern import PatternSearch, PricedGroups
from models.decomposition.executors import local
from models.decomposition.master.restricted_master import RestrictedMaster
from models.decomposition.prices.grouping import group_units
from models.decomposition.prices.pricing import LocalPricing
from models.decomposition.prices.search_state import first_state
from models.decomposition.solve import solve as decompose
from models.decomposition.tuning import DEFAULT
from models.errors import ProofError, SolverError
from models.ladder import attempted, climb, joined
from models.method import Method, chosen, solve
from models.outcome import Outcome, Termination
from models.reference.problem import solve as reference
from models.solver_log import SolverLog
from tests.models.builders import day_ahead, intraday, load, make, paying, solar, storage
from tests.models.builders import joined as joined_units
from tests.models.obligation_builders import reservation, reserve
from tests.models.oracle import best_value
from tests.models.test_formulation_oracle import world


@pytest.mark.parametrize("seed", range(800, 812))
def test_the_optimum_lies_between_the_plan_and_its_bound(seed):
    case = world(seed, reserves=1 + seed % 3, reserved=seed % 2 == 0)
    assert has_whole_bids(case), "nobody holds reserve in this world: choose another seed"
    best, outcome = best_value(case), plan_whole_bids(case, relative_gap=1e-3, time_limit_s=600, threads=1)
    slack = 1e-6 * max(1.0, outcome.gross_cost_eur)
    assert outcome.objective_eur <= best + slack
    assert outcome.bound_eur >= best - slack
    assert not audit(case, outcome)


def test_many_small_holders_are_proven_from_the_bids_that_need_not_be_whole():
    case = make_case(30, "bids")
    outcome = plan_whole_bids(case, relative_gap=1e-3, time_limit_s=600, threads=1)
    bound = -FixedBids(case, threads=1, log=SolverLog()).with_any(time_left_s=600).bound_eur
    assert outcome.termination is Termination.OPTIMAL
    assert outcome.bound_eur == pytest.approx(bound, abs=1e-6 * outcome.gross_cost_eur)
    assert outcome.objective_eur <= bound + 1e-6 * outcome.gross_cost_eur
    assert not audit(case, outcome)


@pytest.mark.parametrize("seed", [2004, 2011, 2025, 2038])
def test_a_tiny_portfolio_with_bids_is_proven(seed):
    """The search of patterns alone leaves up to a twentieth of gross cost open in such worlds."""
    case = world(seed, reserves=1 + seed % 3, reserved=seed % 2 == 0)
    outcome = solve(case, relative_gap=1e-3, time_limit_s=600, threads=1)
    assert outcome.termination is Termination.OPTIMAL
    assert outcome.objective_eur >= best_value(case) - 1e-3 * outcome.gross_cost_eur


@pytest.mark.parametrize("seed", range(800, 808))
def test_prices_together_bound_at_least_as_well_as_each_alone_and_never_beyond_the_optimum(seed):
    case = world(seed, reserves=2, reserved=seed % 2 == 0)
    grouping = group_units(case, DEFAULT.pool.unpriced_groups)
    master, pricing = RestrictedMaster(case, grouping, DEFAULT), LocalPricing(case, grouping)
    centre, random = first_state(master, pricing).centre, np.random.default_rng(seed)

    def priced(spread):
        moved = {
            name: getattr(centre, name) + spread * random.normal(size=getattr(centre, name).shape)
            for name in ("balance", "program", "call")
        }
        prices = evened(master, master.within(replace(centre, **moved)))
        return PricedGroups(prices=prices, groups_eur=pricing.respond(prices.scenario()).bound_eur)

    known, log = [priced(spread) for spread in (0.0, 0.01, 0.05)], SolverLog()
    search = PatternSearch(master, replace(DEFAULT.bids, most_s=600.0))  # a search cut short proves less
    bounds = [
        search.best(some, most=100, gap_eur=0.0, time_left_s=1200, threads=1, log=log).bound_eur
        for some in ([known[0]], [known[1]], [known[2]], known)
    ]
    assert np.isfinite(bounds).all()
    slack = 1e-6 * max(1.0, abs(bounds[-1]))
    assert bounds[-1] >= max(bounds[:3]) - slack
    assert -bounds[-1] >= best_value(case) - slack


@pytest.mark.parametrize(("apart", "units"), [(1e-6, 2), (0.5, 3)])
def test_holders_at_points_whose_prices_nearly_agree_stand_together(apart, units):
    """Two points are reserved alike and paid alike but for rounding; the battery at the third sees no such price."""
    parts = [storage(4, point=point, reserve_kw=500.0) for point in (0, 1, 2)]
    parts += [reservation(4, -100.0, name=f"c{point}", point=point) for point in (0, 1)]
    case = make(4, load(4, 10.0), *parts, points=3, reserves=(reserve(4, 60.0, direction=Direction.UP),))
    grouping = group_units(case, DEFAULT.pool.unpriced_groups)
    master = RestrictedMaster(case, grouping, DEFAULT)
    found = first_state(master, LocalPricing(case, grouping)).centre
    prices = replace(found, call=np.array([[0.01] * 4, [0.01 * (1 + apart)] * 4]))
    holders = put_together(case, grouping, [evened(master, prices)], most=10)
    assert len(holders.case.storage.point) == units
    assert holders.exact


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
    outcome = plan_whole_bids(case, relative_gap=1e-6, time_limit_s=600, threads=1)
    assert outcome.bids_mw[0].tolist() == [1.0]
    assert outcome.objective_eur == pytest.approx(60 - 3.2)
    assert outcome.bound_eur == pytest.approx(60 - 3.2)
    assert outcome.termination is Termination.OPTIMAL


@pytest.mark.parametrize(("awarded", "first"), [(1.0, "HiGHS"), (0.0, "decomposition")])
def test_what_few_hold_of_an_award_is_planned_without_mixing_their_answers(awarded, first):
    """Once 1 MW is sold nothing is left to be chosen; the load costs 3.2 EUR as before."""
    case = two_batteries(step_mw=1.0)
    case = replace(case, reserves=(replace(case.reserves[0], committed_mw=np.array([awarded])),))
    assert awarded_to_few(case) == (awarded > 0)
    kept: list[Outcome] = []
    outcome = climb(
        case, relative_gap=1e-4, enough_gap=1e-3, exact=False, time_limit_s=600, threads=1, report=None,
        cancelled=lambda: False, executor=local, better=kept.append,
    )  # fmt: skip
    assert outcome.solver.startswith(first)
    assert kept[0].objective_eur == pytest.approx(outcome.objective_eur)
    assert outcome.objective_eur == pytest.approx(60 * awarded - 3.2)
    assert outcome.termination is Termination.OPTIMAL


def test_a_step_in_which_the_solver_fails_is_left_out_but_a_contradiction_is_told():
    """HiGHS has once ended a small portfolio with 'Unknown': the whole plan was lost, though others had one."""

    def failing(error):
        raise error

    found, why = attempted(lambda: failing(SolverError("HiGHS ended with 'Unknown'")))
    assert found is None
    assert "Unknown" in why
    with pytest.raises(ProofError):
        attempted(lambda: failing(ProofError("the bound contradicts the program")))


@pytest.mark.parametrize(("price", "value"), [(10.0, 0.08), (0.0, 0.0)])
def test_holders_who_can_bid_in_no_whole_block_are_planned_all_the_same(price, value):
    """The sun of 2 and 6 kW shines in a part of the only block: no bid; 8 kWh at 10 EUR/MWh earn 8 ct."""
    sun = solar(4, [0.0, -2.0, -6.0, 0.0], cost=price / 2, reserve_kw=5000.0)
    case = make(
        4, sun, load(4, 0.0), day_ahead=day_ahead(4, price),
        reserves=(reserve(4, 60.0, direction=Direction.DOWN, minimum_mw=0.001, step_mw=0.001, max_mw=0.002),),
    )  # fmt: skip
    outcome = plan_whole_bids(case, relative_gap=1e-6, time_limit_s=600, threads=1)
    assert outcome.objective_eur == pytest.approx(value)
    assert outcome.bound_eur == pytest.approx(value)


@pytest.mark.parametrize("with_peak", [True, False])
def test_many_holders_bid_beside_peaks_and_awards_that_calls_may_fall_short_of(with_peak):
    """Eight batteries of 350 kW hold 2 whole MW in each of three blocks of 60 EUR per MW; the load costs 3.2 EUR.

    Its peak of 10 kW costs 30 ct for each kW above 4. Or 1 MW of the first block is awarded, and 100 kW may be called.
    """
    eight = [storage(4, charge_kw=350.0, discharge_kw=350.0, high=2000.0, start=1000.0, wear=0.2, reserve_kw=350.0)] * 8
    free = np.nan if with_peak else 1.0
    product = reserve(
        4, [60.0] * 3, block=[0, 1, 2, 2], direction=Direction.UP, minimum_mw=1.0, step_mw=1.0, max_mw=9.0,
        committed_mw=[free, np.nan, np.nan],
    )  # fmt: skip
    case = make(
        4, load(4, 10.0), *eight, *[] if with_peak else [reservation(4, -100.0)],
        day_ahead=day_ahead(4, 80.0), intraday=intraday(4, 82.0, 78.0, depth_kw=5000.0), reserves=(product,),
    )  # fmt: skip
    if with_peak:
        case = paying(case, {}, peaks=[{"eur_per_kw": 0.3, "reached_kw": 4.0}], fixed=[0], storage=[0] + [-1] * 7)
    outcome = plan_whole_bids(case, relative_gap=1e-6, time_limit_s=600, threads=1)
    assert outcome.bids_mw[0].tolist() == [2.0 if with_peak else 1.0, 2.0, 2.0]
    assert outcome.objective_eur == pytest.approx(360 - 3.2 - 1.8 if with_peak else 300 - 3.2)
    assert outcome.termination is Termination.OPTIMAL


@pytest.mark.parametrize(("small", "step_mw", "method"), [
    (1_400, 1.0, Method.LADDER), (1_400, 0.01, Method.DECOMPOSITION), (1_700, 1.0, Method.DECOMPOSITION),
])  # fmt: skip
def test_whole_bids_of_few_are_searched_for_beside_a_thousand_others(small, step_mw, method):
    """Beside 1,000 others, three that hold 2.25 MW for two products earned 1,043 of 1,263 EUR by the decomposition."""
    case = two_batteries(step_mw=step_mw)
    others = [storage(4, charge_kw=3.0, discharge_kw=3.0, high=6.0, start=3.0, wear=0.2)] * small
    case = replace(case, storage=joined_units(Storage, [case.storage, *others], 4))
    assert chosen(case, Method.AUTO) is method


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
        relative_gap=1e-3, time_limit_s=600, threads=2,
    )  # fmt: skip
    outcome = decompose(case, relative_gap=1e-3, time_limit_s=600, threads=2)
    assert not audit(case, outcome)
    assert outcome.bound_eur >= outcome.objective_eur
    assert sum(bids.sum() for bids in outcome.bids_mw) > 0.5 * sum(bids.sum() for bids in relaxed.bids_mw)
    lost = relaxed.objective_eur - outcome.objective_eur
    assert lost <= 0.01 * relaxed.gross_cost_eur
    mixtures = [float(line.split()[-2]) for line in outcome.log if line.startswith("mixture of the answers")]
    assert outcome.objective_eur >= max(mixtures[1:]) - 1e-3 * outcome.gross_cost_eur, "a bid was lowered for watts"
    assert np.isfinite(outcome.duals.bound_eur)


def test_the_better_program_and_the_better_bound_of_two_runs_are_kept():
    case = two_batteries(step_mw=1.0)
    exact = reference(case, relative_gap=1e-6)
    worse = replace(exact, objective_eur=exact.objective_eur - 5, bound_eur=exact.bound_eur + 1, gap_eur=6.0)
    both = joined(worse, replace(exact, bound_eur=exact.bound_eur + 3), 1e-3)
    assert both.objective_eur == exact.objective_eur
    assert both.bound_eur == exact.bound_eur + 1
