"""A tiny AGR that shares nothing with the daemon: nacl, http.server and lxml only."""

import base64
import json
import threading
import uuid
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from queue import Queue
from typing import Any
from urllib.error import HTTPError
from urllib.request import Request, urlopen

import pytest
from lxml import etree
from nacl.signing import SigningKey, VerifyKey

from agr.demo.counterparties import Counterparty, Peer
from agr.demo.environment import counterparty_python
from tests.builders import schemas

PROJECT = Path(__file__).parents[2]
KNOWN: dict[str, list[Any]] = {
    "congestion_points": [
        {
            "address": "ea1.2024-01.example.dso-one:point-1",
            "dso": "dso-one.example",
            "connections": ["ean.299000000000000015"],
        },
        {
            "address": "ea1.2024-01.example.dso-two:point-2",
            "dso": "dso-two.example",
            "connections": ["ean.299000000000000022", "ean.299000000000000039"],
            "mutex_offers": True,
            "day_ahead_redispatch_by": "DSO",
            "intraday_redispatch_by": "AGR",
        },
    ],
    "free_connections": ["ean.299000000000000046"],
}


class TinyAgr:
    """Signs and posts; collects what is posted to it, unsealed with the sender's published key."""

    domain = "agr.example"

    def __init__(self) -> None:
        self.key = SigningKey.generate()
        self.inbox: Queue[etree._Element] = Queue()
        self.keys: dict[str, VerifyKey] = {}
        agr = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                envelope = etree.fromstring(self.rfile.read(int(self.headers["Content-Length"])))
                sealed = base64.b64decode(envelope.get("Body"))
                agr.inbox.put(etree.fromstring(agr.keys[envelope.get("SenderDomain")].verify(sealed)))
                self.send_response(200)
                self.end_headers()

            def log_message(self, *args: object) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.thread = threading.Thread(target=self.server.serve_forever, args=(0.02,))
        self.thread.start()

    @property
    def peer(self) -> Peer:
        return Peer(
            domain=self.domain,
            role="AGR",
            endpoint=f"http://127.0.0.1:{self.server.server_port}/shapeshifter/api/v3/message",
            public_key="cs1." + base64.b64encode(bytes(self.key.verify_key)).decode(),
        )

    def meet(self, other: Counterparty) -> None:
        self.keys[other.domain] = VerifyKey(base64.b64decode(other.public_key.removeprefix("cs1.")))
        other.meet([self.peer])

    def message(self, name: str, to: Counterparty, children: str = "", **attributes: str) -> str:
        common = {
            "Version": "3.1.0",
            "SenderDomain": self.domain,
            "RecipientDomain": to.domain,
            "TimeStamp": "2024-04-09T05:30:00Z",
            "MessageID": str(uuid.uuid4()),
            "ConversationID": str(uuid.uuid4()),
        }
        written = " ".join(f'{key.replace("_", "-")}="{value}"' for key, value in {**common, **attributes}.items())
        return f"<{name} {written}>{children}</{name}>"

    def post(self, xml: str, to: Counterparty, key: SigningKey | None = None) -> int:
        body = base64.b64encode((key or self.key).sign(xml.encode())).decode()
        envelope = f'<SignedMessage SenderDomain="{self.domain}" SenderRole="AGR" Body="{body}"/>'
        request = Request(to.endpoint, data=envelope.encode(), headers={"Content-Type": "text/xml; charset=utf-8"})
        try:
            with urlopen(request, timeout=60) as response:
                return response.status
        except HTTPError as error:
            with error:
                return error.code

    def close(self) -> None:
        self.server.shutdown()
        self.thread.join()
        self.server.server_close()


@pytest.fixture
def agr() -> Iterator[TinyAgr]:
    tiny = TinyAgr()
    yield tiny
    tiny.close()


@pytest.fixture(scope="session")
def python() -> Path:
    return counterparty_python(PROJECT / ".venv-counterparty")


@pytest.fixture
def known() -> dict[str, list[Any]]:
    """What the CRO of these tests knows."""
    return KNOWN


@pytest.fixture
def cro(python: Path, agr: TinyAgr, tmp_path: Path) -> Iterator[Counterparty]:
    config = tmp_path / "cro.json"
    config.write_text(json.dumps(KNOWN))
    with Counterparty(python, role="CRO", domain="cro.example", config=config, log=tmp_path / "cro.log") as running:
        agr.meet(running)
        yield running


@pytest.fixture
def dso(python: Path, agr: TinyAgr, tmp_path: Path) -> Iterator[Counterparty]:
    with Counterparty(python, role="DSO", domain="dso-one.example", log=tmp_path / "dso.log") as running:
        agr.meet(running)
        yield running


@pytest.fixture(scope="session")
def schema() -> dict[str, etree.XMLSchema]:
    """The published schemas by the role that sends: what a 3.1.0 message must satisfy."""
    return {name: schemas.schema("3.1.0", f"UFTP-{name}") for name in ("agr-cro", "agr-dso", "common")}
