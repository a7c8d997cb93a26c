"""Reads what CitrineOS reports of stations by itself: OCPP messages that it passes on, and connections.

Messages of OCPP 1.6 name a transaction only once the back-end has answered, so what starts is kept until then. Power in
W, registers in Wh. Values of single phases are left out: there is one of all together.
"""

import json
from collections import OrderedDict
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from math import isfinite
from typing import Any

from agr.domain.dispatch import ClockSeen, Metered, NeedsSeen, Observation, SessionSeen, SessionState, StationSeen
from agr.domain.errors import InputError

NO_EVSE = 0
"""Stands for an EVSE that a message does not name: its transaction tells which one it is."""
_WAITING = 10_000  # starts that are kept until they are answered
_PATIENCE = timedelta(minutes=5)
"""How long the start of a transaction waits for its answer; then the session begins with the next report about it."""
_CALL, _RESULT = 2, 3
_REGISTER = "Energy.Active.Import.Register"
_UNITS = {"Wh": 1.0, "kWh": 1000.0, "W": 1.0, "kW": 1000.0, "Percent": 1.0, "%": 1.0}
_STATES = {
    "Charging": SessionState.CHARGING, "SuspendedEV": SessionState.CAR_PAUSES,
    "SuspendedEVSE": SessionState.STATION_PAUSES, "EVConnected": SessionState.WAITING, "Idle": SessionState.WAITING,
    "Preparing": SessionState.WAITING,
}  # fmt: skip
Body = Mapping[str, Any]


@dataclass(frozen=True, kw_only=True)
class _Start:
    evse: int
    at: datetime
    register_wh: float | None
    told: datetime  # when we heard of it, by our clock


class NewsReader:
    """Reads the news of all stations of one road. One thread at a time."""

    def __init__(self) -> None:
        self._starts: OrderedDict[tuple[str, str], _Start] = OrderedDict()

    def read(self, station: str, body: bytes, at: datetime) -> list[Observation]:
        """Return what a post says; nothing where it is of no interest. Raises InputError where it cannot be read."""
        try:
            told = json.loads(body)
            named = told.get("stationId", told.get("ocppConnectionName"))
            if named != station:
                raise InputError(f"the news is about {str(named)[:64]!r}, the address is that of {station!r}")
            event = told.get("event")
            if event in ("connected", "closed"):
                return [StationSeen(station=station, at=at, connected=event == "connected")]
            if event != "message":
                return []
            return list(self._message(station, json.loads(told["message"]), told.get("origin"), at))
        except (ValueError, TypeError, LookupError, AttributeError, OverflowError, RecursionError) as error:
            raise InputError(f"the news of {station} cannot be read ({type(error).__name__}: {error})") from error

    def _message(
        self, station: str, message: Any, origin: str | None, at: datetime
    ) -> Iterator[Observation]:  # fmt: skip
        if not isinstance(message, list):
            raise TypeError("an OCPP message is a list")
        if message[0] == _CALL and origin in (None, "cs"):
            number, action, payload = message[1], message[2], message[3]
            yield from _clock(station, payload, at)
            if action == "StartTransaction":
                self._starts[station, number] = _Start(
                    evse=int(payload["connectorId"]), at=_instant(payload["timestamp"]),
                    register_wh=_number(payload.get("meterStart")), told=at,
                )  # fmt: skip
                self._starts.move_to_end((station, number))
                while len(self._starts) > _WAITING or next(iter(self._starts.values())).told < at - _PATIENCE:
                    self._starts.popitem(last=False)
            elif action == "NotifyEVChargingNeeds":
                yield from _needs(station, payload, at)
            elif action in _READERS:
                yield from _READERS[action](station, payload)
        elif message[0] == _RESULT and (station, message[1]) in self._starts:
            yield from _started(station, self._starts.pop((station, message[1])), message[2])


def _clock(station: str, payload: Any, heard: datetime) -> Iterator[Observation]:
    """Tell the time that a message bears; none where it says that it waited while the station was offline."""
    if not isinstance(payload, dict) or payload.get("offline"):
        return
    values = payload.get("meterValue") if "timestamp" not in payload else None
    told = [one.get("timestamp") for one in values if isinstance(one, dict)] if isinstance(values, list) else []
    told += [payload.get("timestamp", payload.get("generatedAt"))]
    known = [_instant(text) for text in told if isinstance(text, str)]
    if known:
        yield ClockSeen(station=station, at=max(known), heard=heard)


def _started(station: str, start: _Start, answer: Body) -> Iterator[Observation]:
    if answer["idTagInfo"]["status"] != "Accepted":
        return
    number = str(answer["transactionId"])
    yield SessionSeen(
        station=station, evse=start.evse, transaction=number, at=start.at, state=SessionState.WAITING, began=True
    )
    if start.register_wh is not None:
        yield Metered(
            station=station, evse=start.evse, at=start.at, transaction=number, register_wh=start.register_wh
        )  # fmt: skip


def _transaction_event(station: str, payload: Body) -> Iterator[Observation]:
    info, at = payload["transactionInfo"], _instant(payload["timestamp"])
    evse, number = int(payload.get("evse", {}).get("id", NO_EVSE)), str(info["transactionId"])
    ended = payload["eventType"] == "Ended"
    state = SessionState.ENDED if ended else _STATES.get(info.get("chargingState", ""))
    yield from _metered(station, evse, number, payload.get("meterValue", ()))
    yield SessionSeen(
        station=station, evse=evse, transaction=number, at=at, state=state, began=payload["eventType"] == "Started"
    )


def _meter_values(station: str, payload: Body) -> Iterator[Observation]:
    evse = int(payload["evseId"] if "evseId" in payload else payload["connectorId"])
    number = str(payload["transactionId"]) if payload.get("transactionId") is not None else None
    yield from _metered(station, evse, number, payload["meterValue"])


def _stopped(station: str, payload: Body) -> Iterator[Observation]:
    number, at = str(payload["transactionId"]), _instant(payload["timestamp"])
    register = _number(payload.get("meterStop"))
    if register is not None:
        yield Metered(station=station, evse=NO_EVSE, at=at, transaction=number, register_wh=register)
    yield SessionSeen(station=station, evse=NO_EVSE, transaction=number, at=at, state=SessionState.ENDED)


def _status(station: str, payload: Body) -> Iterator[Observation]:
    """OCPP 1.6 reports what a session does as the state of its connector; that of 2.0.1 does not say it."""
    state = _STATES.get(payload.get("status", ""))
    if state is not None and payload.get("timestamp"):
        at = _instant(payload["timestamp"])
        yield SessionSeen(station=station, evse=int(payload["connectorId"]), transaction="", at=at, state=state)


def _needs(station: str, payload: Body, at: datetime) -> Iterator[Observation]:
    needs = payload["chargingNeeds"]
    power = needs.get("acChargingParameters") or needs.get("dcChargingParameters") or {}
    departure = needs.get("departureTime")
    yield NeedsSeen(
        station=station, evse=int(payload["evseId"]), at=at,
        departure=_instant(departure) if departure else None, energy_wh=_number(power.get("energyAmount")),
        soc_percent=_number(power.get("stateOfCharge")), capacity_wh=_number(power.get("evEnergyCapacity")),
    )  # fmt: skip


_READERS: Mapping[str, Callable[[str, Body], Iterator[Observation]]] = {
    "TransactionEvent": _transaction_event,
    "MeterValues": _meter_values,
    "StopTransaction": _stopped,
    "StatusNotification": _status,
}


def _metered(station: str, evse: int, transaction: str | None, values: Any) -> Iterator[Observation]:
    for one in values:
        found: dict[str, float] = {}
        for sample in one["sampledValue"]:
            name = _NAMES.get(sample.get("measurand", _REGISTER))
            value = _sampled(sample)
            if name is not None and value is not None:
                found[name] = value
        if found:
            yield Metered(
                station=station, evse=evse, at=_instant(one["timestamp"]), transaction=transaction, **found
            )  # fmt: skip


_NAMES = {
    _REGISTER: "register_wh", "Power.Active.Import": "power_w", "Power.Offered": "offered_w", "SoC": "soc_percent",
}  # fmt: skip


def _sampled(sample: Body) -> float | None:
    """Return a value in W, Wh or percent; None: of one phase, signed, or in a unit that nobody knows."""
    if sample.get("phase") or sample.get("format", "Raw") != "Raw":
        return None
    whole = sample.get("unitOfMeasure") or {}
    unit = whole.get("unit") or sample.get("unit") or "Wh"
    value = _number(sample["value"])
    if value is None or unit not in _UNITS:
        return None
    return value * _UNITS[unit] * 10.0 ** int(whole.get("multiplier", 0))


def _number(value: Any) -> float | None:
    if value is None or isinstance(value, bool):
        return None
    number = float(value)
    return number if isfinite(number) else None


def _instant(text: str) -> datetime:
    instant = datetime.fromisoformat(text)
    if instant.tzinfo is None:
        raise ValueError(f"{text} has no offset")
    return instant.astimezone(UTC)
