"""Charging stations of their own, by the `ocpp` library. Stand-alone: shares no code with the daemon, never imported.

PYTHON station.py --role STATION --domain NAME --config FILE.json [--log FILE]

The file says {"url": "ws://…", "now": TIME, "rate": 1, "tick_s": 1, "retry_s": 1, "stations": [{"name", "protocol":
"1.6" or "2.0.1", "units", "periods", "levels", "composite", "aligned_s", "register_wh", "evses": [{"id", "phases",
"volts", "max_w"}]}]}; `rate`: seconds of the stations' time in one of ours. Events (see command_lines.py): ready,
online, offline, told, ignored, held. Commands: `clock` (now); with `station`: `visit` (evse, car), `depart` (evse, at),
`faults` (faults), `answer` (the oldest that is held), `state`; see station_plant.py.
"""

import asyncio
import json
import os
from datetime import UTC, datetime
from functools import partial
from threading import Thread
from typing import TYPE_CHECKING, Any

from websockets.asyncio.client import connect
from websockets.exceptions import WebSocketException
from websockets.typing import Subprotocol

if TYPE_CHECKING:  # by their full names; the process knows this folder only
    from agr.demo.parties import command_lines
    from agr.demo.parties.station_16 import Station16
    from agr.demo.parties.station_201 import Station201
    from agr.demo.parties.station_plant import Json, Plant
else:
    import command_lines
    from station_16 import Station16
    from station_201 import Station201
    from station_plant import Json, Plant

_DRAINED_S = 60
_PAUSE_S = 0.01


class Yard:
    """All stations of this process."""

    def __init__(self, given: Json, lines: command_lines.Lines) -> None:
        self.url, self.lines = str(given["url"]), lines
        self.tick_s, self.retry_s = float(given.get("tick_s", 1)), float(given.get("retry_s", 1))
        now = datetime.fromisoformat(given["now"]) if "now" in given else datetime.now(UTC)
        rate = float(given.get("rate", 1))
        self.plants = {str(one["name"]): Plant(one, now, lines.write, rate) for one in given["stations"]}
        self.online: set[str] = set()

    async def run(self) -> None:
        """Keep all stations connected and their time running."""
        Thread(target=self._obey, args=(asyncio.get_running_loop(),), daemon=True).start()
        self.lines.write("ready", role="STATION", endpoint=self.url, public_key="")
        async with asyncio.TaskGroup() as group:
            for plant in self.plants.values():
                group.create_task(self._connected(plant))
            group.create_task(self._ticking())

    async def _ticking(self) -> None:
        while True:
            for plant in self.plants.values():
                plant.run()
            await asyncio.sleep(self.tick_s)

    async def _connected(self, plant: Plant) -> None:
        names = [Subprotocol(f"ocpp{plant.protocol}")]
        while True:
            if plant.faults.away:
                await asyncio.sleep(_PAUSE_S)
                continue
            try:
                async with connect(f"{self.url}/{plant.name}", subprotocols=names, ping_interval=None) as socket:
                    await self._served(plant, socket)
            except (OSError, WebSocketException, TimeoutError) as error:
                self.lines.write("offline", station=plant.name, text=str(error)[:200])
            self.online.discard(plant.name)
            await asyncio.sleep(self.retry_s)

    async def _served(self, plant: Plant, socket: Any) -> None:
        """Boot, then tell what happens, in order, until the connection ends."""
        point = Station16(plant, socket) if plant.protocol == "1.6" else Station201(plant, socket)
        hearing = asyncio.create_task(point.start())
        try:
            await point.boot()
            self.online.add(plant.name)
            self.lines.write("online", station=plant.name)
            telling = asyncio.create_task(self._tell(plant, point))
            leaving = asyncio.create_task(_until_away(plant))
            done, open_ = await asyncio.wait({hearing, telling, leaving}, return_when=asyncio.FIRST_COMPLETED)
            for task in open_:
                task.cancel()
            for task in done:
                task.result()
        finally:
            hearing.cancel()

    async def _tell(self, plant: Plant, point: Any) -> None:
        while True:
            while not plant.queue:
                await asyncio.sleep(_PAUSE_S)
            await point.tell(plant.queue[0])
            one = plant.queue.popleft()
            self.lines.write("told", station=plant.name, what=one.what, evse=one.evse, time=one.at.isoformat())

    def _obey(self, loop: asyncio.AbstractEventLoop) -> None:
        for line in command_lines.commands():
            command_lines.obey(self.lines, line, partial(self._in_loop, loop))
        os._exit(0)

    def _in_loop(self, loop: asyncio.AbstractEventLoop, line: Json) -> Json | None:
        return asyncio.run_coroutine_threadsafe(self._act(line), loop).result()

    async def _act(self, line: Json) -> Json | None:
        if line["command"] != "clock":
            return self.plants[str(line["station"])].act(line)
        for plant in self.plants.values():
            plant.set_clock(datetime.fromisoformat(line["now"]))
            plant.run()
        waited = 0.0
        while waited < _DRAINED_S and any(self._busy(plant) for plant in self.plants.values()):
            await asyncio.sleep(_PAUSE_S)
            waited += _PAUSE_S
        return None

    def _busy(self, plant: Plant) -> bool:
        reachable = not plant.faults.away and plant.faults.answers != "silent"  # answers to a silent one come late
        return plant.name in self.online and reachable and bool(plant.queue)


async def _until_away(plant: Plant) -> None:
    while not plant.faults.away:
        await asyncio.sleep(_PAUSE_S)


def main() -> None:
    """Charge cars until told to stop."""
    given = command_lines.options(__doc__, "STATION").parse_args()
    lines = command_lines.own_lines(given.log)
    asyncio.run(Yard(json.loads(given.config.read_text(encoding="utf-8")), lines).run())


if __name__ == "__main__":
    main()
