"""HTTPS with a private certificate authority: names, expiry, versions, client certificates, tokens."""

import json
import ssl
import threading
import warnings
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import httpx
import pytest
import trustme

from agr.domain.errors import SettingsError
from agr.domain.isp import SystemClock
from agr.settings import Tls
from agr.uftp.access import Access, Way
from agr.uftp.connections import Connections
from agr.uftp.signing import KeyPair
from agr.uftp.transport import DeliveryAttempt, DeliveryOutcome, Sender
from agr.web.serving import served
from tests.builders.worlds import World


def only(context: ssl.SSLContext, version: ssl.TLSVersion) -> None:
    """Speak one old version, which Python rightly warns of."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        context.minimum_version = context.maximum_version = version
    context.set_ciphers("ALL:@SECLEVEL=0")


class Authority:
    """An authority with its files."""

    def __init__(self, folder: Path) -> None:
        self.ca, self.folder = trustme.CA(), folder
        self.file = folder / "ca.pem"
        self.ca.cert_pem.write_to_path(str(self.file))

    def issue(self, name: str, **more: Any) -> tuple[Path, Path]:
        certificate = self.ca.issue_cert(name, **more)
        chain, key = self.folder / f"{name}.pem", self.folder / f"{name}.key"
        certificate.cert_chain_pems[0].write_to_path(str(chain))
        certificate.private_key_pem.write_to_path(str(key))
        return chain, key


class Peer:
    """An HTTPS server of another make than ours that notes who came with which token."""

    def __init__(self, certificate: tuple[Path, Path], clients: Path | None = None, newest: Any = None) -> None:
        self.tokens: list[str] = []
        self.given, self.expected, self.refuse_token = 0, "", 0
        peer = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                self.rfile.read(int(self.headers["Content-Length"]))
                status, answer = peer.answer(self.path, self.headers.get("Authorization", ""))
                self.send_response(status)
                self.send_header("Content-Length", str(len(answer)))
                self.end_headers()
                self.wfile.write(answer)

            def log_message(self, *args: object) -> None:
                pass

        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(*certificate)
        if clients:
            context.load_verify_locations(clients)
            context.verify_mode = ssl.CERT_REQUIRED
        if newest:
            only(context, newest)
        self.http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.http.handle_error = lambda *_: None  # type: ignore[method-assign]
        self.http.socket = context.wrap_socket(self.http.socket, server_side=True, do_handshake_on_connect=False)
        self.thread = threading.Thread(target=self.http.serve_forever, args=(0.02,))
        self.thread.start()
        self.url = f"https://127.0.0.1:{self.http.server_port}"

    def answer(self, path: str, authorization: str) -> tuple[int, bytes]:
        if path == "/token":
            if self.refuse_token:
                self.refuse_token -= 1
                return 503, b"later"
            self.given += 1
            self.expected = f"Bearer token-{self.given}"
            return 200, json.dumps({"access_token": f"token-{self.given}", "expires_in": 3600}).encode()
        self.tokens.append(authorization)
        return (200, b"") if authorization == self.expected else (401, b"")

    def stop(self) -> None:
        self.http.shutdown()
        self.http.server_close()
        self.thread.join()


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    return Authority(tmp_path)


@pytest.fixture
def started() -> Iterator[list[Peer]]:
    peers: list[Peer] = []
    yield peers
    for peer in peers:
        peer.stop()


def post(url: str, authorities: Path | None, way: Way = Way()) -> DeliveryAttempt:  # noqa: B008 - frozen
    connections = Connections(authorities, timeout_s=60)
    try:
        return Sender(connections.prepare(way)).post(url, b"<x/>")
    finally:
        connections.close()


def test_a_certificate_of_a_known_authority_is_accepted(authority: Authority, started: list[Peer]) -> None:
    started.append(Peer(authority.issue("127.0.0.1")))
    assert post(started[0].url, authority.file).outcome is DeliveryOutcome.DELIVERED


@pytest.mark.parametrize("wrong", ["authority", "name", "expired", "version"])
def test_a_certificate_error_is_never_ignored(
    authority: Authority, started: list[Peer], tmp_path: Path, wrong: str
) -> None:
    over = {"not_after": datetime.now(UTC) - timedelta(days=1), "not_before": datetime.now(UTC) - timedelta(days=9)}
    mine = authority.issue(
        "other.example" if wrong == "name" else "127.0.0.1", **(over if wrong == "expired" else {})
    )  # fmt: skip
    started.append(Peer(mine, newest=ssl.TLSVersion.TLSv1_1 if wrong == "version" else None))
    trusted = authority.file
    if wrong == "authority":
        (tmp_path / "else").mkdir()
        trusted = Authority(tmp_path / "else").file
    result = post(started[0].url, trusted)
    assert (
        result.outcome is DeliveryOutcome.RETRY
    )  # a peer's mistake that it can mend; given up and reported in the end
    words = {"authority": "unable to get local issuer|self.signed", "name": "IP address mismatch|match"}
    words |= {"expired": "expired", "version": "version|protocol|handshake"}
    assert any(word in result.detail.lower() for word in words[wrong].lower().split("|")), result.detail
    assert started[0].tokens == []


def test_a_client_certificate_is_shown_where_one_is_asked_for(authority: Authority, started: list[Peer]) -> None:
    started.append(Peer(authority.issue("127.0.0.1"), clients=authority.file))
    assert post(started[0].url, authority.file).outcome is DeliveryOutcome.RETRY
    ours = Way(certificate=authority.issue("agr.example"))
    assert post(started[0].url, authority.file, ours).outcome is DeliveryOutcome.DELIVERED


def test_client_credentials_get_one_token_for_many_messages_and_a_new_one_when_it_is_refused(
    authority: Authority, started: list[Peer], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DSO_SECRET", "very secret")
    peer = Peer(authority.issue("127.0.0.1"))
    started.append(peer)
    connections = Connections(authority.file)
    way = Way(access=Access(token_url=f"{peer.url}/token", client_id="agr", secret_variable="DSO_SECRET"))
    sender = Sender(connections.prepare(way))
    peer.refuse_token = 1
    refused = sender.post(peer.url, b"<x/>")
    assert (refused.outcome, "503" in refused.detail) == (DeliveryOutcome.RETRY, True)
    assert [sender.post(peer.url, b"<x/>").outcome for _ in range(3)] == [DeliveryOutcome.DELIVERED] * 3
    assert peer.given == 1
    peer.expected = "Bearer something newer"  # the peer has forgotten our token
    assert sender.post(peer.url, b"<x/>").outcome is DeliveryOutcome.DELIVERED
    assert peer.given == 2
    assert "very secret" not in refused.detail
    connections.close()


def test_a_missing_client_secret_is_named_and_tried_again(
    authority: Authority, started: list[Peer], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("DSO_SECRET", raising=False)
    access = Access(token_url="https://127.0.0.1:9/token", client_id="agr", secret_variable="DSO_SECRET")
    result = post("https://127.0.0.1:9/x", authority.file, Way(access=access))
    assert (result.outcome, "DSO_SECRET" in result.detail) == (DeliveryOutcome.RETRY, True)


def test_our_own_endpoint_speaks_tls_1_2_or_newer_and_nothing_older(authority: Authority, tmp_path: Path) -> None:
    from agr.service import Service

    world = World(tmp_path)
    world.store.close()
    KeyPair.generate().save(world.settings.key_file)
    chain, key = authority.issue("127.0.0.1")
    settings = world.settings.model_copy(
        update={"listen_port": 0, "tls": Tls(certificate_file=chain, key_file=key), "participants": ()}
    )
    with Service(settings, SystemClock()) as daemon:
        url = f"https://127.0.0.1:{daemon.port}/shapeshifter/api/v3/message"
        trusting = ssl.create_default_context(cafile=authority.file)
        with httpx.Client(verify=trusting, timeout=60) as client:
            assert client.post(url, content=b"", headers={"Content-Type": "text/xml"}).status_code == 400
        old = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        old.load_verify_locations(authority.file)
        only(old, ssl.TLSVersion.TLSv1_1)
        with httpx.Client(verify=old, timeout=60) as client, pytest.raises(httpx.ConnectError):
            client.post(url, content=b"")


def test_a_certificate_file_that_cannot_be_used_is_named(tmp_path: Path) -> None:
    bad = tmp_path / "bad.pem"
    bad.write_text("no certificate")
    with pytest.raises(SettingsError, match=r"bad\.pem"):
        served(None, host="127.0.0.1", port=0, tls=Tls(certificate_file=bad, key_file=bad))
    with pytest.raises(SettingsError, match=r"bad\.pem"):
        Connections(bad).prepare(Way())
    with pytest.raises(SettingsError, match=r"bad\.pem"):
        Connections().prepare(Way(certificate=(bad, bad)))
