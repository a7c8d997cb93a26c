"""Connections that answer prices as a whole: which ones do, what they answer, and what that proves."""

from dataclasses import replace

import numpy as np
import pytest

from models.connection_costs import tariff_shape
from models.connection_loads import may_bind
from models.decomposition.joint.connections import joint_connections, shared
from models.decomposition.joint.responder import JointResponder
from models.decomposition.master.price_steps import joint_share
from models.decomposition.master.restricted_master import RestrictedMaster
from models.decomposition.prices.grouping import group_units
from models.decomposition.prices.pricing import LocalPricing
from models.decomposition.prices.search_state import first_state, limits_at_centre
from models.decomposition.solve import solve as decompose
from models.mixing import MIXES, Shares
from models.outcome import Termination
from models.response import NOWHERE, Prices, Rows
from tests.models.builders import behind, load, make, paying, solar, storage
from tests.models.obligation_builders import reserve
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
    assert grouping.places.rows.tolist() == [2]
    alone = group_units(behind(make(2, car(), car()), *limits, storage=[0, 1]), alone=True)
    assert alone.places.binding.imports.all()
    assert alone.places.rows.tolist() == [0, 1, 2]
    assert not alone.joint


def home(seed, *, pays=True):
    """Return a random home with stores, a roof and a load behind a limit, and its prices; it may pay for peaks."""
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
    if not pays:
        return case, price
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


def noted(seed, *, pays=True):
    """Return a responder of a random home, its prices, and its rows."""
    case, price = home(seed, pays=pays)
    joint = found(case)
    of = shared(case, may_bind(case), tariff_shape(case), joint, called=False)
    zero = np.zeros(1, dtype=np.int64)
    prices = Prices(power_eur_per_kw=price[None] / 1000, held_eur_per_kw=np.zeros((1, 0, ISPS)))
    return JointResponder.of(case, joint, of, called=False, threads=1), prices, Rows(power=zero, held=zero, total=zero)


@pytest.mark.parametrize("seed", range(6))
def test_the_prices_of_the_last_answer_prove_nearly_all_of_a_bound_nearby(seed):
    responder, prices, rows = noted(seed)
    devices_alone = responder.bounds(prices, rows, 1)[0]
    before = responder.respond(prices, rows, 1).bound_eur[0]
    assert responder.bounds(prices, rows, 1)[0] == pytest.approx(before, abs=1e-9)
    assert devices_alone < before - 1e-4
    rng = np.random.default_rng(seed)
    near = Prices(
        power_eur_per_kw=prices.power_eur_per_kw * rng.uniform(0.98, 1.02, ISPS), held_eur_per_kw=prices.held_eur_per_kw
    )
    known = responder.bounds(near, rows, 1)[0]
    proven = responder.respond(near, rows, 1).bound_eur[0]
    assert proven - 0.1 * (before - devices_alone) <= known <= proven + 1e-6


@pytest.mark.parametrize("seed", range(12))
def test_answers_near_known_programs_are_nearly_the_best_and_mix_to_what_they_were(seed):
    responder, prices, rows = noted(seed, pays=False)
    rng = np.random.default_rng(seed)
    other = replace(prices, power_eur_per_kw=prices.power_eur_per_kw * rng.uniform(0.7, 1.3, ISPS))

    def cost(totals):
        return totals.cost_eur[0] + float(totals.power_kw[0] @ other.power_eur_per_kw[0])

    before = responder.respond(prices, rows, 1)
    other = replace(other, near=responder.keep())
    best = responder.respond(replace(other, near=NOWHERE), rows, 1)
    near = responder.respond(other, rows, 1, prove=False)
    assert best.bound_eur[0] - 1e-6 <= cost(near) <= cost(before) + 1e-6
    assert near.bound_eur[0] <= best.bound_eur[0] + 1e-6
    assert cost(near) - cost(best) <= 0.1 * max(cost(before) - cost(best), 1e-3)
    everything = Shares(weight=np.ones((1, 1)), only=np.array([MIXES]))
    for mixed in responder.mixtures([other], rows, everything):
        fields = mixed.storage.fields
        power = (fields["charge_kw"] - fields["discharge_kw"]).sum(axis=0)
        power += mixed.curtailable.fields["curtailable_kw"].sum(axis=0)
        assert power == pytest.approx(near.power_kw[0], abs=1e-9)


def test_a_connection_whose_bound_is_known_well_enough_is_not_asked_again():
    limits = {"import_kw": 16}, {"import_kw": 9}
    case = behind(make(2, car(), car(), car(), price=[10, 50]), *limits, storage=[0, 0, 1])
    grouping = group_units(case)
    master, pricing = RestrictedMaster(case, grouping), LocalPricing(case, grouping)
    state = first_state(master, pricing)
    there = state.centre.scenario()
    promised = master.promised(state.centre)
    known = pricing.known(there, promised, 1e-4)
    assert known is not None
    assert known.groups.all()
    assert known.bound_eur == pytest.approx(promised, abs=1e-4)
    one = np.array([False, True])
    assert pricing.known(there, promised, 1e-4, one).groups.tolist() == [False, True]
    assert pricing.known(there, promised + 1.0, 1e-4) is None
    answers = pricing.respond(there, ~one).power_kw
    assert answers[0].sum() == pytest.approx(20.0)
    assert (answers[1] == 0).all()


def test_what_a_fuse_is_worth_is_asked_again_only_where_the_last_answer_does_not_prove_it():
    limits = {"import_kw": 16}, {"import_kw": 9}
    case = behind(make(2, car(), car(), car(), price=[10, 50]), *limits, storage=[0, 0, 1])
    grouping = group_units(case)
    master, pricing = RestrictedMaster(case, grouping), LocalPricing(case, grouping)
    state = first_state(master, pricing)
    centre, other = state.centre, replace(state.centre, balance=state.centre.balance * [1.0, 0.5])
    there = limits_at_centre(master, pricing, state, gap_eur=0.0)
    assert there[0, :, 0] == pytest.approx([0.04, 0.04], abs=1e-6)
    pricing.respond(other.scenario())
    elsewhere = pricing.joint_limits(centre.scenario(), np.zeros(2, dtype=np.bool_))
    assert elsewhere[0, :, 0] == pytest.approx([0.015, 0.015], abs=1e-6)
    assert (limits_at_centre(master, pricing, state, gap_eur=1e3) == elsewhere).all()
    second = pricing.joint_limits(centre.scenario(), np.array([False, True]))
    assert (second[:, 0] == elsewhere[:, 0]).all()
    assert second[:, 1] == pytest.approx(there[:, 1], abs=1e-9)
    pricing.respond(other.scenario())
    assert limits_at_centre(master, pricing, state, gap_eur=1e-6) == pytest.approx(there, abs=1e-9)


def test_the_share_of_reserve_behind_joint_connections_is_that_of_their_stores():
    holders = [car(charge_kw=power, reserve_kw=power) for power in (10.0, 10.0, 60.0)]
    case = behind(make(2, *holders, reserves=[reserve(2, 50.0, step_mw=0.0001)]), {"import_kw": 16}, storage=[0, 0, -1])
    assert joint_share(case, group_units(case)) == pytest.approx(0.25)
    assert joint_share(case, group_units(case, alone=True)) == 0.0
    assert joint_share(make(2, car()), group_units(make(2, car()))) == 0.0


def test_without_intraday_trade_a_feeder_is_not_breached_either():
    cars = [car(4, charge_kw=power, low=[0, 0, 0, power], high=12.0) for power in (7.0, 5.0, 8.0, 6.0)]
    homes = {"import_kw": 9, "parent": 2}, {"import_kw": 10, "parent": 2}
    case = behind(make(4, *cars, price=[20, 30, 60, 90]), *homes, {"import_kw": 14}, storage=[0, 0, 1, 1])
    outcome = decompose(case, threads=1)
    assert outcome.termination is Termination.OPTIMAL
    assert outcome.objective_eur == pytest.approx(best_value(case), abs=2e-3)
    assert outcome.connection_import_breach_kw.max() < 1e-3
