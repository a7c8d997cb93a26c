"""The plan's value against the same problem stated independently, on random cases with everything in them."""

from dataclasses import replace
from functools import cache

import numpy as np
import pytest

from models.case import NO_POINT, Direction
from tests.models.builders import day_ahead, imbalance, intraday, limit, load, make, run, solar, storage, switched
from tests.models.obligation_builders import reservation, reserve
from tests.models.oracle import best_value
from tests.models.solved import solved

ISPS, HOURS = 5, 0.5
HALVES = [0, 0, 1, 1, 1]


def battery(rng, point):
    low, high = rng.uniform(0, 5), rng.uniform(30, 80)
    return storage(
        ISPS, point=point, charge_kw=rng.uniform(10, 50, ISPS), discharge_kw=rng.uniform(10, 50),
        eta_c=rng.uniform(0.8, 1.0), eta_d=rng.uniform(0.8, 1.0), retention=rng.uniform(0.95, 1.0),
        low=low * np.linspace(0.5, 0.2, ISPS), high=high, start=rng.uniform(low, high),
        wear=rng.choice([0.0, 0.01]), end_value=rng.uniform(0, 0.1), reserve_kw=rng.choice([0.0, 20.0, 40.0]),
        worth_steps=[(0.3 * high, -0.02), (0.6 * high, -0.03)][: rng.integers(3)], worth_zero=low,
    )  # fmt: skip


def car(rng, point):
    present = np.array([0, 1, 1, 1, 0])
    power = rng.uniform(5, 15)
    need = rng.uniform(0.3, 0.9) * power * 0.9 * HOURS * 3
    return storage(
        ISPS, point=point, charge_kw=power * present, discharge_kw=rng.choice([0.0, 5.0]) * present, eta_c=0.9,
        eta_d=0.9, low=[0, 0, 0, need, need], high=60.0, reserve_kw=rng.choice([0.0, power]),
    )  # fmt: skip


def boiler(rng, point):
    """Two ISPs at least in the day, or one in each half; free from the beginning or bound by what it did before."""
    times = {
        "min_run": int(rng.choice([1, 2])),
        "min_rest": int(rng.choice([1, 2])),
        "before": int(rng.choice([-9, -1, 9])),
    }
    windows = [(0, 5, 2, 4)] if times["min_run"] > 1 or rng.random() < 0.5 else [(0, 2, 1, 1), (2, 5, 1, 3)]
    return switched(ISPS, *windows, point=point, on_kw=rng.uniform(2, 20), start_eur=rng.choice([0.0, 0.2]), **times)


def late_run(rng, point):
    """May go on after the Period, and at times wait for it."""
    length = int(rng.integers(1, 4))
    last = int(rng.choice([2, 5]))
    return run(rng.uniform(2, 15, length), 0, last, point=point, later=np.cumsum(rng.uniform(0, 0.6, length)).tolist())


def products(rng, count):
    kinds = (Direction.UP, Direction.DOWN, Direction.SYMMETRIC)
    return [
        reserve(ISPS, rng.uniform(1, 12, 2), name=f"product {i}", direction=kinds[(i + rng.integers(3)) % 3],
                block=HALVES, minimum_mw=rng.choice([0.0, 0.02]), step_mw=rng.choice([0.01, 0.013]), max_mw=0.07,
                sustain_h=rng.choice([0.0, 0.25, 1.0]))
        for i in range(count)
    ]  # fmt: skip


def world(seed, *, reserves=2, runs=1, reserved=True, depth_kw=np.inf, boilers=0):
    """Two congestion points and none; limits that bind, prices of both signs, products shared by two ISPs."""
    rng = np.random.default_rng(seed)
    price = rng.uniform(-60, 200, ISPS)
    parts = [load(ISPS, rng.uniform(5, 20, ISPS)), load(ISPS, rng.uniform(0, 5, ISPS), point=NO_POINT)]
    for point in (0, 1, NO_POINT):
        parts += [battery(rng, point), solar(ISPS, -rng.uniform(0, 30, ISPS), point=point, cost=rng.uniform(0, 30),
                                             reserve_kw=rng.choice([0.0, 15.0]))]  # fmt: skip
    parts += [car(rng, int(rng.integers(2)))]
    parts += [late_run(rng, i % 2) for i in range(runs)]
    parts += [boiler(rng, i % 3 - 1) for i in range(boilers)]
    parts.append(limit(ISPS, point=0, import_kw=rng.uniform(5, 40, ISPS), export_kw=-rng.uniform(0, 30), penalty=400.0))
    if reserved:
        signs = rng.choice([-1, 0, 1], ISPS)
        parts.append(reservation(ISPS, signs * rng.uniform(5, 60), point=0, penalty=rng.uniform(50, 900), fee=9.0))
        parts.append(reservation(ISPS, -rng.uniform(0, 30, ISPS), name="b", point=0, penalty=300.0))
    return make(
        ISPS,
        *parts,
        hours=HOURS,
        points=2,
        day_ahead=day_ahead(ISPS, price, product=[0, 0, 1, 1, 2], depth_kw=min(depth_kw, rng.uniform(20, 200))),
        intraday=intraday(ISPS, price + 20, price - 15, depth_kw=min(depth_kw, 25.0)),
        imbalance=imbalance(ISPS, short=700, long=700),
        reserves=products(rng, reserves),
    )


def assert_agrees(case):
    outcome = solved(case)
    expected = best_value(case)
    assert abs(outcome.objective_eur - expected) <= 1e-6 * max(1.0, outcome.gross_cost_eur)
    return outcome


@cache
def agreed(seed):
    """Return the outcome of a world with everything in it, which is worth what the oracle finds."""
    return assert_agrees(world(seed))


@pytest.mark.parametrize("seed", range(15))
def test_everything_together_reaches_the_independent_optimum(seed):
    agreed(seed)


@pytest.mark.parametrize("seed", range(100, 106))
def test_many_bids_and_starts_reach_the_independent_optimum(seed):
    assert_agrees(world(seed, reserves=3, runs=3))


@pytest.mark.parametrize("seed", range(200, 206))
def test_without_reservations_the_independent_optimum_is_reached(seed):
    assert_agrees(world(seed, reserves=seed % 3, runs=2, reserved=False))


@pytest.mark.parametrize("seed", [1020, 1131, 1154, 1302, 1366, 1471])
def test_directions_chosen_by_branching_are_kept_when_the_rest_is_solved_again(seed):
    """Below zero prices charging and discharging at once pays, so that a pair left open mixes again."""
    assert_agrees(world(seed, reserves=seed % 4, runs=seed % 3, reserved=seed % 5 > 0))


@pytest.mark.parametrize("seed", range(400, 410))
def test_switched_units_among_all_others_reach_the_independent_optimum(seed):
    assert_agrees(world(seed, reserves=seed % 3, runs=seed % 2, reserved=seed % 4 > 0, boilers=3 + seed % 3))


@pytest.mark.parametrize("seed", range(300, 306))
def test_where_markets_are_too_shallow_the_cheapest_imbalance_is_found(seed):
    case = world(seed, depth_kw=1.0)
    outcome = assert_agrees(replace(case, fixed=replace(case.fixed, program_kw=case.fixed.program_kw + 60)))
    assert outcome.short_kw.max() > 0


def test_the_random_cases_have_everything_to_decide():
    outcomes = [agreed(seed) for seed in range(8)]
    assert all(np.abs(o.called.storage_kw - o.programs.storage_kw).max() > 1 for o in outcomes)
    assert sum(any(bids.any() for bids in o.bids_mw) for o in outcomes) >= 3
    assert sum(bool(o.breach_import_kw.any()) for o in outcomes) >= 2
    assert sum(bool(o.reservation_shortfall_kw.any()) for o in outcomes) >= 3
