"""A network that loses, delays, duplicates and reorders messages: each one arrives, and repeats are identical."""

from collections import Counter
from collections.abc import Iterator
from datetime import date

import httpx
import pytest

from agr.domain.isp import Period
from agr.messaging.publish import OPEN
from agr.settings import Delivery
from tests.builders.faulty_network import FaultProxy
from tests.day.market import Market
from tests.day.parties import Parties
from tests.day.tiny import FO_A, A, B, C

pytestmark = pytest.mark.day

PERIOD = Period(date(2026, 6, 10))
QUICK = Delivery(first_delay_s=0.05, max_delay_s=0.2)
FAULTS = ["drop", "reset", "500", "garbage", "lost answer", "cut answer", "duplicate", "delay"]


@pytest.fixture
def proxies(parties: Parties) -> Iterator[dict[str, FaultProxy]]:
    """Put a proxy before each counterparty."""
    made = {p.domain: FaultProxy(("127.0.0.1", httpx.URL(p.endpoint).port or 0)) for p in parties}
    yield made
    for proxy in made.values():
        proxy.stop()


def behind(market: Market, proxies: dict[str, FaultProxy]) -> None:
    """Send our messages through the proxies from now on."""
    reached = tuple(
        p.model_copy(update={"endpoint": str(httpx.URL(str(p.endpoint)).copy_with(port=proxies[p.domain].port))})
        for p in market.settings.participants
    )
    market.restart(participants=reached)


def test_whatever_the_network_does_every_message_arrives_once_or_as_the_same_again(market, proxies):
    driven = market(PERIOD, delivery=QUICK)
    behind(driven, proxies)
    for proxy in proxies.values():
        proxy.faults.extend(FAULTS)
    proxies["cro.example"].faults.extendleft(["loop"] * 4)
    driven.reach(OPEN)
    proxies["north-grid.example"].faults.extend(FAULTS)
    driven.release(FO_A, keep_w=-50_000)
    driven.settle()
    driven.reach("prognosis_gate")
    driven.until(lambda: driven.alarms() == {}, "every message delivered and no alarm left")
    assert {s.state for s in driven.sent()} == {"accepted"}
    assert set(FAULTS) <= set(proxies["north-grid.example"].seen)
    assert "loop" in proxies["cro.example"].seen
    copies: dict[str, set[str]] = {}
    for event in driven.left_us():
        copies.setdefault(event.message_id, set()).add(event.xml)
    assert {len(contents) for contents in copies.values()} == {1}
    assert max(Counter(e.message_id for e in driven.left_us()).values()) > 1  # a lost answer makes us send again
    for point in (A, B, C):  # in order, although each may have come twice
        first = list(dict.fromkeys(p.revision for p in driven.revisions(point)))
        assert first == sorted(first)


def test_five_hundreds_for_an_hour_delay_nobody_else_and_are_an_alarm_with_the_reason_until_they_end(market, proxies):
    driven = market(PERIOD)
    behind(driven, proxies)
    north = proxies["north-grid.example"]
    driven.reach("day_ahead_gate")
    north.always = "500"
    driven.reach(OPEN, unanswered=True)
    for _ in range(6):
        driven.wait(600)
        driven.settle(unanswered=True)
    assert "HTTP 500" in driven.alarms()["delivery", "north-grid.example"]
    assert {p.point for p in driven.prognoses()} == {C}  # the other DSO has not waited
    tries = len(north.seen)
    assert tries < 60  # two messages to one DSO: many tries in the first minutes, then one in five minutes
    north.always = "pass"
    driven.wait(300)
    driven.settle()
    assert {p.point for p in driven.prognoses()} == {A, B, C}
    assert not any(kind == "delivery" for kind, _ in driven.alarms())
