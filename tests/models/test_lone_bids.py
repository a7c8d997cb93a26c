"""Whole bids of portfolios whose units answer alone: one linear program, against HiGHS on the whole problem."""

import itertools
import re
from dataclasses import replace

import numpy as np
import pytest

from models.audit import audit
from models.case import Direction
from models.decomposition.bids.fixed_bids import FixedBids
from models.decomposition.bids.lone_bids import LoneBids
from models.decomposition.bids.lone_case import is_lone
from models.decomposition.bids.lone_search import has_lone_bids, plan_lone_bids
from models.decomposition.tuning import DEFAULT
from models.method import solve
from models.outcome import Termination
from models.solver_log import SolverLog
from tests.models.builders import day_ahead, intraday, limit, load, make, run, solar, storage
from tests.models.obligation_builders import reservation, reserve
from tests.models.test_fixed_bids import divisible
from tests.models.test_formulation_oracle import world

ISPS = 16
NEAR = 1e-6


def fleet(seed, *, holders=8, sustain_h=1.0, reserved=False, runs=0, points=2):
    """Batteries and heat buffers that sell reserve for quarter hours on end, beside stores, generators and runs."""
    rng = np.random.default_rng(seed)
    price = rng.uniform(20, 120, ISPS)
    parts = [load(ISPS, rng.uniform(5, 15, ISPS)), load(ISPS, rng.uniform(0, 5, ISPS), point=1)]
    for n in range(holders + 3):
        high, both = rng.uniform(20, 60), n % 3 < 2
        parts.append(
            storage(
                ISPS,
                point=n % points,
                charge_kw=rng.uniform(8, 20),
                discharge_kw=rng.uniform(8, 20) if both else 0.0,
                high=high,
                start=rng.uniform(0.3, 0.7) * high,
                demand=0.0 if both else rng.uniform(0.5, 1.5),
                eta_c=0.95 if both else 3.0,
                wear=0.01,
                reserve_kw=rng.uniform(6, 15) if n < holders else 0.0,
            )
        )
    parts += [solar(ISPS, -rng.uniform(0, 20, ISPS), point=n % points, cost=5.0) for n in range(3)]
    parts += [run([6.0, 4.0, 2.0], 2, 11, point=n % 2) for n in range(runs)]
    parts.append(limit(ISPS, point=0, import_kw=rng.uniform(30, 60, ISPS), penalty=500.0))
    parts += [limit(ISPS, point=n, import_kw=rng.uniform(4, 12, ISPS), penalty=500.0) for n in range(2, points)]
    if reserved:
        parts.append(reservation(ISPS, -rng.uniform(5, 20, ISPS), point=1, penalty=400.0))
    kinds = ((Direction.SYMMETRIC, 14.0, 0.25), (Direction.UP, 9.0, sustain_h), (Direction.DOWN, 7.0, sustain_h))
    products = tuple(
        reserve(
            ISPS,
            [eur, 0.8 * eur],
            direction=way,
            name=way.value,
            block=np.arange(ISPS) // 8,
            step_mw=0.005,
            minimum_mw=0.005,
            max_mw=0.06,
            sustain_h=h,
        )
        for way, eur, h in kinds
    )
    return make(
        ISPS, *parts, hours=0.25, points=points, reserves=products, day_ahead=day_ahead(ISPS, price, committed_kw=20.0),
        intraday=intraday(ISPS, price + 4, price - 4, depth_kw=60.0),
    )  # fmt: skip


def lone(case, gap=1e-6):
    return LoneBids(case, relative_gap=gap, log=SolverLog(), interrupted=lambda: None)


def whole(case):
    return FixedBids(case, threads=1, log=SolverLog())


def named(one, bids):
    return {bid: float(n * mw) for bid, n, mw in zip(one.master.bids, bids, one.step_mw, strict=True)}


@pytest.mark.parametrize("seed", [800, 801, 824, 829, 851, 854, 857])
def test_the_bound_of_any_bids_is_that_of_one_program_of_highs(seed):
    case = divisible(world(seed, reserves=1 + seed % 3, reserved=seed % 2 == 0))
    assert is_lone(case, DEFAULT.lone), "something in this world does not answer alone: choose another seed"
    one = lone(case)
    found, bound = one.any_bids(), whole(case).with_any(time_left_s=600).bound_eur
    assert found.least_eur <= bound + NEAR * max(one.master.gross(), 1.0)
    assert found.least_eur >= bound - 1e-5 * max(one.master.gross(), 1.0)


@pytest.mark.parametrize(("seed", "reserved", "runs"), [(0, False, 0), (1, True, 0), (2, False, 2), (3, True, 1)])
def test_reserve_that_must_be_sustained_is_stated_as_by_the_reference(seed, reserved, runs):
    case = fleet(seed, reserved=reserved, runs=runs)
    one, other = lone(case), whole(case)
    found, bound = one.any_bids(), other.with_any(time_left_s=600).bound_eur
    assert found.least_eur == pytest.approx(bound, abs=1e-5 * one.master.gross())
    bids = np.floor(0.7 * found.best)
    mine, theirs = one.best(bids), other.best(named(one, bids), relative_gap=1e-9, time_left_s=600)
    assert not mine.lost
    assert -mine.bound_eur == pytest.approx(theirs.objective_eur, abs=1e-4 * theirs.gross_cost_eur)
    assert mine.outcome.objective_eur <= -mine.bound_eur + NEAR * theirs.gross_cost_eur
    assert mine.outcome.objective_eur == pytest.approx(theirs.objective_eur, abs=1e-3 * theirs.gross_cost_eur)
    assert not audit(case, mine.outcome)


@pytest.mark.parametrize("seed", range(10, 14))
def test_slopes_and_what_is_missed_bound_the_cost_of_other_bids(seed):
    one = lone(fleet(seed))
    found, rng = one.any_bids(), np.random.default_rng(seed)
    tried = [np.clip(np.round(found.best + rng.integers(-1, 2, len(found.best))), 0, found.most) for _ in range(4)]
    results = [one.best(bids) for bids in tried]
    slack = 2e-6 * one.master.gross()
    for (bids, made), (others, cost) in itertools.permutations(list(zip(tried, results, strict=True)), 2):
        promised = made.bound_eur + float(made.slope_eur @ (others - bids))
        assert cost.bound_eur >= promised - slack - 1e-4 * abs(promised)
        assert cost.bound_eur >= found.least_eur - slack


@pytest.mark.parametrize("cost", [-40.0, 40.0])
def test_the_bound_counts_wear_and_curtailment_of_what_is_pinned(cost):
    """A battery wears 0.2 EUR/kWh where it is pinned, too; a generator that is pinned at half is curtailed by half."""
    case = fleet(30, reserved=True)
    stores, suns = case.storage, case.curtailable
    pinned_kw = np.full((len(stores.point), ISPS), np.nan)
    pinned_kw[[0, 1], 3:7] = [[1.5], [-1.0]]
    half_kw = np.full(suns.forecast_kw.shape, np.nan)
    half_kw[:, :6] = 0.5 * suns.forecast_kw[:, :6]
    case = replace(
        case, storage=replace(stores, pinned_kw=pinned_kw, wear_eur_per_kwh=np.full(len(stores.point), 0.2)),
        curtailable=replace(suns, pinned_kw=half_kw, cost_eur_per_mwh=np.full(len(suns.point), cost)),
    )  # fmt: skip
    assert is_lone(case, DEFAULT.lone)
    one, other = lone(case), whole(case)
    found = one.any_bids()
    assert found.least_eur == pytest.approx(other.with_any(time_left_s=600).bound_eur, abs=1e-5 * one.master.gross())
    bids = np.floor(0.7 * found.best)
    mine, theirs = one.best(bids), other.best(named(one, bids), relative_gap=1e-9, time_left_s=600)
    assert -mine.bound_eur == pytest.approx(theirs.objective_eur, abs=1e-4 * theirs.gross_cost_eur)
    assert not audit(case, plan_lone_bids(case, relative_gap=1e-3, time_limit_s=600, threads=1))


def test_the_next_bids_begin_at_a_program_far_from_its_corner():
    """Anew, all steps are taken again; from a program near its corner, other bids first have to leave that."""

    def steps(case, bids, begin):
        log = SolverLog()
        tuning = replace(DEFAULT, lone=replace(DEFAULT.lone, begin=begin or DEFAULT.lone.begin))
        one = LoneBids(case, relative_gap=1e-3, log=log, interrupted=lambda: None, tuning=tuning)
        if begin is not None:
            one.any_bids()
        bound_eur = one.best(bids).bound_eur
        return int(re.findall(r"whole LP: (\d+) steps", "\n".join(log.lines()))[-1]), bound_eur, one.gap_eur

    for seed in (0, 20, 22):
        case = fleet(seed)
        bids = np.floor(0.7 * lone(case, 1e-3).any_bids().best)
        anew, near, far = (steps(case, bids, begin) for begin in (None, 0.002, DEFAULT.lone.begin))
        assert far[0] < 0.6 * anew[0] < near[0]
        assert far[1] == pytest.approx(anew[1], abs=far[2])


def test_bids_that_cannot_be_held_are_lowered_and_say_which():
    one = lone(fleet(4))
    found = one.any_bids()
    made = one.best(found.most)
    assert made.lost
    assert made.missed_eur.sum() > 0
    assert (made.held <= found.most).all()
    assert (made.held < found.most).any()
    assert made.outcome.objective_eur > -np.inf


@pytest.mark.parametrize("seed", [20, 21, 22])
def test_the_search_ends_near_its_bound_and_its_plan_passes_the_audit(seed):
    case = fleet(seed, reserved=seed % 2 == 0, runs=seed % 2)
    assert has_lone_bids(case)
    outcome = plan_lone_bids(case, relative_gap=1e-3, time_limit_s=600, threads=1)
    bound = -whole(case).with_any(time_left_s=600).bound_eur
    assert outcome.bound_eur == pytest.approx(bound, abs=1e-3 * outcome.gross_cost_eur)
    assert outcome.objective_eur <= bound + NEAR * outcome.gross_cost_eur
    assert outcome.gap_eur <= 2e-2 * outcome.gross_cost_eur
    assert not audit(case, outcome)
    again = plan_lone_bids(case, relative_gap=1e-3, time_limit_s=600, threads=1)
    assert again.objective_eur == outcome.objective_eur


def test_small_portfolios_with_many_holders_are_planned_so():
    outcome = solve(fleet(20), relative_gap=1e-3, time_limit_s=600, threads=1)
    assert "whole LP" in outcome.solver


def test_a_cancelled_search_leaves_the_plan_to_other_methods():
    assert plan_lone_bids(fleet(5), relative_gap=1e-3, time_limit_s=600, threads=1, cancelled=lambda: True) is None


def test_what_earns_by_charging_and_discharging_at_once_is_left_to_other_methods():
    case = divisible(world(800, reserves=3, reserved=True))
    outcome = plan_lone_bids(case, relative_gap=1e-3, time_limit_s=600, threads=1)
    assert outcome.termination is Termination.GAP_OPEN
    assert solve(case, relative_gap=1e-3, time_limit_s=600, threads=1).objective_eur > outcome.objective_eur


def test_other_bids_are_tried_where_starts_cost_less_than_what_is_open():
    """Starts of two runs cost the first program more than the gap asked for, but half of what its bids leave open."""
    outcome = plan_lone_bids(fleet(51, runs=2), relative_gap=1e-3, time_limit_s=600, threads=1)
    assert outcome.termination is Termination.OPTIMAL
    assert sum("worth" in line for line in outcome.log) > 1


def test_bids_below_their_minimum_do_not_count_in_the_bound():
    """800 kW are prequalified, but powers do not allow the 300 kW that are asked for at least: no bid can be made."""
    case = fleet(8)
    stores = replace(case.storage, reserve_kw=np.where(case.storage.reserve_kw > 0, 100.0, 0.0))
    large = tuple(replace(one, minimum_mw=0.3, max_mw=np.full_like(one.max_mw, 0.4)) for one in case.reserves)
    case = replace(case, reserves=large, storage=stores)
    one = lone(case)
    found = one.any_bids()
    assert len(one.most)
    assert not one.most.any()
    assert found.least_eur == pytest.approx(one.best(np.zeros(len(one.most))).bound_eur, abs=1e-5 * one.master.gross())


def test_units_that_do_not_answer_alone_or_cannot_mix_are_not_planned_so():
    case = fleet(6)
    stores = case.storage
    least = replace(stores, charge_min_kw=np.where(np.arange(len(stores.point)) == 0, 4.0, 0.0))
    selling = replace(case.curtailable, reserve_kw=np.full(len(case.curtailable.point), 1.0))
    empty = replace(
        stores, energy_min_kwh=np.full_like(stores.energy_min_kwh, 15.0), energy_start_kwh=np.zeros(len(stores.point))
    )
    assert is_lone(case, DEFAULT.lone)
    for other in (replace(case, storage=least), replace(case, curtailable=selling), replace(case, storage=empty)):
        assert not is_lone(other, DEFAULT.lone)
    for few in ("most_stores", "most_holders"):
        assert not is_lone(case, replace(DEFAULT.lone, **{few: 3}))


def test_generation_where_there_is_no_store_is_planned_too():
    """In point 0, limited, and at point 1, reserved, only generators are left; all stores are at point 2."""
    case = fleet(7, reserved=True)
    away = replace(case.storage, point=np.full(len(case.storage.point), 2))
    case = replace(case, points=(*case.points, "ean.2"), storage=away)
    one, other = lone(case), whole(case)
    assert one.any_bids().least_eur == pytest.approx(
        other.with_any(time_left_s=600).bound_eur, abs=1e-5 * one.master.gross()
    )
    assert not audit(case, plan_lone_bids(case, relative_gap=1e-3, time_limit_s=600, threads=1))


def short_of_energy(seed, long):
    """A fleet that holds next to no energy; the first `long` products must be sustained for four hours."""
    case = fleet(seed)
    stores = replace(
        case.storage, energy_max_kwh=case.storage.energy_max_kwh / 20, demand_kwh=0 * case.storage.demand_kwh,
        energy_start_kwh=case.storage.energy_start_kwh / 20,
    )  # fmt: skip
    lasts = [4.0] * long + [0.0] * (len(case.reserves) - long)
    return replace(
        case, storage=stores,
        reserves=tuple(replace(one, sustain_h=h) for one, h in zip(case.reserves, lasts, strict=True)),
    )  # fmt: skip


def test_no_bid_is_made_where_power_suffices_but_energy_does_not():
    case = short_of_energy(8, 3)
    assert has_lone_bids(case)
    assert not lone(case).most.any()
    outcome = plan_lone_bids(case, relative_gap=1e-3, time_limit_s=600, threads=1)
    assert outcome.termination is Termination.OPTIMAL
    assert not any(bids.any() for bids in outcome.bids_mw)
    assert not audit(case, outcome)


def test_products_that_cannot_be_held_leave_the_bids_of_others():
    case = short_of_energy(9, 1)
    one = lone(case)
    found = one.any_bids()
    held = [r for r, _ in one.master.bids]
    assert (found.most > 0).tolist() == [r > 0 for r in held]
    assert not found.bend[:2].any()
    assert (np.diag(found.bend)[2:] > 0).all()
    outcome = plan_lone_bids(case, relative_gap=1e-3, time_limit_s=600, threads=1)
    assert not outcome.bids_mw[0].any()
    assert outcome.bids_mw[1].any()
    assert outcome.bound_eur >= solve(case, relative_gap=1e-3, time_limit_s=600, threads=1).objective_eur - 1e-6
    assert not audit(case, outcome)
