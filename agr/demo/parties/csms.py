"""A small CSMS of its own, for charge points that speak OCPP 1.6 or 2.0.1. Stand-alone: shares no code with the daemon.

PYTHON csms.py --role CSMS --domain NAME [--port 0] [--stations-port 0] [--state FILE] [--call-limit-s 30]
               [--notice-s 180] [--api 1.8] [--log FILE]

Stations connect by WebSocket; the REST side answers as CitrineOS 1.8.3 was seen to. What that is, and what it is not,
is in docs/reference/demo-csms.md. With --state, what it knows outlives it. Events (see command_lines.py): ready,
connected, closed, sent, answered, unanswered, late, reported, unposted. Commands: `clock` (now), `limits` (call_s,
notice_s), `give_up` (station: ends the limit of its call now), `broker` (state: up, down, half), `token` (token),
`drop` (station), `rows` (reports the profiles).
"""

import argparse
import asyncio
import os
import socket
from dataclasses import asdict
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from threading import Thread
from typing import TYPE_CHECKING

import uvicorn
from websockets.asyncio.server import serve
from websockets.typing import Subprotocol

if TYPE_CHECKING:  # by their full names; the process knows this folder only
    from agr.demo.parties import command_lines
    from agr.demo.parties.csms_hooks import Hooks
    from agr.demo.parties.csms_links import PROTOCOLS, Links
    from agr.demo.parties.csms_records import Records
    from agr.demo.parties.csms_rest import CsmsHandler, FaultSwitches
else:
    import command_lines
    from csms_hooks import Hooks
    from csms_links import PROTOCOLS, Links
    from csms_records import Records
    from csms_rest import CsmsHandler, FaultSwitches


class Csms:
    """The CSMS with its two sides."""

    def __init__(self, given: argparse.Namespace, lines: command_lines.Lines) -> None:
        self.given, self.lines = given, lines
        self.records, self.switches = Records(path=given.state, api=given.api), FaultSwitches()
        self.records.load()
        self.hooks = Hooks(lines, self.records, given.notice_s)
        self.links = Links(lines, self.records, self.hooks, given.call_limit_s)

    async def run(self) -> None:
        """Serve both sides until told to stop."""
        door = socket.create_server(("127.0.0.1", self.given.port))
        app = CsmsHandler(self.records, self.hooks, self.links, self.switches).app()
        web = uvicorn.Server(uvicorn.Config(app, log_level="warning", lifespan="off", ws="none"))
        loop = asyncio.get_running_loop()
        names = [Subprotocol(one) for one in PROTOCOLS]
        async with serve(
            self.links.serve, "127.0.0.1", self.given.stations_port, subprotocols=names,
            ping_interval=None,
        ) as stations:  # fmt: skip
            port = next(iter(stations.sockets)).getsockname()[1]
            Thread(target=self._obey, args=(loop,), daemon=True).start()
            self.lines.write(
                "ready", role="CSMS", domain=self.given.domain, public_key="", stations=f"ws://127.0.0.1:{port}",
                endpoint=f"http://127.0.0.1:{door.getsockname()[1]}",
            )  # fmt: skip
            await web.serve([door])

    def _obey(self, loop: asyncio.AbstractEventLoop) -> None:
        for line in command_lines.commands():
            act = partial(self._in_loop, loop)
            command_lines.obey(self.lines, line, act)
        os._exit(0)  # what is under way has nobody to report to

    def _in_loop(self, loop: asyncio.AbstractEventLoop, line: command_lines.Json) -> command_lines.Json | None:
        return asyncio.run_coroutine_threadsafe(self._act(line), loop).result()

    async def _act(self, line: command_lines.Json) -> command_lines.Json | None:
        match line["command"]:
            case "clock":
                self.records.offset = datetime.fromisoformat(line["now"]) - datetime.now(UTC)
            case "limits":
                self.links.call_limit_s = float(line.get("call_s", self.links.call_limit_s))
                self.hooks.notice_after_s = float(line.get("notice_s", self.hooks.notice_after_s))
            case "give_up":
                self.links.give_up(str(line["station"]))
            case "broker":
                self.switches.broker, self.switches.half_used = str(line["state"]), False
            case "token":
                self.switches.token = str(line["token"])
            case "drop":
                await self.links.of[str(line["station"])].socket.close()
            case "rows":
                return {"profiles": [asdict(row) for row in self.records.profiles]}
            case unknown:
                raise ValueError(f"there is no command {unknown!r}")
        return None


def main() -> None:
    """Serve until told to stop."""
    parser = command_lines.options(__doc__, "CSMS")
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--stations-port", type=int, default=0)
    parser.add_argument("--state", type=Path)
    parser.add_argument("--call-limit-s", type=float, help="default: 30; 20 with --api 2.0")
    parser.add_argument("--api", choices=("1.8", "2.0"), default="1.8")
    parser.add_argument("--notice-s", type=float, default=180.0)
    given = parser.parse_args()
    if given.call_limit_s is None:
        given.call_limit_s = 30.0 if given.api == "1.8" else 20.0
    asyncio.run(Csms(given, command_lines.own_lines(given.log)).run())


if __name__ == "__main__":
    main()
