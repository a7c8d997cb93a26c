"""A small CitrineOS for tests of the adapter: it answers over real HTTP as version 1.8.3 was recorded to answer.

Its stations' answers wait in `pending` until the test delivers them, so that nothing races. Independent of agr's code.
"""

import json
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from threading import Lock, Thread
from typing import Any
from urllib.parse import parse_qs, urlsplit
from urllib.request import Request, urlopen

from tests.builders.http_server import Asked, HttpServer, Told

Json = dict[str, Any]


_OF_STATIONS = (b"ChargingStationMaxProfile", b"ChargePointMaxProfile")


@dataclass
class Station:
    """What a station holds, and how it answers."""

    protocol: str = "2.0.1"
    online: bool = True
    units: tuple[str, ...] = ("A", "W")
    periods: int = 24
    answer: str = "Accepted"  # Accepted | Rejected | CALLERROR | silent | silent but applied
    composite: bool = True
    shift_s: int = 0  # its composite schedule tells of so much later
    refuses: tuple[str, ...] = ()  # purposes of profiles that it rejects
    profiles: dict[int, Json] = field(default_factory=dict)  # id → profile with its evse
    active: set[int] = field(default_factory=set)  # ids that CitrineOS believes to be there
    heard: list[tuple[str, Json]] = field(default_factory=list)

    def plans(self) -> dict[int, Json]:
        """Return the profiles of EVSEs."""
        return {n: p for n, p in self.profiles.items() if p["chargingProfilePurpose"].startswith("Tx")}

    def limit(self, evse: int, at: float) -> tuple[float, str] | None:
        """Return the limit in force: of the highest level with a period at an instant, s since 1970."""
        mine = [p for p in self.plans().values() if p["evse"] in (0, evse)]
        tx = [p for p in mine if p["chargingProfilePurpose"] == "TxProfile"]
        for group in (tx, [p for p in mine if p["chargingProfilePurpose"] == "TxDefaultProfile"]):
            for profile in sorted(group, key=lambda p: -p["stackLevel"]):
                found = _in_force(profile, at)
                if found is not None:
                    return found
        return None


def _in_force(profile: Json, at: float) -> tuple[float, str] | None:
    from datetime import datetime

    schedule = profile["schedule"]
    since = at - datetime.fromisoformat(schedule["startSchedule"]).timestamp()
    if since < 0 or since >= schedule.get("duration", 10**12):
        return None
    limit = [p["limit"] for p in schedule["chargingSchedulePeriod"] if p["startPeriod"] <= since][-1]
    return limit, schedule["chargingRateUnit"]


class Citrine:
    """The back-end. `now`: seconds since 1970, as stations know them."""

    def __init__(self, now: Callable[[], float], **stations: Station) -> None:
        self.now, self.stations = now, stations
        self.pending: list[tuple[str, bytes]] = []  # callback address, body
        self.subscriptions: list[Json] = []
        self.requests: list[Asked] = []
        self.posts = False  # post answers by itself
        self.trouble: Callable[[Asked], Told | None] | None = None
        self._lock = Lock()
        self.server = HttpServer(self._answer)

    def __enter__(self) -> "Citrine":
        return self

    def __exit__(self, *_: object) -> None:
        self.server.close()

    def commands(self, action: str = "setChargingProfile", *, whole: bool = False) -> list[Asked]:
        """Return what was asked of stations; `whole`: profiles for all EVSEs of a station, else those of one."""
        named = [one for one in self.requests if one.path.endswith(action)]
        return [one for one in named if any(word in one.body for word in _OF_STATIONS) is whole]

    def _answer(self, asked: Asked) -> Told | None:
        with self._lock:
            self.requests.append(asked)
            if self.trouble is not None:
                told = self.trouble(asked)
                if told is None or told.status != 599:  # 599: no trouble for this one
                    return told
            query = {name: values[0] for name, values in parse_qs(urlsplit(asked.target).query).items()}
            if asked.path == "/data/ocpprouter/subscription":
                return self._subscription(asked, query)
            if asked.path == "/data/monitoring/variableAttribute":
                return _told(self._variable(query))
            match = re.fullmatch(r"/ocpp/(1\.6|2\.0\.1)/(\w+)/(\w+)", asked.path)
            if match is None or asked.method != "POST":
                return Told(status=404)
            return self._command(match[1], match[3], query, json.loads(asked.body))

    def _variable(self, query: Json) -> list[Json]:
        station = self.stations.get(query["stationId"])
        if station is None:
            return []
        values = {"RateUnit": ",".join(station.units), "PeriodsPerSchedule": str(station.periods)}
        return [{"value": values.get(query["variable_name"]), "statuses": []}]

    def _subscription(self, asked: Asked, query: Json) -> Told:
        if asked.method == "GET":
            return _told([one for one in self.subscriptions if one["stationId"] == query["stationId"]])
        number = len(self.subscriptions) + 1
        self.subscriptions.append({"id": number, **json.loads(asked.body)})
        return _told(number)

    def _command(self, protocol: str, action: str, query: Json, body: Json) -> Told:
        name = query["identifier"]
        station = self.stations.get(name)
        if station is None or not station.online:
            return _refused(f"No connection found for identifier: 1:{name}")
        if station.protocol != protocol:
            words = f"Requested protocol: 'ocpp{protocol}', connection protocol: 'ocpp{station.protocol}'"
            return _refused(f"{words} for identifier: '1:{name}'")
        if action == "setChargingProfile" and protocol == "2.0.1":
            words = _broken_rule(station, body["chargingProfile"], body["evseId"])
            if words:
                return _refused(words)
        if action == "getCompositeSchedule" and body.get("chargingRateUnit", station.units[0]) not in station.units:
            return _refused(f"chargingRateUnit SHALL be one of [{','.join(station.units)}].")
        station.heard.append((action, body))
        callback = query.get("callbackUrl")
        if station.answer == "CALLERROR":
            said: Json | None = {
                "_messageId": "f7ef0791", "_errorCode": "InternalError", "_errorDetails": {}, "name": "OcppError",
            }  # fmt: skip
        elif station.answer == "silent":
            said = None
        elif action == "setChargingProfile" and (
            station.answer == "Rejected" or any(purpose in json.dumps(body) for purpose in station.refuses)
        ):
            said = {"status": "Rejected", "statusInfo": {"reasonCode": "ToldTo"}}
        else:
            said = getattr(self, f"_{action}")(station, body, protocol)
            if station.answer == "silent but applied":
                said = None
        if callback and said is not None:
            self.pending.append((callback, json.dumps(said).encode()))
            if self.posts:
                Thread(target=_post, args=self.pending.pop(), daemon=True).start()
        return _told([{"success": True}])

    def _setChargingProfile(self, station: Station, body: Json, protocol: str) -> Json:
        if protocol == "1.6":
            profile, evse = body["csChargingProfiles"], body["connectorId"]
            schedule, number = profile["chargingSchedule"], profile["chargingProfileId"]
            same = [
                n for n, p in station.profiles.items()
                if (p["stackLevel"], p["chargingProfilePurpose"], p["evse"])
                == (profile["stackLevel"], profile["chargingProfilePurpose"], evse)
            ]  # fmt: skip
            for old in same:
                del station.profiles[old]
        else:
            profile, evse = body["chargingProfile"], body["evseId"]
            schedule, number = profile["chargingSchedule"][0], profile["id"]
            station.active.add(number)
        station.profiles[number] = {**profile, "evse": evse, "schedule": schedule}
        return {"status": "Accepted"}

    def _clearChargingProfile(self, station: Station, body: Json, _protocol: str) -> Json:
        number = body.get("chargingProfileId", body.get("id"))
        wanted = body.get("chargingProfileCriteria", body).get("chargingProfilePurpose")
        gone = [n for n, p in station.profiles.items() if n == number or p["chargingProfilePurpose"] == wanted]
        for one in gone:
            del station.profiles[one]
            station.active.discard(one)
        return {"status": "Accepted" if gone else "Unknown"}

    def _getCompositeSchedule(self, station: Station, body: Json, protocol: str) -> Json:
        if not station.composite:
            return {"_messageId": "d3", "_errorCode": "NotImplemented", "_errorDetails": {}, "name": "OcppError"}
        from datetime import UTC, datetime

        evse = body.get("evseId", body.get("connectorId"))
        start, periods = int(self.now()), []
        for after in range(0, body["duration"], 60):
            limit = station.limit(evse, start + after + station.shift_s) or (48.0, "A")
            if not periods or periods[-1]["limit"] != limit[0]:
                periods.append({"startPeriod": after, "limit": limit[0]})
            unit = limit[1]
        at = datetime.fromtimestamp(start, UTC).strftime("%Y-%m-%dT%H:%M:%S.000Z")
        schedule = {"duration": body["duration"], "chargingRateUnit": unit, "chargingSchedulePeriod": periods}
        if protocol == "1.6":
            return {"status": "Accepted", "connectorId": evse, "scheduleStart": at, "chargingSchedule": schedule}
        return {"status": "Accepted", "schedule": {"evseId": evse, "scheduleStart": at, **schedule}}

    def _getConfiguration(self, station: Station, _body: Json, _protocol: str) -> Json:
        named = [{"A": "Current", "W": "Power"}[unit] for unit in station.units]
        keys = {
            "ChargingScheduleAllowedChargingRateUnit": ",".join(named),
            "ChargingScheduleMaxPeriods": station.periods,
        }
        rows = [{"key": key, "readonly": True, "value": str(value)} for key, value in keys.items()]
        return {"configurationKey": rows}

    def _getBaseReport(self, _station: Station, _body: Json, _protocol: str) -> Json:
        return {"status": "Accepted"}


def _broken_rule(station: Station, profile: Json, evse: int) -> str | None:
    (schedule,) = profile["chargingSchedule"]
    number, unit = schedule["id"], schedule["chargingRateUnit"]
    if unit not in station.units:
        return f"ChargingSchedule {number}: chargingRateUnit SHALL be one of {json.dumps(list(station.units))}."
    if len(schedule["chargingSchedulePeriod"]) > station.periods:
        return f"ChargingSchedule {number}: The number of chargingSchedulePeriod SHALL not exceed {station.periods}."
    mine = (profile["stackLevel"], profile["chargingProfilePurpose"], evse)
    there = [station.profiles[n] for n in station.active if n in station.profiles]
    if any((one["stackLevel"], one["chargingProfilePurpose"], one["evse"]) == mine for one in there):
        return "No two charging profiles with the same stack level and purpose can be valid at the same time."
    return None


def _post(url: str, body: bytes) -> None:
    urlopen(Request(url, data=body, method="POST"), timeout=60).close()


def _refused(words: str) -> Told:
    return _told([{"success": False, "payload": words}])


def _told(value: object) -> Told:
    return Told(body=json.dumps(value).encode(), headers={"Content-Type": "application/json"})
