"""Readings over HTTP, and the guide for back-ends, step by step."""

import json
import re
import shlex
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from agr.operations.accounts.roles import Permission
from agr.web.security import MAX_BODY_BYTES
from tests.builders.accounts import account, token
from tests.builders.operators_side import Desk
from tests.builders.worlds import World

GUIDE = Path(__file__).parents[2] / "docs" / "how-to" / "connect-a-back-end.md"
AT = "2026-03-28T06:45:00+01:00"


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    opened = Desk(World(tmp_path))
    yield opened
    opened.close()


def reporter(desk: Desk, *scopes: str) -> str:
    account(desk.accounts, "backend", "operator")
    return token(desk.daemon.authentication, "backend", "operator", list(scopes or ["readings"]))


def client_of(desk: Desk, secret: str) -> httpx.Client:
    return desk.anybody(Authorization=f"Bearer {secret}")


def row(**more: object) -> dict[str, object]:
    return {"resource": "battery", "at": AT, "quantity": "stored_kwh", "value": 124.0} | more


def test_a_token_for_readings_may_do_nothing_else(desk):
    client = client_of(desk, reporter(desk))
    assert client.post("/api/v1/readings", json={"readings": [row()]}).json()["stored"] == 1
    assert client.get("/api/v1/days/2026-03-28/energies").status_code == 403
    assert client.post("/api/v1/hold", json={"why": "because"}).status_code == 403
    told = desk.as_("viewer").post("/api/v1/readings", json={"readings": [row()]})
    assert told.status_code == 403
    assert "needs the permission (scope) 'readings'" in told.json()["error"]
    assert desk.anybody().post("/api/v1/readings", json={"readings": [row()]}).status_code == 401
    assert Permission.READINGS.value == "readings"


def test_rows_that_are_wrong_are_named_and_the_others_are_stored(desk):
    client = client_of(desk, reporter(desk, "readings", "read"))
    rows = [
        row(), row(value="many", at="2026-03-28T06:46:00Z"), row(at="2026-03-28T06:45:00"), row(value=None),
        row(resource="b" * 300), row(value=True, at="yesterday"),
    ]  # fmt: skip
    answer = client.post("/api/v1/readings", json={"readings": rows[:5]}).json()
    assert (answer["stored"], answer["refused"]) == (1, 4)
    reasons = [fault["reason"] for fault in answer["faults"]]
    assert "value: 'many' is not a number" in reasons[0]
    assert "has no UTC offset" in reasons[1]
    assert "value: None is not a number" in reasons[2]
    assert "resource: 'bbb" in reasons[3]
    assert client.post("/api/v1/readings", json={"readings": rows}).status_code == 422  # true is no number in JSON
    kept = client.get("/api/v1/days/2026-03-28/readings?resource=battery").json()
    assert [(one["value"], one["by"]) for one in kept] == [(124.0, "backend (token 1)")]
    nan = json.dumps({"readings": [row(quantity="power_kw", value=float("nan"))]})
    answer = client.post("/api/v1/readings", content=nan, headers={"Content-Type": "application/json"}).json()
    assert "is not a finite number" in answer["faults"][0]["reason"]


def test_a_request_is_answered_once_and_another_with_its_key_is_refused(desk):
    client = client_of(desk, reporter(desk))
    key = {"Idempotency-Key": "k-1"}
    first = client.post("/api/v1/readings", json={"readings": [row()]}, headers=key)
    again = client.post("/api/v1/readings", json={"readings": [row()]}, headers=key)
    assert first.json() == again.json()
    assert again.headers["Idempotent-Replay"] == "true"
    assert client.post("/api/v1/readings", json={"readings": [row()]}).json()["known"] == 1
    assert client.post("/api/v1/readings", json={"readings": [row(value=1.0)]}, headers=key).status_code == 409


def test_requests_that_are_too_large_or_empty_are_refused_whole(desk):
    client = client_of(desk, reporter(desk))
    assert client.post("/api/v1/readings", json={"readings": []}).status_code == 422
    assert client.post("/api/v1/readings", json={"readings": [row(at="x" * 65)]}).status_code == 422
    body = b'{"readings": [' + b" " * MAX_BODY_BYTES + b"]}"
    assert client.post("/api/v1/readings", content=body).status_code == 413


# --- the guide -------------------------------------------------------------------------------------------------------


def calls(text: str) -> Iterator[tuple[list[str], str]]:
    """Yield the words of every curl command of the guide, and the answer that it shows."""
    for block in re.findall(r"```console\n(.*?)```", text, re.DOTALL):
        for command in re.split(r"^\$ ", block, flags=re.MULTILINE)[1:]:
            if command.startswith("curl"):
                quotes = re.search(r"""^(?:[^'"\n\\]|\\\n|'[^']*'|"[^"]*")*\n""", command)
                assert quotes is not None
                words, rest = shlex.split(quotes[0].replace("\\\n", " ")), command[quotes.end() :]
                yield words, rest.strip()


def perform(desk: Desk, words: list[str], secret: str) -> httpx.Response:
    """Do what curl would."""
    method, url, headers, body = "GET", "", {}, None
    rest = iter(words[1:])
    for word in rest:
        if word == "-X":
            method = next(rest)
        elif word == "-H":
            name, _, value = next(rest).partition(": ")
            headers[name] = value.replace("$TOKEN", secret)
        elif word == "-d":
            body = next(rest)
        else:
            assert word.startswith("http://127.0.0.1:8081/"), word
            url = word.removeprefix("http://127.0.0.1:8081")
    return desk.anybody().request(method, url, headers=headers, content=body)


def test_every_command_of_the_guide_answers_as_it_says(desk):
    desk.plan()
    secret = reporter(desk, "readings", "read")
    shown = list(calls(GUIDE.read_text(encoding="utf-8")))
    assert len(shown) == 4
    for words, said in shown:
        answer = perform(desk, words, secret)
        assert answer.status_code == 200, answer.text
        pattern = re.escape(said).replace("…", ".*")
        assert re.fullmatch(pattern, answer.text, re.DOTALL), (said, answer.text)
        json.loads(answer.text)
