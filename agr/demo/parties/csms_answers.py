"""What the CSMS answers to stations' messages, and what it keeps of them; both versions of OCPP."""

from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, TypeAlias

if TYPE_CHECKING:  # by their full names; the process knows this folder only
    from agr.demo.parties.csms_hooks import stamp
    from agr.demo.parties.csms_records import Records
else:
    from csms_hooks import stamp
    from csms_records import Records

Json: TypeAlias = dict[str, Any]
OCPP_ERROR = "OcppError"
_INTERVAL_S = 300
_EMPTY = (
    "StatusNotification", "NotifyEvent", "SecurityEventNotification", "LogStatusNotification", "MeterValues",
    "FirmwareStatusNotification", "DiagnosticsStatusNotification",
)  # fmt: skip


class Refused(Exception):  # noqa: N818 - a word for what became of a message
    """A message that is answered with a CALLERROR."""

    def __init__(self, code: str, text: str) -> None:
        super().__init__(text)
        self.code = code


def answer(records: Records, station: str, protocol: str, action: str, payload: Json) -> tuple[Json, Json | None]:
    """Return the answer to a message, and a profile that the CSMS sets by itself after it. Raises Refused."""
    now = stamp(records)
    if action == "BootNotification":
        return {"currentTime": now, "interval": _INTERVAL_S, "status": "Accepted"}, None
    if action == "Heartbeat":
        return {"currentTime": now}, None
    if action == "Authorize":
        return {"idTagInfo" if protocol == "1.6" else "idTokenInfo": {"status": "Accepted"}}, None
    if action == "MeterValues" and protocol == "1.6":
        _metered_16(records, station, payload)
    if action in _EMPTY:
        return {}, None
    if action == "NotifyReport":
        records.learn(station, payload.get("reportData", []))
        return {}, None
    if action == "ReportChargingProfiles":
        records.reported(station, [one["id"] for one in payload["chargingProfile"]])
        return {}, None
    if action == "NotifyEVChargingNeeds":
        push = _own_profile(records, station, payload)
        return {"status": "Rejected" if push is None else "Accepted"}, push
    transactions = {"TransactionEvent": _event, "StartTransaction": _started, "StopTransaction": _stopped}
    if action in transactions:
        return transactions[action](records, station, payload), None
    raise Refused("NotImplemented", f"{action} is not handled")


def _row(records: Records, station: str, number: str, evse: int, start: str, meter_wh: float) -> Json:
    now = stamp(records)
    return {
        "startTime": start, "id": len(records.transactions) + 1, "locationId": None, "stationId": station,
        "evseId": evse, "connectorId": evse, "transactionId": number, "isActive": True, "chargingState": None,
        "timeSpentCharging": None, "meterStart": f"{meter_wh / 1000:g}", "totalKwh": "0", "stoppedReason": None,
        "remoteStartId": None, "totalCost": None, "customData": None, "tenantId": 1,
        "authorizationId": None, "tariffId": None, "createdAt": now, "updatedAt": now,
    }  # fmt: skip


def _event(records: Records, station: str, payload: Json) -> Json:
    """Take a TransactionEvent."""
    info, evse = payload["transactionInfo"], payload.get("evse", {}).get("id", 0)
    row = records.transaction(station, info["transactionId"])
    meter = _register_wh(payload.get("meterValue", []))
    if row is None:
        row = _row(records, station, info["transactionId"], evse, payload["timestamp"], meter or 0.0)
        row["tag"] = payload.get("idToken", {}).get("idToken")
        records.transactions.append(row)
    row["chargingState"] = info.get("chargingState", row["chargingState"])
    _counted(records, row, meter)
    if payload["eventType"] == "Ended":
        row |= {"isActive": False, "stoppedReason": info.get("stoppedReason"), "endTime": payload["timestamp"]}
    records.keep()
    return {"idTokenInfo": {"status": "Accepted"}} if "idToken" in payload else {}


def _counted(records: Records, row: Json, meter_wh: float | None) -> None:
    if meter_wh is not None:
        row["totalKwh"] = f"{meter_wh / 1000 - float(row['meterStart']):.6g}"
    row["updatedAt"] = stamp(records)


def _register_wh(values: list[Json]) -> float | None:
    for value in reversed(values):
        for sample in value["sampledValue"]:
            if sample.get("measurand", "Energy.Active.Import.Register") == "Energy.Active.Import.Register":
                unit = sample.get("unit") or sample.get("unitOfMeasure", {}).get("unit", "Wh")
                return float(sample["value"]) * (1000 if unit == "kWh" else 1)
    return None


def _started(records: Records, station: str, payload: Json) -> Json:
    """Take a StartTransaction; whoever charges elsewhere with the same tag gets no transaction."""
    tag = payload["idTag"]
    if any(one["isActive"] and one.get("tag") == tag for one in records.transactions):
        return {"idTagInfo": {"status": "ConcurrentTx"}, "transactionId": 0}
    number = 1 + sum(one["stationId"] == station for one in records.transactions)
    row = _row(records, station, str(number), payload["connectorId"], payload["timestamp"], 0.0)
    row |= {"meterStart": str(payload["meterStart"]), "tag": tag}
    records.transactions.append(row)
    records.keep()
    return {"idTagInfo": {"status": "Accepted"}, "transactionId": number}


def _metered_16(records: Records, station: str, payload: Json) -> None:
    """Note a running session's energy: the register in kWh less its start in Wh, a fault CitrineOS was seen to make."""
    row = records.transaction(station, str(payload.get("transactionId")))
    meter = _register_wh(payload["meterValue"])
    if row is not None:
        _counted(records, row, meter)
        records.keep()


def _stopped(records: Records, station: str, payload: Json) -> Json:
    row = records.transaction(station, str(payload["transactionId"]))
    if row is not None:
        used = (payload["meterStop"] - float(row["meterStart"])) / 1000
        reason = payload.get("reason", "Local")
        row |= {"isActive": False, "stoppedReason": reason, "endTime": payload["timestamp"], "totalKwh": f"{used:.6g}"}
        records.keep()
    return {"idTagInfo": {"status": "Accepted"}}


def _own_profile(records: Records, station: str, payload: Json) -> Json | None:
    """Return the profile of full current that the CSMS sets one level above all others; None: needs are refused.

    Its duration is in ms and it has no start: both were seen. Source: docs/reference/demo-csms.md.
    """
    row, needs = records.running(station, payload["evseId"]), payload["chargingNeeds"]
    current = needs.get("acChargingParameters")
    if row is None or current is None:
        return None
    mine = [one for one in records.profiles if one.station == station]
    levels = [one.level for one in mine if one.purpose == "TxProfile" and one.transaction == row["transactionId"]]
    number, level = max([one.id for one in mine], default=0) + 1, max(levels, default=-1) + 1
    now = records.now()
    leaves = needs.get("departureTime") or (now + timedelta(days=1)).isoformat()
    milliseconds = int((datetime.fromisoformat(leaves) - now) / timedelta(milliseconds=1))
    profile = {
        "id": number, "stackLevel": level, "chargingProfilePurpose": "TxProfile", "chargingProfileKind": "Absolute",
        "validFrom": stamp(records), "validTo": leaves, "transactionId": row["transactionId"],
        "chargingSchedule": [{
            "id": number, "duration": milliseconds, "chargingRateUnit": "A",
            "chargingSchedulePeriod": [{"startPeriod": 0, "limit": current["evMaxCurrent"], "numberPhases": 3}],
            "minChargingRate": current["evMinCurrent"],
        }],
    }  # fmt: skip
    records.put_profile(station, payload["evseId"], profile)
    return {"evseId": payload["evseId"], "chargingProfile": profile}
