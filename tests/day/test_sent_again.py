"""What a DSO rejected or refused leaves again: at an operator's word as the next revision, or until it gets through."""

from datetime import date, timedelta

import pytest

from agr.domain.errors import ConflictError
from agr.domain.isp import Period
from agr.domain.plan import Reason, ReasonKind
from agr.messaging.publish import OPEN
from agr.operations.accounts.roles import ROLES, Principal
from agr.store import day, inbox
from tests.day.tiny import FO_C, SOUTH, A, B, C

pytestmark = pytest.mark.day

PERIOD = Period(date(2026, 6, 10))
WHY = "the DSO has mended its register"
OPERATOR = Principal(name="olga", role="operator", allowed=ROLES["operator"], via="token")


def of_c(driven):
    return [(s.revision, s.state) for s in driven.sent() if s.congestion_point == C]


def rejected_once(market):
    """Return a market in which the southern DSO has accepted the first D-Prognosis and rejected the second."""
    driven = market(PERIOD)
    driven.reach(OPEN)
    driven.parties.south.send("reject_next", reason="register under repair")
    driven.release(FO_C, 0)
    driven.settle()
    assert of_c(driven) == [(1, "accepted"), (2, "rejected")]
    return driven


def test_a_rejected_revision_is_not_hidden_by_an_accepted_one_before_it(market):
    driven = rejected_once(market)
    driven.reach("prognosis_gate")
    assert driven.done()["prognosis_gate"] == "2 congestion points accepted, 1 not"
    alarm = driven.alarms()["prognosis not accepted", C]
    assert "revision 2" in alarm
    assert "register under repair" in alarm
    with driven.daemon.store.transaction() as tx:
        answers = [m for m in inbox.messages(tx) if m["type"] == "D-PrognosisResponse" and m["sender_domain"] == SOUTH]
    assert [m["state"] for m in answers] == ["accepted", "noted"], "a rejection is never shown as accepted"
    assert "register under repair" in answers[-1]["reason"]


def test_resending_a_rejected_prognosis_sends_its_program_as_the_next_revision(market):
    driven = rejected_once(market)
    rejected = driven.sent()[-1]
    done = driven.daemon.operators.actions.resend(OPERATOR, rejected.message_id, WHY)
    assert "revision 3" in done.text
    driven.settle()
    assert of_c(driven) == [(1, "accepted"), (2, "rejected"), (3, "accepted")]
    assert ("prognosis rejected", C) not in driven.alarms()
    last = driven.revisions(C)[-1]
    assert (last.revision, last.power_w) == (3, rejected.power_w)
    with pytest.raises(ConflictError, match="newer revision"):
        driven.daemon.operators.actions.resend(OPERATOR, rejected.message_id, WHY)
    driven.reach("prognosis_gate")
    assert driven.done()["prognosis_gate"] == "3 congestion points accepted, 0 not"


def test_sending_what_waits_sends_rejected_prognoses_too_and_nothing_else(market):
    driven = rejected_once(market)
    assert driven.daemon.operators.unsent(PERIOD) == 1
    assert driven.daemon.operators.actions.send_waiting(OPERATOR, PERIOD.day, WHY).text == "1 D-Prognosis queued"
    driven.settle()
    assert of_c(driven)[-1] == (3, "accepted")
    assert driven.daemon.operators.unsent(PERIOD) == 0
    assert driven.daemon.operators.actions.send_waiting(OPERATOR, PERIOD.day, WHY).text == "0 D-Prognoses queued"
    assert {s.revision for s in driven.sent() if s.congestion_point in (A, B)} == {1}


def test_a_plan_that_an_operator_asks_for_sends_rejected_prognoses_again_once(market):
    driven = rejected_once(market)
    driven.parties.south.send("reject_next", reason="still under repair")
    driven.daemon.operators.actions.replan(OPERATOR, PERIOD.day, WHY, preview=False)
    driven.settle()
    driven.wait(3600)
    driven.settle()
    assert of_c(driven) == [(1, "accepted"), (2, "rejected"), (3, "rejected")], "asked for once, sent once"


def test_what_a_dso_rejected_is_not_sent_again_by_itself(market):
    driven = rejected_once(market)
    with driven.daemon.store.transaction() as tx:
        day.put_trigger(tx, PERIOD.day, Reason(kind=ReasonKind.FORECAST), driven.clock.now())
    driven.daemon.planner.run_due()
    driven.settle()
    assert of_c(driven)[-1] == (2, "rejected")


@pytest.mark.parametrize("status", [401, 403])
def test_a_prognosis_that_is_refused_is_tried_until_the_gate_with_an_alarm_that_names_its_congestion_point(
    market, status
):
    driven = market(PERIOD)
    driven.parties.south.send("refuse", status=status, count=4)
    driven.reach(OPEN, unanswered=True)
    driven.until(lambda: ("delivery", SOUTH) in driven.alarms(), "the alarm after the first attempt")
    assert C in driven.alarms()["delivery", SOUTH]
    assert f"HTTP {status}" in driven.alarms()["delivery", SOUTH]
    gate = PERIOD.start - timedelta(hours=9)
    for minutes in (60, 20, 5, 1):
        driven.jump(gate - timedelta(minutes=minutes))
        driven.settle(unanswered=True)
    driven.until(lambda: of_c(driven) == [(1, "accepted")], "the DSO's yes before the gate")
    assert driven.clock.now() < gate
    driven.until(lambda: ("delivery", SOUTH) not in driven.alarms(), "the end of the alarm")
