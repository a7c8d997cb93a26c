"""Received messages on a real store: state changes, replies, and the answer to each kind of bad message."""

from collections import Counter
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from agr.messaging.handlers import HANDLERS, Handling, Judgement
from agr.messaging.overdue import report_overdue
from agr.messaging.process import Processor
from agr.store import day, inbox, outbox, portfolio
from agr.uftp.messages import TestMessage as Probe
from tests.builders.worlds import CONTRACT, NOW, PERIOD, POINT, Party, World


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    made = World(tmp_path)
    made.know_register()
    made.know_points()
    yield made
    made.store.close()


def reserved(world: World) -> dict[str, tuple[int, ...]]:
    with world.store.transaction() as tx:
        return day.reservations_on(tx, PERIOD.day)


def stored(world: World) -> int:
    with world.store.transaction() as tx:
        return len(inbox.messages(tx))


def reason_of(world: World) -> str:
    (reply,) = world.replies()
    assert reply.get("Result") == "Rejected"
    return reply.get("RejectionReason") or ""


def test_an_accepted_reservation_update_is_stored_and_answered_in_its_conversation(world: World) -> None:
    xml = world.dso.update(
        '<ISP Power="-50000" Start="2" Duration="3"/>', message_id="0" * 8 + "-0000-4000-8000-" + "0" * 12
    )
    assert world.receive(world.dso.seal(xml)) == 200
    (reply,) = world.replies()
    assert (reply.tag, reply.get("Result")) == ("FlexReservationUpdateResponse", "Accepted")
    assert reply.get("FlexReservationUpdateMessageID") == "00000000-0000-4000-8000-000000000000"
    assert reply.get("ConversationID") in xml
    assert reserved(world) == {CONTRACT: (0, -50000, -50000, -50000, *([0] * 88))}  # what is left out is released


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"Period": "2026-03-01"}, "Period"),
        ({"TimeZone": "Europe/London"}, "TimeZone"),
        ({"ISP_Duration": "PT30M"}, "ISP"),
        ({"CongestionPoint": "ea1.2024-01.example.dso:nowhere"}, "CongestionPoint"),
        ({"ContractID": "unheard of"}, "ontract"),
        ({"isps": '<ISP Power="-1" Start="92" Duration="2"/>'}, "ISP"),
        ({"isps": '<ISP Power="-1" Start="1" Duration="2"/><ISP Power="-1" Start="2"/>'}, "ISP"),
        ({"isps": '<ISP Power="-100001" Start="1"/>'}, "ower"),
        ({"isps": '<ISP Power="1" Start="1"/>'}, "ower"),
        ({"to": "somebody.example"}, "ecipient"),
    ],
)
def test_a_bad_reservation_update_is_rejected_with_the_reason_and_changes_nothing(
    world: World, change: dict[str, str], words: str
) -> None:
    assert world.receive(world.dso.seal(world.dso.update(**change))) == 200
    assert words in reason_of(world)
    assert reserved(world) == {}
    with world.store.transaction() as tx:
        assert day.open_triggers(tx) == []


def test_all_reasons_are_named_at_once(world: World) -> None:
    xml = world.dso.update('<ISP Power="5" Start="1"/><ISP Power="0" Start="93"/>', TimeZone="Europe/London")
    world.receive(world.dso.seal(xml))
    assert len(reason_of(world).split(";")) >= 3


@pytest.mark.parametrize(
    "change",
    [
        {"isps": '<ISP Power="-\uff11\uff10" Start="1"/>'},  # fullwidth digits
        {"isps": '<ISP Power="-\u0661" Start="1"/>'},  # Arabic digits
        {"isps": '<ISP Power="-1_000" Start="1"/>'},  # Python's own
        {"isps": '<ISP Power="-1e3" Start="1"/>'},
        {"isps": '<ISP Power="NaN" Start="1"/>'},
        {"isps": '<ISP Power="-Infinity" Start="1"/>'},
        {"isps": '<ISP Power="\u22121" Start="1"/>'},  # a minus sign that is none
        {"isps": f'<ISP Power="-{"9" * 5000}" Start="1"/>'},
        {"isps": '<ISP Power="-1" Start="1" Duration="99999999999999999999"/>'},
        {"isps": '<ISP Power="-1" Start="-18446744073709551615"/>'},
        {"Period": "2026-03-\u0662\u0669"},
        {"Period": "2026-W13-7"},
        {"TimeStamp": "0000-00-00T00:00:00Z"},
        {"ISP_Duration": "PT\u0661\u0665M"},
    ],
)
def test_number_tricks_are_refused_and_change_nothing(world: World, change: dict[str, str]) -> None:
    assert world.receive(world.dso.seal(world.dso.update(**change))) == 400
    assert (stored(world), reserved(world)) == (0, {})


@pytest.mark.parametrize(("contract", "point"), [("FO-1 ", POINT), ("\tFO-1", f"  {POINT} ")])
def test_padded_identifiers_name_what_they_name_without_padding(world: World, contract: str, point: str) -> None:
    update = world.dso.update(ContractID=contract, CongestionPoint=point)
    assert world.receiver.receive(world.dso.seal(update)) == 200
    world.processor.process_next()
    assert set(reserved(world)) == {CONTRACT}


@pytest.mark.parametrize(
    "contract",
    [
        "FO-1\u200b",  # zero width space
        "\u202eFO-1",  # right to left
        "FO\u20101",  # another hyphen
        "\uff26\uff2f-1",  # fullwidth letters, which compatibility normalisation would make equal
        "FO-1\u00a0",  # no-break space: only XML's own white space is trimmed
        "fo-1",
    ],
)
def test_unicode_tricks_name_no_contract_of_ours(world: World, contract: str) -> None:
    assert world.receive(world.dso.seal(world.dso.update(ContractID=contract))) == 200
    assert "ontract" in reason_of(world)
    assert reserved(world) == {}


@pytest.mark.parametrize("domain", ["dso.ex\u0430mple", "dso.example\u200b", "DSO.example", "dso.example."])
def test_a_look_alike_of_a_known_domain_is_refused(world: World, domain: str) -> None:
    xml = world.dso.update().replace('SenderDomain="dso.example"', f'SenderDomain="{domain}"')
    assert world.receive(world.dso.seal(xml, domain=domain)) in (400, 419)
    assert world.receive(world.dso.seal(xml)) == 400  # in the message alone
    assert stored(world) == 0


@pytest.mark.parametrize("status", [401])
def test_a_wrong_signature_is_refused_and_leaves_no_trace(world: World, status: int) -> None:
    impostor = Party("dso.example", "DSO")
    assert world.receive(impostor.seal(impostor.update())) == status
    assert (stored(world), reserved(world), world.replies()) == (0, {}, [])


def test_an_unknown_sender_is_refused_with_key_not_found(world: World) -> None:
    stranger = Party("stranger.example", "DSO")
    assert world.receive(stranger.seal(stranger.update())) == 419
    assert stored(world) == 0


def test_an_envelope_that_names_another_sender_is_refused(world: World) -> None:
    xml = world.dso.update().replace('SenderDomain="dso.example"', 'SenderDomain="cro.example"')
    assert world.receive(world.dso.seal(xml)) == 400
    assert stored(world) == 0


@pytest.mark.parametrize(
    "body", [b"", b"hello", b"<SignedMessage/>", b'<!DOCTYPE x [<!ENTITY a "b">]><SignedMessage Body="&a;"/>']
)
def test_a_body_that_is_no_signed_message_is_refused(world: World, body: bytes) -> None:
    assert world.receive(body) == 400
    assert stored(world) == 0


def test_an_entity_bomb_inside_a_good_signature_is_refused(world: World) -> None:
    bomb = '<!DOCTYPE x [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;&a;&a;">]>' + world.dso.message("TestMessage", "&b;")
    assert world.receive(world.dso.seal(bomb)) == 400


def test_an_oversized_message_is_refused(world: World) -> None:
    big = world.dso.message("TestMessage") + " " * (world.settings.limits.max_bytes_dso)
    assert world.receive(world.dso.seal(big)) == 413


def test_a_repeated_message_is_answered_200_and_processed_once(world: World) -> None:
    body = world.dso.seal(world.dso.update())
    assert [world.receive(body), world.receive(body)] == [200, 200]
    assert len(world.replies()) == 1
    assert stored(world) == 1


def test_another_message_under_a_used_message_id_is_rejected_as_duplicate(world: World) -> None:
    same = "11111111-1111-4111-8111-111111111111"
    world.receive(world.dso.seal(world.dso.update(message_id=same)))
    assert world.replies()[0].get("Result") == "Accepted"
    assert world.receive(world.dso.seal(world.dso.update('<ISP Power="0" Start="1"/>', message_id=same))) == 200
    assert "Duplicate Identifier" in reason_of(world)
    assert reserved(world)[CONTRACT][0] == -50000


def test_a_barred_sender_is_rejected(tmp_path: Path) -> None:
    world = World(tmp_path, barred=("dso.example",))
    world.know_register()
    world.know_points()
    world.receive(world.dso.seal(world.dso.update()))
    assert "arred" in reason_of(world)
    world.store.close()


def test_a_test_message_is_answered_in_its_conversation(world: World) -> None:
    world.receive(world.cro.seal(world.cro.message("TestMessage")))
    (reply,) = world.replies()
    assert reply.tag == "TestMessageResponse"


def test_a_request_that_is_not_for_an_aggregator_gets_a_proper_rejection(world: World) -> None:
    assert world.receive(world.dso.seal(world.dso.message("DSOPortfolioUpdate"))) == 200
    (reply,) = world.replies()
    assert (reply.tag, reply.get("Result")) == ("DSOPortfolioUpdateResponse", "Rejected")


def test_an_answer_to_a_question_nobody_asked_changes_nothing_and_raises_an_alarm(world: World) -> None:
    point = (
        f'<CongestionPoint EntityAddress="{POINT}" MutexOffersSupported="true" DayAheadRedispatchBy="AGR">'
        '<Connection EntityAddress="ean.871685900012636543"/></CongestionPoint>'
    )
    view = f'<DSO-View><DSO-Portfolio DSO-Domain="dso.example">{point}</DSO-Portfolio></DSO-View>'
    answer = world.cro.message(
        "AGRPortfolioQueryResponse", view,
        TimeZone="Europe/Amsterdam", Period="2026-03-29", Result="Accepted",
        AGRPortfolioQueryMessageID="22222222-2222-4222-8222-222222222222",
    )  # fmt: skip
    assert world.receive(world.cro.seal(answer)) == 200
    with world.store.transaction() as tx:
        assert portfolio.load(tx, PERIOD).point_of() == {"ean.1": POINT, "ean.2": "ea1.2024-01.example.dso:p2"}
        assert [a.kind for a in day.open_alarms(tx)] == ["answer refused"]
    assert world.replies() == []


def test_a_dso_may_not_send_a_portfolio(world: World) -> None:
    answer = world.dso.message(
        "AGRPortfolioUpdateResponse", Result="Accepted",
        AGRPortfolioUpdateMessageID="22222222-2222-4222-8222-222222222222",
    )  # fmt: skip
    world.receive(world.dso.seal(answer))
    with world.store.transaction() as tx:
        assert inbox.messages(tx)[0]["state"] == "rejected"


def test_an_overdue_answer_is_reported_once(world: World) -> None:
    with world.store.transaction() as tx:
        outbox.put(
            tx, message_id="m", conversation_id="c", kind="AGRPortfolioQuery", recipient_domain="cro.example",
            recipient_role="CRO", xml=b"<x/>", at=NOW, period=PERIOD.day, answer_due_at=NOW + timedelta(minutes=10),
        )  # fmt: skip
    world.clock.jump_to(NOW + timedelta(minutes=11))
    assert report_overdue(world.store, world.clock.now()) == 1
    assert report_overdue(world.store, world.clock.now()) == 0
    with world.store.transaction() as tx:
        assert [a.kind for a in day.open_alarms(tx)] == ["answer overdue"]


@pytest.mark.parametrize(("planned", "triggers"), [(False, 0), (True, 1)])
def test_an_update_while_the_first_plan_is_being_made_asks_for_another(
    world: World, planned: bool, triggers: int
) -> None:
    if planned:
        with world.store.transaction() as tx:
            day.moment_done(tx, PERIOD.day, "first_plan", NOW, "plan asked for")
    world.receive(world.dso.seal(world.dso.update()))
    with world.store.transaction() as tx:
        assert len(day.open_triggers(tx)) == triggers


def test_one_message_that_breaks_the_program_is_set_aside_and_every_other_one_of_the_batch_is_answered(
    world: World,
) -> None:
    poison = "11111111-1111-4111-8111-111111111111"

    def breaking(message: Probe, handling: Handling) -> Judgement:
        if message.message_id == poison:
            raise RuntimeError("a bug")
        return HANDLERS[Probe](message, handling)

    handlers = {**HANDLERS, Probe: breaking}
    processor = Processor(world.store, world.settings, world.clock, world.participants, handlers)
    for number in range(7):
        chosen = poison if number == 3 else None
        assert world.receiver.receive(world.dso.seal(world.dso.message("TestMessage", message_id=chosen))) == 200
    for _ in range(30):
        try:
            if not processor.process_next():
                break
        except RuntimeError:
            continue
    assert len(world.replies()) == 6
    with world.store.transaction() as tx:
        assert [a.kind for a in day.open_alarms(tx)] == ["message set aside"]
        assert Counter(m["state"] for m in inbox.messages(tx)) == {"accepted": 6, "failed": 1}
