"""Whatever an order would leave short or unbalanced beyond the program in force is found, however little it costs."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import HealthCheck, Phase, assume, given, settings
from hypothesis import strategies as st

from models.baseline import as_it_stands, no_flexibility
from models.case import Orders
from models.decomposition.primal.recovery import Recovered
from models.evaluation import Earlier, keep
from models.flexibility.put_in import misses_more, put_in
from models.markets.imbalance.costs import unmeant_kw
from models.part import programmed
from models.resources.registry import RESOURCES
from tests.models.builders import imbalance
from tests.models.obligation_builders import balanced, reservation
from tests.models.offers import asked, battery, planned, point_case, room

CHEAP = 0.5
"""Shortfall price, EUR/kWh, at which 0.02 kWh cost no more than a cent."""
HERE = {name: np.array([1, 2] if name == "storage" else [], dtype=np.int64) for name in programmed()}


def in_force(case, plan, factor, priced, allowed, held_kwh):
    """Return the case in which stores hold other energy and the order binds, with the program in force in it."""
    most = np.where(priced.volume_kw < 0, allowed.baseline_kw + factor * priced.volume_kw + 5e-4, np.inf)
    row = Orders(
        name=("order",), point=np.array([1]), least_kw=np.full((1, 4), -np.inf), most_kw=most[None],
        penalty_eur_per_mwh=np.array([5000.0]),
    )  # fmt: skip
    now = replace(case, storage=replace(case.storage, energy_start_kwh=held_kwh), orders=row)
    everyone = {one.name: np.arange(one.count(now)) for one in RESOURCES}
    return now, keep(now, Earlier(case=case, outcome=plan, rows=everyone), no_flexibility(as_it_stands(now))).outcome


def missed_kwh(outcome):
    """Return what is missed, kWh with ISPs of an hour: summed here, since misses_more is what is tested."""
    found = [
        (outcome.short_kw + outcome.long_kw).sum(),
        (outcome.programs.unmet_kwh + outcome.programs.excess_kwh).sum(),
        outcome.reservation_shortfall_kw.sum(),
    ]
    if outcome.called is not None:
        found.append((outcome.called.unmet_kwh + outcome.called.excess_kwh).sum())
    return np.array(found)


OFF_KWH = st.sampled_from([0.0, 0.0, 0.01, -0.01, -0.004, 1.0, -1.0])


@settings(
    max_examples=40, deadline=None, suppress_health_check=list(HealthCheck), derandomize=True,
    phases=[Phase.explicit, Phase.generate],  # a failure is told as it was found: to make it smaller solves for minutes
)  # fmt: skip
@given(
    efficiency=st.sampled_from([1.0, 0.9]),
    retention=st.sampled_from([1.0, 0.99]),
    start=st.tuples(*[st.integers(6, 14)] * 3),
    reserved_kw=st.sampled_from([0, -1, -4, -8]),
    depth_kw=st.sampled_from([2.0, 5.0, 100.0]),
    spread=st.sampled_from([0.0, 4.0, 30.0]),
    asked_kw=st.integers(1, 7),
    factor=st.sampled_from([1.0, 0.5, 0.3, 1 / 3]),
    off_kwh=st.tuples(*[OFF_KWH] * 3),
)
def test_nothing_becomes_short_or_unbalanced_unsaid(
    efficiency, retention, start, reserved_kw, depth_kw, spread, asked_kw, factor, off_kwh
):
    units = [
        battery(p, eta_c=efficiency, eta_d=efficiency, retention=retention, wear=0.02, start=kwh, shortfall=CHEAP)
        for p, kwh in zip((0, 1, 1), start, strict=True)
    ]
    promised = [reservation(4, [0, 0, reserved_kw, 0], point=1)] if reserved_kw else []
    case, plan = planned(point_case(*units, *promised, points=2, depth_kw=depth_kw, spread=spread))
    least = [-20, -asked_kw, -20, -20]
    allowed = room(plan, 1, requested=[0, 1, 0, 0], least=least, most=[20, 0, 20, 20])
    offered = asked(case, plan, allowed, 1).priced
    assume(offered)
    held_kwh = case.storage.energy_start_kwh + np.array(off_kwh)
    now, kept = in_force(case, plan, factor, offered[0], allowed, held_kwh)
    found = put_in(now, kept, offered[0].outcome, HERE, factor)
    more_kwh = missed_kwh(found) - missed_kwh(kept)
    if (more_kwh > 2e-3).any():
        assert misses_more(now, kept, found)
        assert any(off_kwh), "under the facts that it was priced with, every part of a program holds"


def test_six_watt_hours_that_cost_a_third_of_a_cent_are_missed():
    """0.006 kWh at 0.5 EUR/kWh are 0.003 EUR."""
    units = [battery(p, wear=0.02, shortfall=CHEAP) for p in (0, 1, 1)]
    case, plan = planned(point_case(*units, points=2))
    missed = replace(plan, programs=replace(plan.programs, unmet_kwh=plan.programs.unmet_kwh + _at(2, 3, 0.006)))
    missed = replace(missed, terms_eur=plan.terms_eur | {"comfort shortfall": -0.003})
    assert misses_more(case, plan, missed) == "comfort shortfall"
    assert misses_more(case, missed, plan) == ""
    assert misses_more(case, plan, plan) == ""


def test_imbalance_and_orders_count_in_kwh_too():
    case, plan = planned(point_case(battery(0), points=2))
    off = np.array([0.0, 0.006, 0.0, 0.0])
    assert misses_more(case, plan, replace(plan, short_kw=plan.short_kw + off)) == "imbalance"
    assert misses_more(case, plan, replace(plan, long_kw=plan.long_kw + off)) == "imbalance"
    one, two = replace(plan, order_shortfall_kw=off[None]), replace(plan, order_shortfall_kw=2 * off[None])
    assert misses_more(case, one, two) == "order shortfall"
    assert misses_more(case, two, one) == ""


def _at(unit, isp, kwh):
    table = np.zeros((3, 4))
    table[unit, isp] = kwh
    return table


# Imbalance that is meant, by hand: prices of intraday are 100 to buy and 80 to sell, 5 kW deep.


def with_prices(short, long, off_kw, net_kw, *, closed=False):
    case = point_case(depth_kw=5.0)
    flat = np.full(4, 1.0)
    market = replace(
        case.intraday, buy_eur_per_mwh=100 * flat, sell_eur_per_mwh=80 * flat,
        committed_kw=net_kw * flat if closed else np.full(4, np.nan),
    )  # fmt: skip
    case = replace(case, intraday=market, imbalance=imbalance(4, short=short, long=long))
    answer = replace(
        no_flexibility(case), intraday_buy_kw=max(net_kw, 0) * flat, intraday_sell_kw=max(-net_kw, 0) * flat,
        short_kw=max(off_kw, 0) * flat, long_kw=max(-off_kw, 0) * flat,
    )  # fmt: skip
    return case, answer


@pytest.mark.parametrize(
    ("short", "long", "off_kw", "net_kw", "left_kw"),
    [
        (150, 150, 3, 0, 3),  # short costs more than buying: not meant
        (90, 150, 3, 0, 0),  # cheaper: meant
        (90, 150, 8, 0, 3),  # of 8 kW, 5 could have been bought
        (90, 150, 3, 4, 2),  # of 5 kW, 4 are bought: one is left to buy
        (60, 150, 8, -5, 0),  # 5 kW sold at 80 and short at 60: ten kW could be bought instead
        (150, -70, -3, 0, 3),  # long earns 70, selling 80: not meant
        (150, -90, -3, 0, 0),  # long earns 90: meant
        (150, -90, -8, 0, 3),
        (150, -90, -8, 5, 0),  # 5 kW bought may be sold again, and 5 more
        (90, -80, -3, 0, 3),  # equal prices pay nothing
    ],
)
def test_imbalance_that_pays_is_meant_as_far_as_it_could_be_traded(short, long, off_kw, net_kw, left_kw):
    case, answer = with_prices(short, long, off_kw, net_kw)
    np.testing.assert_allclose(unmeant_kw(case, answer), [[left_kw] * 4])


def test_nothing_is_meant_where_the_market_is_closed():
    case, answer = with_prices(90, 150, 3, 0, closed=True)
    np.testing.assert_allclose(unmeant_kw(case, answer), [[3] * 4])


@pytest.mark.parametrize(("short", "broken_kwh"), [(90, 0), (150, 12)])
def test_meant_imbalance_breaks_no_promise(short, broken_kwh):
    """Four hours of 3 kW short, beside what else is missed: none."""
    case, answer = with_prices(short, 150, 3, 0)
    found = Recovered(
        case=case, plain=answer, called=None, held={}, called_held=None, objective_eur=0.0, gross_cost_eur=0.0
    )  # fmt: skip
    assert found.broken_kwh == pytest.approx(broken_kwh)
    short_of_order = replace(found, plain=replace(answer, order_shortfall_kw=np.full((1, 4), 0.5)))
    assert short_of_order.broken_kwh == pytest.approx(broken_kwh + 2)


def test_each_balancing_group_means_its_own():
    """Both are short by 4 kW at 90 EUR/MWh; the first may buy 5 kW, the second none: its 4 kW are forced on it."""
    case, answer = with_prices(90, 150, 8, 0)
    case = balanced(case, {"share": 1.0}, {"share": 0.0})
    off = np.full((2, 4), 4.0)
    answer = replace(answer, group_intraday_kw=np.zeros((2, 4)), group_imbalance_kw=off)
    np.testing.assert_allclose(unmeant_kw(case, answer), [[0] * 4, [4] * 4])
