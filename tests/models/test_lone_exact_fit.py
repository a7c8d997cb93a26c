"""Whole bids that take all that can be held, to the last watt: by prequalified power, by power, and by energy."""

from dataclasses import replace

import numpy as np
import pytest

from models.audit import audit
from models.case import Direction
from models.decomposition.bids.lone_search import plan_lone_bids
from tests.models.test_lone_bids import fleet, lone, named, whole

EQUAL = [10.0] * 8
UNEQUAL = [5.0, 5.0, 10.0, 10.0, 10.0, 10.0, 15.0, 15.0]
STEP_KW = 5.0


def batteries(seed, *, reserve_kw=50.0, power_kw=20.0, high_kwh=60.0, start_kwh=(25.0, 35.0), hours=None, **others):
    """Return a fleet whose eight holders are batteries like each other, beside stores that hold nothing."""
    case = fleet(seed, sustain_h=0.5, **others)
    stores, rng = case.storage, np.random.default_rng(seed)
    holds = stores.reserve_kw > 0

    def of_holders(values, own):
        return np.where(holds if values.ndim == 1 else holds[:, None], own, values)

    first, most = np.zeros(len(holds)), np.zeros(len(holds))
    least, highest = start_kwh
    first[holds], most[holds] = rng.uniform(least, highest, int(holds.sum())), reserve_kw
    stores = replace(
        stores, reserve_kw=of_holders(stores.reserve_kw, most), charge_kw=of_holders(stores.charge_kw, power_kw),
        discharge_kw=of_holders(stores.discharge_kw, power_kw), demand_kwh=of_holders(stores.demand_kwh, 0.0),
        charge_efficiency=of_holders(stores.charge_efficiency, 0.95),
        energy_start_kwh=of_holders(stores.energy_start_kwh, first),
        energy_max_kwh=of_holders(stores.energy_max_kwh, high_kwh),
    )  # fmt: skip
    reserves = tuple(
        replace(one, max_mw=np.full_like(one.max_mw, 0.2), sustain_h=one.sustain_h if hours is None else hours)
        for one in case.reserves
    )
    return replace(case, storage=stores, reserves=reserves)


def missing_kw(case, outcome, bids_mw):
    """Return the most by which units hold less than the bids (per product and block, MW) in any ISP."""
    worst = 0.0
    for (r, block), mw in bids_mw.items():
        inside = case.reserves[r].block == block
        sides = [Direction.UP, Direction.DOWN]
        for side in sides if case.reserves[r].direction is Direction.SYMMETRIC else [case.reserves[r].direction]:
            held = outcome.headroom.of("storage", side)[r].sum(axis=0)[inside]
            worst = max(worst, 1000 * mw - float(held.min()))
    return worst


def holds_all(case, bids):
    """Assert that the best program with these bids (product, block) is as good as HiGHS', and holds them."""
    one = lone(case, 1e-3)
    one.any_bids()
    steps = np.array(bids, dtype=np.float64).ravel()
    made, wanted = one.best(steps), named(one, steps)
    best = whole(case).best(wanted, relative_gap=1e-9, time_left_s=600)
    assert not (best.reserve_shortfall_mw > 1e-9).any(), "the bids of this test cannot be held"
    assert not made.lost
    assert missing_kw(case, made.outcome, wanted) <= 1e-6 * STEP_KW
    assert made.outcome.objective_eur == pytest.approx(best.objective_eur, abs=1e-3 * best.gross_cost_eur)
    assert -made.bound_eur >= best.objective_eur - 1e-6, "what is asked for beyond the bids is not paid for"
    assert -made.bound_eur <= best.objective_eur + 1e-3 * best.gross_cost_eur
    assert not audit(case, made.outcome)


@pytest.mark.parametrize("reserve_kw", [EQUAL, UNEQUAL], ids=["equal", "unequal"])
@pytest.mark.parametrize(
    ("seed", "bids", "others"),
    [
        (40, [[4, 7], [12, 9], [12, 9]], {}),
        (41, [[0, 3], [16, 13], [16, 0]], {"reserved": True}),
        (42, [[16, 2], [0, 14], [0, 14]], {"runs": 1}),
        (43, [[7, 10], [9, 6], [9, 0]], {}),
    ],
)
def test_bids_of_all_prequalified_power_are_held(seed, bids, others, reserve_kw):
    """80 kW are prequalified: 16 steps on each side, of the symmetrical product and the one of that side together."""
    holds_all(batteries(seed, reserve_kw=reserve_kw, **others), bids)


@pytest.mark.parametrize(("seed", "bids"), [(40, [[12, 9], [12, 9], [4, 7]]), (44, [[12, 9], [12, 9], [4, 7]])])
def test_the_order_of_products_does_not_matter(seed, bids):
    """The symmetrical one comes last here, and can use only what the others leave on both sides of the same unit."""
    case = batteries(seed, reserve_kw=UNEQUAL)
    holds_all(replace(case, reserves=(*case.reserves[1:], case.reserves[0])), bids)


@pytest.mark.parametrize(
    ("seed", "bids"),
    [(40, [[16, 16], [0, 0], [0, 0]]), (42, [[12, 16], [4, 0], [4, 0]]), (45, [[16, 16], [0, 0], [0, 0]])],
)
def test_bids_of_all_power_are_held_by_batteries_that_rest(seed, bids):
    """Eight batteries of 10 kW hold 80 kW in both directions only while none of them moves at all."""
    holds_all(batteries(seed, power_kw=10.0), bids)


@pytest.mark.parametrize(("seed", "steps"), [(40, 16), (41, 8), (42, 16), (43, 8), (44, 16), (45, 8)])
def test_bids_of_all_energy_are_held_by_batteries_that_are_half_full(seed, steps):
    """A battery of 20 kWh holds 10 kW for an hour in both directions only with 10 kWh in it."""
    case = batteries(seed, high_kwh=20.0, start_kwh=(10.0, 10.0), hours=1.0)
    holds_all(case, [[16, steps], [0, 0], [0, 0]])


@pytest.mark.parametrize("seed", [40, 43])
def test_plans_make_bids_of_all_prequalified_power(seed):
    """With prices a hundred times as high, the best bids take all there is; energy is worth next to nothing beside."""
    case = batteries(seed, reserve_kw=EQUAL)
    dear = tuple(replace(one, price_eur_per_mw=100 * one.price_eur_per_mw) for one in case.reserves)
    case = replace(case, reserves=dear)
    outcome = plan_lone_bids(case, relative_gap=1e-3, time_limit_s=600, threads=1)
    symmetrical, up, down = outcome.bids_mw
    assert symmetrical + up == pytest.approx(0.08, abs=1e-9)
    assert symmetrical + down == pytest.approx(0.08, abs=1e-9)
    assert not audit(case, outcome)
