"""A DSO requests flexibility: judged, stored, priced and offered."""

from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path

import pytest

from agr.domain.flexibility_states import OfferState, RequestState
from agr.messaging.receive import Receiver
from agr.operations.flex_offers import trading_day
from agr.settings import MessageLimits
from agr.store import day
from tests.builders.schemas import schema
from tests.builders.trading_day import AVAILABLE, CONTRACT, REQUESTED, TradingWorld, at
from tests.builders.worlds import PERIOD


@pytest.fixture
def world(tmp_path: Path) -> Iterator[TradingWorld]:
    made = TradingWorld(tmp_path)
    yield made
    made.store.close()


def test_a_request_is_accepted_priced_and_offered_in_its_conversation_after_the_response(world: TradingWorld) -> None:
    world.tell(world.request(ConversationID="99999999-8888-4777-8666-aaaaaaaaaaaa"))
    world.trade()
    (response,) = world.replies()
    assert (response.tag, response.get("Result")) == ("FlexRequestResponse", "Accepted")
    assert world.offers()[0].state is OfferState.PRICED  # the response had not left when it was priced
    world.trade()
    (offer,) = world.replies()
    assert offer.tag == "FlexOffer"
    assert offer.get("ConversationID") == "99999999-8888-4777-8666-aaaaaaaaaaaa"
    assert offer.get("FlexRequestMessageID") == world.requests()[0].request.message_id
    assert offer.get("D-PrognosisMessageID") is None
    (option,) = offer.findall("OfferOption")
    assert (option.get("Price"), option.get("MinActivationFactor")) == ("12.35", "0.01")
    assert [dict(isp.attrib) for isp in option] == [
        {"Power": "-30000", "Start": "40", "Duration": "4"},  # the elements of the request
        {"Power": "15000", "Start": "44", "Duration": "8"},
    ]


def test_an_offer_can_be_ordered_until_an_hour_before_its_first_isp_with_power(world: TradingWorld) -> None:
    first = '<ISP Disposition="Requested" MinPower="-50000" MaxPower="0" Start="1"/>'  # begins 23:00 UTC
    world.clock.jump_to(at("21:30:00"))
    world.tell(world.request(first, ExpirationDateTime="2026-03-28T22:30:00Z"))
    world.replies()
    world.trade()
    (offer,) = world.replies()
    assert offer.get("ExpirationDateTime") == "2026-03-28T22:00:00Z"


@pytest.mark.parametrize(
    ("isps", "more", "reason"),
    [
        (AVAILABLE, {}, "Lacking Requested Disposition"),
        ('<ISP MinPower="-5" MaxPower="0" Start="4"/>', {}, "Lacking Requested Disposition"),
        (
            '<ISP Disposition="Requested" MinPower="-5" MaxPower="5" Start="4"/>',
            {},
            "Requested Power discrepancy",
        ),
        ('<ISP Disposition="Requested" MinPower="-5" MaxPower="-6" Start="4"/>', {}, "Power discrepancy"),
        (REQUESTED, {"ExpirationDateTime": "2026-03-28T06:00:00Z"}, "ExpirationDateTime out of bounds"),
        (REQUESTED, {"ExpirationDateTime": "2026-03-29T09:46:00Z"}, "ExpirationDateTime out of bounds"),
        (REQUESTED, {"ContractID": "FO-9"}, "Unknown ContractID"),
        (
            REQUESTED,
            {"ContractID": CONTRACT, "CongestionPoint": "ea1.2024-01.example.dso:p2"},
            "ContractID does not cover this CongestionPoint",
        ),
        (REQUESTED, {"CongestionPoint": "ea1.2024-01.example.dso:nowhere"}, "Invalid CongestionPoint"),
        (REQUESTED, {"Period": "2026-03-27"}, "Period out of bounds; ExpirationDateTime out of bounds"),
        (REQUESTED, {"ISP_Duration": "PT5M"}, "ISP duration rejected"),
        (REQUESTED + REQUESTED, {}, "ISP conflict"),
        (
            '<ISP Disposition="Requested" MinPower="-5" MaxPower="0" Start="90" Duration="4"/>',
            {},
            "ISPs out of bounds",
        ),
    ],
)
def test_a_bad_request_is_rejected_with_the_reason_and_nothing_is_stored(
    world: TradingWorld, isps: str, more: dict[str, str], reason: str
) -> None:
    assert world.tell(world.request(isps, **more)) == 200
    assert world.verdict() == ("Rejected", reason)
    assert world.requests() == []


def test_a_request_of_any_size_is_accepted(world: TradingWorld) -> None:
    world.tell(world.request('<ISP Disposition="Requested" MinPower="-1000000000" MaxPower="0" Start="40"/>'))
    assert world.verdict() == ("Accepted", None)


def test_the_newest_revision_counts_and_an_older_one_is_rejected(world: TradingWorld) -> None:
    world.tell(world.request(Revision="2"))
    world.tell(world.request(Revision="5"))
    world.tell(world.request(Revision="3"))
    verdicts = [(reply.get("Result"), reply.get("RejectionReason")) for reply in world.replies()]
    assert verdicts == [("Accepted", None)] * 2 + [("Rejected", "Subordinate sequence number")]
    assert [(r.request.revision, r.state) for r in world.requests()] == [
        (5, RequestState.ACCEPTED), (2, RequestState.SUPERSEDED),
    ]  # fmt: skip
    world.trade()
    assert [request.revision for request in world.pricer.seen] == [5]


def test_revisions_count_by_contract_and_point(world: TradingWorld) -> None:
    world.tell(world.request(Revision="5"))
    world.tell(world.request(Revision="1", ContractID=CONTRACT))
    world.tell(world.request(Revision="1", CongestionPoint="ea1.2024-01.example.dso:p2"))
    assert [reply.get("Result") for reply in world.replies()] == ["Accepted"] * 3
    assert {r.state for r in world.requests()} == {RequestState.ACCEPTED}


def test_an_offer_that_has_left_outlives_a_newer_request_and_one_that_waits_does_not(tmp_path: Path) -> None:
    world = TradingWorld(tmp_path, automatic=False)
    world.tell(world.request(Revision="1"))
    world.trade()
    world.tell(world.request(Revision="2"))
    (waiting,) = world.offers()
    assert (waiting.state, waiting.note) == (OfferState.DISCARDED, "the DSO has sent revision 2 of its request")
    world.store.close()


def test_why_there_is_no_offer_is_shown(world: TradingWorld) -> None:
    world.pricer.reason = "nothing can move"
    world.tell(world.request())
    world.trade()
    assert (world.requests()[0].note, world.offers()) == ("no offer: nothing can move", [])


def test_a_request_that_breaks_pricing_is_said_once_and_blocks_no_other(world: TradingWorld) -> None:
    world.pricer.broken = True
    world.tell(world.request(Revision="1"))
    world.tell(world.request(Revision="1", CongestionPoint="ea1.2024-01.example.dso:p2"))
    world.pricer.at_once = 1
    for _ in range(2):
        with pytest.raises(RuntimeError):
            world.offering.price_next()
    assert not world.offering.price_next()
    assert all("boom" in r.note for r in world.requests())
    with world.store.reading() as tx:
        assert [alarm.kind for alarm in day.open_alarms(tx)] == ["flex request not priced"] * 2


def test_a_request_expires_and_that_it_could_not_be_priced_in_time_is_said(world: TradingWorld) -> None:
    world.tell(world.request(ExpirationDateTime="2026-03-28T07:00:00Z"))
    world.clock.jump_to(at("07:00:00"))
    world.trade()
    assert world.pricer.seen == []
    (stored,) = world.requests()
    assert (stored.state, stored.note.partition(";")[0]) == (RequestState.EXPIRED, "no offer: busy")
    with world.store.reading() as tx:
        (alarm,) = day.open_alarms(tx)
    assert (alarm.kind, alarm.subject) == ("flex request not priced in time", "dso.example")
    assert alarm.text.startswith("1 FlexRequest of dso.example got no offer, for ea1.2024-01.example.dso:p1: expired")
    world.tell(world.request(Revision="2"))
    world.trade()
    with world.store.reading() as tx:
        assert day.open_alarms(tx) == []


def test_a_request_that_waits_says_how_many_are_priced_before_it(world: TradingWorld) -> None:
    """Those that expire first come first, whichever came first."""
    late, soon = "2026-03-28T16:00:00Z", "2026-03-28T15:00:00Z"
    world.tell(world.request(ExpirationDateTime=late))
    world.tell(world.request(ExpirationDateTime=soon, CongestionPoint="ea1.2024-01.example.dso:p2"))
    with world.store.reading() as tx:
        found = trading_day(tx, PERIOD)
    words = {one.request.congestion_point[-2:]: found.came_of(one) for one in found.requests}
    assert words == {"p1": "waits: 1 request that expires earlier is priced first", "p2": "being priced"}
    world.trade()
    assert [one.congestion_point[-2:] for one in world.pricer.seen] == ["p2", "p1"]
    with world.store.reading() as tx:
        found = trading_day(tx, PERIOD)
    assert {found.came_of(one) for one in found.requests} == {"1 offered"}


def test_of_a_flood_of_requests_some_are_answered_429_and_only_the_newest_revision_is_priced(tmp_path: Path) -> None:
    world = TradingWorld(tmp_path)
    limits = MessageLimits(messages_per_minute=40)
    settings = world.settings.model_copy(update={"limits": limits})
    world.receiver = Receiver(world.store, settings, world.clock, world.participants, lambda: None)
    statuses = [world.tell(world.request(Revision=str(revision))) for revision in range(1, 61)]
    assert set(statuses) == {200, 429}
    taken = statuses.index(429)
    assert 40 <= taken < 60
    assert {reply.get("Result") for reply in world.replies()} == {"Accepted"}
    world.trade()
    newest = max(revision for revision, status in enumerate(statuses, start=1) if status == 200)
    assert [request.revision for request in world.pricer.seen] == [newest]
    assert len([one for one in world.requests() if one.state is RequestState.SUPERSEDED]) == statuses.count(200) - 1
    assert [offer.tag for offer in world.replies()] == ["FlexOffer"]
    world.store.close()


def test_by_hand_an_offer_waits_for_an_operator_and_lapses_with_its_request(tmp_path: Path) -> None:
    world = TradingWorld(tmp_path, automatic=False)
    world.tell(world.request())
    world.replies()
    world.trade()
    assert (world.replies(), world.offers()[0].state) == ([], OfferState.PRICED)
    world.clock.jump_to(at("16:00:00"))
    world.trade()
    assert world.offers()[0].state is OfferState.DISCARDED
    world.store.close()


def test_what_an_offer_costs_and_its_program_stay_with_it(world: TradingWorld) -> None:
    from agr.store import flex_offers

    world.offered()
    (stored,) = world.offers()
    assert stored.costs == (("day-ahead", 10.0), ("margin", 2.3456))
    assert stored.offer.options[0].price == Decimal("12.35")
    with world.store.reading() as tx:
        assert flex_offers.outcome(tx, stored.offer.message_id) == b"program"


def test_a_refused_offer_is_an_alarm_with_the_reason(world: TradingWorld) -> None:
    offer = world.offered()
    world.answer(offer, "Rejected", RejectionReason="No MutEx offer support")
    (stored,) = world.offers()
    assert (stored.state, stored.note) == (OfferState.REFUSED, "No MutEx offer support")
    with world.store.reading() as tx:
        (alarm,) = [alarm for alarm in day.open_alarms(tx) if alarm.kind == "flex offer refused"]
    assert "No MutEx offer support" in alarm.text


def test_an_expired_offer_that_could_not_be_delivered_never_leaves(world: TradingWorld) -> None:
    world.tell(world.request())
    world.replies()
    world.trade()
    world.clock.jump_to(at("08:30:00"))  # two hours after 06:00 and more
    world.trade()
    assert world.offers()[0].state is OfferState.EXPIRED
    assert world.replies() == []


def test_a_repeated_request_is_answered_once(world: TradingWorld) -> None:
    sealed = world.dso.seal(world.request())
    assert [world.receive(sealed), world.receive(sealed)] == [200, 200]
    assert len(world.replies()) == len(world.requests()) == 1


@pytest.mark.parametrize("version", ["3.0.0", "3.1.0"])
def test_everything_that_we_send_satisfies_the_schema_of_the_dso_s_version(world: TradingWorld, version: str) -> None:
    """Responses to a request and an order, the offer, and its revocation."""
    world.participants.learn("dso.example", "DSO", version=version)
    world.tell(world.request(Version=version))
    sent = world.replies()
    world.trade()
    sent += world.replies()
    offer = sent[-1]
    world.answer(offer, Version=version)
    world.tell(world.order(offer, Version=version))
    sent += world.replies()
    world.tell(world.request(Version=version, ContractID=CONTRACT))
    sent += world.replies()
    world.trade()
    sent += world.replies()
    world.answer(sent[-1], Version=version)
    world.revoke(str(sent[-1].get("MessageID")))
    sent += world.replies()
    kinds = [message.tag for message in sent]
    for message in sent:
        schema(version).assertValid(message)
        assert message.get("Version") == version
    assert kinds == [
        "FlexRequestResponse", "FlexOffer", "FlexOrderResponse", "FlexRequestResponse", "FlexOffer",
        "FlexOfferRevocation",
    ]  # fmt: skip
