"""Answers and portfolios are read as the schema has them, and answers are made for what we are asked."""

from datetime import date

import pytest
from pydantic import ValidationError

from agr.domain.errors import MessageError
from agr.domain.program import IspRun
from agr.uftp import messages as m
from agr.uftp.codec import decode, encode, respond
from tests.uftp.uftp_samples import (
    CONVERSATION_ID,
    EAN,
    MESSAGE_ID,
    META,
    NOW,
    REFERENCE,
    assert_valid,
    attributes,
    decoded,
    reservation_xml,
)

ANSWER = {"TimeZone": "Europe/Amsterdam", "Period": "2026-03-29", "AGRPortfolioQueryMessageID": REFERENCE}
DUMMY = '<DSO-View><DSO-Portfolio DSO-Domain="-"><CongestionPoint EntityAddress=""/></DSO-Portfolio></DSO-View>'


def portfolio_xml(result: str, children: str = "", **more: str) -> bytes:
    return (
        f"<AGRPortfolioQueryResponse {attributes(**{**ANSWER, 'Result': result, **more})}>{children}"
        "</AGRPortfolioQueryResponse>"
    ).encode()


@pytest.mark.parametrize("children", ["", DUMMY])
def test_rejected_portfolio_reaches_us_without_or_with_a_dummy_view(children):
    message = decoded(portfolio_xml("Rejected", children, RejectionReason="Unauthorized"), m.AGRPortfolioQueryResponse)
    assert (message.result, message.rejection_reason, message.points) == ("Rejected", "Unauthorized", ())


def test_rejected_portfolio_may_lack_zone_and_period():
    xml = f"<AGRPortfolioQueryResponse {attributes(Result='Rejected', AGRPortfolioQueryMessageID=REFERENCE)}/>"
    assert decoded(xml.encode(), m.AGRPortfolioQueryResponse).period is None
    with pytest.raises(MessageError, match="required when Result is Accepted"):
        decode(xml.replace("Rejected", "Accepted").encode())


def test_accepted_portfolio_may_be_empty_but_not_a_dummy():
    assert decoded(portfolio_xml("Accepted"), m.AGRPortfolioQueryResponse).points == ()
    with pytest.raises(MessageError, match=r"DSO-View\[1\]/DSO-Portfolio\[1\]"):
        decode(portfolio_xml("Accepted", DUMMY))


def test_portfolio_is_read_as_the_schema_has_it():
    view = (
        '<DSO-View><DSO-Portfolio DSO-Domain="dso.nl">'
        '<CongestionPoint EntityAddress="ean.100000000000" MutexOffersSupported="false" DayAheadRedispatchBy="DSO" '
        f'IntradayRedispatchBy="AGR"><Connection EntityAddress="{EAN}"/></CongestionPoint></DSO-Portfolio>'
        '<Connection EntityAddress="ean.200000000000"/></DSO-View>'
    )
    xml = portfolio_xml("Accepted", view)
    assert_valid(xml, "3.1.0")
    message = decoded(xml, m.AGRPortfolioQueryResponse)
    (point,) = message.points
    assert (point.dso_domain, point.mutex_offers, point.day_ahead_redispatch_by) == ("dso.nl", False, "DSO")
    assert (point.intraday_redispatch_by, point.connections) == ("AGR", (EAN,))
    assert message.free_connections == ("ean.200000000000",)


def answer_to(request, result="Accepted", reason=None):
    return respond(
        request, result=result, reason=reason, sender_domain="agr.example.com", now=NOW, message_id=REFERENCE
    )


def test_answer_copies_the_conversation_and_names_the_request():
    answer = answer_to(decode(reservation_xml()), "Rejected", "ISP conflict")
    assert isinstance(answer, m.FlexReservationUpdateResponse)
    assert (answer.conversation_id, answer.reference, answer.message_id) == (CONVERSATION_ID, MESSAGE_ID, REFERENCE)
    assert (answer.sender_domain, answer.recipient_domain) == ("agr.example.com", "dso.example.com")
    assert (answer.result, answer.rejection_reason, answer.time_stamp) == ("Rejected", "ISP conflict", NOW)


@pytest.mark.parametrize(("asked", "spoken"), [("3.0.0", "3.0.0"), ("3.1.0", "3.1.0"), ("4.0.0", "3.1.0")])
def test_answer_speaks_the_requests_version_if_we_know_it(asked, spoken):
    assert answer_to(decode(reservation_xml(Version=asked))).version == spoken
    assert answer_to(decode(f"<TestMessage {attributes(asked)}/>".encode())).version == spoken


def test_every_request_of_ours_has_its_answer_type():
    query = m.AGRPortfolioQuery(**META, time_zone="Europe/Amsterdam", period=date(2026, 3, 29))
    answer = answer_to(query)
    assert (answer.type_name, answer.period, answer.time_zone) == (
        "AGRPortfolioQueryResponse",
        query.period,
        query.time_zone,
    )
    prognosis = m.DPrognosis(
        **META,
        isp_duration="PT15M",
        time_zone="Europe/Amsterdam",
        period=date(2026, 3, 29),
        congestion_point=EAN,
        revision=1,
        isps=(IspRun(1, 1),),
    )
    assert answer_to(prognosis).type_name == "D-PrognosisResponse"


@pytest.mark.parametrize(
    "message",
    [
        m.TestMessageResponse(**META),
        m.DPrognosisResponse(**META, result="Accepted", reference=REFERENCE),
        m.OtherMessage(**META, root_name="DSOPortfolioQueryResponse"),
        m.FlexOfferResponse(**META, result="Accepted", reference=REFERENCE),
    ],
)
def test_answers_get_no_answer(message):
    assert answer_to(message) is None


def test_portfolio_answer_we_write_satisfies_the_schema_and_reads_back():
    point = m.CongestionPointView(
        address="ean.100000000000", mutex_offers=True, day_ahead_redispatch_by="DSO", connections=(EAN,)
    )
    portfolio = m.DsoPortfolio(dso_domain="dso.nl", congestion_points=(point,))
    message = m.AGRPortfolioQueryResponse(
        **META,
        result="Accepted",
        reference=REFERENCE,
        time_zone="Europe/Amsterdam",
        period=date(2026, 3, 29),
        dso_views=(m.DsoView(portfolios=(portfolio,), connections=("ean.200000000000",)),),
    )
    xml = encode(message)
    assert_valid(xml, "3.1.0")
    assert decode(xml) == message


def test_rejected_portfolio_has_no_views():
    with pytest.raises(ValidationError, match="a rejection has no DSO-View"):
        m.AGRPortfolioQueryResponse(
            **META, result="Rejected", reference=REFERENCE, dso_views=(m.DsoView(connections=(EAN,)),)
        )


def test_misdirected_dso_query_is_answered_with_its_own_zone_and_period():
    more = {"TimeZone": "Europe/Amsterdam", "Period": "2026-03-29", "EntityAddress": EAN}
    query = decode(f"<DSOPortfolioQuery {attributes(**more)}/>".encode())
    answer = answer_to(query, "Rejected", "Invalid SenderRole")
    assert (answer.type_name, answer.period, answer.time_zone) == (
        "DSOPortfolioQueryResponse",
        date(2026, 3, 29),
        "Europe/Amsterdam",
    )
    assert_valid(encode(answer), "3.1.0", "UFTP-cro")
