"""A web address that remembers what was posted to it, and may refuse."""

import json
from typing import Any

from tests.builders.http_server import Asked, HttpServer, Told


class WebHook:
    """A real HTTP server on loopback."""

    def __init__(self) -> None:
        self.bodies: list[Any] = []
        self.headers: list[dict[str, str]] = []
        self.status = 204
        self._server = HttpServer(self._take)
        self.url = f"{self._server.url}/here"

    def _take(self, asked: Asked) -> Told:
        self.headers.append(dict(asked.headers))
        if self.status < 300:
            self.bodies.append(json.loads(asked.body))
        return Told(status=self.status)

    def close(self) -> None:
        self._server.close()
