"""What a DSO agrees to beyond requests: offers that it has not asked for, orders without an offer, and Metering.

The DSOs are services of the independent library, in processes of their own; over real HTTP.
"""

from collections.abc import Iterator
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path

import pytest
from lxml import etree

from agr.connectors.tables.writing import write_folder
from agr.demo.counterparties import Event
from agr.domain.flexibility_states import OfferState, OrderState
from agr.domain.isp import Period
from agr.domain.reading import Reported
from agr.messaging.publish import OPEN
from agr.operations.accounts.roles import ROLES, Principal
from agr.operations.flex_offers import TradingDay, trading_day
from agr.operations.readings import ReadingIntake
from agr.settings import Trading
from agr.store import executions
from agr.trading.metering import metering_lines
from tests.builders.schemas import schema
from tests.day import tiny
from tests.day.market import OURS, Market
from tests.day.parties import Parties

pytestmark = pytest.mark.day

PERIOD = Period(date(2026, 6, 17))
ANNA = Principal(name="anna", role="operator", allowed=ROLES["operator"], via="session")
MORNING, EVENING = 41, tiny.evening(PERIOD).start + 1
EANS = {
    one: f"ean.29900000000000{number}" for one, number in zip(tiny.CONNECTION.values(), ("15", "22", "39"), strict=True)
}
"""The tiny world's connections with 16 digits, as the schemas of Metering demand."""


def trade(market: Market) -> TradingDay:
    with market.daemon.store.reading() as tx:
        return trading_day(tx, market.period)


def tables(folder: Path) -> Path:
    """Write the tiny world with connections of 16 digits."""
    write_folder(tiny.register(PERIOD), folder)
    for file in folder.iterdir():
        text = file.read_text(encoding="utf-8")
        for old, new in EANS.items():
            text = text.replace(old, new)
        file.write_text(text, encoding="utf-8")
    return folder


def config() -> dict[str, object]:
    known = tiny.config()
    for point in known["congestion_points"]:
        point["connections"] = [EANS[one] for one in point["connections"]]
    return known


def measure(market: Market) -> None:
    """Report what loads have consumed, and that batteries did nothing, as registers at the borders of ISPs."""
    kwh = {f"load {point[-1]}": kw * PERIOD.isp_hours for point, kw in tiny.LOAD_KW.items()}
    kwh |= {f"battery {point[-1]}": 0.0 for point in tiny.BATTERY_KW}
    rows = [
        Reported(resource=name, at=border, quantity=quantity, value=1000.0 + step * place)
        for name, energy in kwh.items()
        for quantity, step in (("imported_kwh", energy), ("exported_kwh", 0.0))
        for place, border in enumerate((*PERIOD.starts(), PERIOD.end))
    ]
    readings = ReadingIntake(market.daemon.store, market.settings, market.clock, lambda: None)
    assert readings.take(ANNA, rows).faults == ()


def judged(market: Market) -> int:
    with market.daemon.store.reading() as tx:
        return len(executions.between(tx, PERIOD.start, PERIOD.end - PERIOD.isp_length))


@pytest.fixture(scope="module")
def agreed(parties: Parties, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Market]:
    """A day on which the northern DSO takes an offer that it has not asked for, orders directly, and settles both."""
    folder, north = tmp_path_factory.mktemp("agreed"), parties.north
    told = {"metering_ean_digits": 16}
    with Market(
        parties, folder, PERIOD, tables=tables(folder / "tables"), config=config(),
        agreed={
            tiny.NORTH: {"unsolicited_offers": True, "direct_orders": True, **told},
            tiny.SOUTH: {"version": "3.0.0", **told},
        },
        trading=Trading(automatic=True, sell_share=1.0),
    ) as market:  # fmt: skip
        market.reach(OPEN)
        market.daemon.operators.offers.propose(ANNA, tiny.A, PERIOD.day, MORNING, 4, 20_000, "more sun")
        market.until(lambda: bool(market.received(north, "FlexOffer")), f"an offer; {trade(market).requests}")
        market.settle()
        north.send("order", domain=OURS, reference="proposed-1")
        market.settle()
        market.until(lambda: _is_validated(market, "proposed-1"), "the prognosis with the offer")
        market.settle()
        north.send(
            "direct", domain=OURS, reference="direct-1", contract=tiny.FO_A, period=str(PERIOD), price="12.00",
            congestion_point=tiny.A, isps=[{"start": EVENING, "duration": 4, "power": -40_000}],
        )  # fmt: skip
        market.settle()
        market.until(lambda: _is_validated(market, "direct-1"), "the prognosis with the direct order")
        market.settle()
        market.jump(PERIOD.end + timedelta(hours=1))
        market.settle(unanswered=True)
        market.until(lambda: {o.state for o in trade(market).orders} == {OrderState.DELIVERED}, "the end of the day")
        north.send("settle", domain=OURS, period=str(PERIOD))
        market.until(lambda: bool(market.received(north, "FlexSettlementResponse")), "the settlement's answer")
        measure(market)
        market.jump(PERIOD.end + timedelta(hours=3))
        market.restart()  # looks at once at what was measured
        market.until(lambda: judged(market) == 5 * PERIOD.isp_count, "what became of the plans")
        market.restart()  # and tells it at once
        for party in (parties.north, parties.south):
            market.until(lambda party=party: bool(market.received(party, "Metering")), f"Metering of {party.domain}")
        market.until(lambda: all(line.answer for line in lines(market)), "the answers")
        yield market


def _is_validated(market: Market, reference: str) -> bool:
    (state,) = [one.state for one in trade(market).orders if one.order.order_reference == reference] or [None]
    return state is OrderState.VALIDATED


def lines(market: Market) -> list:
    with market.daemon.store.reading() as tx:
        return metering_lines(tx, PERIOD)


def only(events: list[Event]) -> "etree._Element":
    (event,) = events
    return etree.fromstring(event.xml.encode())


def test_an_offer_that_nobody_asked_for_names_its_prognosis_and_is_accepted(agreed: Market) -> None:
    read = only(agreed.received(agreed.parties.north, "FlexOffer"))
    assert (read.get("Unsolicited"), read.get("FlexRequestMessageID")) == ("true", None)
    first, *_ = agreed.revisions(tiny.A)
    assert read.get("D-PrognosisMessageID") == first.message_id
    (offer,) = trade(agreed).offers
    assert offer.state is OfferState.ORDERED
    assert all((offer.offer.options[0].power_w[isp - 1] or 0) > 0 for isp in range(MORNING, MORNING + 4))


def test_a_direct_order_is_accepted_and_in_the_next_prognosis(agreed: Market) -> None:
    answers = agreed.received(agreed.parties.north, "FlexOrderResponse")
    assert [etree.fromstring(one.xml.encode()).get("Result") for one in answers] == ["Accepted", "Accepted"]
    *_, before, last = agreed.revisions(tiny.A)
    assert max(last.power_w[isp - 1] - before.power_w[isp - 1] for isp in range(EVENING, EVENING + 4)) <= -39_999
    (direct,) = [one for one in trade(agreed).orders if one.order.direct]
    assert (direct.order.contract_id, direct.order.price) == (tiny.FO_A, Decimal(12))


def test_both_are_settled_to_the_cent(agreed: Market) -> None:
    read = only(agreed.received(agreed.parties.north, "FlexSettlementResponse"))
    assert {(one.get("OrderReference"), one.get("Disposition")) for one in read} == {
        ("proposed-1", "Accepted"), ("direct-1", "Accepted"),
    }  # fmt: skip
    for one in trade(agreed).orders:
        assert (one.state, one.settled.net) == (OrderState.SETTLED, one.order.price)


def test_every_connection_is_told_with_its_power_in_the_version_of_its_dso(agreed: Market) -> None:
    kw = {EANS[tiny.CONNECTION[point]].replace("ean.", "E"): f"{kw:.3f}" for point, kw in tiny.LOAD_KW.items()}
    told = {}
    for party, version in ((agreed.parties.north, "3.1.0"), (agreed.parties.south, "3.0.0")):
        for event in agreed.received(party, "Metering"):
            read = etree.fromstring(event.xml.encode())
            schema(version).assertValid(read)
            assert read.get("Version") == version
            told[read.get("EAN")] = [isp.get("Value") for isp in read.iter("ISP")]
    assert told == {ean: [value] * PERIOD.isp_count for ean, value in kw.items()}
    assert {(line.connection, line.isps, line.answer) for line in lines(agreed)} == {
        (ean, PERIOD.isp_count, "Accepted") for ean in EANS.values()
    }
    assert not [kind for kind, _ in agreed.alarms() if kind.startswith(("flex", "metering"))]
