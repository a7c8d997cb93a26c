"""A web address that takes bids and tells results, as an exchange would; it verifies signatures by itself."""

import base64
import hashlib
import hmac
import json
import threading
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


@dataclass(frozen=True)
class Taken:
    """One post: whether its signature is good, its headers in small letters, its body."""

    signed: bool
    headers: dict[str, str]
    body: bytes


class Exchange:
    """`posts` has all that came, `statuses` what to answer next (then 200), `answers` path → JSON to give."""

    def __init__(self, secret: str = "") -> None:
        self.posts: list[Taken] = []
        self.statuses: list[int] = []
        self.answers: dict[str, Any] = {}
        self.asked: list[str] = []
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                headers = {name.lower(): value for name, value in self.headers.items()}
                outer.posts.append(Taken(_verified(secret, headers, body), headers, body))
                self.answer(outer.statuses.pop(0) if outer.statuses else 200, b'{"order":"A-17"}')

            def do_GET(self) -> None:
                outer.asked.append(self.path)
                found = outer.answers.get(self.path.partition("?")[0])
                self.answer(404 if found is None else 200, json.dumps(found).encode())

            def answer(self, status: int, body: bytes) -> None:
                self.send_response(status)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: object) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.server.serve_forever, args=(0.02,), daemon=True).start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server.server_port}"

    def close(self) -> None:
        self.server.shutdown()
        self.server.server_close()


def _verified(secret: str, headers: dict[str, str], body: bytes) -> bool:
    text = b".".join([headers.get("webhook-id", "").encode(), headers.get("webhook-timestamp", "").encode(), body])
    mac = base64.b64encode(hmac.new(secret.encode(), text, hashlib.sha256).digest()).decode()
    return headers.get("webhook-signature") == f"v1,{mac}"
