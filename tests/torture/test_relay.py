"""The relay of two daemons counts its own kills only: a daemon that dies by itself is reported as a fault."""

import random
import signal
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from tests.torture import relay
from tests.torture.lives import Died, Score, Standing
from tests.torture.relay import Relay

LEADS = Standing(datetime(2026, 6, 9), True, [], None, True)  # noqa: DTZ001 - nobody reads it
STANDS_BY = Standing(datetime(2026, 6, 9), True, [], None, False)  # noqa: DTZ001


class Told:
    """A life that says what it is told to, and then is dead with an exit code."""

    def __init__(self, code: int, *says: Standing) -> None:
        self.code, self.says = code, list(says)

    def read(self) -> Standing:
        if not self.says:
            raise Died(self)  # type: ignore[arg-type]
        return self.says.pop(0)

    def ask(self, _jump: datetime | None = None) -> Standing:
        return self.read()

    def kill(self) -> None:
        pass

    def bury(self) -> int:
        return self.code

    end = bury


class Day:
    """A day that is driven until its life is dead; `judge` counts it."""

    folder, config, port, now = Path(), Path("one"), 1, datetime(2026, 6, 9)  # noqa: DTZ001

    def second(self) -> tuple[Path, int]:
        return Path("two"), 2

    def started(self, _life: Any) -> None:
        pass

    def meet(self, _port: int) -> None:
        pass

    def drive(self, life: Told, standing: Standing) -> None:
        if life.code:
            raise Died(life)  # type: ignore[arg-type]

    def judge(self, score: Score) -> None:
        score.days += 1


KILLED = -signal.SIGKILL


@pytest.mark.parametrize(
    ("lives", "kills", "days", "fault"),
    [
        ([Told(KILLED, LEADS), Told(0, STANDS_BY, LEADS), Told(0, STANDS_BY)], 1, 1, ""),
        ([Told(1, LEADS), Told(0, STANDS_BY)], 0, 0, "ended by itself with 1"),
        ([Told(KILLED, LEADS), Told(2, STANDS_BY)], 1, 0, "ended by itself with 2"),  # while it stood by
        ([Told(KILLED, LEADS), Told(0, STANDS_BY, LEADS), Told(3)], 1, 0, "ended by itself with 3"),  # at its start
        ([Told(4)], 0, 0, "ended by itself with 4"),
    ],
)  # fmt: skip
def test_only_a_kill_of_ours_is_a_kill(
    monkeypatch: pytest.MonkeyPatch, lives: list[Told], kills: int, days: int, fault: str
) -> None:
    coming: Iterator[Told] = iter(lives)
    monkeypatch.setattr(relay, "Life", lambda *_: next(coming))
    score = Score("relay")
    Relay(Day()).run(score, random.Random(1), 9)  # type: ignore[arg-type]
    assert (score.kills, score.days) == (kills, days)
    assert [fault in said for said in score.faults] == ([True] if fault else [])
