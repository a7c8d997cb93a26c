"""A day with GOPACS: an operator limits a connection through a broker, beside nobody else; over real HTTP.

The broker, the token service and the participants API are a stand-in made from what is publicly known.
"""

import base64
import json
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from datetime import date, timedelta
from datetime import time as clock_time
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from lxml import etree

from agr.connectors.tables.writing import write_folder
from agr.demo.counterparties import GOPACS, Counterparty, Event
from agr.demo.environment import counterparty_python
from agr.demo.run import start_clock
from agr.domain.flexibility_states import OfferState, OrderState
from agr.domain.isp import Period
from agr.domain.register import Contract, PointMember
from agr.messaging.publish import OPEN
from agr.operations.flex_offers import TradingDay, trading_day
from agr.operations.tables import import_tables
from agr.service import Service
from agr.settings import Planning, Settings, Trading
from agr.settings.gopacs import Gopacs
from agr.settings.security import ClientCredentials
from agr.store import day, outbox, plans
from agr.store.engine import Store
from agr.uftp.signing import KeyPair
from tests.builders.logged import everything_logged
from tests.builders.schemas import schema
from tests.day import tiny
from tests.day.market import OURS, PATH, PATIENCE_S

pytestmark = pytest.mark.day
PERIOD = Period(date(2026, 6, 15))
OPERATOR, OTHER = "grid-one.example", "grid-two.example"
POINT, CONTRACT = tiny.CONNECTION[tiny.A], "CSC-2026-1"
SECRET = "a secret that is in no log"
LIMITED = range(1, 25)  # the cheap hours from midnight to six, in which the battery charges
LIMIT_W = 30_000


class GopacsDay:
    """A daemon whose only counterparty is GOPACS, and that."""

    logged: Callable[[], list[str]]
    before: Sequence[int]

    def __init__(self, folder: Path, python: Path) -> None:
        config = folder / "gopacs.json"
        config.write_text(json.dumps({
            "client_id": "agr", "client_secret": SECRET, "contracts": {CONTRACT: OPERATOR}, "operators": [OTHER],
        }))  # fmt: skip
        self.broker = Counterparty(
            python, role="GOPACS", domain=OPERATOR, config=config, log=folder / "broker.log", script=GOPACS
        )
        key = KeyPair.generate()
        key.save(folder / "agr.key")
        self.clock = start_clock(PERIOD, daemon_starts=timedelta(minutes=1))
        self.settings = Settings(
            domain=OURS, key_file=folder / "agr.key", data_folder=folder,
            store_url=f"sqlite:///{folder / 'agr.db'}", listen_port=0, trading=Trading(automatic=True),
            planning=Planning(join_triggers_s=0, time_limit_s=240, threads=1, method="reference"),
            gopacs=Gopacs(
                broker=f"{self.broker.endpoint}{PATH}", directory=f"{self.broker.endpoint}/uftp-participants/v3",
                operators=(OTHER,),
                oauth2=ClientCredentials(
                    token_url=f"{self.broker.endpoint}/token", client_id="agr", client_secret_env="GOPACS_SECRET"
                ),
            ),
        )  # fmt: skip
        self._fill(folder)
        self.daemon = Service(self.settings, self.clock)
        self.daemon.start()
        self.folder = folder
        self.broker.send(
            "agr", domain=OURS, endpoint=f"http://127.0.0.1:{self.daemon.port}{PATH}", public_key=key.public
        )
        self._tell_time()

    def _fill(self, folder: Path) -> None:
        known = tiny.register(PERIOD)
        first, last = date(2026, 1, 1), date(2026, 12, 31)
        contract = Contract(
            contract=CONTRACT, dso=OPERATOR, congestion_point=POINT, first_day=first, last_day=last,
            window_start=clock_time(0), window_end=clock_time(0), power_w=0, availability_eur_per_mw_h=0,
            penalty_eur_per_mwh=100, price_eur_per_mwh=400,
        )  # fmt: skip
        member = PointMember(congestion_point=POINT, dso=OPERATOR, connection=POINT, first_day=first)
        write_folder(replace(known, contracts=(contract,), congestion_points=(member,)), folder / "tables")
        store = Store(self.settings.store_url)
        store.migrate()
        import_tables(self.settings, store, folder / "tables", self.clock)
        store.close()

    def close(self) -> None:
        self.daemon.stop()
        self.broker.stop()

    def until(self, condition: Callable[[], bool], what: str) -> None:
        limit = time.monotonic() + PATIENCE_S
        while not condition():
            assert time.monotonic() < limit, f"waited for {what}; alarms: {self.alarms()}; {self.trade().requests}"
            time.sleep(0.02)

    def jump(self, to) -> None:
        self.clock.jump_to(to)
        self._tell_time()

    def _tell_time(self) -> None:
        self.broker.send("clock", now=self.clock.now().isoformat())

    def reach(self, moment: str) -> None:
        """Let time pass, moment by moment, until one of the Period was handled."""
        while moment not in self.done():
            coming = self.daemon.scheduler.next_moment()
            assert coming is not None
            self.jump(coming.at)
            self.until(lambda coming=coming: self.daemon.scheduler.next_moment() != coming, coming.name)
            self.until(self.daemon.idle, "calm")

    def done(self) -> dict[str, str]:
        with self.daemon.store.reading() as tx:
            return day.done_moments(tx, PERIOD.day)

    def trade(self) -> TradingDay:
        with self.daemon.store.reading() as tx:
            return trading_day(tx, PERIOD)

    def alarms(self) -> list[str]:
        with self.daemon.store.reading() as tx:
            return sorted(f"{a.kind} [{a.subject}] {a.text}" for a in day.open_alarms(tx))

    def program_w(self) -> tuple[int, ...]:
        with self.daemon.store.reading() as tx:
            plan = plans.in_force(tx, PERIOD.day)
        assert plan is not None
        return next(point.power_w for point in plan.points if point.address == POINT)

    def got(self, kind: str) -> list[Event]:
        return [event for event in self.broker.told("received") if event.type == kind]

    def ask(self, contract: str = CONTRACT, most_w: int = LIMIT_W, **more) -> Event:
        isps: list[Any] = [{"start": LIMITED.start, "duration": len(LIMITED), "max": most_w}]
        expires = (self.clock.now() + timedelta(hours=2)).isoformat()
        return self.broker.send(
            "request", period=str(PERIOD), congestion_point=POINT, contract=contract, isps=isps, expires=expires, **more
        )


@pytest.fixture(scope="module")
def traded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[GopacsDay]:
    """A day on which the operator limits the battery's charging by night, and settles it."""
    patch = pytest.MonkeyPatch()
    patch.setenv("GOPACS_SECRET", SECRET)
    folder = tmp_path_factory.mktemp("gopacs")
    with everything_logged() as logged:
        yield from _traded(folder, logged, patch)


def _traded(folder: Path, logged: Callable[[], list[str]], patch: pytest.MonkeyPatch) -> Iterator[GopacsDay]:
    driven = GopacsDay(folder, counterparty_python(Path(__file__).parents[2] / ".venv-counterparty"))
    driven.logged = logged
    try:
        driven.reach(OPEN)
        driven.before = driven.program_w()
        driven.broker.send("revoke")  # tokens may end at any time
        driven.ask(operator=OTHER)  # another operator than the contract's
        driven.until(lambda: bool(driven.got("FlexOffer")), "an offer")
        driven.until(lambda: driven.trade().offers[0].state is OfferState.OPEN, "its acceptance")
        driven.broker.send("order", reference="order-1")
        driven.until(lambda: driven.trade().orders[:1] != () and driven.daemon.idle(), "the order")
        driven.until(lambda: driven.trade().orders[0].state is OrderState.PLANNED, "the plan that keeps it")
        driven.broker.send("rotate", operator=OTHER)  # its new key is not known yet
        driven.jump(PERIOD.end + timedelta(hours=1))
        driven.until(lambda: driven.trade().orders[0].state is OrderState.DELIVERED, "the end of the day")
        yield driven
    finally:
        driven.close()
        patch.undo()


def test_the_request_is_answered_and_offered_as_a_limit_at_the_contract_s_price(traded: GopacsDay) -> None:
    (answer,) = traded.got("FlexRequestResponse")
    assert answer.text("result") == "Accepted", answer.text("reason")
    (offer,) = traded.got("FlexOffer")
    read = etree.fromstring(offer.xml.encode())
    assert (read.get("Version"), read.get("ContractID"), read.get("BaselineReference")) == ("3.0.0", CONTRACT, "")
    assert read.get("D-PrognosisMessageID") is None
    (option,) = read
    assert [(isp.get("Power"), isp.get("Start"), isp.get("Duration")) for isp in option] == [
        (str(LIMIT_W), str(LIMITED.start), str(len(LIMITED)))
    ]
    beyond_w = [max(traded.before[isp - 1] - LIMIT_W, 0) for isp in LIMITED]
    assert sum(beyond_w) > 0
    price = 400 * sum(beyond_w) * PERIOD.isp_hours / 1e6
    assert abs(float(option.get("Price")) - price) <= 0.0101


def test_the_order_binds_the_plan_and_nothing_else_leaves(traded: GopacsDay) -> None:
    (answer,) = traded.got("FlexOrderResponse")
    assert answer.text("result") == "Accepted", answer.text("reason")
    assert max(traded.before[isp - 1] for isp in LIMITED) > LIMIT_W
    assert max(traded.program_w()[isp - 1] for isp in LIMITED) <= LIMIT_W
    assert {event.type for event in traded.broker.told("received")} == {
        "FlexRequestResponse", "FlexOffer", "FlexOrderResponse",
    }  # fmt: skip
    assert not [alarm for alarm in traded.alarms() if alarm.startswith(("prognosis", "flex", "gopacs"))]


def test_everything_goes_to_the_broker_with_a_token_that_is_renewed_and_never_logged(traded: GopacsDay) -> None:
    assert traded.broker.told("refused"), "the token was revoked, so one attempt was refused"
    assert len(traded.broker.told("token")) >= 2
    with traded.daemon.store.reading() as tx:
        assert not outbox.due(tx, traded.clock.now() + timedelta(days=1))


def test_neither_tokens_nor_the_secret_are_in_any_log_or_in_the_store(traded: GopacsDay) -> None:
    tokens = [event.text("token") for event in traded.broker.told("token")]
    assert all(len(token) > 20 for token in tokens)
    basic = base64.b64encode(f"agr:{SECRET}".encode()).decode()
    logged = traded.logged()
    for telling in ("gopacs.told", "flex_offer.queued", "HTTP Request: POST"):
        assert any(telling in line for line in logged), "what is logged is not captured"
    stored = b"".join(file.read_bytes() for file in traded.folder.glob("agr.db*"))
    assert CONTRACT.encode() in stored
    for secret in (*tokens, SECRET, basic):
        assert not [line for line in logged if secret in line]
        assert secret.encode() not in stored


def test_keys_come_from_the_directory_by_contract_and_by_domain(traded: GopacsDay) -> None:
    asked = {event.text("path") for event in traded.broker.told("asked")}
    assert asked == {
        f"/uftp-participants/v3/participants/{OTHER}",
        f"/uftp-participants/v3/participants/contracts/{CONTRACT}/roles/DSO",
    }


def test_every_message_of_both_sides_fits_the_schema_of_3_0_0(traded: GopacsDay) -> None:
    published = schema("3.0.0")
    told = [event for event in (*traded.broker.told("received"), *traded.broker.told("sent")) if event.xml]
    assert len(told) >= 6
    for event in told:
        assert published.validate(etree.fromstring(event.xml.encode())), f"{event.type}: {published.error_log}"


def test_a_settlement_is_disputed_with_numbers_and_accepted_once_it_is_right(traded: GopacsDay) -> None:
    """It comes from the other operator, whose key is its own; the order stays the one it was."""
    traded.broker.send("settle", reference="order-1", beyond=1000, penalty=50)
    traded.until(lambda: bool(traded.got("FlexSettlementResponse")), "the answer")
    (wrong,) = traded.got("FlexSettlementResponse")
    (status,) = etree.fromstring(wrong.xml.encode())
    assert status.get("Disposition") == "Disputed"
    assert "Penalty" in status.get("DisputeReason")
    traded.broker.send("settle", reference="order-1")
    traded.until(lambda: len(traded.got("FlexSettlementResponse")) == 2, "the answer")
    right = etree.fromstring(traded.got("FlexSettlementResponse")[1].xml.encode())
    assert [one.get("Disposition") for one in right] == ["Accepted"], etree.tostring(right)
    (order,) = traded.trade().orders
    assert order.state is OrderState.SETTLED
    assert order.settled is not None
    assert order.settled.net == order.order.price > Decimal(0)
