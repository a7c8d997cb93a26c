"""What the CSMS checks of OCPP 2.0.1 commands before they are sent, in its own words. In 1.6 it checks nothing.

Source: docs/reference/demo-csms.md. What it does not check (stack levels, negative limits) is not here.
"""

import json
from datetime import datetime
from typing import TYPE_CHECKING, Any, TypeAlias

if TYPE_CHECKING:  # by its full name; the process knows this folder only
    from agr.demo.parties.csms_records import Records
else:
    from csms_records import Records

Json: TypeAlias = dict[str, Any]
_TWICE = "No two charging profiles with the same stack level and purpose can be valid at the same time."
_EXTERNAL = "ChargingStationExternalConstraints"


def objection(records: Records, station: str, action: str, body: Json) -> str:
    """Return why a command is not sent; empty where it is."""
    rules = {
        "SetChargingProfile": _set, "ClearChargingProfile": _clear, "GetChargingProfiles": _get,
        "GetCompositeSchedule": _composite,
    }  # fmt: skip
    return rules[action](records, station, body) if action in rules else ""


def _set(records: Records, station: str, body: Json) -> str:
    profile, evse = body["chargingProfile"], body["evseId"]
    return (
        _shape(records, station, evse, profile)
        or _dates(records, profile)
        or (_of_transaction(records, station, evse, profile) if profile["chargingProfilePurpose"] == "TxProfile"
            else _standing(records, station, evse, profile))
        or _schedules(records, profile)
    )  # fmt: skip


def _shape(records: Records, station: str, evse: int, profile: Json) -> str:
    if profile["chargingProfilePurpose"] == "ChargingStationMaxProfile" and evse != 0:
        return "When chargingProfilePurpose is ChargingStationMaxProfile, evseId SHALL be 0"
    most = records.variable(station, "PeriodsPerSchedule")
    for schedule in profile["chargingSchedule"]:
        if most is not None and len(schedule["chargingSchedulePeriod"]) > int(most):
            return f"ChargingSchedule {schedule['id']}: The number of chargingSchedulePeriod SHALL not exceed {most}."
    return ""


def _dates(records: Records, profile: Json) -> str:
    now = records.now()
    valid_from, valid_to = profile.get("validFrom"), profile.get("validTo")
    if valid_from and datetime.fromisoformat(valid_from) > now:
        return f"chargingProfile validFrom {valid_from} should not be in the future."
    if valid_to and datetime.fromisoformat(valid_to) <= now:
        return f"chargingProfile validTo {valid_to} should be in the future."
    return ""


def _of_transaction(records: Records, station: str, evse: int, profile: Json) -> str:
    number = profile.get("transactionId")
    if not number:
        return "Missing transactionId for chargingProfilePurpose TxProfile."
    if records.transaction(station, number) is None:
        return f"Transaction {number} not found on station {station}."
    if evse <= 0:
        return "TxProfile SHALL only be used with evseId > 0."
    if [station, evse] not in records.evses:
        return f"Evse {evse} not found."
    level = profile["stackLevel"]
    rows = [row for row in records.active(station, "TxProfile", level) if not _replaced(records, row.id, profile)]
    there = sum(row.transaction == number for row in rows)
    words = f"{there} ChargingProfile with stackLevel {level} and transactionId {number} already exists."
    return words if there else ""


def _standing(records: Records, station: str, evse: int, profile: Json) -> str:
    purpose = profile["chargingProfilePurpose"]
    if purpose == _EXTERNAL:
        return f"The CSMS SHALL NOT set chargingProfilePurpose to {_EXTERNAL}."
    if purpose == "ChargingStationMaxProfile" and profile["chargingProfileKind"] == "Relative":
        return f"When chargingProfilePurpose is {purpose}, chargingProfileKind SHALL NOT be Relative."
    new_end = profile.get("validTo")
    for row in records.active(station, purpose, profile["stackLevel"]):
        if _replaced(records, row.id, profile):
            continue
        if row.evse == evse and (not new_end or not row.valid_to or _at(row.valid_to) >= _at(new_end)):
            return _TWICE
    return ""


def _replaced(records: Records, number: int, profile: Json) -> bool:
    """Say whether a profile takes the place of an active one under its number, which 1.8 does not allow."""
    return records.api != "1.8" and number == profile["id"]


def _at(text: str) -> datetime:
    return datetime.fromisoformat(text)


def _schedules(records: Records, profile: Json) -> str:
    kind = profile["chargingProfileKind"]
    for schedule in profile["chargingSchedule"]:
        about = f"ChargingSchedule {schedule['id']}: "
        if schedule["chargingSchedulePeriod"][0]["startPeriod"] != 0:
            return about + "The startPeriod of the first chargingSchedulePeriod SHALL be 0."
        if kind in ("Absolute", "Recurring") and not schedule.get("startSchedule"):
            return about + "startSchedule SHALL be set when chargingProfileKind is Absolute or Recurring."
        if kind == "Relative" and schedule.get("startSchedule"):
            return about + "startSchedule SHALL be absent when chargingProfileKind is Relative."
        units = [one for one in records.rate_units.split(",") if one]
        if units and schedule["chargingRateUnit"] not in units:
            listed = json.dumps(units, separators=(",", ":"))
            return about + f"chargingRateUnit SHALL be one of {listed}."
    return ""


def _clear(_records: Records, _station: str, body: Json) -> str:
    criteria = body.get("chargingProfileCriteria")
    if body.get("chargingProfileId"):
        return "chargingProfileCriteria is not needed when chargingProfileId is provided." if criteria else ""
    if not criteria:
        return "Either chargingProfileId or chargingProfileCriteria must be provided"
    if not any(criteria.get(name) for name in ("chargingProfilePurpose", "stackLevel", "evseId")):
        return (
            "At least one of chargingProfilePurpose, stackLevel, or evseId must be provided when chargingProfileId "
            "is not provided."
        )
    if criteria.get("chargingProfilePurpose") == _EXTERNAL:
        return f"The CSMS SHALL NOT set chargingProfilePurpose to {_EXTERNAL}."
    return ""


def _get(_records: Records, _station: str, body: Json) -> str:
    wanted = body["chargingProfile"]
    some = any(wanted.get(name) for name in ("chargingProfilePurpose", "stackLevel", "chargingLimitSource"))
    if wanted.get("chargingProfileId"):
        listed = "chargingProfilePurpose, stackLevel, and chargingLimitSource"
        return f"{listed} are not needed when chargingProfileId is provided." if some else ""
    if not some:
        return (
            "At least one of chargingProfilePurpose, stackLevel, or chargingLimitSource must be provided when "
            "chargingProfileId is not provided."
        )
    return ""


def _composite(records: Records, station: str, body: Json) -> str:
    evse, unit = body["evseId"], body.get("chargingRateUnit")
    if evse != 0 and [station, evse] not in records.evses:
        return f"EVSE {evse} not found for station {station}."
    if unit and records.rate_units and unit not in records.rate_units.split(","):
        return f"chargingRateUnit SHALL be one of [{records.rate_units}]."
    return ""
