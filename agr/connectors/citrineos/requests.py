"""Commands to charge points as CitrineOS's REST interface takes them. Pure.

The body is the OCPP request. Limits are whole numbers: a third of those with one decimal are refused by its schema.
"""

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from agr.domain.charge_point import OCPP_16, TX, ChargePoint
from agr.domain.dispatch import Action, Command, Profile, Purpose

_FIRST_ID = 70_000
_SLOTS = 10
COMPOSITE_S = 3600
"""Seconds of the composite schedule that a station is asked for."""

Body = dict[str, Any]


@dataclass(frozen=True, kw_only=True)
class Request:
    """A request below the address of the interface."""

    path: str
    body: Body


def profile_id(point: ChargePoint, slot: int) -> int:
    """Return the fixed identifier of a slot: one per EVSE and slot, so that a repetition replaces itself."""
    return _FIRST_ID + point.evse * _SLOTS + slot


def request_of(command: Command) -> Request:
    """Return the request of a command."""
    point = command.point
    if command.action is Action.CLEAR:
        action, body = "clearChargingProfile", _clearing(command)
    else:
        assert command.profile is not None
        action, body = "setChargingProfile", _setting(command, command.profile)
    return Request(path=f"/ocpp/{point.protocol}/smartcharging/{action}", body=body)


def _setting(command: Command, profile: Profile) -> Body:
    point, old = command.point, command.point.protocol == OCPP_16
    number = profile_id(point, command.slot)
    in_transaction = point.carrier == TX and command.purpose is Purpose.PLAN and command.transaction is not None
    schedule: Body = {} if old else {"id": number}
    schedule |= {"startSchedule": _instant(profile.start)}
    if profile.duration_s is not None:
        schedule["duration"] = profile.duration_s
    phases = {} if point.phases == 3 else {"numberPhases": point.phases}
    schedule |= {
        "chargingRateUnit": profile.unit,
        "chargingSchedulePeriod": [
            {"startPeriod": step.after_s, "limit": step.limit, **phases} for step in profile.steps
        ],
    }  # fmt: skip
    whole: Body = {
        "chargingProfileId" if old else "id": number,
        "stackLevel": command.slot,
        "chargingProfilePurpose": "TxProfile" if in_transaction else "TxDefaultProfile",
        "chargingProfileKind": "Absolute",
        "chargingSchedule": schedule if old else [schedule],
    }
    if in_transaction and command.transaction is not None:
        whole["transactionId"] = int(command.transaction) if old else command.transaction
    if old:
        return {"connectorId": point.evse, "csChargingProfiles": whole}
    return {"evseId": point.evse, "chargingProfile": whole}


def _clearing(command: Command) -> Body:
    point, old = command.point, command.point.protocol == OCPP_16
    if command.purpose is Purpose.FOREIGN:
        if old:
            return {"connectorId": point.evse, "chargingProfilePurpose": "TxProfile"}
        return {"chargingProfileCriteria": {"evseId": point.evse, "chargingProfilePurpose": "TxProfile"}}
    return {"id" if old else "chargingProfileId": profile_id(point, command.slot)}


def composite_of(point: ChargePoint) -> Request:
    """Return the question what a station will follow in the next hour."""
    evse = "connectorId" if point.protocol == OCPP_16 else "evseId"
    body = {"duration": COMPOSITE_S, evse: point.evse, "chargingRateUnit": point.limit_unit}
    return Request(path=f"/ocpp/{point.protocol}/smartcharging/getCompositeSchedule", body=body)


def base_report(point: ChargePoint) -> Request:
    """Return the wish to hear what the station consists of: without its report, its EVSEs are unknown."""
    body = {"requestId": point.evse, "reportBase": "FullInventory"}
    return Request(path="/ocpp/2.0.1/reporting/getBaseReport", body=body)


def _instant(instant: datetime) -> str:
    return instant.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.000Z")
