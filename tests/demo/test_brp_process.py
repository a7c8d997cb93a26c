"""The demo's balance responsible party, a process of its own: takes e-programs with a token, answers each revision."""

import json
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.error import HTTPError
from urllib.request import Request, urlopen

import pytest

from agr.demo.counterparties import BRP, Counterparty
from tests.builders.web_hook import WebHook

START = datetime(2024, 4, 9, 22, tzinfo=UTC)


class Customer:
    """Talks to the BRP as an aggregator would, and hears its answers."""

    def __init__(self, running: Counterparty, hook: WebHook) -> None:
        self.running, self.hook = running, hook
        running.send("terms", token="ours", answers=f"{hook.url}/{{message_id}}", answer_token="theirs")

    def program(self, revision: int, mwh: float, **changed: object) -> dict[str, Any]:
        isps = [
            {
                "isp": isp + 1, "start": (START + timedelta(hours=isp)).isoformat(), "energy_mwh": mwh,
                "day_ahead_mwh": mwh - 1.0, "intraday_mwh": 1.0, "imbalance_mwh": 0.0,
            }
            for isp in range(24)
        ]  # fmt: skip
        return {
            "message_id": f"m{revision}", "period": "2024-04-10", "isp_minutes": 60, "revision": revision, "plan": 7,
            "isps": isps,
        } | changed  # fmt: skip

    def post(self, body: object, token: str = "ours") -> int:
        request = Request(
            f"{self.running.endpoint}/e-programs", data=json.dumps(body).encode(),
            headers={"Authorization": f"Bearer {token}"},
        )  # fmt: skip
        try:
            with urlopen(request, timeout=60) as answer:
                return int(answer.status)
        except HTTPError as error:
            with error:
                return error.code

    def answer(self, revision: int) -> tuple[str, str]:
        """Return what the BRP has answered to a revision, as it says and as it has sent it."""
        said = self.running.wait_for(lambda e: e.kind == "answered" and e.text("revision") == str(revision))
        assert {"answer": said.text("answer"), "why": said.text("why")} in self.hook.bodies
        assert self.hook.headers[-1]["authorization"] == "Bearer theirs"
        return said.text("answer"), said.text("why")


@pytest.fixture
def customer(tmp_path: Path) -> Iterator[Customer]:
    hook = WebHook()
    with Counterparty(
        Path(sys.executable), role="BRP", domain="b.example", log=tmp_path / "log", script=BRP
    ) as running:
        yield Customer(running, hook)
    hook.close()


def test_a_whole_e_program_is_accepted_and_told(customer: Customer) -> None:
    assert customer.post(customer.program(1, 2.5)) == 202
    assert customer.answer(1) == ("accepted", "")
    (told,) = customer.running.told("e-program")
    assert (told.message_id, told.text("revision"), told.numbers("mwh")) == ("m1", "1", (2.5,) * 24)


@pytest.mark.parametrize(
    ("revision", "change", "why"),
    [
        (2, {}, "it repeats revision 1"),
        (1, {"message_id": "other"}, "revision 1 is known already"),
        (2, {"isps": []}, "ISPs are missing"),
    ],
)
def test_what_says_nothing_new_or_too_little_is_rejected(
    customer: Customer, revision: int, change: dict[str, object], why: str
) -> None:
    customer.post(customer.program(1, 2.5))
    customer.answer(1)
    customer.hook.bodies.clear()
    seen = len(customer.running.events)
    assert customer.post(customer.program(revision, 2.5) | change) == 202
    said = customer.running.wait_for(lambda e: e.kind == "answered", after=seen)
    assert (said.text("answer"), said.text("why")) == ("rejected", why)


def test_an_e_program_whose_parts_do_not_add_up_is_rejected(customer: Customer) -> None:
    wrong = customer.program(1, 2.5)
    wrong["isps"][3]["imbalance_mwh"] = 0.5
    customer.post(wrong)
    assert customer.answer(1) == ("rejected", "ISP 4: energy is not the sum of what was bought and what was not")


def test_the_same_message_again_is_answered_as_before(customer: Customer) -> None:
    for _ in range(2):
        customer.post(customer.program(1, 2.5))
        customer.answer(1)
    assert customer.hook.bodies == [{"answer": "accepted", "why": ""}] * len(customer.hook.bodies)


def test_a_wrong_token_and_nonsense_are_refused(customer: Customer) -> None:
    assert customer.post(customer.program(1, 2.5), token="guessed") == 401
    assert customer.post({"hello": 1}) == 422
    assert customer.running.told("e-program") == ()
