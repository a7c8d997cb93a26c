"""A station that speaks OCPP 1.6, by the `ocpp` library."""

from dataclasses import replace
from datetime import datetime
from typing import TYPE_CHECKING, Any

from ocpp.routing import after, on
from ocpp.v16 import ChargePoint, call, call_result

if TYPE_CHECKING:  # by their full names; the process knows this folder only
    from agr.demo.parties.station_commands import Commands
    from agr.demo.parties.station_physics import Happening
    from agr.demo.parties.station_plant import Json, stamp
else:
    from station_commands import Commands
    from station_physics import Happening
    from station_plant import Json, stamp

_STATES = {
    "Charging": "Charging", "SuspendedEV": "SuspendedEV", "SuspendedEVSE": "SuspendedEVSE", "EVConnected": "Preparing",
    "Idle": "Available",
}  # fmt: skip


class Station16(Commands, ChargePoint):  # type: ignore[misc] # the library has no types
    """One connection of a station to its CSMS."""

    async def boot(self) -> None:
        """Say who we are."""
        await self.call(call.BootNotification(charge_point_model="Stand-in", charge_point_vendor="agr demo"))
        for number, evse in self.plant.physics.evses.items():
            await self._status(number, self.plant.physics.now, evse.state)

    async def _status(self, connector: int, at: datetime, state: str) -> None:
        await self.call(call.StatusNotification(
            connector_id=connector, error_code="NoError", status=_STATES[state], timestamp=stamp(at),
        ))  # fmt: skip

    async def tell(self, one: Happening) -> None:
        """Report one happening."""
        match one.what:
            case "arrived":
                await self._status(one.evse, one.at, one.state)
                await self._started(one)
            case "state":
                await self._status(one.evse, one.at, one.state)
                await self._metered(one)
            case "clock":
                await self._metered(one)
            case _:
                await self._stopped(one)

    async def _started(self, one: Happening) -> None:
        """Begin a session; from now on it has the number that the CSMS gives it."""
        said = await self.call(call.StartTransaction(
            connector_id=one.evse, id_tag=one.car.tag if one.car else "", meter_start=round(one.register_wh),
            timestamp=stamp(one.at),
        ))  # fmt: skip
        if said is None:
            raise TimeoutError("the CSMS would not start a transaction")
        self.plant.numbers[one.transaction or ""] = number = str(said.transaction_id)
        evse = self.plant.physics.evses[one.evse]
        if evse.outlet.transaction == one.transaction:
            evse.outlet = replace(evse.outlet, transaction=number)

    def _number(self, one: Happening) -> int | None:
        if one.transaction is None:
            return None
        return int(self.plant.numbers.get(one.transaction, one.transaction))

    async def _metered(self, one: Happening) -> None:
        if not self.plant.faults.meters:
            return
        context = "Sample.Clock" if one.what == "clock" else "Sample.Periodic"
        values = [
            {"value": f"{one.register_wh:.0f}", "measurand": "Energy.Active.Import.Register", "unit": "Wh"},
            {"value": f"{one.power_w:.0f}", "measurand": "Power.Active.Import", "unit": "W"},
            {"value": f"{one.offered_w:.0f}", "measurand": "Power.Offered", "unit": "W"},
        ]
        sampled = {"timestamp": stamp(one.at), "sampled_value": [value | {"context": context} for value in values]}
        await self.call(call.MeterValues(
            connector_id=one.evse, meter_value=[sampled], transaction_id=self._number(one),
        ))  # fmt: skip

    async def _stopped(self, one: Happening) -> None:
        reason = "EVDisconnected" if one.what == "departed" else "Remote"
        await self.call(call.StopTransaction(
            meter_stop=round(one.register_wh), timestamp=stamp(one.at), transaction_id=self._number(one) or 0,
            reason=reason,
        ))  # fmt: skip
        await self._status(one.evse, one.at, "Idle" if one.what == "departed" else "EVConnected")

    @on("SetChargingProfile")  # type: ignore[untyped-decorator]
    def on_set(self, connector_id: int, cs_charging_profiles: Json, **_: Any) -> Any:
        """Take a profile."""
        self.may_fail()
        why = self.plant.take(connector_id, cs_charging_profiles)
        return call_result.SetChargingProfile(status="Rejected" if why else "Accepted")

    @after("SetChargingProfile")  # type: ignore[untyped-decorator]
    def after_set(self, **_: Any) -> None:
        """Follow it."""
        self.plant.run()

    @on("ClearChargingProfile")  # type: ignore[untyped-decorator]
    def on_clear(
        self, id: int | None = None, connector_id: int | None = None, charging_profile_purpose: str | None = None,  # noqa: A002
        stack_level: int | None = None, **_: Any,
    ) -> Any:  # fmt: skip
        """Forget profiles."""
        self.may_fail()
        found = self.plant.clear(id, connector_id, charging_profile_purpose, stack_level)
        self.plant.run()
        return call_result.ClearChargingProfile(status="Accepted" if found else "Unknown")

    @on("GetCompositeSchedule")  # type: ignore[untyped-decorator]
    def on_composite(self, connector_id: int, duration: int, charging_rate_unit: str | None = None, **_: Any) -> Any:
        """Say which limits are to come."""
        schedule = self.to_come(connector_id, duration, charging_rate_unit)
        start = stamp(self.plant.physics.now)
        return call_result.GetCompositeSchedule(
            status="Accepted", connector_id=connector_id, schedule_start=start, charging_schedule=schedule
        )

    @on("GetConfiguration")  # type: ignore[untyped-decorator]
    def on_configuration(self, key: list[str] | None = None, **_: Any) -> Any:
        """Say what we can do."""
        plant = self.plant
        names = {"A": "Current", "W": "Power"}
        known = {
            "ChargeProfileMaxStackLevel": str(plant.levels),
            "ChargingScheduleAllowedChargingRateUnit": ",".join(names[unit] for unit in plant.units.split(",")),
            "ChargingScheduleMaxPeriods": str(plant.periods), "MaxChargingProfilesInstalled": "10",
        }  # fmt: skip
        wanted = key or list(known)
        found = [{"key": name, "readonly": True, "value": known[name]} for name in wanted if name in known]
        unknown = [name for name in wanted if name not in known]
        return call_result.GetConfiguration(configuration_key=found, unknown_key=unknown)

    @on("RemoteStartTransaction")  # type: ignore[untyped-decorator]
    def on_start(self, **_: Any) -> Any:
        """Agree; a session starts when a car comes, whoever asked for it."""
        self.may_fail()
        return call_result.RemoteStartTransaction(status="Accepted")

    @on("RemoteStopTransaction")  # type: ignore[untyped-decorator]
    def on_stop(self, transaction_id: int, **_: Any) -> Any:
        """End a session."""
        self.may_fail()
        found = self.ended(str(transaction_id))
        return call_result.RemoteStopTransaction(status="Accepted" if found else "Rejected")
