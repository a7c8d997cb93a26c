"""How stations of both protocols answer commands: at once, late, with an error or not at all, as they were told."""

import asyncio
from typing import TYPE_CHECKING, Any

from ocpp.exceptions import NotImplementedError  # noqa: A004 - OCPP has an error of this name

if TYPE_CHECKING:  # by their full names; the process knows this folder only
    from agr.demo.parties.station_plant import Json, Plant
    from agr.demo.parties.station_profiles import composite
else:
    from station_plant import Json, Plant
    from station_profiles import composite


class Commands:
    """Before a `ChargePoint` of the library among the bases: how commands are answered, whatever they are."""

    def __init__(self, plant: Plant, socket: Any) -> None:
        super().__init__(plant.name, socket, response_timeout=120)  # type: ignore[call-arg] # the library's
        self.plant = plant

    async def route_message(self, raw_msg: str) -> None:
        """Answer commands beside whatever else goes on, since answers may be slow."""
        if not raw_msg.startswith("[2,"):
            await self._route(raw_msg)
        elif self.plant.faults.answers == "silent":
            self.plant.note("ignored", station=self.plant.name)
        else:
            self._later = asyncio.create_task(self._routed(raw_msg))

    async def _routed(self, raw_msg: str) -> None:
        if self.plant.faults.answers == "slow":
            await asyncio.sleep(self.plant.faults.delay_s)
        if self.plant.faults.answers == "held":
            told = asyncio.Event()
            self.plant.held.append(told)
            self.plant.note("held", station=self.plant.name)
            await told.wait()
        await self._route(raw_msg)

    async def _route(self, raw_msg: str) -> None:
        await super().route_message(raw_msg)  # type: ignore[misc] # the library's

    def may_fail(self) -> None:
        """Raise RuntimeError where the station was told to answer with errors."""
        if self.plant.faults.answers == "error":
            raise RuntimeError("told to")

    def ended(self, transaction: str) -> bool:
        """End a session and put what happened in the queue; return whether there was such a session."""
        said = self.plant.physics.stop(transaction)
        if said is not None:
            self.plant.queue.append(said)
        return said is not None

    def to_come(self, evse: int, duration: int, unit: str | None) -> Json:
        """Return the limits of the next so many seconds, in the unit asked for or the station's last.

        Raises the library's NotImplementedError where the station was made without composite schedules.
        """
        self.may_fail()
        if not self.plant.has_composite:
            raise NotImplementedError(details={})
        self.plant.run()
        known, unit = self.plant.physics, unit or self.plant.units.split(",")[-1]
        limits = composite(known.profiles, known.evses[evse].outlet, known.now, duration, unit)
        periods = [{"start_period": start, "limit": limit} for start, limit in limits]
        return {"duration": duration, "charging_rate_unit": unit, "charging_schedule_period": periods}
