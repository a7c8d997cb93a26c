"""Rules for answers to what we asked."""

from datetime import date, timedelta

import pytest

from agr.messaging.rules import OpenRequest
from agr.uftp import messages as m
from tests.messaging.rules.rule_samples import DAY, IDS, POINT, metadata, reasons


def prognosis_answer(**more):
    return m.DPrognosisResponse(**metadata(**{"result": "Accepted", "reference": IDS[2], **more}))


def question(**more):
    fields = {
        "message_id": IDS[2],
        "conversation_id": IDS[1],
        "type": "D-Prognosis",
        "recipient_domain": "dso.nl",
        "period": DAY,
        "congestion_point": POINT,
    }
    return OpenRequest(**{**fields, **more})


def test_answer_to_our_question():
    assert reasons(prognosis_answer(), question=question()) == ()
    assert reasons(prognosis_answer(reference=IDS[2].upper()), question=question(message_id=IDS[2].lower())) == ()


@pytest.mark.parametrize(
    "asked",
    [
        None,
        question(message_id=IDS[3]),
        question(recipient_domain="both.nl"),
        question(type="AGRPortfolioQuery"),
        question(type="Nonsense"),
    ],
)
def test_answer_to_no_question_of_ours(asked):
    assert reasons(prognosis_answer(), question=asked) == ("Unknown D-PrognosisMessageID reference",)


def test_answer_in_another_conversation():
    assert reasons(prognosis_answer(), question=question(conversation_id=IDS[5])) == ("ConversationID mismatch",)


def portfolio_answer(**more):
    fields = {
        "sender_domain": "cro.nl",
        "result": "Accepted",
        "reference": IDS[2],
        "time_zone": "Europe/Amsterdam",
        "period": DAY,
    }
    return m.AGRPortfolioQueryResponse(**metadata(**{**fields, **more}))


def test_portfolio_must_be_of_the_period_asked_for():
    context = {"sender_role": "CRO", "question": question(type="AGRPortfolioQuery", recipient_domain="cro.nl")}
    assert reasons(portfolio_answer(), **context) == ()
    assert reasons(portfolio_answer(period=DAY + timedelta(days=1)), **context) == ("Reference Period mismatch",)
    assert reasons(portfolio_answer(time_zone="Europe/London"), **context) == ("TimeZone rejected",)
    assert reasons(portfolio_answer(period=date(2026, 3, 1)), **context) == (
        "Reference Period mismatch",
        "Period out of bounds",
    )
    undated = question(type="AGRPortfolioQuery", recipient_domain="cro.nl", period=None)
    assert reasons(portfolio_answer(), sender_role="CRO", question=undated) == ()


def test_rejected_portfolio_without_period_and_zone_is_heard():
    context = {"sender_role": "CRO", "question": question(type="AGRPortfolioQuery", recipient_domain="cro.nl")}
    assert reasons(portfolio_answer(result="Rejected", period=None, time_zone=None), **context) == ()
    assert reasons(portfolio_answer(result="Rejected", period=None, time_zone="Europe/London"), **context) == ()


def test_bare_test_answer_needs_no_reference():
    assert reasons(m.TestMessageResponse(**metadata())) == ()
    later = m.TestMessageResponse(**metadata(), reference=IDS[7])
    assert reasons(later) == ("Unknown ReferenceMessageID reference",)
