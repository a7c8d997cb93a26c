"""Commands to charge points as CitrineOS's REST interface takes them. Pure.

The body is the OCPP request. Limits are whole numbers: a third of those with one decimal are refused by its schema.
"""

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from agr.dispatch.exposure import MAXIMUM_SLOT
from agr.domain.charge_point import OCPP_16, TX, ChargePoint
from agr.domain.dispatch import Action, Command, Profile, Purpose

_FIRST_ID = 70_000
_SLOTS = 10
COMPOSITE_S = 86_400
"""Length in seconds of the composite schedule that a station is asked for; only plans sent for two days reach
further."""

UNITS_KEY, PERIODS_KEY = "ChargingScheduleAllowedChargingRateUnit", "ChargingScheduleMaxPeriods"
"""Configuration keys of a station: the units and the number of periods that its schedules may have. Source: OCPP 1.6,
Smart Charging profile."""
Body = dict[str, Any]


@dataclass(frozen=True, kw_only=True)
class Request:
    """A request below the address of the interface."""

    path: str
    body: Body


def profile_id(point: ChargePoint, slot: int) -> int:
    """Return the fixed identifier of a slot: one per EVSE and slot, so that a repetition replaces itself."""
    return _FIRST_ID + (0 if slot == MAXIMUM_SLOT else point.evse) * _SLOTS + slot


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
    whole_station = command.purpose is Purpose.MAXIMUM
    in_transaction = point.carrier == TX and command.purpose is Purpose.PLAN and command.transaction is not None
    purpose = "TxProfile" if in_transaction else "TxDefaultProfile"
    if whole_station:
        purpose = "ChargePointMaxProfile" if old else "ChargingStationMaxProfile"
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
        "stackLevel": 0 if whole_station else command.slot,
        "chargingProfilePurpose": purpose,
        "chargingProfileKind": "Absolute",
        "chargingSchedule": schedule if old else [schedule],
    }
    if in_transaction and command.transaction is not None:
        whole["transactionId"] = int(command.transaction) if old else command.transaction
    evse = 0 if whole_station else point.evse
    if old:
        return {"connectorId": evse, "csChargingProfiles": whole}
    return {"evseId": evse, "chargingProfile": whole}


def _clearing(command: Command) -> Body:
    point, old = command.point, command.point.protocol == OCPP_16
    if command.purpose is Purpose.FOREIGN:
        if old:
            return {"connectorId": point.evse, "chargingProfilePurpose": "TxProfile"}
        return {"chargingProfileCriteria": {"evseId": point.evse, "chargingProfilePurpose": "TxProfile"}}
    return {"id" if old else "chargingProfileId": profile_id(point, command.slot)}


def composite_of(point: ChargePoint) -> Request:
    """Return the request that asks what a station will follow in the next day, in whichever unit it prefers.

    CitrineOS refuses a unit that the station which reported last does not take.
    """
    evse = "connectorId" if point.protocol == OCPP_16 else "evseId"
    body = {"duration": COMPOSITE_S, evse: point.evse}
    return Request(path=f"/ocpp/{point.protocol}/smartcharging/getCompositeSchedule", body=body)


def limits_asked() -> Request:
    """Return the request that asks a station of OCPP 1.6 which units and how many periods it takes."""
    return Request(path="/ocpp/1.6/configuration/getConfiguration", body={"key": [UNITS_KEY, PERIODS_KEY]})


def base_report(point: ChargePoint) -> Request:
    """Return the request for a report of what the station consists of: without it, its EVSEs are unknown."""
    body = {"requestId": point.evse, "reportBase": "FullInventory"}
    return Request(path="/ocpp/2.0.1/reporting/getBaseReport", body=body)


def _instant(instant: datetime) -> str:
    return instant.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.000Z")
