"""What CitrineOS answers at once, and what stations answer later through it. Pure.

`success: true` says no more than that the command was passed on. A refusal is told in a sentence only, so sentences
are read; one that is not known is a refusal like any other. Source: version 1.8.3, as it was seen to answer.
"""

import json
import re
from datetime import UTC, datetime
from typing import Any

from agr.connectors.citrineos.requests import PERIODS_KEY, UNITS_KEY
from agr.domain.charge_point import ChargePoint
from agr.domain.dispatch import Action, Command, DispatchState, LimitStep, Profile, Receipt, Verified
from agr.domain.errors import InputError
from agr.domain.foreign_text import one_line

_OCCUPIED = re.compile(r"already exists|same stack level and purpose")
_UNITS = re.compile(r'chargingRateUnit SHALL be one of \["([AW])"')
_PERIODS = re.compile(r"SHALL not exceed (\d{1,4})\.")
_EVSE = re.compile(r"evse \d+ not found", re.IGNORECASE)
_LONGEST = 300
_NOT_SENT = (400, 401, 403, 404, 413, 429)
"""HTTP statuses that mean that nothing was passed on to the station."""


def at_once(number: int, status: int, text: str) -> Receipt:
    """Read the answer to the request that carried a command."""
    if status != 200:
        words = f"CitrineOS answered {status} {_said(text)}".strip()
        state = DispatchState.REJECTED if status in _NOT_SENT else DispatchState.UNKNOWN
        return Receipt(command=number, state=state, words=words)
    try:
        (one,) = json.loads(text)
        passed, payload = one["success"], one.get("payload")
    except (ValueError, TypeError, KeyError, AttributeError):
        words = f"CitrineOS answered something else than a list of one result: {_short(text)}"
        return Receipt(command=number, state=DispatchState.UNKNOWN, words=words)
    if passed is True:
        return Receipt(command=number, state=DispatchState.SENT)
    said = _short(str(payload))
    if said.startswith("No connection found"):
        said = f"the station is not connected ({said})"
    units, periods = _UNITS.search(said), _PERIODS.search(said)
    return Receipt(
        command=number, state=DispatchState.REJECTED, words=said, occupied=bool(_OCCUPIED.search(said)),
        unit=units[1] if units else None, most_periods=int(periods[1]) if periods else None,
    )  # fmt: skip


def needs_report(receipt: Receipt) -> bool:
    """Say whether a command was refused because the station's EVSEs are not known yet."""
    return bool(_EVSE.search(receipt.words))


def is_alive(status: int) -> bool:
    """Say whether an answer shows that the back-end works, whatever it says of a station."""
    return status == 200


def _said(text: str) -> str:
    try:
        found = json.loads(text)
    except ValueError:
        return _short(text)
    return _short(str(found.get("message", text))) if isinstance(found, dict) else _short(text)


def _short(text: str) -> str:
    return one_line(text)[:_LONGEST]


def answer_of(body: bytes) -> dict[str, Any]:
    """Return a station's answer as CitrineOS posts it. Raises InputError."""
    try:
        found = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise InputError(f"the answer is not JSON ({error})") from error
    if not isinstance(found, dict):
        raise InputError("the answer is not a JSON object")
    return found


def receipt_of(command: Command, body: bytes) -> Receipt:
    """Read a station's answer to a command. Raises InputError for anything else."""
    found = answer_of(body)
    if "_errorCode" in found:
        words = f"the station answered with an error: {_short(str(found['_errorCode']))}"
        return Receipt(command=command.id, state=DispatchState.REJECTED, words=words, by_station=True)
    status = found.get("status")
    if status == "Accepted":
        return Receipt(command=command.id, state=DispatchState.ACCEPTED)
    if command.action is Action.CLEAR and status == "Unknown":
        return Receipt(command=command.id, state=DispatchState.ACCEPTED, words="there was nothing to clear")
    if status in ("Rejected", "NotSupported", "Unknown"):
        info = found.get("statusInfo")
        reason = info.get("reasonCode") if isinstance(info, dict) else None
        words = f"the station answered {status}" + (f": {_short(str(reason))}" if reason else "")
        return Receipt(command=command.id, state=DispatchState.REJECTED, words=words, by_station=True)
    raise InputError(f"the answer has status {_short(str(status))!r}, which is none of OCPP")


def verified_of(point: ChargePoint, body: bytes) -> Verified:
    """Read a station's composite schedule, of OCPP 1.6 or 2.0.1. Raises InputError for anything else."""
    found = answer_of(body)
    if "_errorCode" in found:
        words = f"the station answered with an error: {_short(str(found['_errorCode']))}"
        return Verified(charge_point=point.charge_point, profile=None, words=words)
    if found.get("status") != "Accepted":
        words = f"the station answered {_short(str(found.get('status')))}"
        return Verified(charge_point=point.charge_point, profile=None, words=words)
    schedule = found.get("schedule", found.get("chargingSchedule"))
    if not isinstance(schedule, dict):
        words = "the station accepted, and gave no schedule"
        return Verified(charge_point=point.charge_point, profile=None, words=words)
    try:
        start = found.get("scheduleStart") or schedule.get("scheduleStart") or schedule["startSchedule"]
        profile = _profile(schedule, start)
    except (KeyError, TypeError, ValueError, OverflowError) as error:
        raise InputError(f"the composite schedule cannot be read ({error})") from error
    return Verified(charge_point=point.charge_point, profile=profile)


def limits_of(body: bytes) -> tuple[tuple[str, ...], int | None]:
    """Read (units, most periods) of a station of OCPP 1.6; empty and None where it does not know. Raises InputError."""
    rows = answer_of(body).get("configurationKey")
    if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
        raise InputError("the answer has no list of keys")
    values = {row.get("key"): str(row.get("value") or "") for row in rows}
    named = {"Current": "A", "Power": "W"}
    units = [named[word] for part in values.get(UNITS_KEY, "").split(",") if (word := part.strip()) in named]
    periods = values.get(PERIODS_KEY, "")
    return tuple(units), int(periods) if periods.isascii() and periods.isdigit() and len(periods) < 9 else None


def _profile(schedule: dict[str, Any], start: str) -> Profile:
    unit = schedule["chargingRateUnit"]
    if unit not in ("A", "W"):
        raise ValueError(f"chargingRateUnit {unit!r} is neither A nor W")
    instant = datetime.fromisoformat(start)
    if instant.tzinfo is None:
        raise ValueError(f"{start} has no offset")
    steps = tuple(
        LimitStep(after_s=int(one["startPeriod"]), limit=round(float(one["limit"])))
        for one in schedule["chargingSchedulePeriod"]
    )
    if not steps:
        raise ValueError("it has no periods")
    return Profile(
        start=instant.astimezone(UTC), unit=unit, steps=steps, duration_s=int(schedule.get("duration") or 0) or None
    )
