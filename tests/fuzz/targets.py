"""The layers that a hostile peer can reach: each target takes any bytes and fails only on forbidden behaviour.

A target accepts the bytes or refuses them as the protocol says; any other exception, an undocumented status or an
unprocessed message is a finding. Used by the campaign (atheris) and by the short version in the tests.
"""

import asyncio
import base64
import functools
import itertools
import tempfile
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from agr.domain.errors import MessageError, SealError
from agr.messaging.rules import RuleContext, violations
from agr.settings import MessageLimits
from agr.store import inbox, tables
from agr.uftp.codec import decode, encode, respond
from agr.uftp.signing import unseal
from agr.web.endpoint import PATH, REASONS, uftp_app
from tests.builders.worlds import CONTRACT, NOW, POINT, Party, World

SIGNER = Party("dso.example", "DSO")
KEPT = 500
"""Messages after which the intake target empties its store: growth would be the harness's, not the daemon's."""
_COUNT = itertools.count(1)


def envelope(data: bytes) -> None:
    """Outer XML, base64, signature: unseal gives the signed bytes or a documented status."""
    try:
        unseal(data, lambda domain, role: (bytes(SIGNER.key.verify_key),) if domain == "dso.example" else ())
    except SealError as error:
        _documented(error.status, *REASONS)


def signature(data: bytes) -> None:
    """A well-formed envelope around any base64: only what the sender's key has signed comes out."""
    body = base64.b64encode(data).decode()
    text = f'<SignedMessage SenderDomain="dso.example" SenderRole="DSO" Body="{body}"/>'
    try:
        sealed = unseal(text.encode(), lambda *_: (bytes(SIGNER.key.verify_key),))
    except SealError as error:
        _documented(error.status, 400, 401)
    else:
        raise AssertionError(f"a forged signature was taken: {sealed.xml!r}")


def message(data: bytes) -> None:
    """Inner XML and rules: a message that can be read can be judged, answered, and the answer written and read."""
    try:
        read = decode(data)
    except MessageError:
        return
    world = _world()
    day = RuleContext(
        own_domain="agr.example", zone_name="Europe/Amsterdam", isp_minutes=15, now=NOW,
        participants=world.participants, sender_role="DSO", points=frozenset({POINT}),
    )  # fmt: skip
    reasons = violations(read, day)
    reply = respond(
        read, result="Rejected" if reasons else "Accepted", reason="; ".join(reasons) or None,
        sender_domain="agr.example", now=NOW, message_id="11111111-2222-4333-8444-555555555555",
    )  # fmt: skip
    if reply is not None:
        decode(encode(reply))


def intake(data: bytes) -> None:
    """Semantics: whatever a known sender signs is answered with a documented status and, if 200, fully processed."""
    world = _world()
    status = world.receiver.receive(
        SIGNER.seal(data.decode("utf-8", "surrogateescape").encode("utf-8", "replace").decode())
    )
    assert status in REASONS, status
    while world.processor.process_next():
        pass
    with world.store.transaction() as tx:
        assert inbox.next_received(tx) is None
        states = set(tx.execute(sa.select(tables.inbox.c.state).distinct()).scalars())
        assert states <= {"accepted", "rejected", "noted"}
        if next(_COUNT) % KEPT == 0:
            for table in (tables.inbox, tables.outbox, tables.reservations, tables.triggers, tables.alarms):
                tx.execute(table.delete())


def http(data: bytes) -> None:
    """HTTP: headers and body as the bytes say; always one documented status, never a fault."""
    head, _, body = data.partition(b"\n\n")
    headers = [tuple(part.strip() for part in line.split(b":", 1)) for line in head.splitlines() if b":" in line]
    _documented(_call(headers, body), *REASONS, 404, 405)


def _documented(status: int, *expected: int) -> None:
    assert status in [code for code in expected if code < 500], status


TARGETS: dict[str, Callable[[bytes], None]] = {
    "envelope": envelope, "signature": signature, "message": message, "intake": intake, "http": http,
}  # fmt: skip


def seeds(name: str) -> Iterator[bytes]:
    """Give what a target may start from: messages as peers write them."""
    good = [
        SIGNER.update(),
        SIGNER.update(Period="2026-03-29", ContractID=CONTRACT, TimeZone="Europe/Berlin"),
        SIGNER.message("TestMessage"),
        SIGNER.message("D-PrognosisResponse", Result="Accepted", **{"D_PrognosisMessageID": "1" * 8}),
        SIGNER.message(
            "FlexOrder", '<ISP Power="1" Start="1"/>', ISP_Duration="PT15M", TimeZone="Europe/Amsterdam",
            Period="2026-03-29", CongestionPoint=POINT,
        ),
        SIGNER.message("AGRPortfolioQueryResponse", "<DSO-View/>", Result="Rejected", RejectionReason="no"),
    ]  # fmt: skip
    for xml in good:
        if name in ("message", "intake"):
            yield xml.encode()
        elif name == "signature":
            yield SIGNER.key.sign(xml.encode())[:-1]
        else:
            body = SIGNER.seal(xml)
            head = b"content-type: text/xml; charset=utf-8\ncontent-length: %d\n\n" % len(body)
            yield head + body if name == "http" else body


@functools.cache
def _world() -> World:
    folder = Path(tempfile.mkdtemp(prefix="agr-fuzz-"))
    world = World(folder, dso=SIGNER, store_url="sqlite://", limits=MessageLimits(messages_per_minute=10**9))
    world.know_register()
    world.know_points()
    return world


@functools.cache
def _loop() -> asyncio.AbstractEventLoop:
    """Return a loop in a thread of its own: the caller's thread may have one that runs."""
    loop = asyncio.new_event_loop()
    threading.Thread(target=loop.run_forever, daemon=True).start()
    return loop


def _call(headers: list[tuple[bytes, ...]], body: bytes) -> int:
    """Call the endpoint's application as a server would and return the status."""
    app = uftp_app(lambda _body: 200, max_bytes=100_000, expects=_world().receiver.expects)
    scope: dict[str, Any] = {
        "type": "http", "http_version": "1.1", "method": "POST", "path": PATH, "raw_path": PATH.encode(),
        "query_string": b"", "root_path": "", "scheme": "http", "server": ("127.0.0.1", 80),
        "client": ("127.0.0.1", 9), "headers": [(k.lower(), v) for k, v in headers],
    }  # fmt: skip
    sent: list[int] = []
    incoming = iter([{"type": "http.request", "body": body, "more_body": False}])

    async def receive() -> dict[str, Any]:
        return next(incoming, {"type": "http.disconnect"})

    async def send(event: Any) -> None:
        if event["type"] == "http.response.start":
            sent.append(event["status"])

    async def called() -> None:
        await app(scope, receive, send)

    asyncio.run_coroutine_threadsafe(called(), _loop()).result()
    (status,) = sent
    return status
