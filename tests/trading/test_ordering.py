"""A DSO orders what we have offered: what is accepted, what is rejected, and what an order binds us to."""

from collections.abc import Iterator
from datetime import datetime
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agr.domain.flexibility_states import OfferState, OrderState
from agr.domain.plan import ReasonKind
from agr.store import day
from tests.builders.trading_day import BASELINE_W, TradingWorld, at
from tests.builders.worlds import PERIOD, Party

HALF = "".join(f'<ISP Power="-15000" Start="{isp}"/>' for isp in range(40, 44)) + (
    '<ISP Power="7500" Start="44" Duration="8"/>'
)
WHOLE = '<ISP Power="-30000" Start="40" Duration="4"/><ISP Power="15000" Start="44" Duration="8"/>'


@pytest.fixture
def world(tmp_path: Path) -> Iterator[TradingWorld]:
    made = TradingWorld(tmp_path)
    yield made
    made.store.close()


def test_an_order_is_accepted_in_a_foreign_conversation_and_binds_at_once(world: TradingWorld) -> None:
    offer = world.offered()
    world.answer(offer)
    world.tell(world.order(offer))
    assert world.verdict() == ("Accepted", None)
    (stored,) = world.orders()
    assert (stored.state, stored.order.price, stored.order.option_reference) == (
        OrderState.ACCEPTED, Decimal("12.35"), "1",
    )  # fmt: skip
    assert stored.obligation.baseline_w == (BASELINE_W,) * 92
    assert stored.obligation.program_w[38:52] == (20_000,) + (-10_000,) * 4 + (35_000,) * 8 + (20_000,)
    assert world.offers()[0].state is OfferState.ORDERED
    with world.store.reading() as tx:
        (trigger,) = [t for t in day.open_triggers(tx) if t.reason.kind is ReasonKind.ORDER]
    assert (trigger.period, trigger.reason.reference) == (PERIOD.day, stored.order.message_id)


def test_an_order_that_overtakes_the_response_to_its_offer_is_accepted(world: TradingWorld) -> None:
    offer = world.offered()
    world.tell(world.order(offer))
    assert world.verdict() == ("Accepted", None)
    world.answer(offer)
    assert world.offers()[0].state is OfferState.ORDERED


def test_an_order_may_write_durations_and_decimals_in_its_own_way(world: TradingWorld) -> None:
    offer = world.offered()
    isps = "".join(f'<ISP Power="-30000" Start="{isp}"/>' for isp in range(40, 44))
    isps += '<ISP Power="15000" Start="44" Duration="3"/><ISP Power="15000" Start="47" Duration="5"/>'
    world.tell(world.order(offer, isps, Price="12.3500"))
    assert world.verdict() == ("Accepted", None)


def test_a_part_is_ordered(world: TradingWorld) -> None:
    offer = world.offered()
    world.tell(world.order(offer, HALF, ActivationFactor="0.50", Price="6.18"))
    assert world.verdict() == ("Accepted", None)
    (stored,) = world.orders()
    assert (stored.order.activation_factor, stored.order.power_w[39], stored.order.power_w[43]) == (
        Decimal("0.50"), -15_000, 7500,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("isps", "more", "reason"),
    [
        (None, {"FlexOfferMessageID": "22222222-2222-4222-8222-222222222222"}, "Unknown FlexOfferMessageID reference"),
        (None, {"Currency": "SEK"}, "Price mismatch"),
        (None, {"Price": "12.30"}, "Price mismatch"),
        (None, {"OptionReference": "2"}, "Unknown OptionReference"),
        (None, {"ActivationFactor": "1.01"}, "ActivationFactor out of bounds; Power mismatch; Price mismatch"),
        (HALF, {"Price": "6.18"}, "Power mismatch; Price mismatch"),
        (WHOLE.replace('Duration="8"', 'Duration="7"'), {}, "ISP mismatch"),
        (WHOLE + '<ISP Power="1" Start="1"/>', {}, "ISP mismatch"),
        (WHOLE + '<ISP Power="1" Start="93"/>', {}, "ISPs out of bounds"),
        (WHOLE + '<ISP Power="1" Start="-5" Duration="1000000"/>', {}, "ISPs out of bounds; ISP conflict"),
        (None, {"Period": "2026-03-30"}, "Reference Period mismatch"),
        (None, {"CongestionPoint": "ea1.2024-01.example.dso:p2"}, "Reference CongestionPoint mismatch"),
        (None, {"ContractID": "FO-1"}, "Reference ContractID mismatch"),
        (
            None,
            {"D_PrognosisMessageID": "22222222-2222-4222-8222-222222222222"},
            "Reference D-Prognosis mismatch",
        ),
    ],
)
def test_a_bad_order_is_rejected_with_the_reason_and_the_offer_stays_open(
    world: TradingWorld, isps: str | None, more: dict[str, str], reason: str
) -> None:
    offer = world.offered()
    world.answer(offer)
    world.tell(world.order(offer, isps, **more))
    assert world.verdict() == ("Rejected", reason)
    assert (world.orders(), world.offers()[0].state) == ([], OfferState.OPEN)
    world.tell(world.order(offer))  # what is right is still accepted, under the same OrderReference
    assert world.verdict() == ("Accepted", None)


def test_a_part_of_what_is_offered_whole_only_is_rejected(world: TradingWorld) -> None:
    world.pricer.least_factor = Decimal("1.00")
    offer = world.offered()
    world.answer(offer)
    world.tell(world.order(offer, HALF, ActivationFactor="0.50", Price="6.18"))
    assert world.verdict() == ("Rejected", "ActivationFactor out of bounds")
    assert world.offers()[0].state is OfferState.OPEN


def test_an_order_without_an_offer_is_rejected(world: TradingWorld) -> None:
    offer = world.offered()
    order = world.order(offer).replace(f' FlexOfferMessageID="{offer.get("MessageID")}"', ' Unsolicited="true"')
    world.tell(order)
    assert world.verdict() == ("Rejected", "Unknown FlexOfferMessageID reference")


def test_an_order_of_what_was_never_sent_is_rejected(tmp_path: Path) -> None:
    world = TradingWorld(tmp_path)
    world.tell(world.request())
    world.trade()  # priced; it waits for our response to leave
    (stored,) = world.offers()
    world.replies()
    world.tell(
        world.dso.message(
            "FlexOrder", WHOLE, ISP_Duration="PT15M", TimeZone="Europe/Amsterdam", Period="2026-03-29",
            CongestionPoint=stored.offer.congestion_point, Currency="EUR", Price="12.35", OrderReference="o-1",
            FlexOfferMessageID=stored.offer.message_id,
        )
    )  # fmt: skip
    assert world.verdict() == ("Rejected", "Unknown FlexOfferMessageID reference")
    world.store.close()


def test_one_offer_is_ordered_once_and_one_reference_names_one_order(world: TradingWorld) -> None:
    offer = world.offered()
    order = world.order(offer)
    world.tell(order)
    world.tell(order)  # the same message again: not processed twice
    world.tell(world.order(offer))
    world.tell(world.order(offer, OrderReference="o-2"))
    verdicts = [(reply.get("Result"), reply.get("RejectionReason")) for reply in world.replies()]
    assert verdicts == [
        ("Accepted", None),
        ("Rejected", "FlexOffer already ordered; OrderReference already used"),
        ("Rejected", "FlexOffer already ordered"),
    ]
    assert len(world.orders()) == 1


def test_an_order_reference_of_another_offer_cannot_be_used_again(world: TradingWorld) -> None:
    world.tell(world.order(world.offered()))
    world.replies()
    second = world.offered(Revision="2")
    world.tell(world.order(second))
    assert world.verdict() == ("Rejected", "OrderReference already used")


@pytest.mark.parametrize(
    ("stamped", "received", "accepted"),
    [
        ("07:59:59", "07:59:59", True),
        ("08:00:00", "08:00:00", True),
        ("08:00:00", "08:08:00", True),  # within hold_s
        ("08:00:00", "08:10:05", False),
        ("08:00:01", "08:00:05", False),
    ],
)
def test_orders_around_the_expiry(world: TradingWorld, stamped: str, received: str, accepted: bool) -> None:
    offer = world.offered()
    world.answer(offer)
    late = datetime.fromisoformat(str(offer.get("ExpirationDateTime"))) - at("08:00:00")  # the world is some ms old
    world.clock.jump_to(at(received) + late)
    world.trade()
    order = world.order(offer, TimeStamp=(at(stamped) + late).isoformat())
    world.tell(order)
    assert world.verdict() == (("Accepted", None) if accepted else ("Rejected", "Reference message expired"))
    assert (world.offers()[0].state is OfferState.ORDERED) == accepted


def test_a_revocation_wins_over_an_order_that_crosses_it(world: TradingWorld) -> None:
    offer = world.offered()
    world.answer(offer)
    world.revoke(str(offer.get("MessageID")))
    (revocation,) = world.replies()
    assert (revocation.tag, revocation.get("FlexOfferMessageID")) == ("FlexOfferRevocation", offer.get("MessageID"))
    world.tell(world.order(offer))
    assert world.verdict() == ("Rejected", "Reference message revoked")
    world.answer(revocation)
    assert world.offers()[0].state is OfferState.REVOKED
    world.tell(world.order(offer))
    assert world.verdict() == ("Rejected", "Reference message revoked")


def test_a_dso_that_had_ordered_what_was_revoked_is_an_alarm(world: TradingWorld) -> None:
    offer = world.offered()
    world.answer(offer)
    world.revoke(str(offer.get("MessageID")))
    (revocation,) = world.replies()
    world.answer(revocation, "Rejected", RejectionReason="Flexibility procured")
    assert world.offers()[0].state is OfferState.REVOKED
    with world.store.reading() as tx:
        (alarm,) = [alarm for alarm in day.open_alarms(tx) if alarm.kind == "flex offer not revoked"]
    assert "Flexibility procured" in alarm.text


def test_a_revocation_that_is_never_answered_ends_with_the_offer(world: TradingWorld) -> None:
    offer = world.offered()
    world.answer(offer)
    world.revoke(str(offer.get("MessageID")))
    world.clock.jump_to(at("08:30:00"))
    world.trade()
    assert world.offers()[0].state is OfferState.REVOKED


def test_what_was_refused_cannot_be_ordered(world: TradingWorld) -> None:
    offer = world.offered()
    world.answer(offer, "Rejected", RejectionReason="no")
    world.tell(world.order(offer))
    assert world.verdict() == ("Rejected", "Unknown FlexOfferMessageID reference")


def test_another_dso_cannot_order(tmp_path: Path) -> None:
    world = TradingWorld(tmp_path)
    offer = world.offered()
    stranger = Party("dso.example", "DSO")  # signs with a key that is not the DSO's
    assert world.receive(stranger.seal(world.order(offer))) == 401
    assert world.orders() == []
    world.store.close()


@given(share=st.integers(1, 100))
@settings(deadline=None, max_examples=20)
def test_every_part_that_was_offered_is_accepted_however_it_is_rounded(
    tmp_path_factory: pytest.TempPathFactory, share: int
) -> None:
    world = TradingWorld(tmp_path_factory.mktemp("part"))
    offer = world.offered()
    factor = Decimal(share) / 100
    down, up = int(-30_000 * factor), int(15_000 * factor)
    isps = f'<ISP Power="{down}" Start="40" Duration="4"/><ISP Power="{up}" Start="44" Duration="8"/>'
    price = (Decimal("12.35") * factor).quantize(Decimal("0.0001"))
    world.tell(world.order(offer, isps, ActivationFactor=f"{factor:f}", Price=f"{price:f}"))
    assert world.verdict() == ("Accepted", None)
    world.store.close()
