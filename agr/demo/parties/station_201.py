"""A station that speaks OCPP 2.0.1, by the `ocpp` library."""

from typing import TYPE_CHECKING, Any

from ocpp.routing import after, on
from ocpp.v201 import ChargePoint, call, call_result

if TYPE_CHECKING:  # by their full names; the process knows this folder only
    from agr.demo.parties.station_commands import Commands
    from agr.demo.parties.station_physics import Happening
    from agr.demo.parties.station_plant import Json, Plant, stamp
else:
    from station_commands import Commands
    from station_physics import Happening
    from station_plant import Json, Plant, stamp

_TRIGGERS = {
    "arrived": ("Started", "CablePluggedIn"), "state": ("Updated", "ChargingStateChanged"),
    "clock": ("Updated", "MeterValueClock"), "departed": ("Ended", "EVDeparted"), "stopped": ("Ended", "RemoteStop"),
}  # fmt: skip
_STOPPED = {"departed": "EVDisconnected", "stopped": "Remote"}


class Station201(Commands, ChargePoint):  # type: ignore[misc] # the library has no types
    """One connection of a station to its CSMS."""

    def __init__(self, plant: Plant, socket: Any) -> None:
        super().__init__(plant, socket)
        self.seq = 0

    async def boot(self) -> None:
        """Say who we are."""
        who = {"model": "Stand-in", "vendor_name": "agr demo"}
        await self.call(call.BootNotification(charging_station=who, reason="PowerUp"))
        for number in self.plant.physics.evses:
            there = self.plant.physics.evses[number].car is not None
            await self._status(number, self.plant.physics.now, occupied=there)

    async def _status(self, evse: int, at: Any, *, occupied: bool) -> None:
        status = "Occupied" if occupied else "Available"
        await self.call(call.StatusNotification(
            timestamp=stamp(at), connector_status=status, evse_id=evse, connector_id=1,
        ))  # fmt: skip

    async def tell(self, one: Happening) -> None:
        """Report one happening."""
        meters = [_metered(one, one.what == "clock")] if self.plant.faults.meters else None
        if one.transaction is None:
            if meters and one.what == "clock":
                await self.call(call.MeterValues(evse_id=one.evse, meter_value=meters))
            return
        if one.what == "clock" and meters is None:
            return
        if one.what == "arrived":
            await self._status(one.evse, one.at, occupied=True)
        kind, trigger = _TRIGGERS[one.what]
        info: Json = {"transaction_id": one.transaction, "charging_state": one.state}
        if one.what in _STOPPED:
            info |= {"stopped_reason": _STOPPED[one.what]}
        self.seq += 1
        await self.call(call.TransactionEvent(
            event_type=kind, timestamp=stamp(one.at), trigger_reason=trigger, seq_no=self.seq, transaction_info=info,
            evse={"id": one.evse, "connector_id": 1}, meter_value=meters, offline=False,
            id_token={"id_token": one.car.tag, "type": "ISO14443"} if one.what == "arrived" and one.car else None,
        ))  # fmt: skip
        if one.what == "departed":
            await self._status(one.evse, one.at, occupied=False)
        if one.what == "arrived" and one.car and one.car.says_needs:
            await self._needs(one)

    async def _needs(self, one: Happening) -> None:
        car = one.car
        if car is None:
            return
        wanted = max(car.target_kwh - car.stored_kwh, 0) / car.efficiency
        kind = "AC_three_phase" if car.phases == 3 else "AC_single_phase"
        await self.call(call.NotifyEVChargingNeeds(evse_id=one.evse, charging_needs={
            "requested_energy_transfer": kind, "departure_time": stamp(car.says_until or car.until),
            "ac_charging_parameters": {
                "energy_amount": round(wanted * 1000), "ev_min_current": 6, "ev_max_current": int(car.max_a),
                "ev_max_voltage": 400,
            },
        }))  # fmt: skip

    @on("SetChargingProfile")  # type: ignore[untyped-decorator]
    def on_set(self, evse_id: int, charging_profile: Json, **_: Any) -> Any:
        """Take a profile."""
        self.may_fail()
        why = self.plant.take(evse_id, charging_profile)
        info = {"reason_code": why} if why else None
        return call_result.SetChargingProfile(status="Rejected" if why else "Accepted", status_info=info)

    @after("SetChargingProfile")  # type: ignore[untyped-decorator]
    def after_set(self, **_: Any) -> None:
        """Follow it."""
        self.plant.run()

    @on("ClearChargingProfile")  # type: ignore[untyped-decorator]
    def on_clear(
        self, charging_profile_id: int | None = None, charging_profile_criteria: Json | None = None, **_: Any
    ) -> Any:
        """Forget profiles."""
        self.may_fail()
        by = charging_profile_criteria or {}
        found = self.plant.clear(
            charging_profile_id, by.get("evse_id"), by.get("charging_profile_purpose"), by.get("stack_level")
        )
        self.plant.run()
        return call_result.ClearChargingProfile(status="Accepted" if found else "Unknown")

    @on("GetChargingProfiles")  # type: ignore[untyped-decorator]
    def on_get(self, **asked: Any) -> Any:
        """Say whether there are any."""
        found = self._wanted(asked)
        return call_result.GetChargingProfiles(status="Accepted" if found else "NoProfiles")

    @after("GetChargingProfiles")  # type: ignore[untyped-decorator]
    async def after_get(self, **asked: Any) -> None:
        """Report them."""
        for evse, source in self._wanted(asked):
            await self.call(call.ReportChargingProfiles(
                request_id=asked["request_id"], charging_limit_source="CSO", charging_profile=[source], evse_id=evse,
            ))  # fmt: skip

    def _wanted(self, asked: Json) -> list[tuple[int, Json]]:
        by, evse = asked["charging_profile"], asked.get("evse_id")
        return [
            (one.evse, one.source)
            for one in self.plant.physics.profiles
            if evse in (None, one.evse)
            and by.get("charging_profile_purpose") in (None, one.purpose)
            and by.get("stack_level") in (None, one.level)
            and one.id in (by.get("charging_profile_id") or [one.id])
            and "CSO" in (by.get("charging_limit_source") or ["CSO"])
        ]

    @on("GetCompositeSchedule")  # type: ignore[untyped-decorator]
    def on_composite(self, duration: int, evse_id: int, charging_rate_unit: str | None = None, **_: Any) -> Any:
        """Say which limits are to come."""
        schedule = self.to_come(evse_id, duration, charging_rate_unit)
        schedule |= {"evse_id": evse_id, "schedule_start": stamp(self.plant.physics.now)}
        return call_result.GetCompositeSchedule(status="Accepted", schedule=schedule)

    @on("GetBaseReport")  # type: ignore[untyped-decorator]
    def on_report(self, **_: Any) -> Any:
        """Promise a report."""
        return call_result.GetBaseReport(status="Accepted")

    @after("GetBaseReport")  # type: ignore[untyped-decorator]
    async def after_report(self, request_id: int, **_: Any) -> None:
        """Report what there is of it that concerns charging."""
        plant = self.plant
        smart = {"RateUnit": plant.units, "PeriodsPerSchedule": plant.periods, "ProfileStackLevel": plant.levels}
        rows = [_variable("SmartChargingCtrlr", name, str(value), None) for name, value in smart.items()]
        rows += [_variable("EVSE", "Available", "true", number) for number in plant.physics.evses]
        await self.call(call.NotifyReport(
            request_id=request_id, generated_at=stamp(plant.now()), seq_no=0, report_data=rows, tbc=False,
        ))  # fmt: skip

    @on("GetVariables")  # type: ignore[untyped-decorator]
    def on_variables(self, get_variable_data: list[Json], **_: Any) -> Any:
        """Know nothing by name."""
        said = [
            {"attribute_status": "UnknownVariable", "component": one["component"], "variable": one["variable"]}
            for one in get_variable_data
        ]
        return call_result.GetVariables(get_variable_result=said)

    @on("RequestStartTransaction")  # type: ignore[untyped-decorator]
    def on_start(self, **_: Any) -> Any:
        """Agree; a session starts when a car comes, whoever asked for it."""
        self.may_fail()
        return call_result.RequestStartTransaction(status="Accepted")

    @on("RequestStopTransaction")  # type: ignore[untyped-decorator]
    def on_stop(self, transaction_id: str, **_: Any) -> Any:
        """End a session."""
        self.may_fail()
        found = self.ended(transaction_id)
        return call_result.RequestStopTransaction(status="Accepted" if found else "Rejected")


def _metered(one: Happening, aligned: bool) -> Json:
    context = "Sample.Clock" if aligned else "Transaction.Begin" if one.what == "arrived" else "Sample.Periodic"
    watt, watt_hour = {"unit": "W"}, {"unit": "Wh"}
    values: list[Json] = [
        {"value": round(one.register_wh, 1), "measurand": "Energy.Active.Import.Register",
         "unit_of_measure": watt_hour},
        {"value": round(one.power_w, 1), "measurand": "Power.Active.Import", "unit_of_measure": watt},
        {"value": round(one.offered_w, 1), "measurand": "Power.Offered", "unit_of_measure": watt},
    ]  # fmt: skip
    return {"timestamp": stamp(one.at), "sampled_value": [value | {"context": context} for value in values]}


def _variable(component: str, name: str, value: str, evse: int | None) -> Json:
    listed = {"data_type": "MemberList", "values_list": value, "supports_monitoring": False}
    plain = {"data_type": "string", "supports_monitoring": False}
    of: Json = {"name": component} | ({} if evse is None else {"evse": {"id": evse}})
    return {
        "component": of, "variable": {"name": name}, "variable_attribute": [{"value": value}],
        "variable_characteristics": listed if name == "RateUnit" else plain,
    }  # fmt: skip
