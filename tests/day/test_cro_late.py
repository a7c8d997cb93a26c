"""A CRO that is late, rejects, or sends only part of its list."""

from datetime import date

import pytest
from lxml import etree
from structlog.testing import capture_logs

from agr.domain.isp import Period
from agr.domain.plan import ReasonKind
from agr.messaging.publish import OPEN
from tests.day.market import OURS
from tests.day.tiny import A, B, C, config

pytestmark = pytest.mark.day

PERIOD = Period(date(2026, 6, 10))
RETRY_S = 601  # portfolio_query_retry_s is 600


def queries(market):
    return market.received(market.parties.cro, "AGRPortfolioQuery")


def test_a_silent_cro_is_asked_again_reported_and_planned_for_once_it_answers(market):
    driven = market(PERIOD)
    driven.parties.cro.send("silent")
    driven.reach("portfolio_query", unanswered=True)
    assert len(queries(driven)) == 1
    driven.daemon.watch()
    driven.settle(unanswered=True)
    assert len(queries(driven)) == 1, "asked again before the retry time"
    assert driven.alarms() == {}

    driven.wait(RETRY_S)
    driven.daemon.watch()
    driven.settle(unanswered=True)
    assert len(queries(driven)) == 2
    assert len({q.message_id for q in queries(driven)}) == 2
    overdue = driven.alarms()["answer overdue", "cro.example"]
    assert "cro.example has not answered AGRPortfolioQuery" in overdue

    driven.reach("first_plan", unanswered=True)
    assert ("portfolio late", f"cro.example {PERIOD}") in driven.alarms()
    assert driven.plans() == []

    driven.parties.cro.send("silent", on=False)
    driven.wait(RETRY_S)
    driven.daemon.watch()
    driven.until(lambda: bool(driven.plans()), "a plan after the late answer")
    driven.settle(unanswered=True)
    (plan,) = driven.plans()
    assert plan.reasons[0].kind is ReasonKind.FIRST_PLAN
    assert {p.address for p in plan.points} == {A, B, C}
    assert driven.alarms() == {}, "alarms whose cause is gone must end"

    driven.reach(OPEN, unanswered=True)
    driven.until(lambda: {s.state for s in driven.sent()} == {"accepted"}, "all prognoses accepted")
    assert sorted(p.point for p in driven.prognoses()) == [A, B, C]


def test_waiting_for_a_cro_is_logged_once_and_not_as_a_plan(market):
    driven = market(PERIOD)
    driven.parties.cro.send("silent")
    with capture_logs() as logs:
        driven.reach("first_plan", unanswered=True)
        driven.until(lambda: any(e["event"] == "plan.waiting" for e in logs), "the planner to look")
        for _ in range(3):  # each time all is quiet, the planner has looked again
            driven.daemon.planner.run_due()
        driven.settle(unanswered=True)
    assert [e["event"] for e in logs if e["event"].startswith("plan.")] == ["plan.waiting"]


def test_a_cro_that_says_no_is_reported_with_its_reason_and_nothing_is_planned(market):
    driven = market(PERIOD)
    driven.parties.cro.send("reject_next", reason="No congestion points of yours")
    driven.reach("first_plan", unanswered=True)
    text = driven.alarms()["portfolio rejected", f"cro.example {PERIOD}"]
    assert "No congestion points of yours" in text
    assert driven.plans() == []


def whole_answer(query, *points):
    """Return what the CRO sends when it completes its answer: the same question, the same conversation."""
    known = {p["address"]: p for p in config(points=points)["congestion_points"]}
    portfolios = "".join(
        f'<DSO-Portfolio DSO-Domain="{p["dso"]}"><CongestionPoint EntityAddress="{a}" MutexOffersSupported="false" '
        f'DayAheadRedispatchBy="AGR"><Connection EntityAddress="{p["connections"][0]}"/></CongestionPoint>'
        "</DSO-Portfolio>"
        for a, p in known.items()
    )
    asked = etree.fromstring(query.xml.encode())
    return (
        '<AGRPortfolioQueryResponse Version="3.1.0" SenderDomain="cro.example" '
        f'RecipientDomain="{OURS}" TimeStamp="2026-06-09T12:00:00Z" MessageID="77777777-1111-4222-8333-444455556666" '
        f'ConversationID="{asked.get("ConversationID")}" AGRPortfolioQueryMessageID="{asked.get("MessageID")}" '
        f'Result="Accepted" TimeZone="Europe/Amsterdam" Period="{PERIOD}"><DSO-View>{portfolios}</DSO-View>'
        "</AGRPortfolioQueryResponse>"
    )


def test_points_that_a_completed_answer_adds_are_planned_and_get_prognoses(market):
    driven = market(PERIOD)
    driven.parties.cro.send("portfolio", mode="partial")  # every second point: A and C
    driven.reach(OPEN)
    assert sorted(p.point for p in driven.prognoses()) == [A, C]
    (query,) = queries(driven)

    driven.parties.cro.send("send_raw", domain=OURS, xml=whole_answer(query, A, B, C))
    driven.until(lambda: driven.points() == {A, B, C}, "the complete list")
    driven.settle()

    plan = driven.in_force()
    assert [r.kind for r in plan.reasons] == [ReasonKind.PORTFOLIO]
    (added,) = driven.revisions(B)
    assert (added.dso, added.power_w) == ("north-grid.example", (30_000,) * 96)
    assert {s.state for s in driven.sent()} == {"accepted"}
    assert sorted(p.point for p in driven.prognoses()) == [A, B, C], "points that did not change got a revision"
