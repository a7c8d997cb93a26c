"""A web address that takes bids and tells results, as an exchange would; it verifies signatures by itself."""

import base64
import hashlib
import hmac
import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from tests.builders.http_server import Asked, HttpServer, Told


@dataclass(frozen=True)
class Taken:
    """One post: whether its signature is good, its headers in small letters, its body."""

    signed: bool
    headers: dict[str, str]
    body: bytes


class Exchange:
    """`posts` has all that came, `statuses` what to answer next (then 200), `answers` path → JSON to give.

    Every post is answered with the text in `receipt`.
    """

    def __init__(self, secret: str = "") -> None:
        self.posts: list[Taken] = []
        self.statuses: list[int] = []
        self.receipt = b'{"order":"A-17"}'
        self.answers: dict[str, Any] = {}
        self.asked: list[str] = []
        self.before_answer: Callable[[], object] = lambda: None
        self._secret = secret
        self._server = HttpServer(self._answer)
        self.url = self._server.url

    def _answer(self, asked: Asked) -> Told:
        if asked.method == "POST":
            headers = dict(asked.headers)
            self.posts.append(Taken(_verified(self._secret, headers, asked.body), headers, asked.body))
            self.before_answer()
            return Told(status=self.statuses.pop(0) if self.statuses else 200, body=self.receipt)
        self.asked.append(asked.target)
        found = self.answers.get(asked.path)
        return Told(status=404 if found is None else 200, body=json.dumps(found).encode())

    def close(self) -> None:
        self._server.close()


def _verified(secret: str, headers: dict[str, str], body: bytes) -> bool:
    text = b".".join([headers.get("webhook-id", "").encode(), headers.get("webhook-timestamp", "").encode(), body])
    mac = base64.b64encode(hmac.new(secret.encode(), text, hashlib.sha256).digest()).decode()
    return headers.get("webhook-signature") == f"v1,{mac}"
