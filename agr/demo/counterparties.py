"""Runs a CRO, DSO, exchange, BRP, CSMS or stations (agr.demo.parties) as a process: sends commands, collects events."""

import json
import subprocess
import time
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from threading import Condition, Lock, Thread
from types import TracebackType

from pydantic import JsonValue

from agr.domain.errors import DeliveryError

_PARTIES = Path(__file__).with_name("parties")
SCRIPT = _PARTIES / "counterparty.py"
EXCHANGE = _PARTIES / "exchange.py"
BRP = _PARTIES / "brp.py"
CSMS = _PARTIES / "csms.py"
STATION = _PARTIES / "station.py"
GOPACS = _PARTIES / "gopacs.py"


@dataclass(frozen=True, kw_only=True)
class Event:
    """One line that a counterparty wrote; `fields` holds everything that has no attribute of its own."""

    kind: str  # ready, received, refused, sent, failed, library, done, fault, ended
    at: str = ""
    type: str = ""  # of the message, e.g. D-Prognosis
    message_id: str = ""
    conversation_id: str = ""
    xml: str = ""
    fields: Mapping[str, JsonValue] = field(default_factory=dict)

    def text(self, name: str) -> str:
        """Return a field as text, empty when absent."""
        value = self.fields.get(name)
        return "" if value is None else str(value)

    def numbers(self, name: str) -> tuple[float, ...]:
        """Return a field that is a list of numbers."""
        value = self.fields.get(name)
        return tuple(float(one) for one in value if isinstance(one, int | float)) if isinstance(value, list) else ()


@dataclass(frozen=True, kw_only=True)
class Peer:
    """One entry of the directory with which a counterparty finds and verifies the others."""

    domain: str
    role: str  # AGR, CRO or DSO
    endpoint: str
    public_key: str  # cs1.…


def _event(line: str) -> Event:
    raw: dict[str, JsonValue] = json.loads(line)
    named = {name: str(raw.pop(name, "")) for name in ("at", "type", "message_id", "conversation_id", "xml")}
    return Event(kind=str(raw.pop("event")), **named, fields=raw)


class Counterparty:
    """A running CRO, DSO, exchange, BRP, CSMS or yard of stations. A context manager; the process ends with ours."""

    def __init__(
        self,
        python: Path,
        *,
        role: str,
        domain: str,
        config: Path | None = None,
        log: Path | None = None,
        key: Path | None = None,
        start_limit_s: float = 120,
        script: Path = SCRIPT,
        more: Mapping[str, object] | None = None,  # options of this script only, e.g. {"--state": FILE}
    ) -> None:
        """Start the process and wait until it listens. Raises DeliveryError with its last words if it does not."""
        self.role, self.domain = role, domain
        self.events: list[Event] = []
        self._changed = Condition()
        self._commands, self._writing = 0, Lock()
        options: dict[str, object] = {
            "--role": role,
            "--domain": domain,
            "--config": config,
            "--log": log,
            "--key": key,
        }
        options |= more or {}
        given = [str(word) for pair in options.items() if pair[1] is not None for word in pair]
        try:
            self._process = subprocess.Popen(  # noqa: S603 - our own script, in the counterparties' environment
                [str(python), "-u", str(script), *given], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                stderr=subprocess.PIPE, text=True, encoding="utf-8", start_new_session=True,
            )  # fmt: skip
        except OSError as error:
            raise DeliveryError(f"{role} {domain} could not be started with {python}: {error.strerror}") from error
        self._said: list[str] = []
        self._readers = [Thread(target=self._read, daemon=True), Thread(target=self._listen, daemon=True)]
        for reader in self._readers:
            reader.start()
        try:
            self.ready = self.wait_for(lambda event: event.kind == "ready", start_limit_s)
        except DeliveryError:
            self.stop()
            raise
        self.endpoint, self.public_key = self.ready.text("endpoint"), self.ready.text("public_key")

    @property
    def peer(self) -> Peer:
        """How others find this counterparty."""
        return Peer(domain=self.domain, role=self.role, endpoint=self.endpoint, public_key=self.public_key)

    @property
    def pid(self) -> int:
        """The process."""
        return self._process.pid

    def send(self, command: str, timeout_s: float = 60, **fields: JsonValue) -> Event:
        """Send a command and return its `done` event. Raises DeliveryError when it failed or took too long."""
        return self.begin(command, **fields)(timeout_s)

    def begin(self, command: str, **fields: JsonValue) -> Callable[[float], Event]:
        """Send a command; return what waits for its `done` event at most so many seconds. Raises DeliveryError."""
        with self._writing:
            self._commands += 1
            number, before = self._commands, len(self.events)
            self._write(json.dumps({"command": command, "id": number, **fields}) + "\n")

        def answer(timeout_s: float) -> Event:
            found = self.wait_for(
                lambda e: e.kind in ("done", "fault") and e.fields.get("id") == number, timeout_s, after=before
            )
            if found.kind == "fault":
                raise DeliveryError(f"{self.role} {self.domain} could not {command}: {found.text('text')}")
            return found

        return answer

    def meet(self, peers: Iterable[Peer]) -> None:
        """Replace the directory of everybody that this counterparty may talk to."""
        self.send("peers", peers=[dict(vars(peer)) for peer in peers])

    def wait_for(self, wanted: Callable[[Event], bool], timeout_s: float = 60, *, after: int = 0) -> Event:
        """Return the first wanted event from number `after` on. Raises DeliveryError if none comes."""
        deadline = time.monotonic() + timeout_s
        seen = after
        with self._changed:
            while True:
                for event in self.events[seen:]:
                    if wanted(event):
                        return event
                seen = max(seen, len(self.events))
                ended = bool(self.events) and self.events[-1].kind == "ended"
                left = deadline - time.monotonic()
                if ended or left <= 0:
                    happened = "ended" if ended else f"stayed silent for {timeout_s:g} s"
                    raise DeliveryError(f"{self.role} {self.domain} {happened}: {self._last_words()}")
                self._changed.wait(left)

    def told(self, kind: str) -> tuple[Event, ...]:
        """Return the events of a kind so far, in order."""
        with self._changed:
            return tuple(e for e in self.events if e.kind == kind)

    def received(self, message_type: str) -> tuple[Event, ...]:
        """Return the messages of a type that came in so far, in order."""
        with self._changed:
            return tuple(e for e in self.events if e.kind == "received" and e.type == message_type)

    def kill(self) -> None:
        """End the process as a power cut would."""
        self._process.kill()
        self.stop()

    def stop(self, limit_s: float = 5) -> None:
        """End the process: its input is closed, and it is killed if it does not notice. May be called twice."""
        self._hang_up()
        try:
            self._process.wait(limit_s)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        for reader in self._readers:
            reader.join(limit_s)
        for stream in (self._process.stdout, self._process.stderr):
            if stream is not None:
                stream.close()

    def __enter__(self) -> "Counterparty":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def _write(self, line: str) -> None:
        stdin = self._process.stdin
        if stdin is None or stdin.closed:
            raise DeliveryError(f"{self.role} {self.domain} was stopped")
        try:
            stdin.write(line)
            stdin.flush()
        except OSError as error:
            raise DeliveryError(f"{self.role} {self.domain} is not running: {self._last_words()}") from error

    def _hang_up(self) -> None:
        stdin = self._process.stdin
        if stdin is None or stdin.closed:
            return
        with suppress(BrokenPipeError):  # it has ended already, which is what we want
            stdin.close()

    def _read(self) -> None:
        for line in self._process.stdout or ():
            self._add(_event(line))
        self._add(Event(kind="ended"))

    def _listen(self) -> None:
        for line in self._process.stderr or ():
            self._said.append(line.rstrip())

    def _add(self, event: Event) -> None:
        with self._changed:
            self.events.append(event)
            self._changed.notify_all()

    def _last_words(self) -> str:
        faults = [e.text("text") for e in self.events if e.kind in ("fault", "failed", "library")]
        return "; ".join([*self._said[-3:], *faults[-2:]]) or "no reason given"
