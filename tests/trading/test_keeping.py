"""Orders are followed into plans and D-Prognoses; one that no plan keeps is an alarm."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import pytest

from agr.domain.flexibility_states import OrderState
from agr.domain.plan import PointProgram
from agr.messaging.publish import Publisher
from agr.store import day
from agr.trading.keeping import at_stake, missing_w
from tests.builders.plans import planned
from tests.builders.trading_day import BASELINE_W, POINT, TradingWorld
from tests.builders.worlds import PERIOD

ORDERED_W = tuple(-10_000 if 40 <= isp < 44 else 35_000 if 44 <= isp < 52 else BASELINE_W for isp in range(1, 93))


@pytest.fixture
def world(tmp_path: Path) -> Iterator[TradingWorld]:
    made = TradingWorld(tmp_path)
    offer = made.offered()
    made.answer(offer)
    made.tell(made.order(offer))
    made.replies()
    yield made
    made.store.close()


def plan(world: TradingWorld, power_w: tuple[int, ...]) -> None:
    points = (PointProgram(address=POINT, dso="dso.example", power_w=power_w),)
    planned(world, (0.0,) * 92, points=points)
    with world.store.transaction() as tx:
        day.moment_done(tx, PERIOD.day, day.PUBLICATION_OPEN, world.clock.now(), "")


def alarms(world: TradingWorld) -> list[str]:
    with world.store.reading() as tx:
        return [alarm.kind for alarm in day.open_alarms(tx)]


def test_an_order_is_planned_announced_validated_and_delivered(world: TradingWorld) -> None:
    plan(world, ORDERED_W)
    world.keeping.look()
    assert world.orders()[0].state is OrderState.PLANNED
    assert Publisher(world.store, world.settings, world.clock, world.participants).publish(PERIOD) == 1
    world.keeping.look()
    assert world.orders()[0].state is OrderState.ANNOUNCED
    (prognosis,) = world.replies()
    status = f'<FlexOrderStatus FlexOrderMessageID="{world.orders()[0].order.message_id.upper()}" IsValidated="1"/>'
    world.tell(
        world.dso.message(
            "D-PrognosisResponse", status, Result="Accepted", D_PrognosisMessageID=str(prognosis.get("MessageID")),
            ConversationID=str(prognosis.get("ConversationID")),
        )
    )  # fmt: skip
    assert world.orders()[0].state is OrderState.VALIDATED
    world.clock.jump_to(datetime(2026, 3, 29, 22, tzinfo=UTC))
    world.keeping.look()
    assert world.orders()[0].state is OrderState.DELIVERED


def test_a_dso_that_validates_before_we_have_looked_is_believed(world: TradingWorld) -> None:
    """Its response may come within seconds of the D-Prognosis, before the order is seen as announced."""
    plan(world, ORDERED_W)
    Publisher(world.store, world.settings, world.clock, world.participants).publish(PERIOD)
    (prognosis,) = world.replies()
    status = f'<FlexOrderStatus FlexOrderMessageID="{world.orders()[0].order.message_id}" IsValidated="true"/>'
    world.tell(
        world.dso.message(
            "D-PrognosisResponse", status, Result="Accepted", D_PrognosisMessageID=str(prognosis.get("MessageID")),
            ConversationID=str(prognosis.get("ConversationID")),
        )
    )  # fmt: skip
    assert world.orders()[0].state is OrderState.VALIDATED
    world.keeping.look()
    assert world.orders()[0].state is OrderState.VALIDATED


def test_a_dso_that_does_not_find_its_order_is_an_alarm(world: TradingWorld) -> None:
    plan(world, ORDERED_W)
    Publisher(world.store, world.settings, world.clock, world.participants).publish(PERIOD)
    world.keeping.look()
    (prognosis,) = world.replies()
    status = f'<FlexOrderStatus FlexOrderMessageID="{world.orders()[0].order.message_id}" IsValidated="false"/>'
    world.tell(
        world.dso.message(
            "D-PrognosisResponse", status, Result="Accepted", D_PrognosisMessageID=str(prognosis.get("MessageID")),
            ConversationID=str(prognosis.get("ConversationID")),
        )
    )  # fmt: skip
    assert world.orders()[0].state is OrderState.ANNOUNCED
    assert alarms(world) == ["flex order not validated"]


def test_an_order_that_no_plan_keeps_is_an_alarm_until_one_does(world: TradingWorld) -> None:
    plan(world, (BASELINE_W,) * 92)
    world.keeping.look()
    assert alarms(world) == []  # the plan that keeps it may be under way
    world.clock.jump_to(world.clock.now() + timedelta(minutes=11))
    world.keeping.look()
    assert (alarms(world), world.orders()[0].state) == (["flex order not kept"], OrderState.ACCEPTED)
    with world.store.reading() as tx:
        (alarm,) = day.open_alarms(tx)
    # 4 ISPs of 30 kW less and 8 of 15 kW more: all 60 kWh are missing, and so is the whole price
    assert "at stake: 12.35 EUR for 60.0 kWh" in alarm.text
    plan(world, ORDERED_W)
    world.keeping.look()
    assert (alarms(world), world.orders()[0].state) == ([], OrderState.PLANNED)


def test_what_is_at_stake_is_the_unpaid_price_and_the_penalty_of_the_contract(world: TradingWorld) -> None:
    obligation = world.orders()[0].obligation
    half = tuple(5_000 if power == -10_000 else power for power in ORDERED_W)
    assert at_stake(obligation, ORDERED_W, 1000.0) == (0.0, Decimal("0.00"))
    # 15 kW are missing in 4 ISPs: 15 of 60 kWh, a quarter of 12.35 EUR, and 15 EUR of penalty
    assert at_stake(obligation, half, 1000.0) == (15.0, Decimal("18.09"))


@pytest.mark.parametrize(
    ("off_w", "behind"),
    [(0, 0), (1, 0), (2, 2), (5_000, 5_000), (-5_000, 0)],
)
def test_how_far_a_program_stays_behind(world: TradingWorld, off_w: int, behind: int) -> None:
    obligation = world.orders()[0].obligation
    less = tuple(power + (off_w if power == -10_000 else 0) for power in ORDERED_W)
    more = tuple(power - (off_w if power == 35_000 else 0) for power in ORDERED_W)
    assert missing_w(obligation, less) == missing_w(obligation, more) == behind
