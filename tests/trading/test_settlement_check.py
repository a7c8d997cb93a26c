"""What a DSO settles, against our own records: the specification's example, and a dispute for every wrong field."""

from datetime import UTC, date, datetime
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agr.domain.flexibility import Disposition, FlexOrder, FlexRequest, Obligation, RequestedIsp
from agr.domain.isp import Period
from agr.domain.obligations import in_turn
from agr.trading.contract_settlement import ContractDay, contract_faults
from agr.trading.settlement_check import Meters, delivery, judge
from agr.uftp import messages as m

DAY = Period(date(2026, 4, 1))
NOW = datetime(2026, 3, 31, 12, tzinfo=UTC)
POINT = "ea1.2024-01.example.dso:p1"


def obligation(power_w: dict[int, int], baseline_w: int = 10, price: str = "14", period: Period = DAY) -> Obligation:
    order = FlexOrder(
        message_id="m", conversation_id="c", dso="dso.example", congestion_point=POINT, period=period,
        offer_message_id="o", order_reference="o-1", option_reference="1", activation_factor=Decimal(1),
        power_w=tuple(power_w.get(isp, 0) for isp in range(1, period.isp_count + 1)), price=Decimal(price),
        currency="EUR", stamped_at=NOW, received_at=NOW,
    )  # fmt: skip
    return Obligation(order=order, baseline_w=(baseline_w,) * period.isp_count)


def row(start: int, actual: int, *, ordered: int = -2, baseline: int = 10, **more: int) -> m.OrderSettlementIsp:
    so = delivery(ordered, baseline, actual)
    values = {
        "start": start, "baseline_w": baseline, "ordered_w": ordered, "actual_w": actual,
        "delivered_w": so.delivered_w, "deficiency_w": so.deficiency_w,
    } | more  # fmt: skip
    return m.OrderSettlementIsp(**values)


def item(*isps: m.OrderSettlementIsp, **more: object) -> m.OrderSettlement:
    values: dict[str, object] = {
        "order_reference": "o-1", "period": DAY.day, "congestion_point": POINT, "price": Decimal("14"),
        "net_settlement": Decimal("14"), "isps": isps,
    }  # fmt: skip
    return m.OrderSettlement(**(values | more))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("actual", "delivered", "deficiency"), [(7, 2, 0), (8, 2, 0), (9, 1, 1), (10, 0, 2), (11, 0, 3)]
)
def test_the_example_of_the_specification(actual: int, delivered: int, deficiency: int) -> None:
    """Baseline 10, ordered −2. Source: UFTP specification, settle phase, flexibility settlement."""
    found = delivery(-2, 10, actual)
    assert (found.delivered_w, found.deficiency_w) == (delivered, deficiency)


@pytest.mark.parametrize("bought_mw", [(2,), (1, 1)], ids=["one order", "two orders"])
@pytest.mark.parametrize(("actual_mw", "settled_eur"), [(7, 14), (8, 14), (9, -4), (10, -22), (11, -33)])
def test_the_example_of_the_specification_in_money(
    actual_mw: int, settled_eur: int, bought_mw: tuple[int, ...]
) -> None:
    """7 EUR are paid for each MW delivered, and 11 EUR due for each MW missed: 44 EUR/MWh in a quarter of an hour.

    The 2 MW were bought in one request or in several. Source: UFTP specification, settle phase, settlement example.
    """
    mw = 1_000_000
    orders = in_turn(obligation({5: -each * mw}, 10 * mw, str(7 * each)) for each in bought_mw)
    net = Decimal(0)
    for order, each in zip(orders, bought_mw, strict=True):
        told = row(5, actual_mw * mw, ordered=-each * mw, baseline=10 * mw)
        net += judge(item(told, price=Decimal(7 * each)), order, 44.0).expected_net
    assert net == settled_eur


@given(ordered=st.integers(-1000, 1000), baseline=st.integers(-1000, 1000), actual=st.integers(-3000, 3000))
def test_more_consumption_and_more_production_are_mirror_images(ordered: int, baseline: int, actual: int) -> None:
    assert delivery(ordered, baseline, actual) == delivery(-ordered, -baseline, -actual)


@given(ordered=st.integers(-1000, 1000), baseline=st.integers(-1000, 1000), beyond=st.integers(0, 1000))
def test_what_goes_beyond_the_order_is_delivered_in_full_and_no_more(ordered: int, baseline: int, beyond: int) -> None:
    actual = baseline + ordered + (beyond if ordered > 0 else -beyond)
    found = delivery(ordered, baseline, actual)
    assert (found.delivered_w, found.deficiency_w) == (abs(ordered), 0)


def test_a_settlement_as_we_expect_has_no_fault() -> None:
    judged = judge(item(row(5, 8), row(6, 7)), obligation({5: -2, 6: -2}), 0)
    assert (judged.faults, judged.expected_net) == ((), Decimal("14.00"))


def test_delivered_power_may_have_the_order_s_sign() -> None:
    assert judge(item(row(5, 8, delivered_w=-2)), obligation({5: -2}), 0).faults == ()


def test_what_was_not_delivered_comes_off_in_the_penalty() -> None:
    order = obligation({5: -4_000_000, 6: -4_000_000}, baseline_w=0, price="100")
    isps = (
        row(5, -4_000_000, ordered=-4_000_000, baseline=0),
        row(6, -1_000_000, ordered=-4_000_000, baseline=0),
    )
    # A quarter of an hour: 0.75 MWh of 2 MWh are missing: 37.50 of the price, and 0.75 × 20 by the contract.
    good = item(*isps, price=Decimal(100), penalty=Decimal("52.50"), net_settlement=Decimal("47.50"))
    judged = judge(good, order, 20)
    assert (judged.faults, judged.expected_net, judged.deficiency_kwh) == ((), Decimal("47.50"), 750.0)
    dear = item(*isps, price=Decimal(100), penalty=Decimal("60"), net_settlement=Decimal("40"))
    assert judge(dear, order, 20).faults == ("Penalty 60 is more than the 52.50 that follow from the powers",)
    kind = item(*isps, price=Decimal(100), penalty=Decimal("10"), net_settlement=Decimal("90"))
    assert judge(kind, order, 20).faults == ()


@pytest.mark.parametrize(
    ("isps", "more", "fault"),
    [
        ((row(5, 8),), {"price": Decimal("13.90"), "net_settlement": Decimal("13.90")}, "Price 13.90 is not"),
        ((row(5, 8),), {"net_settlement": Decimal("13")}, "NetSettlement 13 is not Price minus Penalty"),
        ((row(5, 8),), {"penalty": Decimal("1"), "net_settlement": Decimal("13")}, "Penalty 1 is more"),
        ((row(5, 8),), {"period": date(2026, 4, 2)}, "Period 2026-04-02 is not"),
        ((row(5, 8),), {"congestion_point": "ea1.2024-01.example.dso:p9"}, "CongestionPoint is not"),
        ((row(5, 8, baseline_w=20),), {}, "ISP 5: BaselinePower 20 W is not 10 W"),
        ((row(5, 8, ordered_w=-20),), {}, "ISP 5: OrderedFlexPower -20 W is not -2 W"),
        ((row(5, 8, delivered_w=9),), {}, "ISP 5: DeliveredFlexPower 9 W is not 2 W"),
        ((row(5, 8, deficiency_w=9),), {}, "ISP 5: PowerDeficiency 9 W is not 0 W"),
        ((row(6, 8, ordered=0),), {}, "ISP 5 is missing"),
    ],
)
def test_every_wrong_field_is_a_fault_with_its_numbers(
    isps: tuple[m.OrderSettlementIsp, ...], more: dict[str, object], fault: str
) -> None:
    (found,) = judge(item(*isps, **more), obligation({5: -2}), 0).faults
    assert found.startswith(fault)


@pytest.mark.parametrize(("day", "count"), [(date(2026, 3, 29), 92), (date(2026, 10, 25), 100)])
def test_days_of_92_and_100_isps(day: date, count: int) -> None:
    period = Period(day)
    order = obligation(dict.fromkeys(range(1, count + 1), -2), period=period)
    whole = m.OrderSettlementIsp(
        start=1, duration=count, baseline_w=10, ordered_w=-2, actual_w=8, delivered_w=2, deficiency_w=0
    )
    assert judge(item(whole, period=day), order, 0).faults == ()


def test_our_meters_decide_what_was_delivered_where_they_say_otherwise_by_more_than_tolerated() -> None:
    """1000 W less is ordered of 5000 W; the DSO's meter says 4500 W, ours 4100 W: 900 of 1000 W are delivered."""
    bound = obligation({41: -1000, 42: -1000}, 5000)
    rows = (row(41, 4500, ordered=-1000, baseline=5000), row(42, 4030, ordered=-1000, baseline=5000))
    told = item(*rows, penalty=Decimal("3.5"), net_settlement=Decimal("10.5"))
    unchecked = judge(told, bound, 0.0)
    assert (unchecked.unchecked, unchecked.faults) == (2, ())
    found = judge(told, bound, 0.0, Meters(actual_w={41: 4100, 42: 4050}))
    assert found.unchecked == 0
    assert "ISP 41: ActualPower 4500 W, our meters have 4100 W" in found.faults
    assert not any("ISP 42" in fault for fault in found.faults)  # 20 W are within 5 % of 1000 W
    assert found.expected_net == Decimal("14") - (Decimal("14") * Decimal("130") / Decimal("2000")).quantize(
        Decimal("0.01")
    )


def day_of(**more: object) -> ContractDay:
    values: dict[str, object] = {
        "period": DAY, "reserved_w": [-4000 if 69 <= isp <= 76 else 0 for isp in range(1, DAY.isp_count + 1)],
        "requests": (), "offers": (), "orders": (),
    }  # fmt: skip
    return ContractDay(**(values | more))  # type: ignore[arg-type]


def told_contract(**powers: int) -> m.ContractSettlementPeriod:
    values = {"start": 70, "duration": 2, "reserved_w": -4000} | powers
    return m.ContractSettlementPeriod(period=DAY.day, isps=(m.ContractSettlementIsp(**values),))


def test_a_contract_that_is_settled_as_we_know_it_has_no_faults() -> None:
    order = obligation({70: -2000, 71: -2000}).order
    known = day_of(orders=[order])
    assert contract_faults("FO-1", told_contract(ordered_w=-2000, requested_w=0, offered_w=0), known) == ()


@pytest.mark.parametrize(
    ("field", "name"),
    [
        ("reserved_w", "ReservedPower"), ("requested_w", "RequestedPower"), ("offered_w", "OfferedPower"),
        ("ordered_w", "OrderedPower"),
    ],
)  # fmt: skip
def test_every_power_of_a_contract_is_compared(field: str, name: str) -> None:
    found = contract_faults("FO-1", told_contract(**{field: -77}), day_of())
    assert len(found) == 2
    assert f"ISP 70: {name} -77 W is not {-4000 if field == 'reserved_w' else 0} W" in found[0]
    outside = m.ContractSettlementPeriod(
        period=DAY.day, isps=(m.ContractSettlementIsp(start=DAY.isp_count, duration=2, reserved_w=0),)
    )
    assert contract_faults("FO-1", outside, day_of()) == (f"contract FO-1: ISP {DAY.isp_count + 1} is not in {DAY}",)


def test_available_power_is_the_room_of_the_newest_request() -> None:
    """4 kW less are asked for in ISP 70, up to 6; in ISP 71 there is room for 2 kW either way."""
    asked, room = Disposition.REQUESTED, Disposition.AVAILABLE
    isps = (
        RequestedIsp(isp=70, disposition=asked, min_w=-6000, max_w=-4000),
        RequestedIsp(isp=71, disposition=room, min_w=-2000, max_w=2000),
    )
    asks = [
        FlexRequest(
            message_id=f"r{revision}", conversation_id="c", dso="dso.example", congestion_point=POINT, period=DAY,
            revision=revision, expires_at=NOW, received_at=NOW, isps=isps if revision else isps[:1], spans=(),
        )
        for revision in (1, 0)
    ]  # fmt: skip
    known = day_of(requests=asks)

    def faults(start: int, available_w: int) -> tuple[str, ...]:
        row = m.ContractSettlementIsp(start=start, reserved_w=-4000, available_w=available_w)
        return contract_faults("FO-1", m.ContractSettlementPeriod(period=DAY.day, isps=(row,)), known)

    assert [faults(70, -6000), faults(71, -2000), faults(71, 2000), faults(72, 0)] == [()] * 4
    (wrong,) = faults(70, -4000)
    assert wrong.endswith("ISP 70: AvailablePower -4000 W is not -6000 W")
    (wrong,) = faults(71, 0)
    assert wrong.endswith("ISP 71: AvailablePower 0 W is not -2000 W or 2000 W")


def test_of_two_orders_in_an_isp_each_is_judged_against_its_own_baseline() -> None:
    """The baseline of the later order contains the earlier one: 5000 − 1000 − 500; 3600 W are 100 W too many."""
    first, second = obligation({41: -1000}, 5000), obligation({41: -500}, 4000)
    earlier = judge(item(row(41, 3600, ordered=-1000, baseline=5000)), first, 0.0)
    assert (earlier.faults, earlier.expected_net) == ((), Decimal("14.00"))
    told = item(row(41, 3600, ordered=-500, baseline=4000), penalty=Decimal("2.8"), net_settlement=Decimal("11.2"))
    later = judge(told, second, 0.0)
    assert (later.faults, later.expected_net, later.deficiency_kwh) == ((), Decimal("11.20"), 0.025)
