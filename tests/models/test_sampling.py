"""Prices found on a sample, and congestion-point prices found while the portfolio's prices are fixed."""

from dataclasses import replace

import numpy as np
import pytest

from benchmarks.instances import make_case
from models.audit import audit
from models.case import FixedRemainder, HeldAtMost
from models.decomposition.master.restricted_master import RestrictedMaster
from models.decomposition.prices.congestion_point_prices import search_point_prices
from models.decomposition.prices.grouping import group_units
from models.decomposition.prices.pricing import LocalPricing
from models.decomposition.prices.proximal_bundle import search_prices
from models.decomposition.prices.sampling import prices_of, sampled
from models.decomposition.prices.search_state import first_state
from models.decomposition.solve import solve
from models.decomposition.stopping import StopReason
from models.decomposition.tuning import DEFAULT, Sampling
from models.reference.problem import solve as reference
from models.resources.registry import PRICED
from tests.models.builders import day_ahead, intraday, limit, make, solar, storage
from tests.models.obligation_builders import reserve
from tests.models.worlds import portfolio

PORTFOLIO = ("balance", "reserve", "called")


def never():
    return None


def at_once():
    return StopReason.CANCELLED


def of_units(units):
    return Sampling(units=units)


def bound_of(master, pricing, prices):
    return master.bound(prices, float(pricing.respond(prices.scenario()).bound_eur.sum()))


def copies(points):
    """Each point: a car that must charge 8 kWh in two hours of four under a limit, and a battery that may hold."""
    units = []
    for point in range(points):
        units.append(storage(4, point=point, charge_kw=8.0, low=[0, 0, 0, 8.0], high=8.0, shortfall=5.0))
        units.append(storage(4, point=point, charge_kw=4.0, discharge_kw=4.0, high=8.0, start=4.0, reserve_kw=2.0))
    return make(
        4, *units, *(limit(4, point=point, import_kw=np.full(4, 5.0)) for point in range(points)),
        day_ahead=day_ahead(4, np.array([50.0, 20.0, 35.0, 60.0]), depth_kw=30.0 * points),
        intraday=intraday(4, 60.0, 40.0, depth_kw=5.0 * points),
        reserves=(reserve(4, price=9.0, max_mw=1e-3 * points),), points=points,
    )  # fmt: skip


def test_small_portfolios_are_not_sampled():
    case = make_case(500)
    assert sampled(case, group_units(case), of_units(300)) is None


def test_a_few_large_congestion_points_are_not_sampled():
    """One of two limited points is half of all units, not a tenth."""
    case = portfolio(300, 24, points=4)
    assert sampled(case, group_units(case), of_units(30)) is None


def test_a_sample_has_what_points_with_open_offers_keep():
    """Of 40 points, those in the sample bring from when called programs are free, and what reserve they may hold."""
    case = copies(40)
    every = np.arange(40)
    most = np.repeat(every[:, None], 4, axis=1).astype(np.float64)
    case = replace(
        case, called_from=every % 4,
        held_at_most=HeldAtMost(name=("fcr",) * 40, point=every, planned_kw=most, called_kw=most),
    )  # fmt: skip
    sample = sampled(case, group_units(case), Sampling(units=20, large=2.0))
    assert sample is not None
    there = [int(name.removeprefix("ean.")) for name in sample.case.points]
    assert 0 < len(there) < 40
    assert sample.case.called_from.tolist() == [point % 4 for point in there]
    assert sample.case.held_at_most.planned_kw[:, 0].tolist() == there


def test_a_part_of_a_portfolio_is_not_sampled():
    case = make_case(2000)
    elsewhere = FixedRemainder(
        held_kw=np.zeros((3, 96)), called_held_kw=None, terms_eur={}, bids_mw=tuple(np.zeros(6) for _ in range(3))
    )
    assert sampled(case, group_units(case), of_units(400)) is not None
    part = replace(case, remainder=elsewhere)
    assert sampled(part, group_units(part), of_units(400)) is None


@pytest.mark.parametrize("units", [400, 900])
def test_a_sample_is_as_much_of_the_markets_as_of_the_units(units):
    case = make_case(4000, "typical")
    grouping = group_units(case)
    sample = sampled(case, grouping, of_units(units))
    small = sample.case
    count = sum(resource.count(small) for resource in PRICED)
    assert count == pytest.approx(units, rel=0.25)
    assert sample.share == count / 4000
    assert small.day_ahead.committed_kw == pytest.approx(sample.share * case.day_ahead.committed_kw)
    assert small.intraday.buy_depth_kw == pytest.approx(sample.share * case.intraday.buy_depth_kw)
    assert small.reserves[1].max_mw == pytest.approx(sample.share * case.reserves[1].max_mw)
    names = [case.points[point] for point in grouping.priced_points[sample.priced_points]]
    assert list(small.points) == names
    for place, name in enumerate(names):  # a priced congestion point is in it with all its units, or not at all
        for resource in PRICED:
            here = int((resource.arrays(small).point == place).sum())
            assert here == int((resource.arrays(case).point == case.points.index(name)).sum())
    assert len(group_units(small).priced_points) == len(small.points)
    assert len(small.reservations.point) >= 1  # some point that is reserved is always among them


def test_a_sample_of_copies_proves_what_all_of_them_prove():
    """Forty equal points: their bound at the prices of four is ten times that of the four."""
    case = copies(40)
    grouping = group_units(case)
    sample = sampled(case, grouping, of_units(8))
    assert sample.share == pytest.approx(0.1)
    prices = prices_of(sample, case, grouping, relative_gap=1e-6, tuning=DEFAULT, interrupted=never)
    chosen = sample.priced_points
    assert np.flatnonzero(prices.program.any(axis=1)).tolist() == chosen.tolist()  # where limits bind, and only there
    alike = replace(
        prices,
        program=np.repeat(prices.program[chosen[:1]], 40, axis=0), call=np.repeat(prices.call[chosen[:1]], 40, axis=0),
    )  # fmt: skip
    small = group_units(sample.case)
    few = replace(alike, program=alike.program[: len(chosen)], call=alike.call[: len(chosen)])
    of_all = bound_of(RestrictedMaster(case, grouping), LocalPricing(case, grouping), alike)
    of_few = bound_of(RestrictedMaster(sample.case, small), LocalPricing(sample.case, small), few)
    assert of_all == pytest.approx(10 * of_few, rel=1e-9)
    assert -of_all == pytest.approx(reference(case, relative_gap=1e-6, time_limit_s=600).objective_eur, rel=2e-2)


def test_prices_begin_where_an_earlier_plan_ended():
    """The sample starts at the old prices, and points outside it keep theirs."""
    case = make_case(1000, "hard")
    grouping = group_units(case)
    found = solve(case, relative_gap=3e-3, time_limit_s=600)
    again = replace(case, start=found.duals)
    sample = sampled(again, grouping, of_units(300))
    prices = prices_of(sample, again, grouping, relative_gap=1e-3, tuning=DEFAULT, interrupted=at_once)
    others = np.setdiff1d(np.arange(len(grouping.priced_points)), sample.priced_points)
    assert np.array_equal(prices.program[others], found.duals.program[grouping.priced_points[others]])
    assert sample.case.start is not None


def neighbourhood(rng, points):
    """Cars, batteries and solar systems at some points with evening limits; no reserve."""
    isps, units = 24, []
    for point in range(points):
        for _ in range(int(rng.integers(1, 6))):
            arrive, need = int(rng.integers(12, 18)), float(rng.uniform(5, 30))
            low = np.where(np.arange(isps) == isps - 1, min(need, 7.0 * (isps - arrive)), 0.0)
            charge = np.where(np.arange(isps) >= arrive, 8.0, 0.0)
            units.append(storage(isps, point=point, charge_kw=charge, low=low, high=40.0, shortfall=2.0))
        units.append(storage(isps, point=point, charge_kw=5.0, discharge_kw=5.0, eta_c=0.93, high=10.0, start=5.0))
        units.append(solar(isps, -3.0 * np.clip(np.sin(np.arange(isps) / 4), 0, 1), point=point))
        bound = np.where(np.arange(isps) > 16, rng.uniform(4, 12), np.inf)
        units.append(limit(isps, point=point, import_kw=bound, penalty=800.0))
    prices = np.round(rng.uniform(20, 120, isps), 1)
    return make(isps, *units, day_ahead=day_ahead(isps, prices), points=points)


@pytest.mark.parametrize("points", [1, 2, 9])
@pytest.mark.parametrize("seed", range(3))
def test_congestion_points_find_their_own_prices(seed, points):
    """Energy has its day-ahead price in any amount: then the best bound is the optimum of the linear program."""
    case = neighbourhood(np.random.default_rng(seed), points)
    grouping = group_units(case)
    pricing, master = LocalPricing(case, grouping), RestrictedMaster(case, grouping)
    state = first_state(master, pricing)
    first, at_first = state.centre, state.centre_eur
    best = reference(case, relative_gap=1e-7, time_limit_s=600)
    why = search_point_prices(
        master, pricing, state, aim_eur=1e-5 * best.gross_cost_eur, rounds=200, patience=15, points=DEFAULT.points,
        search=DEFAULT.search, interrupted=never,
    )  # fmt: skip
    assert why is StopReason.BOUND_STAYS
    for name in PORTFOLIO:
        assert np.array_equal(getattr(first, name), getattr(state.centre, name))
    assert state.centre_eur > at_first
    assert state.centre_eur == pytest.approx(bound_of(master, pricing, state.centre), rel=1e-9)
    off = -state.centre_eur - best.objective_eur
    assert -1e-6 * best.gross_cost_eur <= off <= 1e-3 * best.gross_cost_eur


def test_steps_of_a_search_grow_where_prices_bring_what_the_columns_promised():
    case = make_case(500, "typical")
    grouping = group_units(case)
    pricing, master = LocalPricing(case, grouping), RestrictedMaster(case, grouping)
    state, steps = first_state(master, pricing), [1.0]
    why = search_prices(
        master, pricing, state, aim_eur=1e-6, rounds=20, patience=15, tuning=DEFAULT.search,
        after=lambda: steps.append(state.step), interrupted=never,
    )  # fmt: skip
    assert why is StopReason.ROUND_LIMIT
    assert (np.diff(steps) > 0).any()


def test_points_stop_where_they_are_told():
    case = neighbourhood(np.random.default_rng(1), 9)
    grouping = group_units(case)
    pricing, master = LocalPricing(case, grouping), RestrictedMaster(case, grouping)
    state = first_state(master, pricing)
    why = search_point_prices(
        master, pricing, state, aim_eur=0.0, rounds=200, patience=15, points=DEFAULT.points, search=DEFAULT.search,
        interrupted=at_once,
    )  # fmt: skip
    assert why is StopReason.CANCELLED
    assert state.rounds == 2


@pytest.mark.parametrize("case", [portfolio(240, 24, seed=3, points=12), make_case(20_000, "typical")])
def test_some_groups_can_be_asked_alone(case):
    """Also groups so large that they are summed in several blocks, many of a class, and none of it."""
    grouping = group_units(case)
    pricing, scenario = LocalPricing(case, grouping), RestrictedMaster(case, grouping).first_prices().scenario()
    everybody, groups = pricing.respond(scenario), len(grouping.group_point)
    at_points, first = grouping.group_point >= 0, np.arange(groups) < 3
    assert 0 < at_points.sum() < groups
    assert len(case.points) < 100 or any(len(batch.rows.tasks.extra) for batch in grouping.batches)
    for asked in (at_points, ~at_points, first, np.arange(groups) % 4 == 1, np.zeros(groups, dtype=np.bool_)):
        some = pricing.respond(scenario, asked)
        for name in ("power_kw", "held_kw", "cost_eur", "bound_eur"):
            assert np.array_equal(getattr(some, name)[asked], getattr(everybody, name)[asked]), name
            assert not getattr(some, name)[~asked].any(), name


@pytest.mark.parametrize("kind", ["typical", "hard"])
def test_a_plan_that_began_on_a_sample_is_proven_like_any_other(kind):
    """The same case with and without a sample: each value below the other's bound."""
    case = make_case(1000, kind)
    without = solve(case, relative_gap=2e-3, time_limit_s=240)
    outcome = solve(case, relative_gap=2e-3, time_limit_s=240, tuning=replace(DEFAULT, sampling=of_units(400)))
    assert outcome.seconds["sample"] > 0.01
    assert audit(case, outcome) == ()
    assert outcome.gap_eur <= 2e-3 * outcome.gross_cost_eur
    assert outcome.objective_eur <= without.bound_eur
    assert without.objective_eur <= outcome.bound_eur
