"""The CRO and DSO on the wire: signed both ways, judged by the published schemas."""

import socket
import time
import uuid
from dataclasses import replace

import pytest
from nacl.signing import SigningKey

from agr.demo.counterparties import Counterparty
from agr.domain.errors import DeliveryError

POINT_1 = "ea1.2024-01.example.dso-one:point-1"
POINT_2 = "ea1.2024-01.example.dso-two:point-2"
PERIOD = {"TimeZone": "Europe/Amsterdam", "Period": "2026-03-29"}
D_PROGNOSIS = {**PERIOD, "ISP_Duration": "PT15M", "CongestionPoint": POINT_1, "Revision": "7"}
WHOLE_DAY = '<ISP Power="-1200" Start="1" Duration="92"/>'


def ask(agr, cro):
    query = agr.message("AGRPortfolioQuery", cro, **PERIOD)
    assert agr.post(query, cro) == 200
    return query, agr.inbox.get(timeout=60)


def told(answer):
    return {
        point.get("EntityAddress"): [c.get("EntityAddress") for c in point.iter("Connection")]
        for point in answer.iter("CongestionPoint")
    }


def test_a_cro_answers_a_query_with_everything_it_knows_for_the_period_asked(agr, cro, known, schema):
    query, answer = ask(agr, cro)
    assert (answer.tag, answer.get("Result"), answer.get("Period")) == (
        "AGRPortfolioQueryResponse", "Accepted", "2026-03-29",
    )  # fmt: skip
    assert answer.get("ConversationID") in query
    assert answer.get("AGRPortfolioQueryMessageID") in query
    assert told(answer) == {p["address"]: p["connections"] for p in known["congestion_points"]}
    assert [p.get("DSO-Domain") for p in answer.iter("DSO-Portfolio")] == ["dso-one.example", "dso-two.example"]
    assert [c.get("EntityAddress") for c in answer.findall("DSO-View/Connection")] == known["free_connections"]
    schema["agr-cro"].assertValid(answer)
    second = next(p for p in answer.iter("CongestionPoint") if p.get("EntityAddress") == POINT_2)
    assert (second.get("MutexOffersSupported"), second.get("DayAheadRedispatchBy")) == ("true", "DSO")


def test_a_received_message_is_reported_with_its_exact_xml_and_metadata(agr, cro):
    query, _ = ask(agr, cro)
    event = cro.wait_for(lambda e: e.kind == "received")
    assert (event.type, event.xml) == ("AGRPortfolioQuery", query)
    assert event.message_id in query
    assert event.conversation_id in query
    assert event.text("period") == "2026-03-29"
    assert event.text("sender_role") == "AGR"


def test_a_cro_can_answer_in_part_reject_or_stay_silent(agr, cro, schema):
    cro.send("portfolio", mode="partial")
    assert list(told(ask(agr, cro)[1])) == [POINT_1]
    cro.send("portfolio", mode="rejected")
    _, rejected = ask(agr, cro)
    assert (rejected.get("Result"), bool(rejected.get("RejectionReason"))) == ("Rejected", True)
    schema["agr-cro"].assertValid(rejected)  # thanks to a dummy congestion point
    cro.send("portfolio", mode="rejected-bare")
    _, bare = ask(agr, cro)
    assert told(bare) == {}
    assert not schema["agr-cro"].validate(bare)  # 3.1.0 has no valid way to say only "no"
    cro.send("silent")
    agr.post(agr.message("AGRPortfolioQuery", cro, **PERIOD), cro)
    cro.wait_for(lambda e: e.kind == "kept_silent")
    assert agr.inbox.empty()


def test_a_cro_learns_a_new_connection_list_while_it_runs(agr, cro, known):
    cro.send("portfolio", config={"congestion_points": [known["congestion_points"][1]]})
    assert list(told(ask(agr, cro)[1])) == [POINT_2]


def test_a_late_answer_comes_late(agr, cro):
    cro.send("delay", seconds=0.2)
    begin = time.monotonic()
    ask(agr, cro)
    assert time.monotonic() - begin >= 0.2


def test_a_cro_accepts_a_portfolio_update(agr, cro, schema):
    connection = '<Connection EntityAddress="ean.299000000000000015" StartPeriod="2026-03-29"/>'
    assert agr.post(agr.message("AGRPortfolioUpdate", cro, connection, TimeZone="Europe/Amsterdam"), cro) == 200
    answer = agr.inbox.get(timeout=60)
    assert (answer.tag, answer.get("Result")) == ("AGRPortfolioUpdateResponse", "Accepted")
    schema["agr-cro"].assertValid(answer)


def test_a_dso_accepts_a_prognosis_in_its_conversation_and_rejects_when_told(agr, dso, schema):
    prognosis = agr.message("D-Prognosis", dso, WHOLE_DAY, **D_PROGNOSIS)
    assert agr.post(prognosis, dso) == 200
    answer = agr.inbox.get(timeout=60)
    assert (answer.tag, answer.get("Result")) == ("D-PrognosisResponse", "Accepted")
    assert answer.get("D-PrognosisMessageID") in prognosis
    assert answer.get("ConversationID") in prognosis
    schema["agr-dso"].assertValid(answer)
    (event,) = dso.received("D-Prognosis")
    assert event.fields["isps"] == [{"start": 1, "duration": 92, "power": -1200}]
    assert event.fields["revision"] == 7

    dso.send("reject_next", reason="Unknown reference")
    agr.post(agr.message("D-Prognosis", dso, WHOLE_DAY, **D_PROGNOSIS), dso)
    rejected = agr.inbox.get(timeout=60)
    assert (rejected.get("Result"), rejected.get("RejectionReason")) == ("Rejected", "Unknown reference")
    schema["agr-dso"].assertValid(rejected)
    agr.post(agr.message("D-Prognosis", dso, WHOLE_DAY, **D_PROGNOSIS), dso)
    assert agr.inbox.get(timeout=60).get("Result") == "Accepted"


def test_a_dso_answers_in_the_version_it_was_spoken_to(agr, dso):
    agr.post(agr.message("D-Prognosis", dso, WHOLE_DAY, **{**D_PROGNOSIS, "Version": "3.0.0"}), dso)
    assert agr.inbox.get(timeout=60).get("Version") == "3.0.0"


def test_a_dso_releases_part_of_a_reservation_and_records_the_response(agr, dso, schema):
    conversation = str(uuid.uuid4())
    done = dso.send(
        "release",
        domain=agr.domain,
        contract="FO-1",
        congestion_point=POINT_1,
        period="2026-03-29",
        isps=[{"start": 65, "duration": 8, "power": -250000}, {"start": 73, "power": 0}],
        conversation=conversation,
        reference="half",
    )
    update = agr.inbox.get(timeout=60)
    schema["agr-dso"].assertValid(update)
    assert (update.tag, update.get("ContractID"), update.get("Reference")) == ("FlexReservationUpdate", "FO-1", "half")
    assert (update.get("ISP-Duration"), update.get("CongestionPoint")) == ("PT15M", POINT_1)
    assert update.get("ConversationID") == conversation == done.conversation_id
    assert [(i.get("Start"), i.get("Duration"), i.get("Power")) for i in update.iter("ISP")] == [
        ("65", "8", "-250000"), ("73", "1", "0"),
    ]  # fmt: skip
    response = agr.message(
        "FlexReservationUpdateResponse",
        dso,
        ConversationID=conversation,
        FlexReservationUpdateMessageID=update.get("MessageID"),
        Result="Accepted",
    )
    assert agr.post(response, dso) == 200
    event = dso.wait_for(lambda e: e.type == "FlexReservationUpdateResponse")
    assert event.text("flex_reservation_update_message_id") == update.get("MessageID")
    assert event.text("result") == "Accepted"


def test_time_stamps_follow_the_clock_of_the_day_played(agr, dso):
    dso.send("clock", now="2024-04-09T06:00:00+00:00")
    dso.send("send_test", domain=agr.domain)
    assert agr.inbox.get(timeout=60).get("TimeStamp").startswith("2024-04-09T06:00:")


def test_test_messages_go_both_ways_and_the_response_carries_a_result_the_schema_forbids(agr, dso, schema):
    dso.send("send_test", domain=agr.domain)
    schema["common"].assertValid(agr.inbox.get(timeout=60))
    agr.post(agr.message("TestMessage", dso), dso)
    answer = agr.inbox.get(timeout=60)
    assert answer.tag == "TestMessageResponse"
    assert not schema["common"].validate(answer)
    del answer.attrib["Result"]
    schema["common"].assertValid(answer)


def test_a_wrong_signature_and_an_unknown_sender_are_refused_by_status(agr, dso):
    prognosis = agr.message("D-Prognosis", dso, WHOLE_DAY, **D_PROGNOSIS)
    assert agr.post(prognosis, dso, key=SigningKey.generate()) == 401
    assert dso.wait_for(lambda e: e.kind == "refused").text("sender_domain") == agr.domain
    dso.meet([])
    assert agr.post(prognosis, dso) == 419
    assert dso.received("D-Prognosis") == ()


def test_a_counterparty_told_to_refuse_answers_with_that_status_as_often_as_told(agr, dso):
    dso.send("refuse", status=503, count=2)
    prognosis = agr.message("D-Prognosis", dso, WHOLE_DAY, **D_PROGNOSIS)
    assert [agr.post(prognosis, dso) for _ in range(3)] == [503, 503, 200]


def test_raw_xml_is_signed_as_it_is_and_the_answered_status_reported(agr, dso):
    done = dso.send("send_raw", domain=agr.domain, xml="<Odd a='1'/>")
    assert done.fields["status"] == 200
    assert agr.inbox.get(timeout=60).tag == "Odd"


def test_a_message_nobody_receives_is_reported_as_failed(dso: Counterparty, agr):
    agr.close()
    with pytest.raises(DeliveryError, match="could not send_test"):
        dso.send("send_test", domain=agr.domain)
    assert dso.wait_for(lambda e: e.kind == "failed").fields["attempts"] == 5


def test_an_answer_follows_a_peer_that_has_moved(agr, dso):
    dso.send("persist", seconds=60)
    prognosis = agr.message("D-Prognosis", dso, WHOLE_DAY, **D_PROGNOSIS)
    with socket.create_server(("127.0.0.1", 0)) as before:
        dso.meet([replace(agr.peer, endpoint=f"http://127.0.0.1:{before.getsockname()[1]}/")])
        assert agr.post(prognosis, dso) == 200
        before.accept()[0].close()  # it has tried to answer there
    dso.meet([agr.peer])
    assert agr.inbox.get(timeout=60).tag == "D-PrognosisResponse"
