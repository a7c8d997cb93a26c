"""The demo's CSMS with stations behind it: REST, callbacks and pushes as dispatchers see them; and a test's orders."""

import json
import time
from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path
from threading import Condition
from types import TracebackType
from typing import Any
from urllib.error import HTTPError
from urllib.parse import urlencode
from urllib.request import Request, urlopen

from pydantic import JsonValue

from agr.demo.counterparties import CSMS, STATION, Counterparty, Event
from tests.builders.http_server import Asked, HttpServer, Told

NOW = datetime.fromisoformat("2026-11-29T22:27:00+00:00")
_LIMIT_S = 60


def told(event: Event) -> Mapping[str, Any]:
    """Return the fields of an event as they came as JSON: whoever asks for one knows what it holds."""
    return event.fields


class CsmsSite:
    """A CSMS, stations in a process of their own, and a receiver for callbacks and pushes. A context manager."""

    def __init__(
        self, python: Path, folder: Path, stations: Sequence[Mapping[str, object]], *, now: datetime = NOW,
        call_limit_s: float = 30, notice_s: float = 0, retry_s: float = 0.05, api: str = "1.8",
        rate: float = 1,
    ) -> None:  # fmt: skip
        self._python, self._folder, self._names = python, folder, [str(one["name"]) for one in stations]
        self._more: dict[str, object] = {
            "--state": folder / "csms.json", "--call-limit-s": call_limit_s, "--notice-s": notice_s, "--api": api,
        }  # fmt: skip
        self._changed, self.got = Condition(), list[tuple[str, Any]]()
        self.receiver = HttpServer(self._heard)
        self.csms = self._started()
        self.csms.send("clock", now=now.isoformat())
        self._more |= {"--port": self.csms.endpoint.rsplit(":", 1)[1]}
        self._more |= {"--stations-port": self.csms.ready.text("stations").rsplit(":", 1)[1]}
        config = folder / "stations.json"
        given = {
            "url": self.csms.ready.text("stations"),
            "now": now.isoformat(),
            "rate": rate,
            "tick_s": 0.05,
            "retry_s": retry_s,
        }
        config.write_text(json.dumps(given | {"stations": list(stations)}))
        self.stations = Counterparty(
            python, role="STATION", domain="yard", script=STATION, config=config, log=folder / "stations.log"
        )
        for name in self._names:
            self.online(name)

    def _started(self) -> Counterparty:
        return Counterparty(
            self._python, role="CSMS", domain="csms.example", script=CSMS, log=self._folder / "csms.log",
            more=self._more,
        )  # fmt: skip

    def online(self, name: str, after: int = 0) -> None:
        self.stations.wait_for(lambda one: (one.kind, one.text("station")) == ("online", name), after=after)

    def restart(self, now: datetime) -> None:
        """Kill the CSMS and start it again with what it had kept; wait until the stations are back."""
        before = len(self.stations.events)
        self.csms.kill()
        self.csms = self._started()
        self.csms.send("clock", now=now.isoformat())
        for name in self._names:
            self.online(name, before)

    def _heard(self, asked: Asked) -> Told:
        with self._changed:
            self.got.append((asked.target, json.loads(asked.body)))
            self._changed.notify_all()
        return Told()

    def ask(self, method: str, path: str, query: Mapping[str, str], body: object = None) -> tuple[int, Any]:
        """Ask the REST side; return (status, answer), None for no answer."""
        url = f"{self.csms.endpoint}{path}?{urlencode(query)}"
        content = None if body is None else json.dumps(body).encode()
        request = Request(url, data=content, method=method, headers={"Content-Type": "application/json"})
        try:
            with urlopen(request, timeout=_LIMIT_S) as answer:
                status, text = answer.status, answer.read()
        except HTTPError as error:
            with error:
                status, text = error.code, error.read()
        return status, json.loads(text) if text else None

    def command(self, station: str, path: str, body: object, name: str) -> tuple[int, Any]:
        """Send a command whose answer comes to a callback of that name; path e.g. 2.0.1/smartcharging/…"""
        query = {"identifier": station, "tenantId": "1", "callbackUrl": self.callback(name)}
        return self.ask("POST", f"/ocpp/{path}", query, body)

    def callback(self, name: str) -> str:
        return f"{self.receiver.url}/cb/{name}"

    def answers(self, name: str) -> list[Any]:
        """Return what has come to a callback."""
        with self._changed:
            return [body for target, body in self.got if target == f"/cb/{name}"]

    def answer(self, name: str) -> Any:
        """Wait for what comes to a callback."""
        return self.wait(lambda target, _body: target == f"/cb/{name}")

    def wait(self, wanted: Any, after: int = 0) -> Any:
        """Wait for a body that is wanted; `wanted(target, body)`."""
        deadline = time.monotonic() + _LIMIT_S
        with self._changed:
            while True:
                for target, body in self.got[after:]:
                    if wanted(target, body):
                        return body
                assert self._changed.wait(deadline - time.monotonic()), f"nothing came but {self.got[-3:]}"

    def pushed(self, action: str, station: str) -> list[Any]:
        """Return the payloads of a station's messages that were pushed to /hook, in order."""
        with self._changed:
            told = [body for target, body in self.got if target == f"/hook/{station}" and body["event"] == "message"]
        return [call[3] for call in (json.loads(one["message"]) for one in told) if call[0] == 2 and call[2] == action]

    def told(self, station: str, what: str, after: int = 0) -> None:
        """Wait until a station has told something."""
        wanted = ("told", station, what)
        self.stations.wait_for(lambda one: (one.kind, one.text("station"), one.text("what")) == wanted, after=after)

    def visit(self, station: str, car: Mapping[str, Any], evse: int = 1) -> str:
        """Let a car come now; return its transaction."""
        before = len(self.stations.events)
        self.stations.send("visit", station=station, evse=evse, car=dict(car))
        self.told(station, "arrived", before)
        return str(self.evse(station, evse)["transaction"])

    def faults(self, station: str, **faults: Any) -> None:
        self.stations.send("faults", station=station, faults=faults)

    def evse(self, station: str, number: int = 1) -> dict[str, Any]:
        """Return the real state of an EVSE."""
        evses: Any = self.stations.send("state", station=station).fields["evses"]
        return next(one for one in evses if one["id"] == number)

    def clock(self, now: datetime) -> None:
        """Let time pass for all, and wait until the stations have told what happened."""
        self.csms.send("clock", now=now.isoformat())
        self.stations.send("clock", now=now.isoformat())

    def close(self) -> None:
        self.stations.stop()
        self.csms.stop()
        self.receiver.close()

    def __enter__(self) -> "CsmsSite":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def car(tag: str = "TAG1", **more: JsonValue) -> dict[str, JsonValue]:
    """Return a car that stays for hours; see station_physics.Car."""
    stays: dict[str, JsonValue] = {"at": NOW.isoformat(), "until": "2026-11-30T06:00:00+00:00"}
    return {**stays, "tag": tag, "capacity_kwh": 60, "stored_kwh": 12, "target_kwh": 55, **more}
