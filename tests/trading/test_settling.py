"""A DSO settles: the message is judged, each order accepted or disputed, and what came of it is kept."""

from collections.abc import Iterator
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

import pytest

from agr.domain.execution import DeviationCause, Execution, Verdict
from agr.domain.flexibility_states import OrderState
from agr.store import day, executions, portfolio, register
from agr.trading.measured import measured_w
from tests.builders.schemas import schema
from tests.builders.trading_day import CONTRACT, POINT, TradingWorld
from tests.builders.worlds import PERIOD

ACTUAL = dict.fromkeys(range(40, 44), -10000) | dict.fromkeys(range(44, 52), 35000)


@pytest.fixture
def world(tmp_path: Path) -> Iterator[TradingWorld]:
    made = TradingWorld(tmp_path)
    offer = made.offered()
    made.answer(offer)
    made.tell(made.order(offer))
    made.replies()
    made.clock.jump_to(datetime(2026, 3, 30, 8, tzinfo=UTC))
    yield made
    made.store.close()


def isps(**wrong: int) -> str:
    rows = []
    for isp, actual in ACTUAL.items():
        ordered = -30_000 if isp < 44 else 15_000
        values = {
            "Start": isp, "BaselinePower": 20_000, "OrderedFlexPower": ordered, "ActualPower": actual,
            "DeliveredFlexPower": ordered,
        } | (wrong if isp == 40 else {})  # fmt: skip
        rows.append("<ISP " + " ".join(f'{name}="{value}"' for name, value in values.items()) + "/>")
    return "".join(rows)


def settlement(world: TradingWorld, *items: str, contracts: str = "", **more: str) -> str:
    dummy = contracts or (
        '<ContractSettlement><Period Period="2026-03-29"><ISP Start="1" ReservedPower="0"/></Period>'
        "</ContractSettlement>"
    )
    values = {
        "Result": "Accepted", "PeriodStart": "2026-03-29", "PeriodEnd": "2026-03-29", "Currency": "EUR",
    } | more  # fmt: skip
    return world.dso.message("FlexSettlement", "".join(items) + dummy, **values)


def order_item(reference: str = "o-1", rows: str | None = None, **more: str) -> str:
    values = {
        "OrderReference": reference, "Period": "2026-03-29", "CongestionPoint": POINT, "Price": "12.35",
        "NetSettlement": "12.35",
    } | more  # fmt: skip
    attributes = " ".join(f'{name}="{value}"' for name, value in values.items())
    return f"<FlexOrderSettlement {attributes}>{isps() if rows is None else rows}</FlexOrderSettlement>"


def answered(world: TradingWorld) -> "tuple[str | None, str | None, list[tuple[str | None, str | None]]]":
    (reply,) = world.replies()
    assert reply.tag == "FlexSettlementResponse"
    schema().assertValid(reply)
    statuses = [(one.get("OrderReference"), one.get("DisputeReason")) for one in reply]
    return reply.get("Result"), reply.get("RejectionReason"), statuses


def test_a_settlement_as_we_expect_is_accepted_order_by_order(world: TradingWorld) -> None:
    world.tell(settlement(world, order_item()))
    assert answered(world) == ("Accepted", None, [("o-1", None)])
    (stored,) = world.orders()
    assert stored.state is OrderState.SETTLED
    assert stored.settled is not None
    assert (stored.settled.net, stored.settled.expected_net, stored.settled.faults) == (
        Decimal("12.35"), Decimal("12.35"), (),
    )  # fmt: skip


def test_wrong_numbers_are_disputed_with_an_alarm_and_settled_by_a_later_message(world: TradingWorld) -> None:
    world.tell(settlement(world, order_item(rows=isps(BaselinePower=19_000))))
    result, _, ((_, why),) = answered(world)
    assert result == "Accepted"
    assert why is not None
    assert "ISP 40: BaselinePower 19000 W is not 20000 W" in why
    assert world.orders()[0].state is OrderState.DISPUTED
    with world.store.reading() as tx:
        assert "flex settlement disputed" in [alarm.kind for alarm in day.open_alarms(tx)]
    world.tell(settlement(world, order_item()))
    assert answered(world)[2] == [("o-1", None)]
    assert world.orders()[0].state is OrderState.SETTLED
    with world.store.reading() as tx:
        assert "flex settlement disputed" not in [alarm.kind for alarm in day.open_alarms(tx)]


def test_an_order_that_we_do_not_know_is_disputed(world: TradingWorld) -> None:
    world.tell(settlement(world, order_item(), order_item("o-9")))
    _, _, statuses = answered(world)
    assert statuses == [("o-1", None), ("o-9", "we know no order of this OrderReference")]


def test_an_order_that_is_settled_twice_is_disputed(world: TradingWorld) -> None:
    world.tell(settlement(world, order_item(), order_item()))
    assert {why for _, why in answered(world)[2]} == {"the order is settled more than once in this message"}


@pytest.mark.parametrize(
    ("reference", "more", "reason"),
    [
        ("o-9", {}, "Missing Settlement Items"),
        ("o-1", {"PeriodEnd": "2026-03-28"}, "PeriodEnd rejected; Period out of bounds"),
        ("o-1", {"PeriodEnd": "2026-03-30"}, "PeriodEnd rejected"),
        ("o-1", {"PeriodStart": "2026-03-31"}, "PeriodStart rejected; PeriodEnd rejected; Period out of bounds"),
    ],
)
def test_a_settlement_that_cannot_be_whole_is_rejected(
    world: TradingWorld, reference: str, more: dict[str, str], reason: str
) -> None:
    world.tell(settlement(world, order_item(reference), **more))
    result, why, statuses = answered(world)
    assert (result, why) == ("Rejected", reason)
    assert statuses == [(reference, reason)]
    assert world.orders()[0].settled is None


def test_dummies_for_nothing_are_accepted(tmp_path: Path) -> None:
    world = TradingWorld(tmp_path)
    world.clock.jump_to(datetime(2026, 3, 30, 8, tzinfo=UTC))
    row = '<ISP Start="1" BaselinePower="0" OrderedFlexPower="0" ActualPower="0" DeliveredFlexPower="0"/>'
    item = order_item("x", row, Price="0", NetSettlement="0").replace('OrderReference="x" ', "")
    world.tell(settlement(world, item))
    assert answered(world) == ("Accepted", None, [(None, None)])
    world.store.close()


def test_contracts_are_checked_and_what_is_wrong_is_an_alarm(world: TradingWorld) -> None:
    """UFTP has no answer for a contract, so the order is accepted and operators are told."""

    def told(contract: str, watts: int) -> str:
        isp = f'<ISP Start="70" ReservedPower="{watts}"/>'
        return (
            f'<ContractSettlement ContractID="{contract}"><Period Period="2026-03-29">{isp}</Period>'
            "</ContractSettlement>"
        )

    world.tell(settlement(world, order_item(), contracts=told(CONTRACT, -1) + told("FO-9", 0)))
    assert answered(world) == ("Accepted", None, [("o-1", None)])
    with world.store.reading() as tx:
        (text,) = [alarm.text for alarm in day.open_alarms(tx) if alarm.kind == "flex settlement disputed"]
    assert f"contract {CONTRACT}, 2026-03-29, ISP 70: ReservedPower -1 W is not -100000 W" in text
    assert "contract FO-9 is not one of ours with dso.example" in text
    world.tell(settlement(world, order_item(), contracts=told(CONTRACT, -100_000)))
    assert "flex settlement disputed" not in alarm_kinds(world)


def test_actual_power_is_compared_with_our_own_meters(world: TradingWorld) -> None:
    """Everything at the point is measured in the first ISP of the order, and in the second only a part."""
    with world.store.transaction() as tx:
        at = portfolio.load(tx, PERIOD).point_of()
        behind = register.load(tx).connection_of()
        here = sorted(resource for resource, connection in behind.items() if at.get(connection) == POINT)
        assert here
        rows = [
            Execution(
                resource=resource, start=PERIOD.isp_start(isp), planned_kwh=0.0, quality="measured",
                cause=DeviationCause.UNKNOWN, measured_kwh=-1.0 / len(here), verdict=Verdict.EXECUTED, plan=1,
            )
            for isp in (40, 41)
            for resource in (here if isp == 40 else here[1:])
        ]  # fmt: skip
        executions.put(tx, rows)
        assert measured_w(tx, PERIOD, POINT) == {40: -4000}
    world.tell(settlement(world, order_item()))
    ((_, why),) = answered(world)[2]
    assert why is not None
    assert "ISP 40: ActualPower -10000 W, our meters have -4000 W" in why
    settled = world.orders()[0].settled
    assert settled is not None
    assert settled.unchecked == len(ACTUAL) - 1


def alarm_kinds(world: TradingWorld) -> list[str]:
    with world.store.reading() as tx:
        return [alarm.kind for alarm in day.open_alarms(tx)]
