"""The daemon restarts on the same store at any time of day: nothing is lost and nothing is sent twice."""

from datetime import date

import pytest

from agr.domain.errors import AgrError
from agr.domain.isp import Period
from agr.messaging.publish import OPEN
from agr.service import Service
from agr.settings import Publication
from tests.day.tiny import A, B, C

pytestmark = pytest.mark.day

PERIOD = Period(date(2026, 6, 10))


def queries(market):
    return market.received(market.parties.cro, "AGRPortfolioQuery")


def test_restarts_before_and_after_every_step_repeat_nothing_and_the_day_completes(market):
    driven = market(PERIOD, publication=Publication(automatic=False))
    driven.reach("portfolio_query")
    driven.restart()
    driven.settle()
    assert len(queries(driven)) == 1

    driven.reach("first_plan")
    driven.restart()
    driven.settle()
    assert len(driven.plans()) == 1

    driven.reach(OPEN)  # the plan may be sent, but nobody has: as after a crash between plan and publication
    assert driven.prognoses() == []
    for dso in (driven.parties.north, driven.parties.south):
        dso.send("refuse", status=503, count=1)
    driven.restart(publication=Publication())
    driven.until(lambda: len(driven.sent()) == 3, "publication of the plan that was in force at the start")
    driven.restart()  # with prognoses queued, some of them refused once
    driven.settle()
    received = driven.prognoses()
    assert sorted((p.point, p.revision) for p in received) == [(A, 1), (B, 1), (C, 1)]
    assert {s.state for s in driven.sent()} == {"accepted"}

    driven.restart()  # with everything done
    driven.settle()
    driven.reach("prognosis_gate")
    assert driven.prognoses() == received
    assert len(queries(driven)) == 1
    assert len(driven.plans()) == 2  # first plan and results
    assert driven.alarms() == {}


def test_a_daemon_started_again_before_the_cro_has_answered_asks_only_once(market):
    driven = market(PERIOD)
    driven.parties.cro.send("silent")
    driven.reach("portfolio_query", unanswered=True)
    driven.restart()
    driven.daemon.watch()
    driven.settle(unanswered=True)
    assert len(queries(driven)) == 1


def test_a_second_daemon_on_the_same_data_is_refused_while_the_first_runs(market):
    driven = market(PERIOD)
    with pytest.raises(AgrError, match="another agr daemon is using"):
        Service(driven.settings, driven.clock)
