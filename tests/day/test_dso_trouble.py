"""A DSO that rejects, and one that cannot be reached."""

from collections.abc import Iterator
from datetime import date
from pathlib import Path

import pytest

from agr.demo.counterparties import Counterparty
from agr.domain.isp import Period
from agr.messaging.publish import OPEN
from tests.day.market import Market
from tests.day.parties import Parties
from tests.day.tiny import SOUTH, A, B, C

pytestmark = pytest.mark.day

PERIOD = Period(date(2026, 6, 10))


def test_a_rejected_prognosis_is_reported_with_its_reason_and_the_day_goes_on(market):
    driven = market(PERIOD)
    driven.parties.south.send("reject_next", reason="Congestion point is out of service")
    driven.reach(OPEN)
    states = {s.congestion_point: (s.state, s.reason) for s in driven.sent()}
    assert states == {
        A: ("accepted", None),
        B: ("accepted", None),
        C: ("rejected", "Congestion point is out of service"),
    }
    assert driven.alarms().keys() == {("prognosis rejected", C)}
    assert "Congestion point is out of service" in driven.alarms()["prognosis rejected", C]

    driven.reach("prognosis_gate")
    assert driven.done()["prognosis_gate"] == "2 congestion points accepted, 1 not"
    assert driven.alarms().keys() == {("prognosis rejected", C), ("prognosis not accepted", C)}
    assert len(driven.prognoses()) == 3


@pytest.fixture
def without_south(parties: Parties, python: Path, tmp_path: Path) -> Iterator[Market]:
    """A market whose southern DSO has stopped: its endpoint refuses connections."""
    south = Counterparty(python, role="DSO", domain=SOUTH, log=tmp_path / "south.log")
    with south, Market(Parties(parties.cro, parties.north, south), tmp_path, PERIOD) as driven:
        south.stop()
        driven.gone.add(SOUTH)
        yield driven


def test_a_dso_that_is_down_delays_nobody_and_is_reported(without_south):
    driven = without_south
    driven.reach("day_ahead_results", unanswered=True)
    driven.until(lambda: {s.state for s in driven.sent() if s.dso != SOUTH} == {"accepted"}, "the northern DSO's yes")
    assert sorted(p.point for p in driven.prognoses()) == [A, B]
    assert {(s.congestion_point, s.state) for s in driven.sent() if s.dso == SOUTH} == {(C, "sent")}

    driven.reach("prognosis_gate", unanswered=True)
    assert driven.alarms().keys() >= {("prognosis not accepted", C)}
    assert ("prognosis not accepted", A) not in driven.alarms()

    driven.wait(7201)  # delivery.give_up_after_s is 7200
    driven.until(lambda: ("delivery", SOUTH) in driven.alarms(), "giving up loudly")
    assert "D-Prognosis" in driven.alarms()["delivery", SOUTH]
