"""One life of the daemon in a process of its own.

Forked by tests.torture.nursery, with the words AGR_TOML NOW [KILLED_FILE QUOTA [WANTED…]].

Reads JSON lines: {"jump": INSTANT} moves its clock, {} only asks; each is answered with a line of how things stand.
With KILLED_FILE it kills itself (SIGKILL) before or after the commit of the first writing transaction whose place in
the code was not yet killed QUOTA times that way, having noted the place there: so each commit point is hit in turn,
or only those that have one of the WANTED words in their names. With TORTURE_COMMIT_S in the environment every commit
that wrote takes so much longer, as on a slow disk.
"""

import json
import os
import signal
import sys
import threading
import time
import traceback
from collections import Counter
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine.default import DefaultDialect

from agr.domain.isp import JumpingClock, Period
from agr.operations import log
from agr.planning import fork_server
from agr.service import Service
from agr.settings import load
from agr.store import day

WRITES = ("INSERT", "UPDATE", "DELETE")


class Killer:
    """Kills this process at commit points of transactions that wrote."""

    def __init__(self, killed: Path | None, quota: int, wanted: list[str], slow_s: float) -> None:
        self._file, self._quota, self._wanted = killed, quota, wanted
        lines = killed.read_text().splitlines() if killed is not None and killed.exists() else []
        self._counts, self._lock = Counter(lines), threading.Lock()
        self._wrote: set[int] = set()
        sa.event.listen(sa.Engine, "after_cursor_execute", self._executed)
        plain = DefaultDialect.do_commit

        def do_commit(dialect: DefaultDialect, connection: Any) -> None:
            wrote = id(connection) in self._wrote
            self._wrote.discard(id(connection))
            place = _place() if wrote else ""
            if wrote:
                self._perhaps(f"before {place}")
                time.sleep(slow_s)
            plain(dialect, connection)
            if wrote:
                self._perhaps(f"after {place}")

        DefaultDialect.do_commit = do_commit  # type: ignore[method-assign]

    def _executed(self, connection: sa.Connection, _cursor: Any, statement: str, *_: Any) -> None:
        if statement.lstrip().upper().startswith(WRITES):
            self._wrote.add(id(connection.connection))

    def _perhaps(self, point: str) -> None:
        if self._file is None or (self._wanted and not any(word in point for word in self._wanted)):
            return
        with self._lock:
            if self._counts[point] < self._quota:
                with self._file.open("a") as file:
                    file.write(point + "\n")
                os.kill(os.getpid(), signal.SIGKILL)


def _place() -> str:
    """Return file and function of the daemon's code that commits, and what called it."""
    frames = [f for f in traceback.extract_stack() if "/agr/" in f.filename and "/agr/store/" not in f.filename]
    return " < ".join(f"{Path(f.filename).name}:{f.name}:{f.lineno}" for f in reversed(frames[-2:]))


def main() -> None:
    """Live until the input ends."""
    settings = load(Path(sys.argv[1]))
    began_s = time.time() - float(os.environ["TORTURE_BEGAN"])  # others' clocks went on: a minute, on a busy machine
    clock = JumpingClock(datetime.fromisoformat(sys.argv[2]) + timedelta(seconds=began_s))
    period = Period(datetime.fromisoformat(os.environ["TORTURE_PERIOD"]).date())
    log.configure(json=True)
    slow_s = float(os.environ.get("TORTURE_COMMIT_S", "0"))
    if len(sys.argv) > 3:
        Killer(Path(sys.argv[3]), int(sys.argv[4]), sys.argv[5:], slow_s)
    elif slow_s > 0:
        Killer(None, 0, [], slow_s)
    if settings.planning.method == "reference":
        fork_server.IMPORTED_ONCE.remove("agr.planning.worker_image")  # loads faster: it runs no compiled ones
    daemon = Service(settings, clock)
    daemon.start()

    def tell() -> None:
        idle = daemon.idle()
        coming = daemon.scheduler.next_moment()
        with daemon.store.transaction() as tx:
            done = sorted(day.done_moments(tx, period.day))
        line = {
            "now": clock.now().isoformat(), "idle": idle and daemon.idle(), "done": done,
            "leading": daemon.leading, "next": coming.at.isoformat() if coming else None,
        }  # fmt: skip
        sys.stdout.write(json.dumps(line) + "\n")
        sys.stdout.flush()

    tell()
    for text in sys.stdin:
        line = json.loads(text)
        if "jump" in line:
            clock.jump_to(datetime.fromisoformat(line["jump"]))
        tell()
    daemon.stop()
