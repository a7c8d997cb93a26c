"""Markets and balancing capacity on cases small enough to compute by hand. ISPs of one hour, EUR/MWh, kW."""

import numpy as np
import pytest

from models.case import Direction
from tests.models.builders import day_ahead, imbalance, intraday, load, make, run, solar, storage
from tests.models.case_arrays import NAN
from tests.models.obligation_builders import reserve
from tests.models.solved import near, solved

FCR, UP, DOWN = Direction.SYMMETRIC, Direction.UP, Direction.DOWN


def test_a_product_of_two_isps_has_one_position_and_intraday_does_the_rest():
    # loads 2 and 6; one position for both at (10 + 10) per kW, intraday at 30 / 5 and 10 kW deep:
    # at 2 kW buys 4 later: 40 + 120 = 160; at 6 sells 4 first: 120 − 20 = 100; in between linear
    case = make(
        2, load(2, [2, 6]), day_ahead=day_ahead(2, 10, product=[0, 0]), intraday=intraday(2, 30, 5, depth_kw=10)
    )
    outcome = solved(case)
    assert near(outcome.day_ahead_kw, [6, 6])
    assert near(outcome.intraday_sell_kw, [4, 0])
    assert near(outcome.objective_eur, -0.1)


def test_the_tightest_limit_of_a_product_holds_for_all_of_it():
    # 3 kW at 10 in both ISPs, the other 3 intraday at 30
    market = day_ahead(2, 10, product=[7, 7], depth_kw=[3, 100])
    outcome = solved(make(2, load(2, 6), day_ahead=market, intraday=intraday(2, 30, 5, depth_kw=10)))
    assert near(outcome.day_ahead_kw, [3, 3])
    assert near(outcome.objective_eur, -2 * (0.03 + 0.09))


@pytest.mark.parametrize(("load_kw", "bought", "sold", "short", "long", "eur"), [
    (7, 2, 0, 0, 0, -0.25 - 2 * 0.06),  # 5 bought for 50 each, 2 more at 60
    (3, 0, 2, 0, 0, -0.25 + 2 * 0.04),
    (9, 3, 0, 1, 0, -0.25 - 3 * 0.06 - 0.9),  # 3 is all there is, 1 short at 900
    (1, 0, 3, 0, 1, -0.25 + 3 * 0.04 - 0.7),
])  # fmt: skip
def test_after_the_gate_intraday_closes_the_position_and_imbalance_is_the_last_resort(
    load_kw, bought, sold, short, long, eur
):
    outcome = solved(
        make(
            1,
            load(1, load_kw),
            day_ahead=day_ahead(1, 50, committed_kw=5),
            intraday=intraday(1, 60, 40, depth_kw=3),
            imbalance=imbalance(1, short=900, long=700),
        )
    )
    positions = (outcome.intraday_buy_kw, outcome.intraday_sell_kw, outcome.short_kw, outcome.long_kw)
    assert near(np.concatenate(positions), [bought, sold, short, long])
    assert near(outcome.objective_eur, eur)


def test_a_committed_position_is_kept_although_flexibility_follows_it():
    # 4 bought for the first ISP: the run that takes 4 starts there, though ISP 2 is cheaper now
    case = make(2, run([4], 0, 1), day_ahead=day_ahead(2, [50, 1], committed_kw=[4, 0]))
    outcome = solved(case)
    assert outcome.programs.start.tolist() == [0]
    assert near(outcome.objective_eur, -0.2)


def test_intraday_already_traded_is_paid_and_counts():
    # 2 sold at 40 in ISP 1, 3 bought at 60 in ISP 2; day-ahead buys the 5 + 2 and 5 − 3 at 50
    trade = intraday(2, 60, 40, depth_kw=100, committed_kw=[-2, 3])
    outcome = solved(make(2, load(2, 5), price=50, intraday=trade))
    assert near(outcome.day_ahead_kw, [7, 2])
    assert near(outcome.terms_eur["intraday"], 0.08 - 0.18)
    assert near(outcome.objective_eur, -0.45 - 0.10)


def consumer(isps=1, **changes):
    """Able to take 0..3000 kW, and to keep what it takes for free; it neither gains nor loses by it."""
    return storage(isps, **({"charge_kw": 3000.0, "high": 1e6, "reserve_kw": 3000.0} | changes))


def test_up_capacity_costs_the_consumption_that_could_be_dropped():
    # each MW up needs 1 MW of consumption at 50 EUR; 60 EUR are paid for it, three steps of 1 MW fit
    outcome = solved(make(1, consumer(), price=50, reserves=[reserve(1, 60, direction=UP, minimum_mw=1, step_mw=1)]))
    assert near(outcome.bids_mw[0], 3)
    assert near(outcome.point_kw, 3000)
    assert near(outcome.objective_eur, 3 * 60 - 3 * 50)


def test_down_capacity_is_free_at_rest():
    outcome = solved(make(1, consumer(), price=50, reserves=[reserve(1, 60, direction=DOWN, minimum_mw=1, step_mw=1)]))
    assert near(outcome.bids_mw[0], 3)
    assert near(outcome.point_kw, 0)
    assert near(outcome.objective_eur, 180)


def test_symmetric_capacity_needs_both_sides():
    # b MW both ways needs b <= p <= 3 − b: whole steps allow 1, at p = 1 for 50
    outcome = solved(make(1, consumer(), price=50, reserves=[reserve(1, 60, direction=FCR, minimum_mw=1, step_mw=1)]))
    assert near(outcome.bids_mw[0], 1)
    assert near(outcome.objective_eur, 60 - 50)


@pytest.mark.parametrize(("able_kw", "bid_mw"), [(999.0, 0), (1000.0, 1), (1999.0, 1), (2500.0, 2)])
def test_bids_are_whole_megawatts_and_nothing_below_one(able_kw, bid_mw):
    product = reserve(1, 60, direction=DOWN, minimum_mw=1, step_mw=1)
    assert near(solved(make(1, consumer(charge_kw=able_kw), reserves=[product])).bids_mw[0], bid_mw)


@pytest.mark.parametrize(("able_kw", "bid_mw"), [(1900.0, 0), (2000.0, 2), (2400.0, 2), (2500.0, 2.5)])
def test_a_minimum_of_several_steps_is_all_or_nothing(able_kw, bid_mw):
    product = reserve(1, 60, direction=DOWN, minimum_mw=2, step_mw=0.5)
    assert near(solved(make(1, consumer(charge_kw=able_kw), reserves=[product])).bids_mw[0], bid_mw)


def test_a_bid_holds_in_every_isp_of_its_block():
    # blocks of two ISPs: 1 of 3 MW in the first block, 2 of 2 in the second
    unit = consumer(4, charge_kw=[3000, 1000, 2000, 2500])
    product = reserve(4, [60, 60], direction=DOWN, block=[0, 0, 1, 1], minimum_mw=1, step_mw=1)
    assert near(solved(make(4, unit, reserves=[product])).bids_mw[0], [1, 2])


def test_market_depth_and_prequalified_power_cap_a_bid():
    product = reserve(1, 60, direction=DOWN, minimum_mw=1, step_mw=1, max_mw=2)
    assert near(solved(make(1, consumer(), reserves=[product])).bids_mw[0], 2)
    assert near(solved(make(1, consumer(reserve_kw=1500), reserves=[product])).bids_mw[0], 1)


@pytest.mark.parametrize(("stored", "sustain_h", "bid_mw"), [(3000, 1.0, 2.4), (3000, 2.0, 1.2), (3000, 0.5, 3.0)])
def test_energy_is_held_back_for_as_long_as_up_capacity_may_be_called(stored, sustain_h, bid_mw):
    # 3000 kWh at ηd = 0.8 give 2400 kWh: over sustain_h hours at most 2400/sustain_h kW, and 3000 kW is all it can
    battery = storage(1, discharge_kw=3000, eta_d=0.8, start=stored, high=9000, end_value=1.0, reserve_kw=3000)
    product = reserve(1, 60, direction=UP, step_mw=0.1, sustain_h=sustain_h)
    assert near(solved(make(1, battery, reserves=[product])).bids_mw[0], bid_mw)


def test_room_is_held_back_for_as_long_as_down_capacity_may_be_called():
    # 1200 kWh of room at ηc = 0.8 take 1500 kWh: 1.5 MW for one hour
    battery = storage(1, charge_kw=3000, eta_c=0.8, start=1800, high=3000, reserve_kw=3000)
    product = reserve(1, 60, direction=DOWN, step_mw=0.1, sustain_h=1.0)
    assert near(solved(make(1, battery, reserves=[product])).bids_mw[0], 1.5)


def test_energy_that_is_only_there_at_the_end_of_an_isp_is_not_held_at_its_start():
    # 2000 kWh may be charged, but 1000 are there when the ISP starts
    battery = storage(1, charge_kw=2000, discharge_kw=9000, start=1000, high=9000, end_value=1.0, reserve_kw=9000)
    product = reserve(1, 60, direction=UP, minimum_mw=1, step_mw=1, sustain_h=1.0)
    outcome = solved(make(1, battery, reserves=[product]))
    assert near(outcome.programs.energy_kwh, 3000)
    assert near(outcome.bids_mw[0], 1)


@pytest.mark.parametrize(("capacity_eur", "bid_mw", "eur"), [(90, 0, 200), (150, 2, 300)])
def test_energy_held_at_the_end_of_an_isp_is_not_sold_in_it(capacity_eur, bid_mw, eur):
    # 2000 kWh sold at 100 earn 200 EUR; each MW held for an hour keeps 1000 of them
    battery = storage(1, discharge_kw=9000, start=2000, high=9000, reserve_kw=9000)
    product = reserve(1, capacity_eur, direction=UP, minimum_mw=1, step_mw=1, sustain_h=1.0)
    outcome = solved(make(1, battery, price=100, reserves=[product]))
    assert near(outcome.bids_mw[0], bid_mw)
    assert near(outcome.objective_eur, eur)


def test_the_same_kilowatt_is_not_sold_to_two_products():
    products = [reserve(1, price, name=f"{price}", direction=DOWN, minimum_mw=1, step_mw=1) for price in (60, 70)]
    outcome = solved(make(1, consumer(), reserves=products))
    assert near(outcome.bids_mw[0] + outcome.bids_mw[1], 3)
    assert near(outcome.objective_eur, 3 * 70)


def test_generation_offers_up_what_it_curtails_and_down_what_it_produces():
    # of 2 MW of sun, up capacity is at most what is curtailed, down capacity at most what is produced
    sun = solar(1, -2000, reserve_kw=2000)
    up = reserve(1, 60, direction=UP, minimum_mw=1, step_mw=1)
    down = reserve(1, 5, name="down", direction=DOWN, minimum_mw=1, step_mw=1)
    # all sold at 50: 100 and 2·5; all held up: 2·60 ; one of each: 50 + 60 + 5 = 115
    outcome = solved(make(1, sun, price=50, reserves=[up, down]))
    assert near([outcome.bids_mw[0][0], outcome.bids_mw[1][0]], [2, 0])
    assert near(outcome.objective_eur, 120)


def test_awarded_capacity_is_held_at_the_market_s_cost_or_reported_missing():
    # awarded 2 MW up in both blocks; ISP 1 can hold 2 at 2·50 EUR of consumption, ISP 2 only 0.5 at 0.5·50:
    # 1.5 MW·h missing at 5000 EUR, fee 60 per MW and block in any case
    awarded = reserve(2, [60, 60], direction=UP, block=[0, 1], committed_mw=[2, 2], minimum_mw=1, step_mw=1)
    outcome = solved(make(2, consumer(2, charge_kw=[3000, 500]), price=50, reserves=[awarded]))
    assert near(outcome.reserve_shortfall_mw, [[0, 1.5]])
    assert near(outcome.bids_mw[0], [2, 2])
    assert near(outcome.objective_eur, 240 - 100 - 25 - 1.5 * 5000)


def test_awarded_capacity_is_given_up_where_missing_it_is_cheaper():
    awarded = reserve(1, 60, direction=UP, committed_mw=2, shortfall=30)
    outcome = solved(make(1, consumer(), price=50, reserves=[awarded]))
    assert near(outcome.reserve_shortfall_mw, [[2]])
    assert near(outcome.objective_eur, 120 - 60)


def test_unpaid_capacity_and_isps_outside_all_blocks_are_not_bid():
    free = reserve(3, [0, 60], direction=DOWN, block=[0, 1, -1], minimum_mw=1, step_mw=1, committed_mw=[NAN, NAN])
    outcome = solved(make(3, consumer(3, charge_kw=[3000, 3000, 0]), reserves=[free]))
    assert near(outcome.bids_mw[0], [0, 3])
