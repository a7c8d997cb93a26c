"""One life of a daemon that may be killed, and the scoreboard of all lives."""

import json
import os
import random
import signal
import socket
import time
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import date, datetime
from pathlib import Path
from typing import Any

from agr.domain.isp import Period
from tests.torture.nursery import Born

PATIENCE_S = 300.0
PERIOD = Period(date(2026, 6, 10))


class Died(Exception):  # noqa: N818 - what we came to see
    """The daemon's process is gone."""

    def __init__(self, life: "Life") -> None:
        super().__init__("the daemon's process is gone")
        self.life = life


def free_port() -> int:
    """Return a port nobody listens on, from a range of which the system gives none to others by itself."""
    while True:
        port = random.SystemRandom().randrange(10_000, 30_000)
        with socket.socket() as found, suppress(OSError):
            found.bind(("127.0.0.1", port))
            return port


@dataclass
class Standing:
    """How a living daemon says things stand."""

    now: datetime
    idle: bool
    done: list[str]
    next: datetime | None
    leading: bool


class Life:
    """One process of the daemon."""

    def __init__(self, config: Path, now: datetime, log: Path, *killing: str, commit_s: float = 0.0) -> None:
        self._log = log.open("ab")
        self.process = Born(
            str(config), now.isoformat(), *killing, log=self._log, environment=os.environ | {
                "TORTURE_PERIOD": str(PERIOD), "TORTURE_COMMIT_S": str(commit_s), "TORTURE_BEGAN": str(time.time()),
            },
        )  # fmt: skip

    def read(self) -> Standing:
        """Return the next line it says. Raises Died."""
        line = self.process.stdout.readline()
        if not line.endswith("\n"):
            raise Died(self)
        raw = json.loads(line)
        coming = raw["next"] and datetime.fromisoformat(raw["next"])
        return Standing(datetime.fromisoformat(raw["now"]), raw["idle"], raw["done"], coming, raw["leading"])

    def ask(self, jump: datetime | None = None) -> Standing:
        """Let it jump, if told to, and say how things stand. Raises Died."""
        try:
            self.process.stdin.write(json.dumps({"jump": jump.isoformat()} if jump else {}) + "\n")
            self.process.stdin.flush()
        except OSError:
            raise Died(self) from None
        return self.read()

    def kill(self) -> None:
        """SIGKILL, whatever it does."""
        self.process.send_signal(signal.SIGKILL)

    def bury(self) -> int:
        """Wait for the end of the daemon's process; return its exit code."""
        code = self.process.wait(PATIENCE_S)
        for stream in (self.process.stdin, self.process.stdout):
            with suppress(OSError):
                stream.close()
        self._log.close()
        return code

    def end(self) -> int:
        """Stop as SIGTERM would; return the exit code."""
        self.process.stdin.close()
        return self.bury()


def group_lives(group: int) -> bool:
    try:
        os.killpg(group, 0)
    except ProcessLookupError:
        return False
    return True


@dataclass
class Score:
    """What the scoreboard shows of one campaign."""

    name: str
    kills: int = 0
    days: int = 0
    points: set[str] = field(default_factory=set)
    taken: int = 0  # messages of others that we answered 200
    arrived: int = 0  # D-Prognoses that arrived, each counted once
    again: int = 0  # deliveries of the same message again
    plans: int = 0
    takeovers: list[float] = field(default_factory=list)  # seconds until the one who stood by led
    faults: list[str] = field(default_factory=list)
    seconds: float = 0.0

    def figures(self) -> dict[str, Any]:
        """Return what adds up over runs, and the faults."""
        counts = ("kills", "days", "taken", "arrived", "again", "plans")
        lists = {"faults": self.faults, "takeovers": self.takeovers}
        return {key: getattr(self, key) for key in counts} | lists | {"seconds": round(self.seconds, 1)}
