"""While the day runs a DSO asks, orders, and sees its order in the next D-Prognosis; over real HTTP."""

from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path

import pytest

from agr.domain.flexibility_states import OrderState
from agr.domain.isp import Period
from agr.domain.plan import Reason, ReasonKind
from agr.messaging.publish import OPEN
from agr.operations.flex_offers import TradingDay, trading_day
from agr.settings import Trading
from agr.store import day
from tests.day.market import OURS, Market
from tests.day.parties import Parties
from tests.day.tiny import FO_A, A, C, evening

pytestmark = pytest.mark.day

PERIOD = Period(date(2026, 6, 16))
BEGUN = 24  # ISPs: it is six o'clock
FIRST = evening(PERIOD).start + 1


def trade(market: Market) -> TradingDay:
    with market.daemon.store.reading() as tx:
        return trading_day(tx, market.period)


def ask(market: Market, party, point: str) -> None:
    last = PERIOD.isp_count
    isps = [
        {"start": 1, "duration": FIRST - 1, "min": -100_000, "max": 100_000, "available": True},
        {"start": FIRST, "duration": 4, "min": 0, "max": 20_000},
        {"start": FIRST + 4, "duration": last - FIRST - 3, "min": -100_000, "max": 100_000, "available": True},
    ]
    expires = (market.clock.now() + timedelta(hours=2)).isoformat()
    party.send("request", domain=OURS, period=str(PERIOD), congestion_point=point, isps=isps, expires=expires)
    market.settle()


@pytest.fixture(scope="module")
def running(parties: Parties, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Market]:
    """A running day: A may be redispatched by us, C by nobody; both are asked for more in the evening."""
    folder: Path = tmp_path_factory.mktemp("intraday")
    with Market(parties, folder, PERIOD, trading=Trading(automatic=True, sell_share=1.0)) as market:
        market.reach(OPEN)
        market.release(FO_A)  # so that A's battery may move in the evening
        market.settle()
        market.jump(PERIOD.start + BEGUN * PERIOD.isp_length + timedelta(minutes=1))
        market.settle(unanswered=True)
        market.before = next(point.power_w for point in market.in_force().points if point.address == A)
        ask(market, parties.south, C)
        market.until(lambda: bool(trade(market).requests and trade(market).requests[0].priced_at), "pricing at C")
        ask(market, parties.north, A)
        market.until(lambda: bool(market.received(parties.north, "FlexOffer")), f"an offer; {trade(market).requests}")
        market.settle()
        parties.north.send("order", domain=OURS, reference="intraday-1")
        market.until(
            lambda: (
                bool(trade(market).orders)
                and trade(market).orders[0].state in (OrderState.VALIDATED, OrderState.ANNOUNCED)
            ),
            f"the order's prognosis; {[e.xml for e in market.received(parties.north, 'FlexOrderResponse')]}",
        )
        market.settle()
        yield market


def test_where_nobody_redispatches_during_the_day_there_is_no_offer_and_the_reason_is_shown(running: Market) -> None:
    (request,) = [one for one in trade(running).requests if one.request.congestion_point == C]
    assert "IntradayRedispatchBy" in request.note


def test_the_order_is_in_the_next_prognosis_and_what_is_over_stays(running: Market) -> None:
    (order,) = trade(running).orders
    program = order.obligation.program_w
    *_, last = running.revisions(A)
    for isp in range(FIRST, FIRST + 4):
        assert order.order.power_w[isp - 1] > 0
        assert last.power_w[isp - 1] >= program[isp - 1] - 1
    assert last.power_w[:BEGUN] == running.before[:BEGUN]
    assert not [kind for kind, _ in running.alarms() if kind.startswith(("flex", "order"))]


def test_a_later_plan_keeps_it(running: Market) -> None:
    before = len(running.plans())
    running.wait(3600)
    reason = Reason(kind=ReasonKind.OPERATOR, text="again")
    with running.daemon.store.transaction() as tx:
        day.put_trigger(tx, PERIOD.day, reason, running.clock.now())
    running.until(lambda: len(running.plans()) > before, "a plan")
    (order,) = trade(running).orders
    program, now = order.obligation.program_w, running.in_force()
    power_w = next(point.power_w for point in now.points if point.address == A)
    assert all(power_w[isp - 1] >= program[isp - 1] - 1 for isp in range(FIRST, FIRST + 4))
