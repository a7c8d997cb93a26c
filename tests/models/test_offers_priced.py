"""What an offer of flexibility costs: closed forms, brute force over all programs, a monolithic model, properties."""

import re
from dataclasses import replace
from itertools import product

import numpy as np
import pytest
from hypothesis import Phase, example, given, settings
from hypothesis import strategies as st

from models.audit import audit
from models.errors import CaseError
from models.flexibility.few_free import with_few_free
from models.flexibility.pricing import price
from models.reference.problem import solve
from tests.models.obligation_builders import reservation, reserve
from tests.models.offers import DAY, ISPS, asked, battery, order_of, planned, point_case, question, room

EVENING = {"requested": [0, 1, 0, 0], "least": [0, -4, -20, -20], "most": [0, 0, 20, 20]}
"""4 kW less in the second ISP; the third and fourth have room for rebound."""
HALF_W_EUR = 1e-4
"""What half a W per ISP may be worth."""


@pytest.fixture(scope="module")
def lossless():
    return planned(point_case(battery()))


def test_a_lossless_battery_costs_the_spread(lossless):
    """4 kWh are sold at 25 in the second ISP and bought back at 35 in the third, or at 45 in the fourth."""
    case, plan = lossless
    answer = asked(case, plan, room(plan, 0, **EVENING))
    assert answer.why_not == ""
    (priced,) = answer.priced
    np.testing.assert_allclose(priced.volume_kw, [0, -4, 0, 0])
    np.testing.assert_allclose(priced.deviation_kw, [0, -4, 4, 0], atol=1e-3)
    assert priced.cost_eur == pytest.approx(4 * (35 - 25) / 1000, abs=HALF_W_EUR)
    assert answer.convex
    late = room(plan, 0, requested=[0, 1, 0, 0], least=[0, -4, 0, -20], most=[0, 0, 0, 20])
    (priced,) = asked(case, plan, late).priced
    assert priced.cost_eur == pytest.approx(4 * (45 - 25) / 1000, abs=HALF_W_EUR)
    assert sum(priced.costs_eur.values()) == pytest.approx(priced.cost_eur)


def test_losses_and_wear_are_part_of_the_price():
    case, plan = planned(point_case(battery(eta_c=0.9, eta_d=0.9, wear=0.01)))
    (priced,) = asked(case, plan, room(plan, 0, **EVENING)).priced
    bought = 4 / 0.81
    wear = 0.01 * (4 + bought)
    assert priced.costs_eur["wear"] == pytest.approx(wear, abs=HALF_W_EUR)
    assert priced.costs_eur["intraday"] == pytest.approx((bought * 35 - 4 * 25) / 1000, abs=HALF_W_EUR)


def test_a_planned_trade_is_never_netted():
    """The plan buys 3 kW in the third ISP: what is not needed any more earns the selling price, not the buying one."""
    case, _ = planned(point_case(battery()))
    more = replace(case, day_ahead=replace(case.day_ahead, committed_kw=case.day_ahead.committed_kw - [0, 0, 3, 0]))
    plan = solve(more, relative_gap=1e-9, threads=1)
    late = {"requested": [0, 0, 1, 0], "least": [0, 0, -2, 0], "most": [0, 0, 0, 20]}
    (priced,) = asked(more, plan, room(plan, 0, **late)).priced
    assert plan.intraday_buy_kw[2] == pytest.approx(3)
    assert priced.cost_eur == pytest.approx(2 * (45 - 5) / 1000, abs=HALF_W_EUR)


def test_what_can_be_delivered_is_found_and_a_share_of_it_is_sold(lossless):
    case, plan = lossless
    much = {"requested": [0, 1, 0, 0], "least": [0, -1e6, -20, -20], "most": [0, 0, 20, 20]}
    answer = asked(case, plan, room(plan, 0, **much), sell_share=0.9)
    np.testing.assert_allclose(answer.deliverable_kw, [0, -10, 0, 0], atol=2e-3)  # the battery's power
    assert answer.priced[0].volume_kw[1] == pytest.approx(-9.0, abs=2e-3)
    assert answer.binding == ("the power and energy of the resources there",)


def test_the_room_for_rebound_limits_the_volume(lossless):
    case, plan = lossless
    tight = {"requested": [0, 1, 0, 0], "least": [0, -8, 0, 0], "most": [0, 0, 3, 0]}
    answer = asked(case, plan, room(plan, 0, **tight))
    np.testing.assert_allclose(answer.deliverable_kw, [0, -3, 0, 0], atol=2e-3)
    assert "the room that the DSO leaves in other ISPs" in answer.binding


def test_intraday_depth_that_others_hold_is_not_sold_again(lossless):
    case, plan = lossless
    taken = np.full(ISPS, 98.0)
    answer = asked(case, plan, room(plan, 0, **EVENING), sell_taken_kw=taken)
    np.testing.assert_allclose(answer.deliverable_kw, [0, -2, 0, 0], atol=2e-3)
    assert "the depth of the intraday market that other offers and the plan leave" in answer.binding


def test_less_than_the_smallest_useful_volume_is_no_offer(lossless):
    case, plan = lossless
    big = {"requested": [0, 1, 0, 0], "least": [0, -40, -20, -20], "most": [0, -30, 20, 20]}
    answer = asked(case, plan, room(plan, 0, **big))
    assert answer.priced == ()
    assert "nothing can be delivered" in answer.why_not


def test_a_tiny_volume_is_no_offer(lossless):
    """There is room for 0.8 kW of rebound, so no more can be sold than that."""
    case, plan = lossless
    tight = room(plan, 0, requested=[0, 1, 0, 0], least=[0, -8, 0, 0], most=[0, 0, 0.8, 0])
    assert asked(case, plan, tight, least_kw=0.8).priced[0].volume_kw[1] == pytest.approx(-0.8, abs=2e-3)
    answer = asked(case, plan, tight, least_kw=1.0)
    assert answer.priced == ()
    assert re.fullmatch(r"no more than 80[01] W can be sold in any ISP; less than 1 kW is not an offer", answer.why_not)


def test_where_few_may_move_the_others_keep_their_programs_and_it_costs_no_less():
    """Of three batteries the two larger ones are left free: the third would have done a part for less wear."""
    units = [battery(charge_kw=kw, discharge_kw=kw, wear=wear) for kw, wear in ((4, 0.01), (2, 0.0), (6, 0.02))]
    case, plan = planned(point_case(*units))
    asked_for = question(case, plan, room(plan, 0, **EVENING))
    few = with_few_free(asked_for.part, asked_for.planned, 2)
    assert np.isnan(few.storage.pinned_kw).all(axis=1).tolist() == [True, False, True]
    all_free, priced = price(asked_for).priced[0], price(replace(asked_for, part=few)).priced[0]
    np.testing.assert_allclose(priced.volume_kw, all_free.volume_kw, atol=2e-3)
    kept = priced.outcome.programs
    np.testing.assert_allclose(
        (kept.charge_kw - kept.discharge_kw)[1],
        (asked_for.planned.programs.charge_kw - asked_for.planned.programs.discharge_kw)[1], atol=1e-6,
    )  # fmt: skip
    assert all_free.cost_eur == pytest.approx(4 * 10 / 1000 + 2 * 2 * 0.01, abs=HALF_W_EUR)
    assert priced.cost_eur == pytest.approx(4 * 10 / 1000 + 4 * 2 * 0.01, abs=HALF_W_EUR)
    assert audit(priced.case, priced.outcome) == ()
    assert with_few_free(asked_for.part, asked_for.planned, 3) is asked_for.part
    assert with_few_free(asked_for.part, asked_for.planned, 0) is None


def test_a_point_without_flexibility_offers_nothing():
    case, plan = planned(point_case())
    answer = asked(case, plan, room(plan, 0, **EVENING))
    assert answer.priced == ()
    assert "nothing is asked for that any of our resources there could do" in answer.why_not


def test_more_consumption_can_be_asked_for(lossless):
    case, plan = lossless
    up = {"requested": [0, 1, 0, 0], "least": [-20, 0, -20, -20], "most": [20, 4, 20, 20]}
    (priced,) = asked(case, plan, room(plan, 0, **up)).priced
    np.testing.assert_allclose(priced.volume_kw, [0, 4, 0, 0])
    assert priced.cost_eur == pytest.approx(4 * (55 - 25) / 1000, abs=HALF_W_EUR)  # sold at 25 in the first ISP


def test_a_grid_operator_that_trades_takes_over_the_energy(lossless):
    """It sells our 4 kWh of the second ISP itself: we do not earn their selling price of 25."""
    case, plan = lossless
    (ours,) = asked(case, plan, room(plan, 0, **EVENING)).priced
    (theirs,) = asked(case, plan, room(plan, 0, **EVENING), traded_by_operator=True).priced
    assert theirs.cost_eur - ours.cost_eur == pytest.approx(4 * 25 / 1000, abs=HALF_W_EUR)


def test_reserve_that_is_sold_stays_held():
    up = reserve(ISPS, 50.0, committed_mw=0.008)
    case, plan = planned(point_case(battery(reserve_kw=10.0, low=[8, 8, 8, 10]), reserves=(up,)))
    answer = asked(case, plan, room(plan, 0, **EVENING))
    held = np.abs(answer.deliverable_kw[1])
    assert held <= 2.0 + 2e-3  # 10 kW, of which 8 are held
    assert held > 0


def test_a_reservation_of_another_contract_stays_deliverable_and_its_own_is_used_up():
    option = reservation(ISPS, [0, -6, 0, 0])
    case, plan = planned(point_case(battery(), option))
    free = asked(case, plan, room(plan, 0, **EVENING))
    assert abs(free.deliverable_kw[1]) <= 4.0 + 1e-6
    both = {"requested": [0, 1, 0, 0], "least": [0, -9, -20, -20], "most": [0, 0, 20, 20]}
    market_offer = asked(case, plan, room(plan, 0, **both))
    contract = asked(case, plan, room(plan, 0, requested=[0, 1, 0, 0], least=[0, -6, -20, -20], most=[0, 0, 20, 20]),
                     reservation="option")  # fmt: skip
    assert abs(market_offer.deliverable_kw[1]) <= 4.0 + 2e-3  # 10 kW, 6 reserved
    assert abs(contract.deliverable_kw[1]) == pytest.approx(6.0, abs=2e-3)


def test_a_request_without_one_direction_is_refused(lossless):
    _, plan = lossless
    with pytest.raises(CaseError, match="one direction"):
        room(plan, 0, requested=[0, 1, 0, 0], least=[0, -4, 0, 0], most=[0, 4, 0, 0])


def test_every_subset_of_offers_that_share_the_depth_of_two_can_be_ordered():
    """Three points, and depth for two of them: no order leaves an imbalance, none costs more than its price."""
    case, plan = planned(point_case(*(battery(point=p, wear=0.001) for p in range(3)), points=3, depth_kw=8.0))
    late = {"requested": [0, 1, 0, 0], "least": [0, -4, 0, -20], "most": [0, 0, 0, 20]}
    rooms = [room(plan, p, **late) for p in range(3)]
    buy, sell, offers = np.zeros(ISPS), np.zeros(ISPS), []
    for point in range(3):
        answer = asked(case, plan, rooms[point], point, buy_taken_kw=buy, sell_taken_kw=sell)
        if answer.priced:
            (priced,) = answer.priced
            buy, sell = buy + np.maximum(priced.traded_kw, 0), sell + np.maximum(-priced.traded_kw, 0)
            offers.append((point, priced))
    assert [point for point, _ in offers] == [0, 1]  # nothing is left for the third
    for subset in product([False, True], repeat=len(offers)):
        now, outcome, asks = case, plan, 0.0
        for (point, priced), taken in zip(offers, subset, strict=True):
            if taken:
                now, outcome, (part, found) = order_of(now, outcome, priced, rooms[point], point)
                assert audit(part, found) == ()
                asks += priced.cost_eur
        assert audit(now, outcome) == ()
        assert float((outcome.short_kw + outcome.long_kw).max()) < 1e-6
        assert outcome.objective_eur + asks >= plan.objective_eur - 1e-4


@pytest.mark.parametrize("factor", [0.01, 0.5, 0.99, 1.0])
def test_no_part_of_an_offer_loses_money(factor):
    case, plan = planned(point_case(battery(eta_c=0.9, eta_d=0.9, wear=0.01), battery(start=15, low=[0, 0, 0, 15])))
    limits = room(plan, 0, **EVENING)
    answer = asked(case, plan, limits)
    (priced,) = answer.priced
    assert answer.convex
    now, outcome, (part, found) = order_of(case, plan, priced, limits, factor=factor)
    assert audit(part, found) == ()
    assert audit(now, outcome) == ()
    assert float(outcome.order_shortfall_kw.max()) < 1e-6
    assert outcome.objective_eur + factor * priced.cost_eur >= plan.objective_eur - 1e-4


def test_volumes_on_one_ray_have_rising_prices(lossless):
    case, plan = lossless
    late = {"requested": [0, 1, 0, 0], "least": [0, -8, 0, -20], "most": [0, 0, 0, 20]}
    answer = asked(case, plan, room(plan, 0, **late), shares=(0.25, 0.5, 0.75, 1.0))
    costs = [one.cost_eur for one in answer.priced]
    assert [one.share for one in answer.priced] == [1.0, 0.75, 0.5, 0.25]
    assert costs == sorted(costs, reverse=True)
    assert all(cost <= one.share * costs[0] + HALF_W_EUR for cost, one in zip(costs, answer.priced, strict=True))


@settings(max_examples=8, deadline=None, phases=(Phase.explicit, Phase.reuse, Phase.generate))
@given(
    power=st.floats(1, 10), losses=st.floats(0.7, 1.0), wanted=st.floats(0.5, 12), spread=st.floats(0, 40),
    isp=st.integers(0, 2),
)  # fmt: skip
@example(power=8.680745183979361, losses=0.7147662321727067, wanted=11.642385854688362, spread=0.005, isp=2)
def test_the_price_is_what_two_plans_of_the_whole_differ_by(power, losses, wanted, spread, isp):
    """The oracle states both plans with rows of its own: limits at a price that nobody pays.

    Where the plan is a part of a watt beside the baseline, which is in whole W, it may stay there.
    """
    from tests.models.builders import limit

    case, plan = planned(point_case(battery(discharge_kw=power, eta_d=losses), spread=spread))
    requested = [t == isp for t in range(ISPS)]
    free = np.array([20.0 * (t > isp) for t in range(ISPS)])
    asked_room = room(plan, 0, requested=requested, least=np.where(requested, -wanted, -free), most=free)
    answer = asked(case, plan, asked_room)
    if not answer.priced:
        return
    (priced,) = answer.priced
    assert priced.cost_eur >= -HALF_W_EUR

    net = plan.intraday_buy_kw - plan.intraday_sell_kw
    facts = replace(case, intraday=replace(case.intraday, traded_kw=net))  # planned trades are facts

    def value(volume):
        beside = plan.point_kw[0] - asked_room.baseline_kw
        high = asked_room.baseline_kw + np.where(requested, volume, np.maximum(free, beside)) + 4e-4
        low = np.where(requested, -np.inf, asked_room.baseline_kw + np.minimum(-free, beside) - 4e-4)
        return solve(replace(facts, limits=limit(ISPS, import_kw=high, export_kw=low, penalty=1e5)),
                     relative_gap=1e-9, threads=1).objective_eur  # fmt: skip

    assert priced.cost_eur == pytest.approx(value(0.0) - value(priced.volume_kw), abs=HALF_W_EUR)


def test_a_question_keeps_the_plan_it_was_made_from(lossless):
    case, plan = lossless
    made = question(case, plan, room(plan, 0, **EVENING))
    assert made.part.remainder is not None
    np.testing.assert_array_equal(made.planned.point_kw[0], plan.point_kw[0])
    assert list(case.day_ahead.price_eur_per_mwh) == DAY
