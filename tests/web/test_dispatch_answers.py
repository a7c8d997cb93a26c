"""The endpoint for what back-ends post: small bodies, and addresses that survive any name."""

from collections.abc import Iterator

import httpx
import pytest

from agr.connectors.answers import AnswerAddresses, of_path
from agr.settings import Tls
from agr.web.dispatch_answers import MOST_BYTES, dispatch_app
from agr.web.serving import WebServer


class Desk:
    """Takes what is genuine."""

    def __init__(self) -> None:
        self.web = WebServer("dispatch", dispatch_app(self.take), "127.0.0.1", 0, "dispatch.listen_port", Tls())
        self.web.start()
        self.base = f"http://127.0.0.1:{self.web.port}"
        self.answers = AnswerAddresses(base=lambda: self.base, secret=b"secret")
        self.got: list[tuple[str, str, str, bytes]] = []
        self.client = httpx.Client(timeout=60)

    def close(self) -> None:
        self.client.close()
        self.web.stop()

    def take(self, kind: str, road: str, key: str, proof: str, body: bytes) -> int:
        road, key = of_path(road), of_path(key)
        if not self.answers.genuine(kind, road, key, proof):
            return 404
        self.got.append((kind, road, key, body))
        return 200


@pytest.fixture
def desk() -> Iterator[Desk]:
    made = Desk()
    yield made
    made.close()


def test_addresses_lead_back_to_what_they_were_made_of_whatever_it_is_called(desk: Desk) -> None:
    names = ["CP1", "a/b", "..", ".", "~x", "ü ?#%", "7", "a" * 200]
    for name in names:
        assert desk.client.post(desk.answers.url("news", name, name), content=b"{}").status_code == 200
    assert [(road, key) for _, road, key, _ in desk.got] == [(name, name) for name in names]


def test_an_address_is_no_other_ones(desk: Desk) -> None:
    url = desk.answers.url("command", "r", "1")
    for forged in (url.replace("/1/", "/2/"), url.replace("command", "verify"), url[:-1], url + "0"):
        assert desk.client.post(forged, content=b"{}").status_code == 404
    other = AnswerAddresses(base=lambda: desk.base, secret=b"another")
    assert desk.client.post(other.url("command", "r", "1"), content=b"{}").status_code == 404
    assert desk.got == []


def test_large_bodies_are_refused_unread_and_in_chunks(desk: Desk) -> None:
    url = desk.answers.url("command", "r", "1")
    assert desk.client.post(url, content=b"x" * MOST_BYTES).status_code == 200
    assert desk.client.post(url, content=b"x" * (MOST_BYTES + 1)).status_code == 413
    assert desk.client.post(url, content=(b"x" * 1000 for _ in range(100))).status_code == 413
    assert len(desk.got) == 1


def test_only_posts_are_answered(desk: Desk) -> None:
    assert desk.client.get(desk.answers.url("command", "r", "1")).status_code == 405
    assert desk.client.post(desk.base + "/").status_code == 404
