"""The demo jumps over the time that triggers wait for others, but never while others may still come."""

from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from agr.demo.run import DemoDay
from agr.domain.isp import JumpingClock, Period
from agr.domain.plan import Reason, ReasonKind
from agr.schedule.moments import Moment
from agr.settings import Planning
from agr.store import day
from agr.store.engine import Store
from tests.builders.stores import migrated

PERIOD = Period(date(2026, 6, 10))
NOON = PERIOD.start - timedelta(hours=12)
JOIN_S = 600.0


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    opened = migrated(f"sqlite:///{tmp_path / 'agr.db'}")
    yield opened
    opened.close()


class Waiting:
    """A day of the demo at noon, with a trigger that waits for others."""

    def __init__(self, store: Store) -> None:
        self.clock = JumpingClock(NOON)
        self.planner, self.coming = SimpleNamespace(busy=False), NOON + timedelta(hours=1)
        daemon: Any = SimpleNamespace(
            store=store, planner=self.planner, scheduler=SimpleNamespace(next_moment=self.next_moment)
        )
        settings = SimpleNamespace(planning=Planning(join_triggers_s=JOIN_S))
        world: Any = SimpleNamespace(scenario=SimpleNamespace(of=PERIOD), settings=settings)
        self.day = DemoDay(world, daemon, self.clock, lambda _: None)
        with store.transaction() as tx:
            day.put_trigger(tx, PERIOD.day, Reason(kind=ReasonKind.RESULTS), NOON)

    def next_moment(self) -> Moment:
        return Moment(name="day_ahead_results", at=self.coming, latest=PERIOD.start, fallback="nothing")

    def jumped(self) -> bool:
        self.day.hurry()
        return self.clock.now() >= NOON + timedelta(seconds=JOIN_S)


def test_a_trigger_that_waits_alone_waits_no_longer_and_the_clock_does_not_run_away(store):
    waiting = Waiting(store)
    assert waiting.jumped()
    waiting.day.hurry()
    assert waiting.clock.now() < NOON + timedelta(seconds=1.5 * JOIN_S)


def test_while_a_moment_is_under_way_others_may_come(store):
    waiting = Waiting(store)
    waiting.coming = NOON
    assert not waiting.jumped()
    waiting.coming = NOON + timedelta(hours=1)
    assert waiting.jumped()


def test_while_a_plan_is_made_the_clock_stays(store):
    waiting = Waiting(store)
    waiting.planner.busy = True
    assert not waiting.jumped()


def test_without_a_trigger_the_clock_stays(store):
    waiting = Waiting(store)
    with store.transaction() as tx:
        day.close_triggers(tx, [trigger.id for trigger in day.open_triggers(tx)], None, "")
    assert not waiting.jumped()
