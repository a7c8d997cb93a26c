"""The demo's exchange, a process of its own: takes signed bids until the gate, and awards some of them in part."""

import base64
import hashlib
import hmac
import json
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.error import HTTPError
from urllib.request import Request, urlopen

import pytest

from agr.demo.counterparties import EXCHANGE, Counterparty
from agr.demo.told import AcceptedBid

START = datetime(2024, 4, 9, 22, tzinfo=UTC)
GATE, PUBLISHED = START - timedelta(hours=12), START - timedelta(hours=11)
PRICES = [float((7 * hour) % 24) for hour in range(24)]  # each hour another one: 0 is the cheapest, 23 the dearest
SECRET, TOKEN = "shared", "secret of ours"


class Office:
    """Talks to the exchange as a trader would."""

    def __init__(self, running: Counterparty) -> None:
        self.running = running
        starts = [START + timedelta(hours=hour) for hour in range(24)]
        self.starts = [start.isoformat() for start in starts]
        running.send(
            "market", secret=SECRET, token=TOKEN, gate=GATE.isoformat(), publishes_at=PUBLISHED.isoformat(),
            prices=[[start, price] for start, price in zip(self.starts, PRICES, strict=True)],
        )  # fmt: skip
        self.at(GATE - timedelta(minutes=5))

    def at(self, now: datetime) -> None:
        self.running.send("clock", now=now.isoformat())

    def body(self, mw: list[float]) -> bytes:
        rows = [f"{start},{value}" for start, value in zip(self.starts, mw, strict=False)]
        return "\n".join(["Delivery start,Volume MW", *rows, ""]).encode()

    def post(self, body: bytes, identity: str = "r1", secret: str = SECRET) -> tuple[int, dict[str, Any]]:
        signed = hmac.digest(secret.encode(), f"{identity}.1.".encode() + body, hashlib.sha256)
        headers = {
            "webhook-id": identity, "webhook-timestamp": "1", "x-agr-revision": "1",
            "webhook-signature": "v1," + base64.b64encode(signed).decode(),
        }  # fmt: skip
        return self.ask(Request(f"{self.running.endpoint}/bids", data=body, headers=headers))

    def results(self, token: str = TOKEN) -> tuple[int, list[dict[str, Any]]]:
        address = f"{self.running.endpoint}/results?delivery=2024-04-10"
        return self.ask(Request(address, headers={"Authorization": f"Bearer {token}"}))

    @staticmethod
    def ask(request: Request) -> tuple[int, Any]:
        try:
            with urlopen(request, timeout=60) as answer:
                return answer.status, json.load(answer)
        except HTTPError as error:
            with error:
                return error.code, json.load(error)


@pytest.fixture
def office(tmp_path: Path) -> Iterator[Office]:
    python = Path(sys.executable)
    with Counterparty(python, role="EXCHANGE", domain="x.example", log=tmp_path / "log", script=EXCHANGE) as running:
        yield Office(running)


def test_purchases_in_the_cheapest_hours_are_awarded_in_part_or_not_at_all(office: Office) -> None:
    assert office.post(office.body([1.0] * 24))[0] == 200
    assert office.results() == (200, [])
    office.at(PUBLISHED)
    status, rows = office.results()
    assert status == 200
    by_price = {row["price"]: row for row in rows}
    assert [by_price[price]["awarded_mw"] for price in range(9)] == [0.0, *[0.6] * 7, 1.0]
    assert {row["awarded_mw"] for row in rows if row["price"] > 8} == {1.0}
    assert {row["side"] for row in rows} == {"buy"}
    told = office.running.wait_for(lambda event: event.kind == "cleared").numbers("mw")
    found = AcceptedBid(bid_mw=(1.0,) * 24, awarded_mw=told, revision=1, hours=1)
    assert (found.partly, found.not_awarded) == (7, 1)
    assert found.awarded_mwh == pytest.approx(16 + 7 * 0.6)


def test_sales_in_the_dearest_hours_are_awarded_in_part(office: Office) -> None:
    office.post(office.body([-0.5] * 24))
    office.at(PUBLISHED)
    by_price = {row["price"]: row for row in office.results()[1]}
    assert [by_price[price]["awarded_mw"] for price in (23, 22, 16, 15)] == [0.0, 0.3, 0.3, 0.5]
    assert {row["side"] for row in by_price.values() if row["awarded_mw"]} == {"sell"}


def test_the_same_post_again_is_confirmed_again_and_another_with_its_name_is_not(office: Office) -> None:
    first = office.post(office.body([1.0] * 24))
    office.at(GATE)
    assert office.post(office.body([1.0] * 24)) == first
    status, answer = office.post(office.body([2.0] * 24))
    assert (status, "another revision" in str(answer)) == (409, True)


@pytest.mark.parametrize(
    ("mw", "secret", "late", "status", "words"),
    [
        ([1.0] * 24, "guessed", False, 401, "the signature is wrong"),
        ([1.0] * 24, SECRET, True, 409, "the gate has closed"),
        ([1.0] * 23, SECRET, False, 422, "23 of 24 products"),
        ([0.55] * 24, SECRET, False, 422, "line 2: 0.55 MW is not a multiple of 0.1 MW"),
    ],
)
def test_what_it_cannot_take_is_refused(office: Office, mw, secret, late, status, words) -> None:
    if late:
        office.at(GATE)
    answered, answer = office.post(office.body(mw), secret=secret)
    assert answered == status
    assert words in str(answer)
    office.running.wait_for(lambda event: event.kind == "refused" and event.text("text") == answer["error"])


def test_results_are_told_to_those_who_hold_the_token_only(office: Office) -> None:
    assert office.results("guessed")[0] == 401
