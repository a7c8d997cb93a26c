"""Which answer belongs to which question, and when one is overdue."""

from datetime import UTC, date, datetime, timedelta

import pytest

from agr.conversation import (
    belongs,
    expected_answer,
    is_answer,
    is_overdue,
    question_answered_by,
    question_of,
    reference_of,
)
from agr.program import Run
from agr.uftp import messages as m
from agr.uftp.codec import respond
from agr.uftp.question import ANSWERS, Question

NOW = datetime(2026, 3, 28, 6, 30, tzinfo=UTC)
IDS = [f"abcdef00-0000-4000-8000-00000000000{n}" for n in range(10)]
POINT = "ean.871685900012636543"


def metadata(message_id=IDS[0], conversation_id=IDS[1], sender="agr.nl", recipient="dso.nl"):
    return {
        "version": "3.1.0",
        "sender_domain": sender,
        "recipient_domain": recipient,
        "time_stamp": NOW,
        "message_id": message_id,
        "conversation_id": conversation_id,
    }


PROGNOSIS = m.DPrognosis(
    **metadata(),
    isp_duration="PT15M",
    time_zone="Europe/Amsterdam",
    period=date(2026, 3, 29),
    congestion_point=POINT,
    revision=1,
    isps=(Run(1, 0, 92),),
)
QUERY = m.AGRPortfolioQuery(**metadata(IDS[2], IDS[3]), time_zone="Europe/Amsterdam", period=date(2026, 3, 29))
TEST = m.TestMessage(**metadata(IDS[4], IDS[5]))


def answer(request, **more):
    reply = respond(request, result="Accepted", reason=None, sender_domain="dso.nl", now=NOW, message_id=IDS[9])
    return reply.model_copy(update=more)


def test_question_remembers_what_an_answer_is_judged_by():
    assert question_of(PROGNOSIS) == Question(
        message_id=IDS[0],
        conversation_id=IDS[1],
        type="D-Prognosis",
        recipient_domain="dso.nl",
        period=date(2026, 3, 29),
        congestion_point=POINT,
    )
    assert question_of(QUERY).period == date(2026, 3, 29)
    assert question_of(TEST) == Question(
        message_id=IDS[4], conversation_id=IDS[5], type="TestMessage", recipient_domain="dso.nl"
    )


def test_every_request_we_may_send_has_its_answer_type():
    assert expected_answer("D-Prognosis") == "D-PrognosisResponse"
    assert expected_answer("D-PrognosisResponse") is None
    assert all(request in m.TYPES and reply in m.TYPES for request, reply in ANSWERS.items())
    assert {root for root, kind in m.TYPES.items() if not issubclass(kind, m.RESPONSES)} == set(ANSWERS)


def test_answers_are_told_from_requests():
    assert is_answer(answer(PROGNOSIS))
    assert is_answer(answer(TEST))
    assert not is_answer(PROGNOSIS)
    assert is_answer(m.OtherMessage(**metadata(), root_name="FlexOfferResponse"))
    assert not is_answer(m.OtherMessage(**metadata(), root_name="FlexOrder"))


@pytest.mark.parametrize("request_sent", [PROGNOSIS, QUERY, TEST])
def test_answer_finds_its_question_among_many(request_sent):
    questions = [question_of(other) for other in (TEST, PROGNOSIS, QUERY)]
    assert question_answered_by(answer(request_sent), questions) == question_of(request_sent)
    assert question_answered_by(answer(request_sent), []) is None


def test_identifiers_are_compared_without_case():
    assert belongs(answer(PROGNOSIS, reference=IDS[0].upper()), question_of(PROGNOSIS))
    assert belongs(answer(TEST, conversation_id=IDS[5].upper()), question_of(TEST))


def test_answer_of_somebody_else_or_of_another_type_does_not_belong():
    assert not belongs(answer(PROGNOSIS, sender_domain="other.nl"), question_of(PROGNOSIS))
    assert not belongs(answer(QUERY, reference=IDS[0]), question_of(PROGNOSIS))
    assert not belongs(answer(PROGNOSIS, reference=IDS[8]), question_of(PROGNOSIS))
    assert not belongs(answer(TEST, conversation_id=IDS[8]), question_of(TEST))


def test_reference_outweighs_the_conversation():
    assert belongs(answer(PROGNOSIS, conversation_id=IDS[8]), question_of(PROGNOSIS))


def test_reference_is_found_where_there_is_one():
    assert reference_of(answer(PROGNOSIS)) == IDS[0]
    assert reference_of(answer(TEST)) is None
    assert reference_of(PROGNOSIS) is None


def test_answer_is_overdue_when_patience_ends():
    patience = timedelta(minutes=10)
    assert not is_overdue(NOW, NOW + patience - timedelta(microseconds=1), patience)
    assert is_overdue(NOW, NOW + patience, patience)
