"""A CRO or DSO of its own, built on shapeshifter-uftp. Stand-alone: shares no code with the daemon, never imported.

PYTHON counterparty.py --role CRO|DSO --domain NAME [--port 0] [--config FILE.json] [--key FILE] [--log FILE]

Writes JSON lines to standard output: {"event": "ready" | "received" | "refused" | "sent" | "failed" | "library" |
"done" | "fault", ...}. Reads JSON lines {"command": NAME, "id": N, ...} from standard input and answers each with
"done" or "fault"; ends at `stop` or when its input closes, so it never outlives the process that started it.
The commands are the methods `do_…` below; `config` of a CRO is what it knows of connections:
{"congestion_points": [{"address", "dso", "connections": [], "mutex_offers", "day_ahead_redispatch_by",
"intraday_redispatch_by"}], "free_connections": []}.
"""

import argparse
import base64
import itertools
import json
import logging
import os
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from threading import Event, Lock
from typing import IO, Any, TypeAlias

from fastapi import HTTPException, Response
from nacl.bindings import crypto_sign, crypto_sign_keypair, crypto_sign_open, crypto_sign_seed_keypair
from shapeshifter_uftp import (
    AgrPortfolioQuery,
    AgrPortfolioQueryResponse,
    AgrPortfolioQueryResponseCongestionPoint,
    AgrPortfolioQueryResponseConnection,
    AgrPortfolioQueryResponseDSOPortfolio,
    AgrPortfolioQueryResponseDSOView,
    AgrPortfolioUpdate,
    AgrPortfolioUpdateResponse,
    DPrognosis,
    DPrognosisResponse,
    FlexReservationUpdate,
    FlexReservationUpdateISP,
    ShapeshifterCroService,
    ShapeshifterDsoService,
    TestMessage,
    TestMessageResponse,
    transport,
)
from shapeshifter_uftp.uftp import SignedMessage

Json: TypeAlias = dict[str, Any]  # one JSON line; whoever reads a field checks it

SEND_ATTEMPTS = 5
NOWHERE = "ea1.1970-01.example.nowhere:none"  # fills what the schema demands of a rejected response


class Lines:
    """JSON lines to the process that started us; nothing else is written to that stream."""

    def __init__(self, stream: IO[str]) -> None:
        self._stream, self._lock = stream, Lock()

    def write(self, event: str, **fields: object) -> None:
        """Write one event with the real time."""
        line = json.dumps({"event": event, "at": datetime.now(UTC).isoformat(), **fields}, default=str)
        with self._lock:
            self._stream.write(line + "\n")
            self._stream.flush()


class LibraryLog(logging.Handler):
    """Reports what the library only logs, because it swallows every error of its background work."""

    def __init__(self, lines: Lines) -> None:
        super().__init__(logging.WARNING)
        self._lines = lines

    def emit(self, record: logging.LogRecord) -> None:
        """Write a `library` event."""
        self._lines.write("library", level=record.levelname, text=record.getMessage()[:500])


def type_name(message: object) -> str:
    """Return the message's element name, e.g. D-Prognosis."""
    return str(getattr(getattr(type(message), "Meta", None), "name", type(message).__name__))


def describe(message: Any) -> Json:
    """Return the metadata of a message; fields it does not have are left out."""
    names = ("sender_domain", "recipient_domain", "version", "message_id", "conversation_id", "period",
             "congestion_point", "revision", "result", "rejection_reason", "reference_message_id",
             "flex_reservation_update_message_id")  # fmt: skip
    values = {name: getattr(message, name, None) for name in names}
    found: Json = {name: v if isinstance(v, int) else str(v) for name, v in values.items() if v is not None}
    if hasattr(message, "isps"):
        found["isps"] = [{"start": i.start, "duration": i.duration, "power": i.power} for i in message.isps]
    return {"type": type_name(message), **found}


class Counterparty:
    """What CRO and DSO have in common; mixed into the library's service."""

    sender_domain: str
    signing_key: str
    sender_role: Any

    def prepare(self, lines: Lines, config: Json) -> None:
        """Set the state that the commands change."""
        self.lines, self.config, self.stopping = lines, config, Event()
        self.peers: dict[tuple[str, str], Json] = {}
        self.delay_s, self.silent, self.offset = 0.0, False, timedelta(0)
        self.rejections: list[str] = []
        self.statuses: list[int] = []
        self.mode = "full"
        self.persist_s = 0.0

    def key_of(self, domain: str, role: str) -> str:
        """Return a peer's public signing key in base64; raise 419, as the specification wants, when it is unknown."""
        if (domain, str(role)) not in self.peers:
            raise HTTPException(419, detail=f"no key known for {role} {domain}")
        whole = base64.b64decode(str(self.peers[domain, str(role)]["public_key"]).removeprefix("cs1."))
        return base64.b64encode(whole[:32]).decode()

    def endpoint_of(self, domain: str, role: str) -> str:
        """Return a peer's endpoint."""
        return str(self.peers[domain, str(role)]["endpoint"])

    def _receive_message(self, message: SignedMessage) -> Response:
        """Report what came in, then let the library receive it."""
        if self.statuses:
            status = self.statuses.pop(0)
            self.lines.write("refused", status=status, sender_domain=message.sender_domain)
            raise HTTPException(status, detail="told to refuse")
        try:
            key = self.key_of(message.sender_domain, message.sender_role)
            raw = crypto_sign_open(message.body, base64.b64decode(key))
            inner = transport.from_xml(raw)
        except HTTPException as error:
            self.lines.write("refused", status=error.status_code, sender_domain=message.sender_domain)
            raise
        except Exception as error:  # noqa: BLE001 - reported; the library then judges it by itself
            self.lines.write("refused", status=400, sender_domain=message.sender_domain, text=repr(error))
        else:
            self.lines.write("received", sender_role=str(message.sender_role), xml=raw.decode(), **describe(inner))
        response: Response = super()._receive_message(message)  # type: ignore[misc]
        return response

    def client(self, domain: str, role: str, version: str = "3.1.0") -> Any:
        """Return the library's client for a peer, in the version of UFTP that the peer used."""
        known = version if version in ("3.0.0", "3.1.0") else "3.1.0"
        return self._get_client(domain, role, known)  # type: ignore[attr-defined]

    def deliver(self, message: Any, domain: str, role: str, version: str = "3.1.0") -> Json:
        """Send a message, several times if necessary; report it and return its metadata."""
        message.time_stamp = (datetime.now(UTC) + self.offset).isoformat()
        client = self.client(domain, role, version)
        until = time.monotonic() + self.persist_s
        for attempt in itertools.count(1):
            try:
                client._send_message(message)
            except Exception as error:
                text = f"{type(error).__name__}: {error}"
                last = attempt >= SEND_ATTEMPTS and time.monotonic() > until
                if last or self.stopping.wait(min(0.1 * 2**attempt, 0.4 if self.persist_s else 10.0)):
                    self.lines.write("failed", text=text, attempts=attempt, **describe(message))
                    raise
            else:
                break
        self.lines.write("sent", attempts=attempt, xml=transport.to_xml(message), **describe(message))
        return describe(message)

    def reply(self, question: Any, answer: Any, role: str = "AGR") -> None:
        """Send a response in the request's conversation, unless told to be late or silent."""
        if self.silent or (self.delay_s and self.stopping.wait(self.delay_s)):
            return
        answer.conversation_id = question.conversation_id
        self.deliver(answer, question.sender_domain, role, question.version)

    def process_test_message(self, message: TestMessage, sender_role: str) -> None:
        """Answer a TestMessage."""
        self.reply(message, TestMessageResponse(), str(sender_role))

    # -- commands: each gets the JSON line and returns what `done` reports ------------------------------------------

    def do_peers(self, line: Json) -> Json:
        """Replace the directory: peers [{domain, role, endpoint, public_key}]."""
        self.peers = {(peer["domain"], peer["role"]): peer for peer in line["peers"]}
        return {}

    def do_delay(self, line: Json) -> Json:
        """Answer only after `seconds`."""
        self.delay_s = float(line["seconds"])
        return {}

    def do_persist(self, line: Json) -> Json:
        """Try to deliver for at least `seconds`, as a good sender does while we are down."""
        self.persist_s = float(line["seconds"])
        return {}

    def do_silent(self, line: Json) -> Json:
        """Accept everything and answer nothing (`on`: true or false)."""
        self.silent = bool(line.get("on", True))
        return {}

    def do_reject_next(self, line: Json) -> Json:
        """Reject the next D-Prognosis, or the next portfolio query or update, with `reason`."""
        self.rejections.append(str(line["reason"]))
        return {}

    def do_refuse(self, line: Json) -> Json:
        """Answer the next `count` deliveries with HTTP status `status`."""
        self.statuses.extend([int(line["status"])] * int(line.get("count", 1)))
        return {}

    def do_clock(self, line: Json) -> Json:
        """Make TimeStamps run from `now` (ISO 8601): a market day need not be today."""
        self.offset = datetime.fromisoformat(line["now"]) - datetime.now(UTC)
        return {}

    def do_portfolio(self, line: Json) -> Json:
        """CRO: answer with `mode` full, partial, rejected or rejected-bare; `config` replaces what the CRO knows."""
        self.mode = str(line.get("mode", self.mode))
        self.config = line.get("config", self.config)
        return {}

    def do_release(self, line: Json) -> Json:
        """DSO: send a FlexReservationUpdate of contract, congestion_point, period and isps to AGR `domain`."""
        update = FlexReservationUpdate(
            isps=[FlexReservationUpdateISP(**isp_numbers(isp)) for isp in line["isps"]],
            contract_id=line["contract"],
            reference=str(line.get("reference", f"release-{time.time_ns()}")),
            congestion_point=line["congestion_point"],
            period=line["period"],
            isp_duration=line.get("isp_duration", "PT15M"),
            time_zone=line.get("time_zone", "Europe/Amsterdam"),
            conversation_id=line.get("conversation"),
        )
        return self.deliver(update, line["domain"], "AGR", line.get("version", "3.1.0"))

    def do_send_test(self, line: Json) -> Json:
        """Send a TestMessage to `domain` in `role` (AGR)."""
        return self.deliver(TestMessage(), line["domain"], line.get("role", "AGR"))

    def do_send_raw(self, line: Json) -> Json:
        """Sign `xml` as it is and post it; `tamper` breaks the signature, `envelope_domain` and `envelope_role` lie."""
        body = crypto_sign(str(line["xml"]).encode(), base64.b64decode(self.signing_key))
        if line.get("tamper"):
            body = bytes([body[0] ^ 1]) + body[1:]
        envelope = SignedMessage(
            sender_domain=line.get("envelope_domain", self.sender_domain),
            sender_role=line.get("envelope_role", str(self.sender_role)),
            body=body,
        )
        request = urllib.request.Request(  # noqa: S310 - the endpoint is the operator's own directory
            self.endpoint_of(line["domain"], line.get("role", "AGR")),
            data=transport.to_xml(envelope).encode(),
            headers={"Content-Type": "text/xml; charset=utf-8"},
        )
        try:
            with urllib.request.urlopen(request, timeout=30) as response:  # noqa: S310 # nosec B310
                return {"status": response.status}
        except urllib.error.HTTPError as error:
            return {"status": error.code}


def isp_numbers(isp: Json) -> dict[str, int]:
    """Return one ISP element's numbers; duration defaults to 1."""
    return {"start": int(isp["start"]), "duration": int(isp.get("duration", 1)), "power": int(isp["power"])}


def only_received(self: object, message: object) -> None:
    """A message that is recorded and needs no answer."""


class Dso(Counterparty, ShapeshifterDsoService):  # type: ignore[misc]
    """Accepts prognoses, reserves flexibility."""

    process_flex_request_response = process_flex_offer = process_flex_order_response = only_received
    process_flex_offer_revocation = process_flex_reservation_update_response = only_received
    process_flex_settlement_response = process_dso_portfolio_query_response = only_received
    process_dso_portfolio_update_response = process_metering = only_received

    def process_d_prognosis(self, message: DPrognosis) -> None:
        """Accept, or reject as told."""
        reason = self.rejections.pop(0) if self.rejections else None
        self.reply(message, DPrognosisResponse(d_prognosis_message_id=message.message_id, **verdict(reason)))


class Cro(Counterparty, ShapeshifterCroService):  # type: ignore[misc]
    """Knows which connection lies behind which congestion point."""

    process_dso_portfolio_query = process_dso_portfolio_update = only_received

    def process_agr_portfolio_query(self, message: AgrPortfolioQuery) -> None:
        """Answer with what the configuration says, for whatever Period is asked."""
        reason = self.rejections.pop(0) if self.rejections else None
        if self.mode.startswith("rejected"):
            reason = reason or "No portfolio information available"
        response = AgrPortfolioQueryResponse(
            agr_portfolio_query_message_id=message.message_id,
            dso_views=[dso_view(self.config if reason is None else {}, partial=self.mode == "partial")],
            time_zone=message.time_zone,
            period=message.period,
            **verdict(reason),
        )
        if self.mode == "rejected-bare":
            response.dso_views = []  # what a 3.x peer may send although its schema forbids it
        self.reply(message, response)

    def process_agr_portfolio_update(self, message: AgrPortfolioUpdate) -> None:
        """Accept, or reject as told."""
        reason = self.rejections.pop(0) if self.rejections else None
        self.reply(message, AgrPortfolioUpdateResponse(agr_portfolio_update_message_id=message.message_id,
                                                       **verdict(reason)))  # fmt: skip


def verdict(reason: str | None) -> Json:
    """Return the fields that accept or reject."""
    return {"result": "Accepted"} if reason is None else {"result": "Rejected", "rejection_reason": reason}


def connections(addresses: Iterable[str]) -> list[Any]:
    """Return connection elements."""
    return [AgrPortfolioQueryResponseConnection(entity_address=address) for address in addresses]


def dso_view(config: Json, *, partial: bool) -> Any:
    """Return all DSOs' congestion points; `partial` leaves out every second one. Without any, a dummy is sent."""
    known = config.get("congestion_points", [])[:: 2 if partial else 1]
    dummy = {"address": NOWHERE, "dso": "nowhere.example", "connections": [NOWHERE]}
    portfolios: dict[str, list[Any]] = {}
    for point in known or [dummy]:
        element = AgrPortfolioQueryResponseCongestionPoint(
            connections=connections(point["connections"]),
            entity_address=point["address"],
            mutex_offers_supported=bool(point.get("mutex_offers", False)),
            day_ahead_redispatch_by=point.get("day_ahead_redispatch_by", "AGR"),
            intraday_redispatch_by=point.get("intraday_redispatch_by"),
        )
        portfolios.setdefault(point["dso"], []).append(element)
    return AgrPortfolioQueryResponseDSOView(
        dso_portfolios=[
            AgrPortfolioQueryResponseDSOPortfolio(dso_domain=dso, congestion_points=points)
            for dso, points in portfolios.items()
        ],
        connections=connections(config.get("free_connections", [])),
    )


def signing_key(path: Path | None) -> tuple[str, str]:
    """Return (base64 of the 64-byte signing key, public key as cs1.…); the file holds base64 of the seed or the key."""
    if path is None:
        public, secret = crypto_sign_keypair()
    else:
        public, secret = crypto_sign_seed_keypair(base64.b64decode(path.read_text().strip())[:32])
    return base64.b64encode(secret).decode(), "cs1." + base64.b64encode(public).decode()


def obey(service: Counterparty, line: Json) -> None:
    """Run one command and report how it ended."""
    try:
        action: Callable[[Json], Json] = getattr(service, f"do_{line['command']}")
        service.lines.write("done", id=line.get("id"), command=line["command"], **action(line))
    except Exception as error:  # noqa: BLE001 - reported to the other side, which decides
        service.lines.write("fault", id=line.get("id"), text=f"{type(error).__name__}: {error}")


def own_streams(log: str) -> IO[str]:
    """Keep the real standard output to ourselves and send everybody else's output to the log file."""
    lines = os.fdopen(os.dup(1), "w", encoding="utf-8")
    target = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    os.dup2(target, 1)
    os.dup2(target, 2)
    return lines


def main() -> None:
    """Serve until told to stop."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--role", choices=("CRO", "DSO"), required=True)
    parser.add_argument("--domain", required=True)
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--config", type=Path)
    parser.add_argument("--key", type=Path)
    parser.add_argument("--log", default=os.devnull)
    given = parser.parse_args()
    lines = Lines(own_streams(given.log))
    library = logging.getLogger("shapeshifter-uftp")
    library.handlers[:] = [LibraryLog(lines)]  # its own handler prints every message body
    library.setLevel(logging.WARNING)
    secret, public = signing_key(given.key)
    config = json.loads(given.config.read_text(encoding="utf-8")) if given.config else {}
    service: Any = (Cro if given.role == "CRO" else Dso)(
        given.domain, secret, host="127.0.0.1", port=given.port,
        key_lookup_function=lambda domain, role: service.key_of(domain, role),
        endpoint_lookup_function=lambda domain, role: service.endpoint_of(domain, role),
    )  # fmt: skip
    service.prepare(lines, config)
    service.run_in_thread()
    port = service.server.servers[0].sockets[0].getsockname()[1]
    endpoint = f"http://127.0.0.1:{port}/shapeshifter/api/v3/message"
    lines.write("ready", role=given.role, domain=given.domain, port=port, endpoint=endpoint, public_key=public)
    for text in sys.stdin:
        line = json.loads(text)
        if line["command"] == "stop":
            break
        if line["command"] in ("release", "send_test", "send_raw"):
            service.outbound_executor.submit(obey, service, line)
        else:
            obey(service, line)
    service.stopping.set()
    service.stop()
    os._exit(0)  # deliveries still under way have nobody to report to


if __name__ == "__main__":
    main()
