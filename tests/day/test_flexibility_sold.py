"""A DSO buys flexibility: request, offer, order, the D-Prognosis that shows it, settlement; over real HTTP."""

from collections.abc import Iterator
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from lxml import etree

from agr.domain.flexibility_states import OfferState, OrderState
from agr.domain.isp import Period
from agr.domain.plan import ReasonKind
from agr.messaging.publish import OPEN
from agr.operations.flex_offers import TradingDay, trading_day
from agr.settings import Trading
from tests.day.market import OURS, Market
from tests.day.parties import Parties
from tests.day.tiny import B, C, evening

pytestmark = pytest.mark.day

PERIOD = Period(date(2026, 6, 11))
FIRST = evening(PERIOD).start + 1
WANTED = {"start": FIRST, "duration": 4}


def trade(market: Market) -> TradingDay:
    with market.daemon.store.reading() as tx:
        return trading_day(tx, market.period)


def ask(market: Market, point: str, power_w: int, **more: object) -> None:
    """Let the southern DSO ask for flexibility in the first hour of the evening; the rest of the day is free."""
    low, high = min(power_w, 0), max(power_w, 0)
    last = market.period.isp_count
    isps: list[dict[str, int | bool]] = [
        {"start": 1, "duration": FIRST - 1, "min": -100_000, "max": 100_000, "available": True},
        {**WANTED, "min": low, "max": high},
        {"start": FIRST + 4, "duration": last - FIRST - 3, "min": -100_000, "max": 100_000, "available": True},
    ]
    values: dict[str, Any] = {
        "period": str(market.period), "congestion_point": point, "isps": isps,
        "expires": (market.clock.now() + timedelta(hours=2)).isoformat(),
    } | more  # fmt: skip
    market.parties.south.send("request", domain=OURS, **values)
    market.settle()


@pytest.fixture(scope="module")
def sold(parties: Parties, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Market]:
    """A day on which flexibility at C is requested, offered, ordered, announced and settled."""
    folder: Path = tmp_path_factory.mktemp("sold")
    with Market(parties, folder, PERIOD, trading=Trading(automatic=True, sell_share=1.0)) as market:
        market.reach(OPEN)
        ask(market, C, 20_000)
        market.until(lambda: bool(market.received(parties.south, "FlexOffer")), f"an offer; {trade(market).requests}")
        market.settle()
        parties.south.send("order", domain=OURS, reference="order-1")
        market.settle()
        market.until(
            lambda: trade(market).orders[0].state in (OrderState.VALIDATED, OrderState.ANNOUNCED),
            "the order's prognosis",
        )
        market.settle()
        market.jump(PERIOD.end + timedelta(hours=1))
        market.settle(unanswered=True)
        market.until(lambda: trade(market).orders[0].state is OrderState.DELIVERED, "the end of the day")
        parties.south.send("settle", domain=OURS, period=str(PERIOD))
        market.until(lambda: bool(market.received(parties.south, "FlexSettlementResponse")), "the settlement's answer")
        yield market


def test_the_response_comes_before_the_offer_which_names_the_request(sold: Market) -> None:
    south = sold.parties.south
    (answer,) = sold.received(south, "FlexRequestResponse")
    (offer,) = sold.received(south, "FlexOffer")
    events = south.events
    assert events.index(answer) < events.index(offer)
    assert etree.fromstring(answer.xml.encode()).get("Result") == "Accepted"
    request = trade(sold).requests[0].request
    assert etree.fromstring(offer.xml.encode()).get("FlexRequestMessageID") == request.message_id
    assert offer.conversation_id == request.conversation_id


def test_the_offer_costs_something_and_says_why(sold: Market) -> None:
    (stored,) = trade(sold).offers
    (option,) = stored.offer.options
    assert option.price > 0
    assert abs(sum(eur for _, eur in stored.costs) - float(option.price)) <= 0.011
    asked = {isp.isp: isp for isp in trade(sold).requests[0].request.isps}
    for isp, power in enumerate(option.power_w, start=1):
        bounds = asked.get(isp)
        assert (power or 0) == 0 if bounds is None else bounds.min_w <= (power or 0) <= bounds.max_w


def test_the_order_is_accepted_planned_and_shown_in_the_next_prognosis(sold: Market) -> None:
    (answer,) = sold.received(sold.parties.south, "FlexOrderResponse")
    assert etree.fromstring(answer.xml.encode()).get("Result") == "Accepted"
    (order,) = trade(sold).orders
    assert trade(sold).offers[0].state is OfferState.ORDERED
    assert order.order.price == trade(sold).offers[0].offer.options[0].price
    first, *_, last = sold.revisions(C)
    program = order.obligation.program_w
    assert order.obligation.baseline_w == tuple(first.power_w)
    for isp in range(FIRST, FIRST + 4):
        assert order.order.power_w[isp - 1] > 0
        assert last.power_w[isp - 1] >= program[isp - 1] - 1
    ordered = [plan for plan in sold.plans() if ReasonKind.ORDER in {reason.kind for reason in plan.reasons}]
    assert len(ordered) == 1  # one plan keeps it, and no other follows for it
    assert ordered[0] == sold.plans()[-1]


def test_the_dso_validates_the_order(sold: Market) -> None:
    assert ("flex order not kept", "south-grid.example order-1") not in sold.alarms()
    assert not [kind for kind, _ in sold.alarms() if kind.startswith("flex")]


def test_the_settlement_is_accepted_to_the_cent(sold: Market) -> None:
    (answer,) = sold.received(sold.parties.south, "FlexSettlementResponse")
    read = etree.fromstring(answer.xml.encode())
    assert (read.get("Result"), [(s.get("OrderReference"), s.get("Disposition")) for s in read]) == (
        "Accepted", [("order-1", "Accepted")],
    )  # fmt: skip
    (order,) = trade(sold).orders
    assert order.state is OrderState.SETTLED
    assert order.settled is not None
    assert abs(order.settled.net - order.order.price) <= Decimal("0.01")


def test_a_point_that_cannot_move_gets_no_offer_and_the_reason_is_shown(market) -> None:
    driven = market(Period(date(2026, 6, 12)), trading=Trading(automatic=True))
    driven.reach(OPEN)
    isps = [{**WANTED, "min": -20_000, "max": 0}]
    expires = (driven.clock.now() + timedelta(hours=2)).isoformat()
    driven.parties.north.send(
        "request", domain=OURS, period=str(driven.period), congestion_point=B, isps=isps, expires=expires
    )
    driven.settle()
    driven.until(lambda: bool(trade(driven).requests and trade(driven).requests[0].priced_at), "pricing")
    (request,) = trade(driven).requests
    assert request.note.startswith("no offer: ")
    assert trade(driven).offers == ()
