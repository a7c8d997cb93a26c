"""Posts to those who asked for it: stations' answers to callbacks, their messages to subscribers. One attempt each."""

import asyncio
import json
import re
from typing import TYPE_CHECKING, Any
from urllib.error import URLError
from urllib.request import Request, urlopen

if TYPE_CHECKING:  # by their full names; the process knows this folder only
    from agr.demo.parties.command_lines import Lines
    from agr.demo.parties.csms_records import Records, Subscription
else:
    from command_lines import Lines
    from csms_records import Records, Subscription

_LIMIT_S = 60


def _post(url: str, body: object) -> str:
    """Post JSON; return why it did not work, or nothing."""
    if not url.startswith(("http://", "https://")):
        return "no http address"
    content = json.dumps(body, separators=(",", ":")).encode()
    headers = {"Content-Type": "application/json", "User-Agent": "node"}
    try:
        with urlopen(Request(url, data=content, headers=headers), timeout=_LIMIT_S):  # noqa: S310 # nosec B310
            return ""
    except (URLError, OSError) as error:
        return str(error)


class Hooks:
    """Posts in the background; what goes to one address goes in order."""

    def __init__(self, lines: Lines, records: Records, notice_after_s: float) -> None:
        self._lines, self._records, self.notice_after_s = lines, records, notice_after_s
        self._queues: dict[str, asyncio.Queue[object]] = {}
        self._workers: set[asyncio.Task[None]] = set()

    def post(self, url: str, body: object) -> None:
        """Put a body on the way; nobody hears whether it has come."""
        if url not in self._queues:
            self._queues[url] = asyncio.Queue()
            worker = asyncio.create_task(self._work(url))
            self._workers.add(worker)
            worker.add_done_callback(self._workers.discard)
        self._queues[url].put_nowait(body)

    async def _work(self, url: str) -> None:
        queue = self._queues[url]
        while not queue.empty():
            fault = await asyncio.to_thread(_post, url, queue.get_nowait())
            if fault:
                self._lines.write("unposted", url=url.rsplit("/", 1)[0], text=fault)
        del self._queues[url]

    def noticed(self, one: Subscription) -> None:
        """Begin with a new subscription, not at once."""
        asyncio.get_running_loop().call_later(self.notice_after_s, setattr, one, "working", True)

    def connection(self, station: str, *, closed: bool) -> None:
        """Tell that a station has connected or gone."""
        for one in self._of(station):
            one.working = True
            if one.on_close if closed else one.on_connect:
                self.post(one.url, {self._records.station_field: station, "event": "closed" if closed else "connected"})

    def message(self, station: str, text: str, protocol: str, action: str, *, sent: bool) -> None:
        """Tell a message as it went over the wire; `sent`: from us to the station."""
        kind = json.loads(text)
        info: dict[str, Any] = {
            "correlationId": kind[1], "origin": "csms" if sent else "cs",
            "timestamp": stamp(self._records), "protocol": f"ocpp{protocol}", "action": action,
        }  # fmt: skip
        named = {self._records.station_field: station}
        body = {**named, "event": "message", "origin": info["origin"], "message": text, "info": info}
        for one in self._of(station):
            wanted = (one.sent_message if sent else one.on_message) and one.working
            if wanted and (one.pattern is None or re.search(one.pattern, text)):
                self.post(one.url, body)

    def _of(self, station: str) -> list[Subscription]:
        return [one for one in self._records.subscriptions if one.station == station]


def stamp(records: Records) -> str:
    """Return the CSMS's time as it writes it."""
    return records.now().isoformat(timespec="milliseconds").replace("+00:00", "Z")
