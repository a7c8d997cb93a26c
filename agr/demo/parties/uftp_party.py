"""What CRO and DSO have in common: they receive, deliver and answer with shapeshifter-uftp, and do as they are told."""

import base64
import itertools
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from threading import Event
from typing import TYPE_CHECKING, Any

from fastapi import HTTPException, Response
from nacl.bindings import crypto_sign, crypto_sign_open
from shapeshifter_uftp import (
    FlexReservationUpdate,
    FlexReservationUpdateISP,
    TestMessage,
    TestMessageResponse,
    transport,
)
from shapeshifter_uftp.uftp import SignedMessage

if TYPE_CHECKING:  # by its full name; the process knows this folder only
    from agr.demo.parties import command_lines
else:
    import command_lines

SEND_ATTEMPTS = 5


def type_name(message: object) -> str:
    """Return the message's element name, e.g. D-Prognosis."""
    return str(getattr(getattr(type(message), "Meta", None), "name", type(message).__name__))


def describe(message: Any) -> command_lines.Json:
    """Return the metadata of a message; fields it does not have are left out."""
    names = ("sender_domain", "recipient_domain", "version", "message_id", "conversation_id", "period",
             "congestion_point", "revision", "result", "rejection_reason", "reference_message_id",
             "flex_reservation_update_message_id")  # fmt: skip
    values = {name: getattr(message, name, None) for name in names}
    found: command_lines.Json = {
        name: v if isinstance(v, int) else str(v) for name, v in values.items() if v is not None
    }
    isps = [isp for isp in getattr(message, "isps", ()) if hasattr(isp, "power")]
    if isps:
        found["isps"] = [{"start": i.start, "duration": i.duration, "power": i.power} for i in isps]
    return {"type": type_name(message), **found}


class UftpParty:
    """What CRO and DSO have in common; mixed into the library's service."""

    sender_domain: str
    signing_key: str
    sender_role: Any

    def prepare(self, lines: command_lines.Lines, config: command_lines.Json) -> None:
        """Set the state that the commands change."""
        self.lines, self.config, self.stopping = lines, config, Event()
        self.peers: dict[tuple[str, str], command_lines.Json] = {}
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

    def deliver(self, message: Any, domain: str, role: str, version: str = "3.1.0") -> command_lines.Json:
        """Try to send a message, each time to where the peer is by then; report it and return its metadata."""
        message.time_stamp = (datetime.now(UTC) + self.offset).isoformat()
        until = time.monotonic() + self.persist_s
        for attempt in itertools.count(1):
            try:
                self.client(domain, role, version)._send_message(message)
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
        if self.silent:
            self.lines.write("kept_silent", **describe(question))
            return
        if self.delay_s and self.stopping.wait(self.delay_s):
            return
        answer.conversation_id = question.conversation_id
        self.deliver(answer, question.sender_domain, role, question.version)

    def process_test_message(self, message: TestMessage, sender_role: str) -> None:
        """Answer a TestMessage."""
        self.reply(message, TestMessageResponse(), str(sender_role))

    # -- commands: each gets the JSON line and returns what `done` reports ------------------------------------------

    def act(self, line: command_lines.Json) -> command_lines.Json:
        """Carry out a command."""
        action: Callable[[command_lines.Json], command_lines.Json] = getattr(self, f"do_{line['command']}")
        return action(line)

    def do_peers(self, line: command_lines.Json) -> command_lines.Json:
        """Replace the directory: peers [{domain, role, endpoint, public_key}]."""
        self.peers = {(peer["domain"], peer["role"]): peer for peer in line["peers"]}
        return {}

    def do_delay(self, line: command_lines.Json) -> command_lines.Json:
        """Answer only after `seconds`."""
        self.delay_s = float(line["seconds"])
        return {}

    def do_persist(self, line: command_lines.Json) -> command_lines.Json:
        """Try to deliver for at least `seconds`, as a good sender does while we are down."""
        self.persist_s = float(line["seconds"])
        return {}

    def do_silent(self, line: command_lines.Json) -> command_lines.Json:
        """Accept everything and answer nothing (`on`: true or false)."""
        self.silent = bool(line.get("on", True))
        return {}

    def do_reject_next(self, line: command_lines.Json) -> command_lines.Json:
        """Reject the next D-Prognosis, or the next portfolio query or update, with `reason`."""
        self.rejections.append(str(line["reason"]))
        return {}

    def do_refuse(self, line: command_lines.Json) -> command_lines.Json:
        """Answer the next `count` deliveries with HTTP status `status`."""
        self.statuses.extend([int(line["status"])] * int(line.get("count", 1)))
        return {}

    def do_clock(self, line: command_lines.Json) -> command_lines.Json:
        """Make TimeStamps run from `now` (ISO 8601): a market day need not be today."""
        self.offset = datetime.fromisoformat(line["now"]) - datetime.now(UTC)
        return {}

    def do_portfolio(self, line: command_lines.Json) -> command_lines.Json:
        """CRO: answer with `mode` full, partial, rejected or rejected-bare; `config` replaces what the CRO knows."""
        self.mode = str(line.get("mode", self.mode))
        self.config = line.get("config", self.config)
        return {}

    def do_release(self, line: command_lines.Json) -> command_lines.Json:
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

    def do_send_test(self, line: command_lines.Json) -> command_lines.Json:
        """Send a TestMessage to `domain` in `role` (AGR)."""
        return self.deliver(TestMessage(), line["domain"], line.get("role", "AGR"))

    def do_send_raw(self, line: command_lines.Json) -> command_lines.Json:
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


def isp_numbers(isp: command_lines.Json) -> dict[str, int]:
    """Return one ISP element's numbers; duration defaults to 1."""
    return {"start": int(isp["start"]), "duration": int(isp.get("duration", 1)), "power": int(isp["power"])}


def only_received(self: object, message: object) -> None:
    """A message that is recorded and needs no answer."""


def verdict(reason: str | None) -> command_lines.Json:
    """Return the fields that accept or reject."""
    return {"result": "Accepted"} if reason is None else {"result": "Rejected", "rejection_reason": reason}
