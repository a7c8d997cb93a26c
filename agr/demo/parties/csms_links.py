"""Stations' connections to the CSMS: one command under way each, answers go to callbacks, and nothing after a limit."""

import asyncio
import json
import uuid
from typing import TYPE_CHECKING, Any, TypeAlias, cast

from websockets.asyncio.server import ServerConnection
from websockets.exceptions import ConnectionClosed

if TYPE_CHECKING:  # by their full names; the process knows this folder only
    from agr.demo.parties.command_lines import Lines
    from agr.demo.parties.csms_answers import OCPP_ERROR, Refused, answer
    from agr.demo.parties.csms_hooks import Hooks
    from agr.demo.parties.csms_records import Records
else:
    from command_lines import Lines
    from csms_answers import OCPP_ERROR, Refused, answer
    from csms_hooks import Hooks
    from csms_records import Records

Json: TypeAlias = dict[str, Any]
PROTOCOLS = {"ocpp2.0.1": "2.0.1", "ocpp1.6": "1.6"}


class Link:
    """One connected station."""

    def __init__(self, station: str, protocol: str, socket: ServerConnection) -> None:
        self.station, self.protocol, self.socket = station, protocol, socket
        self.turn, self.waiting = asyncio.Lock(), 0
        self.open: dict[str, asyncio.Future[list[Any]]] = {}


class Links:
    """All connected stations."""

    def __init__(self, lines: Lines, records: Records, hooks: Hooks, call_limit_s: float) -> None:
        self._lines, self._records, self._hooks, self.call_limit_s = lines, records, hooks, call_limit_s
        self.of: dict[str, Link] = {}
        self._tasks: set[asyncio.Task[None]] = set()

    async def serve(self, socket: ServerConnection) -> None:
        """Listen to one station until it goes."""
        path = socket.request.path if socket.request else ""
        station, protocol = path.rstrip("/").rsplit("/", 1)[-1], PROTOCOLS[str(socket.subprotocol)]
        link = Link(station, protocol, socket)
        before, self.of[station] = self.of.get(station), link
        if before is not None:
            await before.socket.close()
        self._hooks.connection(station, closed=False)
        self._lines.write("connected", station=station, protocol=protocol)
        try:
            async for text in socket:
                self._heard(link, str(text))
        except ConnectionClosed:
            pass  # it has gone without a word, which is a way to go
        finally:
            if self.of.get(station) is link:
                del self.of[station]
                self._hooks.connection(station, closed=True)
                self._lines.write("closed", station=station)

    def _heard(self, link: Link, text: str) -> None:
        kind = json.loads(text)
        if kind[0] == 2:
            self._hooks.message(link.station, text, link.protocol, kind[2], sent=False)
            self._start(self._answer(link, kind))
        else:
            waiting = link.open.pop(kind[1], None)
            if waiting is None or waiting.done():
                self._lines.write("late", station=link.station)
            else:
                waiting.set_result(kind)

    async def _answer(self, link: Link, call: list[Any]) -> None:
        """Answer a station's message; while a second command waits for its turn, so do these answers."""
        if link.waiting:
            async with link.turn:
                pass
        _, number, action, payload = call
        try:
            said, push = answer(self._records, link.station, link.protocol, action, payload)
            reply: list[Any] = [3, number, said]
        except Refused as error:
            reply, push = [4, number, error.code, str(error), {}], None
        await self._say(link, reply, action)
        if action in ("NotifyReport", "ReportChargingProfiles"):
            ids = [one["id"] for one in payload.get("chargingProfile", ())]
            self._lines.write("reported", station=link.station, action=action, profiles=ids)
        if push is not None:
            self.send(link.station, link.protocol, "SetChargingProfile", push, None)

    async def _say(self, link: Link, message: list[Any], action: str) -> None:
        text = json.dumps(message, separators=(",", ":"))
        try:
            await link.socket.send(text)
        except ConnectionClosed:
            return  # whoever waits for its answer gets none
        self._hooks.message(link.station, text, link.protocol, action, sent=True)

    def send(self, station: str, protocol: str, action: str, body: Json, callback: str | None) -> Json:
        """Put a command on the way and confirm that, or say why not. What the station says goes to `callback`."""
        link = self.of.get(station)
        if link is None:
            return {"success": False, "payload": f"No connection found for identifier: 1:{station}"}
        if link.protocol != protocol:
            words = f"Requested protocol: 'ocpp{protocol}', connection protocol: 'ocpp{link.protocol}'"
            return {"success": False, "payload": f"{words} for identifier: '1:{station}'"}
        self._start(self._carry(link, action, body, callback))
        return {"success": True}

    async def _carry(self, link: Link, action: str, body: Json, callback: str | None) -> None:
        link.waiting += link.turn.locked()
        async with link.turn:
            link.waiting = max(link.waiting - 1, 0)
            number = str(uuid.uuid4())
            link.open[number] = asyncio.get_running_loop().create_future()
            waits = link.open[number]
            await self._say(link, [2, number, action, body], action)
            self._lines.write("sent", station=link.station, action=action, payload=body)
            try:
                said = await asyncio.wait_for(waits, self.call_limit_s)
            except TimeoutError:
                link.open.pop(number, None)
                self._lines.write("unanswered", station=link.station, action=action, payload=body)
                return
        self._answered(link, action, body, said, callback)

    def give_up(self, station: str) -> None:
        """End the limit of the call that waits for a station's answer. Raises ValueError where none waits."""
        link = self.of.get(station)
        waiting = [] if link is None else [one for one in link.open.values() if not one.done()]
        if not waiting:
            raise ValueError(f"no call waits for an answer of {station}")
        for one in waiting:
            one.set_exception(TimeoutError())

    def _answered(self, link: Link, action: str, body: Json, said: list[Any], callback: str | None) -> None:
        if said[0] == 4:
            result = {"_messageId": said[1], "_errorCode": said[2], "_errorDetails": {}, "name": OCPP_ERROR}
        else:
            result = cast(Json, said[2])
            self._noted(link, action, body, result)
        self._lines.write("answered", station=link.station, action=action, payload=result)
        if callback:
            self._hooks.post(callback, result)

    def _noted(self, link: Link, action: str, body: Json, result: Json) -> None:
        accepted = result.get("status") == "Accepted"
        if accepted and action == "ClearChargingProfile":
            self._records.cleared(link.station, body)
        if accepted and action == "SetChargingProfile" and link.protocol == "2.0.1":
            asked = {"requestId": 1, "chargingProfile": {"chargingLimitSource": ["CSO"]}}
            self.send(link.station, "2.0.1", "GetChargingProfiles", asked, None)

    def _start(self, work: Any) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
