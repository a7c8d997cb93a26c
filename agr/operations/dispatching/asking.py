"""Asks stations of OCPP 1.6 for `agr check` which limits they take; listens for their answers."""

import queue
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from secrets import token_bytes
from threading import Thread
from urllib.parse import urlsplit

from agr.connectors.answers import VERIFY, AnswerAddresses, of_path
from agr.connectors.citrineos import CitrineRoad
from agr.domain.charge_point import ChargePoint
from agr.domain.errors import InputError
from agr.settings import DispatchRoad, Settings

_MOST = 20
"""Most stations that are asked at one time."""
_MOST_BYTES = 64 << 10
_WAIT_S = 10.0
Told = queue.SimpleQueue[tuple[str, bytes]]


class _Server(HTTPServer):
    """Takes answers to addresses that are ours; nothing else."""

    told: Told
    answers: AnswerAddresses


class _Handler(BaseHTTPRequestHandler):
    server: _Server
    timeout = _WAIT_S

    def do_POST(self) -> None:
        """Keep an answer; the last four parts of the path say what it answers, and prove that it is genuine."""
        parts = urlsplit(self.path).path.split("/")[-4:]
        length = self.headers.get("Content-Length", "")
        sized = length.isascii() and length.isdigit() and int(length[:12]) <= _MOST_BYTES
        taken = False
        if sized and len(parts) == 4 and parts[0] == VERIFY:
            road, key = of_path(parts[1]), of_path(parts[2])
            taken = self.server.answers.genuine(VERIFY, road, key, parts[3])
            if taken:
                self.server.told.put((key, self.rfile.read(int(length))))
        self.send_response(200 if taken else 404)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - its name in the base class
        """Say nothing: paths have proofs in them."""


@contextmanager
def listening(settings: Settings) -> Iterator[tuple[AnswerAddresses, Told] | None]:
    """Listen where the daemon would; None while it does so itself, or where a certificate is needed for it."""
    where = settings.dispatch
    try:
        if settings.tls.certificate_file is not None:
            raise OSError
        server = _Server((where.listen_host, where.listen_port), _Handler)
    except OSError:
        yield None
        return
    base = where.callback_url or f"http://{where.listen_host}:{server.server_port}"
    server.told, server.answers = queue.SimpleQueue(), AnswerAddresses(base=lambda: base, secret=token_bytes(32))
    Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield server.answers, server.told
    finally:
        server.shutdown()
        server.server_close()


def limits_taken(
    opened: CitrineRoad, road: DispatchRoad, points: Sequence[ChargePoint], told: Told
) -> dict[str, tuple[tuple[str, ...], int | None]]:
    """Return station → (units, most periods) of what stations of OCPP 1.6 answer; those that do not are left out."""
    asked = {str(place): point for place, point in enumerate(points[:_MOST]) if opened.ask_limits(point, str(place))}
    found: dict[str, tuple[tuple[str, ...], int | None]] = {}
    until = time.monotonic() + min(_WAIT_S, road.timeout_s)
    while len(found) < len(asked) and (left := until - time.monotonic()) > 0:
        try:
            key, body = told.get(timeout=left)
            found[asked[key].station] = opened.limits_told(body)
        except (queue.Empty, KeyError, InputError):
            continue
    return found
