"""CitrineOS over HTTP: commands out, their answers in, and what it reports of stations by itself."""

import os
from collections.abc import Collection, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from pathlib import Path
from threading import Lock
from typing import Any

import httpx

from agr.connectors.answers import COMMAND, NEWS, VERIFY, AnswerAddresses
from agr.connectors.citrineos.news import NewsReader
from agr.connectors.citrineos.replies import at_once, is_alive, limits_of, needs_report, receipt_of, verified_of
from agr.connectors.citrineos.requests import Request, base_report, composite_of, limits_asked, request_of
from agr.connectors.posting import place_of
from agr.domain.charge_point import OCPP_201, ChargePoint
from agr.domain.dispatch import Command, DispatchState, Observation, Receipt, Verified
from agr.domain.errors import SettingsError
from agr.settings import DispatchRoad
from agr.uftp.connections import tls_context

_AT_ONCE = 4
"""Most requests under way at one time, each for a different station."""
_LARGEST = 1 << 20
_MOST_KEPT = 100_000
_ON = {"onConnect": True, "onClose": True, "onMessage": True, "sentMessage": True}


class CitrineRoad:
    """See agr.connectors.ports.Road."""

    def __init__(self, road: DispatchRoad, answers: AnswerAddresses, authorities: Path | None = None) -> None:
        self._road, self._answers = road, answers
        self._client = httpx.Client(
            base_url=road.url, verify=tls_context(authorities, beside_system=True), timeout=road.timeout_s,
            follow_redirects=False,
        )  # fmt: skip
        self._workers = ThreadPoolExecutor(_AT_ONCE, thread_name_prefix=f"road {road.name}")
        self._lock, self._reader = Lock(), NewsReader()
        self._kept: list[Observation] = []

    def send(self, commands: Sequence[Command]) -> tuple[Receipt, ...]:
        """Hand commands over; see Road."""
        return tuple(self._workers.map(self._send, commands))

    def _send(self, command: Command) -> Receipt:
        callback = self._answers.url(COMMAND, self._road.name, str(command.id))
        try:
            status, text = self._post(command.point.station, request_of(command), callback)
        except SettingsError as error:
            return Receipt(command=command.id, state=DispatchState.REJECTED, words=str(error))
        except (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout, httpx.UnsupportedProtocol) as error:
            words = f"{place_of(self._road.url)} cannot be reached ({error})"
            return Receipt(command=command.id, state=DispatchState.REJECTED, words=words)
        except httpx.HTTPError as error:
            words = f"{place_of(self._road.url)} did not answer the request ({type(error).__name__}); it may have it"
            return Receipt(command=command.id, state=DispatchState.UNKNOWN, words=words)
        found = at_once(command.id, status, text)
        if needs_report(found):
            self._ask_report(command.point)
        return found

    def _ask_report(self, point: ChargePoint) -> None:
        try:
            self._post(point.station, base_report(point), None)
        except (httpx.HTTPError, SettingsError):
            return  # the command is tried again, and so is this

    def verify(self, point: ChargePoint, number: str) -> Verified | None:
        """Ask for the composite schedule; see Road."""
        callback = self._answers.url(VERIFY, self._road.name, number)
        try:
            status, text = self._post(point.station, composite_of(point), callback)
        except (httpx.HTTPError, SettingsError) as error:
            words = f"{place_of(self._road.url)} cannot be asked ({type(error).__name__}: {error})"
            return Verified(charge_point=point.charge_point, profile=None, words=words, answered=False)
        found = at_once(0, status, text)
        if found.state is DispatchState.SENT:
            return None
        if needs_report(found):
            self._ask_report(point)
        alive = is_alive(status)
        return Verified(
            charge_point=point.charge_point, profile=None, words=found.words, answered=False, refused=alive
        )  # fmt: skip

    def receipt(self, command: Command, body: bytes) -> Receipt:
        """Read the answer to a command; see Road."""
        return receipt_of(command, body)

    def verified(self, point: ChargePoint, body: bytes) -> Verified:
        """Read a composite schedule; see Road."""
        return verified_of(point, body)

    def take(self, station: str, body: bytes, at: datetime) -> int:
        """Keep what is reported about a station; see Road."""
        with self._lock:
            found = self._reader.read(station, body, at)
            self._kept += found
            del self._kept[:-_MOST_KEPT]
        return len(found)

    def readings(self) -> tuple[Observation, ...]:
        """Return what was kept since the last call; see Road."""
        with self._lock:
            found, self._kept = tuple(self._kept), []
        return found

    def subscribe(self, stations: Collection[str]) -> tuple[str, ...]:
        """Subscribe once to each station's messages: delete our doubles, make what is missing; see Road."""
        found = []
        for station in sorted(stations):
            try:
                self._subscribe(station)
            except (httpx.HTTPError, SettingsError, ValueError, TypeError, KeyError) as error:
                found.append(f"{station}: what it reports cannot be subscribed to ({type(error).__name__}: {error})")
        return tuple(found)

    def _subscribe(self, station: str) -> None:
        url, name = self._answers.url(NEWS, self._road.name, station), self._name
        path, known = "/data/ocpprouter/subscription", {name: station, "tenantId": str(self._road.tenant)}
        answer = self._request("GET", path, params=known)
        answer.raise_for_status()
        mine = [one for one in answer.json() if one.get("url") == url and all(one.get(key) for key in _ON)]
        for double in mine[1:]:
            gone = {"id": str(double["id"]), "tenantId": str(self._road.tenant)}
            self._request("DELETE", path, params=gone).raise_for_status()
        if not mine:
            body = {name: station, "url": url, **_ON}
            made = self._request("POST", path, params={"tenantId": str(self._road.tenant)}, json=body)
            made.raise_for_status()

    @property
    def _name(self) -> str:
        return "stationId" if self._road.api == "1.8" else "ocppConnectionName"

    def _post(self, station: str, request: Request, callback: str | None) -> tuple[int, str]:
        params = {"identifier": station, "tenantId": str(self._road.tenant)}
        if callback is not None:
            params["callbackUrl"] = callback
        answer = self._request("POST", request.path, params=params, json=request.body)
        return answer.status_code, answer.text[:_LARGEST]

    def _request(self, method: str, path: str, *, params: dict[str, str], json: Any = None) -> httpx.Response:
        return self._client.request(method, path, params=params, json=json, headers=self._headers())

    def _headers(self) -> dict[str, str]:
        if self._road.token_env is None:
            return {}
        token = os.environ.get(self._road.token_env)
        if not token:
            raise SettingsError(
                f"the environment variable {self._road.token_env} of road {self._road.name} is not set; give it to the "
                "daemon"
            )
        return {"Authorization": f"Bearer {token}"}

    def unit_of(self, point: ChargePoint) -> tuple[str, ...] | None:
        """Return the units of limits that a 2.0.1 station has reported; None: it has not, or cannot be asked so."""
        found = self._variable(point, "RateUnit")
        return None if found is None else tuple(found.split(","))

    def periods_of(self, point: ChargePoint) -> int | None:
        """Return how many periods a 2.0.1 station takes; None: it has not said."""
        found = self._variable(point, "PeriodsPerSchedule")
        return int(found) if found is not None and found.isdigit() else None

    def ask_limits(self, point: ChargePoint, number: str) -> bool:
        """Ask a station of OCPP 1.6 which limits it takes; say whether the question was passed on."""
        try:
            callback = self._answers.url(VERIFY, self._road.name, number)
            status, text = self._post(point.station, limits_asked(), callback)
        except (httpx.HTTPError, SettingsError):
            return False
        return at_once(0, status, text).state is DispatchState.SENT

    def limits_told(self, body: bytes) -> tuple[tuple[str, ...], int | None]:
        """Read the answer to `ask_limits`: units, and the most periods. Raises InputError."""
        return limits_of(body)

    def _variable(self, point: ChargePoint, name: str) -> str | None:
        if point.protocol != OCPP_201:
            return None
        params = {
            self._name: point.station, "tenantId": str(self._road.tenant), "component_name": "SmartChargingCtrlr",
            "variable_name": name,
        }  # fmt: skip
        answer = self._request("GET", "/data/monitoring/variableAttribute", params=params)
        if answer.status_code != 200 or not answer.text.strip():
            return None
        found = answer.json()
        if not isinstance(found, list) or not found:
            return None
        said = [one.get("value") for one in found[0].get("statuses", ()) if one.get("status") == "Accepted"]
        value = next((one for one in [found[0].get("value"), *said] if one), None)
        return None if value is None else str(value)

    def open_to_anybody(self) -> bool:
        """Say whether a read without a token is answered. Raises httpx.HTTPError."""
        params = {self._name: "agr-check", "tenantId": str(self._road.tenant)}
        return self._client.get("/data/ocpprouter/subscription", params=params).status_code == 200

    def allowed(self) -> int:
        """Return the status of a read with our token. Raises httpx.HTTPError, SettingsError."""
        params = {self._name: "agr-check", "tenantId": str(self._road.tenant)}
        return self._request("GET", "/data/ocpprouter/subscription", params=params).status_code

    def close(self) -> None:
        """Release connections."""
        self._workers.shutdown(wait=False, cancel_futures=True)
        self._client.close()


def open_road(road: DispatchRoad, answers: AnswerAddresses, authorities: Path | None = None) -> CitrineRoad:
    """Return the road of the settings; sends no request."""
    return CitrineRoad(road, answers, authorities)
