"""Several orders at one congestion point: no kW is ordered, delivered or missed twice, whichever baseline they name."""

from dataclasses import replace
from datetime import UTC, date, datetime
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agr.domain.flexibility import Disposition, FlexOrder, FlexRequest, Obligation, RequestedIsp
from agr.domain.isp import Period
from agr.domain.obligations import in_turn, not_shown
from agr.planning.case.orders import orders_of
from agr.trading.settlement_check import delivery, judge
from agr.uftp import messages as m
from models.case import Imbalance

DAY = Period(date(2026, 4, 1))
NOW = datetime(2026, 3, 31, 12, tzinfo=UTC)
POINT = "ea1.2024-01.example.dso:p1"


def order(number: int, ordered_w: int, baseline_w: int, point: str = POINT, isp: int = 41) -> Obligation:
    made = FlexOrder(
        message_id=f"m{number}", conversation_id="c", dso="dso.example", congestion_point=point, period=DAY,
        offer_message_id="o", order_reference=f"o-{number}", option_reference="1", activation_factor=Decimal(1),
        power_w=tuple(ordered_w if at == isp else 0 for at in range(1, DAY.isp_count + 1)), price=Decimal(14),
        currency="EUR", stamped_at=NOW, received_at=NOW,
    )  # fmt: skip
    return Obligation(order=made, baseline_w=(baseline_w,) * DAY.isp_count)


def bound(one: Obligation) -> int:
    return next(bound for bounds in one.bounds_w for bound in bounds if bound is not None)


def delivered(orders: tuple[Obligation, ...], actual_w: int) -> list[tuple[int, int]]:
    """Return what was delivered and missed of each order, W."""
    found = [
        delivery(one.order.power_w[40], one.start_w[40], actual_w, one.earlier_w[40], one.taken_back_w[40])
        for one in orders
    ]
    return [(one.delivered_w, one.deficiency_w) for one in found]


def test_orders_that_name_one_baseline_add_up() -> None:
    """Both deviate from 10: 2 and 3 less are 5 in the end. The latest order misses first; beyond all is the first's."""
    pair = in_turn([order(1, -2, 10), order(2, -3, 10)])
    assert [bound(one) for one in pair] == [8, 5]
    expected = {
        5: [(2, 0), (3, 0)],
        7: [(2, 0), (1, 2)],
        8: [(2, 0), (0, 3)],
        9: [(1, 1), (0, 3)],
        12: [(0, 4), (0, 3)],
    }
    for actual, so in expected.items():
        assert delivered(pair, actual) == so


def test_a_baseline_that_shows_what_was_ordered_before_is_where_the_next_order_begins() -> None:
    """8 is what the first order left; a D-Prognosis of 6 goes further than it, and is what the second one names."""
    assert [bound(one) for one in in_turn([order(1, -2, 10), order(2, -3, 8)])] == [8, 5]
    further = in_turn([order(1, -2, 10), order(2, -3, 6)])
    assert [bound(one) for one in further] == [8, 3]
    assert delivered(further, 9) == [(1, 1), (0, 5)]  # 6 W above the program with everything ordered


@given(
    st.lists(st.tuples(st.integers(1, 6), st.integers(-12, 12)), min_size=1, max_size=4), st.integers(-30, 30),
    st.sampled_from((-1, 1)),
)  # fmt: skip
def test_what_is_missed_is_the_way_to_the_program_with_all_orders_and_no_watt_counts_twice(
    told: list[tuple[int, int]], actual_w: int, sign: int
) -> None:
    """Watt by watt: each order buys the next steps beyond its baseline and beyond all that was bought before."""
    orders = in_turn(order(k, sign * amount, sign * baseline) for k, (amount, baseline) in enumerate(told))
    reached, bought = None, []
    for amount, baseline in told:
        start = baseline if reached is None else max(baseline, reached)
        bought.append(range(start, start + amount))
        reached = start + amount
    steps = [step for some in bought for step in some]
    assert len(steps) == len(set(steps))
    found = delivered(orders, sign * actual_w)
    assert [got for got, _ in found] == [sum(step < actual_w for step in some) for some in bought]
    assert reached is not None
    assert sum(missing for _, missing in found) == max(reached - actual_w, 0)


def bounds(orders: tuple[Obligation, ...]) -> list[tuple[int | None, int | None]]:
    return [one.bounds_w[40] for one in orders]


@pytest.mark.parametrize("named", [7, 10])  # the D-Prognosis with the first order, or the one before it
def test_an_order_of_the_other_direction_takes_back_what_lies_between(named: int) -> None:
    """10, 3 less, 1 more: 8 are due, not 7 and 8 at once. The W that was bought off need not be delivered."""
    pair = in_turn([order(1, -3, 10), order(2, 1, named)])
    assert bounds(pair) == [(None, 8), (8, None)]
    expected = {
        6: [(3, 0), (0, 2)],
        7: [(3, 0), (0, 1)],
        8: [(3, 0), (1, 0)],
        9: [(2, 1), (1, 0)],
        10: [(1, 2), (1, 0)],
        11: [(1, 3), (1, 0)],
    }
    for actual, so in expected.items():
        assert delivered(pair, actual) == so


def test_what_does_not_reach_an_earlier_order_leaves_it_and_what_passes_it_ends_it() -> None:
    below = in_turn([order(1, -3, 10), order(2, 1, 5)])  # 7 at most; 5 were announced, of which 6 are due at least
    assert bounds(below) == [(None, 7), (6, None)]
    beyond = in_turn([order(1, -3, 10), order(2, 5, 7)])
    assert bounds(beyond) == [(None, None), (12, None)]
    assert delivered(beyond, 11) == [(3, 0), (4, 1)]
    again = in_turn([order(1, -3, 10), order(2, 1, 7), order(3, -2, 8)])  # what was given back is bought once more
    assert bounds(again) == [(None, 8), (None, None), (None, 6)]
    assert delivered(again, 7) == [(3, 0), (1, 0), (1, 1)]
    assert delivered(again, 9) == [(2, 1), (1, 0), (0, 2)]


@given(st.lists(st.integers(-6, 6).filter(bool), min_size=1, max_size=5), st.integers(-30, 30))
def test_orders_that_name_the_program_before_them_add_up_to_it_whatever_their_direction(
    ordered: list[int], actual_w: int
) -> None:
    """The specification's sum: the program due is the first baseline and all orders, judged on the side that binds."""
    program, told = 10, []
    for number, amount in enumerate(ordered):
        told.append(order(number, amount, program))
        program += amount
    orders = in_turn(told)
    found = bounds(orders)
    least = max((low for low, _ in found if low is not None), default=None)
    most = min((high for _, high in found if high is not None), default=None)
    assert (least if ordered[-1] > 0 else most) == program
    assert least is None or most is None or least <= program <= most
    over = 0 if most is None else max(actual_w - most, 0)
    under = 0 if least is None else max(least - actual_w, 0)
    judged = delivered(orders, actual_w)
    assert sum(missing for _, missing in judged) == over + under
    assert all(0 <= got <= abs(amount) for (got, _), amount in zip(judged, ordered, strict=True))
    if actual_w == program:
        assert [got for got, _ in judged] == [abs(amount) for amount in ordered]


def test_limits_stay_whatever_is_ordered_against_them() -> None:
    limited = replace(order(0, 0, 5), limits_w=((None, 3),) * DAY.isp_count)
    assert bounds(in_turn([limited, order(1, 2, 5)])) == [(None, 3), (7, None)]


def test_orders_elsewhere_or_in_other_isps_change_nothing() -> None:
    first = order(1, -2, 10)
    for other in (
        order(2, -3, 10, point="ea1.2024-01.example.dso:p2"),
        order(2, -3, 10, isp=42),
        order(2, 3, 10, isp=42),
    ):
        found = in_turn([first, other])
        assert [bound(one) for one in found] == [8, 13 if other.order.power_w[41] > 0 else 7]
    limited = replace(order(0, 0, 5), limits_w=((None, 3),) * DAY.isp_count)
    assert in_turn([limited, first]) == (limited, in_turn([first])[0])


def test_nothing_is_offered_against_a_baseline_that_does_not_show_what_was_ordered() -> None:
    """10 kW are announced and 2 kW less ordered: until 8 kW are announced, the same 2 kW could be sold again."""
    isp = RequestedIsp(isp=41, disposition=Disposition.REQUESTED, min_w=-1000, max_w=0)
    asks = FlexRequest(
        message_id="r", conversation_id="c", dso="dso.example", congestion_point=POINT, period=DAY, revision=1,
        expires_at=NOW, received_at=NOW, isps=(isp,),
    )  # fmt: skip
    ordered = [order(1, -2000, 10_000)]
    assert not_shown(asks, (10_000,) * 96, ordered) == "o-1"
    assert not_shown(asks, (8_001,) * 96, ordered) is None
    assert not_shown(replace(asks, isps=(replace(isp, isp=42),)), (10_000,) * 96, ordered) is None
    assert (
        not_shown(replace(asks, isps=(replace(isp, disposition=Disposition.AVAILABLE),)), (10_000,) * 96, ordered)
        is None
    )
    assert not_shown(asks, (10_000,) * 96, [order(1, 2000, 8_500)]) == "o-1"
    assert not_shown(replace(asks, congestion_point="other"), (10_000,) * 96, ordered) is None


def test_a_plan_is_bound_to_all_of_them_together() -> None:
    price = Imbalance(**{"short_eur_per_mwh": [100.0] * 96, "long_eur_per_mwh": [100.0] * 96})  # type: ignore[arg-type]
    rows = orders_of(in_turn([order(1, -2000, 10_000), order(2, -3000, 10_000)]), {POINT: 0}, 96, 5_000.0, price)
    assert abs(rows.most_kw[:, 40].min() - 5.0) < 0.001


def test_a_dso_that_counts_what_was_delivered_twice_is_told_so() -> None:
    """7 W of a baseline of 10 W, 2 and 3 W ordered: only 1 W of the second order is there."""
    _, second = in_turn([order(1, -2, 10), order(2, -3, 10)])

    def item(delivered_w: int, missed_w: int, penalty: str) -> m.OrderSettlement:
        row = m.OrderSettlementIsp(
            start=41, baseline_w=10, ordered_w=-3, actual_w=7, delivered_w=delivered_w, deficiency_w=missed_w
        )
        return m.OrderSettlement(
            order_reference="o-2", period=DAY.day, congestion_point=POINT, price=Decimal(14),
            penalty=Decimal(penalty), net_settlement=Decimal(14) - Decimal(penalty), isps=(row,),
        )  # fmt: skip

    right = judge(item(1, 2, "9.33"), second, 0.0)
    assert (right.faults, right.expected_net) == ((), Decimal("4.67"))
    twice = judge(item(3, 0, "0"), second, 0.0)
    assert [fault.split(":")[1].split()[0] for fault in twice.faults] == ["DeliveredFlexPower", "PowerDeficiency"]


def test_a_dso_that_judges_an_order_alone_which_it_has_taken_back_is_told_so() -> None:
    """10 W, 3 less, then 1 more: 8 W are what was asked for. The first order has all its price, and no penalty."""
    first, second = in_turn([order(1, -3, 10), order(2, 1, 7)])

    def item(of: Obligation, actual: int, delivered_w: int, missed_w: int, penalty: str) -> m.OrderSettlement:
        row = m.OrderSettlementIsp(
            start=41, baseline_w=of.baseline_w[40], ordered_w=of.order.power_w[40], actual_w=actual,
            delivered_w=delivered_w, deficiency_w=missed_w,
        )  # fmt: skip
        return m.OrderSettlement(
            order_reference=of.order.order_reference, period=DAY.day, congestion_point=POINT, price=Decimal(14),
            penalty=Decimal(penalty), net_settlement=Decimal(14) - Decimal(penalty), isps=(row,),
        )  # fmt: skip

    for of, delivered_w in ((first, 3), (second, 1)):
        right = judge(item(of, 8, delivered_w, 0, "0"), of, 0.0)
        assert (right.faults, right.expected_net) == ((), Decimal(14))
    naive = judge(item(first, 8, 1, 2, "9.33"), first, 0.0)
    assert [fault.split(":")[-1].split()[0] for fault in naive.faults] == [
        "DeliveredFlexPower", "PowerDeficiency", "Penalty",
    ]  # fmt: skip
    short = judge(item(first, 9, 2, 1, "4.67"), first, 0.0)
    assert (short.faults, short.expected_net) == ((), Decimal("9.33"))
