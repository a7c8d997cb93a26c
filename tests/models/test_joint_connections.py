"""Connections that answer prices as a whole: which ones do, what they answer, and what that proves."""

import numpy as np
import pytest

from models.connection_costs import tariff_shape
from models.connection_loads import may_bind
from models.decomposition.joint.connections import joint_connections, shared
from models.decomposition.joint.responder import JointResponder
from models.decomposition.prices.grouping import group_units
from models.response import Prices, Rows
from tests.models.builders import behind, load, make, paying, solar, storage
from tests.models.oracle import best_value

ISPS = 6


def car(isps=2, **changes):
    """Needs 10 kWh by the last ISP and can take them in one."""
    return storage(isps, **({"charge_kw": 10.0, "low": [0] * (isps - 1) + [10], "high": 10.0} | changes))


def found(case):
    """Return the connections of a case that answer as a whole."""
    return joint_connections(case, may_bind(case), tariff_shape(case))


def answered(case, power, *, prove=True, **gap):
    """Return own cost, bound, and cost with prices (M,) of the joint answers at a price of power (T,), EUR per kW."""
    joint = found(case)
    of = shared(case, may_bind(case), tariff_shape(case), joint, called=False)
    responder = JointResponder.of(case, joint, of, called=False, threads=1, **gap)
    every = np.zeros(joint.count, dtype=np.int64)
    prices = Prices(
        power_eur_per_kw=np.array([power], dtype=np.float64),
        held_eur_per_kw=np.zeros((1, len(case.reserves), case.isps)),
    )
    rows = Rows(power=every, held=every, total=np.arange(joint.count))
    totals = responder.respond(prices, rows, joint.count, prove=prove)
    return totals.cost_eur, totals.bound_eur, totals.cost_eur + totals.power_kw @ prices.power_eur_per_kw[0]


def test_two_cars_behind_a_fuse_answer_with_what_fits():
    # 20 kWh at 10 and 50 EUR/MWh; a house draws 2 of 16 kW in the cheap hour, so 6 kWh wait for the dear one
    case = make(2, car(), car(), load(2, [2, 0]), price=[10, 50])
    case = behind(case, {"import_kw": 16}, storage=[0, 0], fixed=[0])
    _, bound, cost = answered(case, [0.01, 0.05])
    assert cost == pytest.approx([14 * 0.01 + 6 * 0.05], abs=1e-5)
    assert bound == pytest.approx(cost, abs=1e-5)
    assert (bound <= cost + 1e-12).all()


def test_a_peak_charge_is_weighed_within_the_connection():
    # a kW less in the cheap hour saves 0.1 EUR and costs 0.04: two cars share their 20 kWh equally among both hours
    case = paying(make(2, car(), car(), price=[100, 140]), {}, peaks=[{"eur_per_kw": 0.1}], storage=[0, 0])
    own, bound, cost = answered(case, [0.1, 0.14])
    assert own == pytest.approx([10 * 0.1], abs=1e-5)
    assert cost == pytest.approx([10 * 0.1 + 10 * 0.24], abs=1e-5)
    assert bound == pytest.approx(cost, abs=1e-5)


@pytest.mark.parametrize(
    ("case", "count"),
    [
        (behind(make(2, car(), car()), {"import_kw": 16}, storage=[0, 0]), 1),
        (behind(make(2, car(), car()), {"import_kw": 20}, storage=[0, 0]), 0),  # cannot bind
        (behind(make(2, car(), car(charge_min_kw=2.0)), {"import_kw": 16}, storage=[0, 0]), 0),  # cannot mix
        (behind(make(2, car(), car()), {"import_kw": 5, "parent": 2}, {"import_kw": 5, "parent": 2},
                {"import_kw": 8}, storage=[0, 1]), 2),
    ],
)  # fmt: skip
def test_which_connections_answer_as_a_whole(case, count):
    assert found(case).count == count


def test_a_feeder_around_several_connections_keeps_its_own_price():
    limits = {"import_kw": 5, "parent": 2}, {"import_kw": 5, "parent": 2}, {"import_kw": 8}
    grouping = group_units(behind(make(2, car(), car()), *limits, storage=[0, 1]))
    assert not grouping.places.binding.imports[:2].any()
    assert grouping.places.binding.imports[2].all()
    assert not grouping.batches
    assert [batch.connections.count for batch in grouping.joint] == [2]
    alone = group_units(behind(make(2, car(), car()), *limits, storage=[0, 1]), alone=True)
    assert alone.places.binding.imports.all()
    assert not alone.joint


def home(seed):
    """Return a random home with stores, a roof and a load behind a limit and a tariff with peaks, and its prices."""
    rng = np.random.default_rng(seed)
    parts = [
        storage(
            ISPS, charge_kw=power, discharge_kw=rng.choice([0.0, power]), eta_c=0.95, eta_d=0.9, high=3 * power,
            start=power, low=[0] * (ISPS - 1) + [rng.uniform(0, 2 * power)], wear=0.002,
        )
        for power in rng.uniform(2, 10, rng.integers(1, 4))
    ]  # fmt: skip
    stores = len(parts)
    parts += [solar(ISPS, -rng.uniform(0, 8, ISPS), cost=2.0), load(ISPS, rng.uniform(0, 4, ISPS))]
    price = rng.uniform(5, 200, ISPS)
    case = make(ISPS, *parts, price=price)
    units = {"storage": [0] * stores, "curtailable": [0], "fixed": [0]}
    case = behind(case, {"import_kw": rng.uniform(4, 12), "export_kw": -rng.uniform(2, 8)}, **units)
    tariff, peak = {"import_eur": 100.0, "export_eur": 20.0}, {"eur_per_kw": 0.05, "reached_kw": 1.0}
    return paying(case, tariff, peaks=[peak], **units), price


@pytest.mark.parametrize("seed", range(6))
def test_answers_of_random_homes_are_optimal_and_proven(seed):
    case, price = home(seed)
    assert found(case).count == 1
    _, bound, cost = answered(case, price / 1000)
    house = float(case.fixed.program_kw[0] @ price) / 1000
    assert cost + house == pytest.approx([-best_value(case)], abs=1e-4)
    assert bound == pytest.approx(cost, abs=1e-4)
    assert (bound <= cost + 1e-12).all()


@pytest.mark.parametrize("seed", range(6))
def test_looser_answers_cost_little_more_and_prove_no_more_than_is_true(seed):
    case, price = home(seed)
    _, _, best = answered(case, price / 1000)
    own, bound, cost = answered(case, price / 1000, gap=1e-2)
    assert (best - 1e-6 <= cost).all()
    assert (cost <= best + 1e-2 * (np.abs(own) + 6 * 30 * 0.2)).all()  # six ISPs of at most 30 kW at 200 EUR/MWh
    assert (bound <= best + 1e-6).all()
    unproven = answered(case, price / 1000, gap=1e-2, prove=False)
    assert unproven[0] == own
    assert unproven[2] == cost
    assert (unproven[1] <= bound).all()
    assert (unproven[1] < bound - 1e-4).any()


def test_an_answer_does_not_depend_on_what_was_answered_before():
    rng = np.random.default_rng(1)
    parts = [car(4, charge_kw=rng.uniform(5, 9), low=[0, 0, 0, 8], high=12.0) for _ in range(6)]
    case = behind(make(4, *parts, price=50), {"import_kw": 7}, {"import_kw": 8}, {"import_kw": 9},
                  storage=[0, 0, 1, 1, 2, 2])  # fmt: skip
    joint = found(case)
    power = rng.uniform(0, 0.1, (1, 4))
    every = answered(case, power[0])
    for number in range(joint.count):
        one = joint.only(np.arange(joint.count) == number)
        alone = JointResponder.of(
            case, one, shared(case, may_bind(case), tariff_shape(case), one, called=False), called=False, threads=1
        )  # fmt: skip
        zero = np.zeros(1, dtype=np.int64)
        prices = Prices(power_eur_per_kw=power, held_eur_per_kw=np.zeros((1, 0, 4)))
        totals = alone.respond(prices, Rows(power=zero, held=zero, total=zero), 1)
        assert totals.cost_eur[0] == every[0][number]
        assert totals.bound_eur[0] == every[1][number]
