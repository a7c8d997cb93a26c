"""A bound never lies below the optimum: worlds that were once proven falsely, and random ones of the same kinds."""

from dataclasses import replace

import numpy as np
import pytest

from models.assembly import proven_eur
from models.audit import audit
from models.decomposition.solve import solve as decompose
from models.errors import ProofError
from models.reference.problem import solve as reference
from tests.models.builders import day_ahead, imbalance, intraday, load, make, storage
from tests.models.false_proofs import WORLDS, world
from tests.models.oracle import best_value
from tests.models.test_formulation_oracle import ISPS
from tests.models.test_formulation_oracle import world as random_world


def assert_honest(case, optimum):
    """Both methods: value <= optimum <= bound, and the reference reaches it."""
    exact, mine = reference(case, relative_gap=1e-6), decompose(case, relative_gap=1e-4, time_limit_s=600.0)
    slack = 1e-6 * max(1.0, exact.gross_cost_eur)
    assert abs(exact.objective_eur - optimum) <= slack
    assert mine.bound_eur >= optimum - slack
    assert mine.objective_eur <= optimum + slack
    assert not audit(case, exact)
    assert not audit(case, mine)
    return exact, mine


@pytest.mark.parametrize("name", sorted(path.stem for path in WORLDS.glob("*.json")))
def test_worlds_that_were_proven_falsely_are_proven_honestly(name):
    """Their optimum is from before energy margins counted what is owed; the reference tells the present one."""
    case, _ = world(name)
    _, mine = assert_honest(case, reference(case, relative_gap=1e-9).objective_eur)
    assert np.isfinite(mine.bound_eur)


def awarded(case, rng):
    """Award one block of each product, at times more than units can hold; its shortfall costs 20 to 5000 EUR/MWh."""
    return replace(
        case,
        reserves=tuple(
            replace(one, committed_mw=np.array([rng.uniform(0.02, 0.12), np.nan]),
                    shortfall_eur_per_mwh=float(rng.choice([20.0, 200.0, 5000.0])))
            for one in case.reserves
        ),
    )  # fmt: skip


def cheap_imbalance(case, rng):
    """Make imbalance dearer or cheaper than intraday trades, ISP by ISP, on both sides."""
    short, long = rng.uniform(20, 300, ISPS), rng.uniform(-20, 100, ISPS)
    return replace(case, imbalance=imbalance(ISPS, short=np.maximum(short, -long), long=long))


@pytest.mark.parametrize("seed", range(500, 512))
def test_a_shortfall_of_awarded_capacity_is_charged_once(seed):
    rng = np.random.default_rng(seed)
    case = awarded(random_world(seed), rng)
    exact, _ = assert_honest(case, best_value(case))
    assert exact.called_headroom is not None


@pytest.mark.parametrize("seed", range(600, 612))
def test_where_imbalance_is_cheaper_than_intraday_the_bound_holds(seed):
    case = cheap_imbalance(random_world(seed, reserves=seed % 3), np.random.default_rng(seed))
    assert_honest(case, best_value(case))


@pytest.mark.parametrize("seed", range(700, 706))
def test_both_at_once(seed):
    rng = np.random.default_rng(seed)
    case = cheap_imbalance(awarded(random_world(seed, reserves=1), rng), rng)
    assert_honest(case, best_value(case))


def test_a_sale_dearer_than_being_short_is_made_whatever_the_need_is():
    """1 kW is consumed. Selling all 5 kW of the depth at 195 and being short of 6 kW at 100 brings 975 − 600 = 375."""
    case = make(
        1, load(1, [1.0]), storage(1), day_ahead=day_ahead(1, np.array([50.0]), depth_kw=0.0),
        intraday=intraday(1, 205.0, 195.0, depth_kw=5.0), imbalance=imbalance(1, short=100.0, long=100.0),
    )  # fmt: skip
    exact, mine = assert_honest(case, 0.375)
    for outcome in (exact, mine):
        assert outcome.intraday_sell_kw == pytest.approx([5.0])
        assert outcome.short_kw == pytest.approx([6.0])
    assert mine.bound_eur == pytest.approx(0.375)


def test_a_purchase_cheaper_than_being_long_is_made_whatever_the_need_is():
    """Buying 5 kW at −200 earns 1000; 1 kW is consumed, 4 kW are long at 50 each: 1000 − 200 = 800."""
    case = make(
        1, load(1, [1.0]), storage(1), day_ahead=day_ahead(1, np.array([50.0]), depth_kw=0.0),
        intraday=intraday(1, -200.0, -210.0, depth_kw=5.0), imbalance=imbalance(1, short=900.0, long=50.0),
    )  # fmt: skip
    _, mine = assert_honest(case, 0.8)
    assert mine.bound_eur == pytest.approx(0.8)


def test_a_bound_below_the_value_beyond_rounding_is_an_error():
    assert proven_eur(10.0, objective_eur=10.0 + 5e-5, gross_cost_eur=20.0) == 10.0 + 5e-5
    with pytest.raises(ProofError, match=r"worth 10\.100000 EUR.*more than 10\.000000 EUR.*keep the case"):
        proven_eur(10.0, objective_eur=10.1, gross_cost_eur=20.0)
