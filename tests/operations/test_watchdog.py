"""A failing store and a jumping clock are noticed and reported, and their alarms end by themselves."""

import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from datetime import timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa

from agr.domain.errors import PlanError, StoreError
from agr.domain.plan import Reason, ReasonKind
from agr.operations.log import Unbreakable
from agr.operations.watchdog import QUICK_S, STEADY_S, Watchdog
from agr.planning.budget import Budget
from agr.planning.pool import SolverPool
from agr.planning.progress import RoundProgress
from agr.planning.service import Planner
from agr.planning.solving import Solution
from agr.settings import Planning
from agr.store import day, outbox, tables
from models.case import Case
from tests.builders.worlds import NOW, PERIOD, World


class Refusing(SolverPool):
    """Makes no plan, at once."""

    def solve(
        self, case: Case, reached: Callable[[RoundProgress], None] | None = None, budget: Budget | None = None
    ) -> Solution:
        raise PlanError("told to refuse")


class Machine:
    """A watch whose machine's clock can be set."""

    def __init__(self, world: World, slow_s: float = float("inf")) -> None:
        self.world, self.wall, self.passed, self.jumps = world, NOW, 0.0, 0
        self.watch = Watchdog(
            world.store, world.settings, world.clock, self._jumped, lambda: self.wall, lambda: self.passed,
            slow_s=slow_s,
        )  # fmt: skip

    def _jumped(self) -> None:
        self.jumps += 1

    def after(self, seconds: float, jump: timedelta = timedelta(0)) -> list[str]:
        """Let time pass, and perhaps jump; return open alarms."""
        self.passed += seconds
        self.wall += timedelta(seconds=seconds) + jump
        self.watch.check()
        with self.world.store.transaction() as tx:
            return [alarm.kind for alarm in day.open_alarms(tx)]


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    made = World(tmp_path)
    made.know_register()
    made.know_points()
    yield made
    made.store.close()


@pytest.mark.parametrize("jump", [timedelta(hours=1), timedelta(hours=-1)])
def test_a_clock_that_jumps_is_an_alarm_until_it_has_been_steady(world: World, jump: timedelta) -> None:
    machine = Machine(world)
    assert machine.after(5, timedelta(seconds=10)) == []  # a correction nobody needs to know of
    assert machine.after(5, jump) == ["clock jumped"]
    assert machine.jumps == 1
    assert machine.after(5) == ["clock jumped"]
    assert machine.after(STEADY_S) == []
    assert machine.jumps == 1


def test_a_message_that_waits_does_not_wait_an_hour_longer_when_the_clock_is_set_back(world: World) -> None:
    machine = Machine(world)
    with world.store.transaction() as tx:
        outbox.put(
            tx, message_id="m", conversation_id="c", kind="x", recipient_domain="d", recipient_role="DSO", xml=b"",
            at=world.clock.now() + timedelta(hours=1),
        )  # fmt: skip
        assert outbox.due(tx, world.clock.now()) == []
    machine.after(5, timedelta(hours=-1))
    with world.store.transaction() as tx:
        assert len(outbox.due(tx, world.clock.now())) == 1


def test_a_wish_for_a_plan_does_not_wait_for_an_hour_that_comes_twice(world: World) -> None:
    planner = Planner(world.store, world.settings, world.clock, Refusing(Planning()), lambda _plan: None)
    with world.store.transaction() as tx:
        day.put_trigger(tx, PERIOD.day, Reason(kind=ReasonKind.FIRST_PLAN), world.clock.now() + timedelta(hours=1))
    assert planner.run_due() == 1


def test_a_store_that_could_not_be_written_is_told_afterwards_and_nothing_is_lost(world: World) -> None:
    machine = Machine(world)
    body = world.dso.seal(world.dso.update())
    set_read_only(world, read_only=True)
    with pytest.raises(StoreError, match="readonly"):
        world.receiver.receive(body)
    machine.watch.check()  # cannot write the alarm yet, and lives on
    assert world.store.trouble is not None
    set_read_only(world, read_only=False)
    assert machine.after(5) == []
    with world.store.transaction() as tx:
        row = tx.execute(sa.select(tables.alarms)).one()
        assert (row.kind, "readonly" in row.text, row.recovered_at is not None) == ("store failed", True, True)
    assert world.store.trouble is None
    assert world.receive(body) == 200
    assert len(world.replies()) == 1


def test_a_slow_disk_is_told_loses_nothing_and_the_alarm_ends_once_it_is_quick_again(world: World) -> None:
    machine = Machine(world, slow_s=0.1)
    slow = [0.1]
    sa.event.listen(world.store._engine, "commit", lambda _connection: time.sleep(slow[0]))
    assert world.receive(world.dso.seal(world.dso.update())) == 200
    assert machine.after(5) == ["store slow"]
    slow[0], machine.watch._slow_s = 0.0, float("inf")  # whatever this machine's disk does meanwhile
    assert machine.after(5) == ["store slow"]
    assert machine.after(QUICK_S) == []
    assert len(world.replies()) == 1


def test_a_disk_so_slow_that_others_give_up_waiting_is_a_failed_store_that_recovers(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("agr.store.engine._BUSY_S", 0.05)
    machine, body = Machine(world), world.dso.seal(world.dso.update())
    with world.store.transaction(), pytest.raises(StoreError, match="has not ended"):
        world.receiver.receive(body)
    machine.after(5)
    with world.store.transaction() as tx:
        row = tx.execute(sa.select(tables.alarms)).one()
        assert (row.kind, row.recovered_at is not None) == ("store failed", True)
    assert world.receive(body) == 200
    assert len(world.replies()) == 1


def set_read_only(world: World, *, read_only: bool) -> None:
    """Make SQLite refuse writes as on a read-only medium."""
    world.store.close()  # connections in the pool

    def refuse(connection: object, _record: object) -> None:
        connection.execute(f"PRAGMA query_only={'ON' if read_only else 'OFF'}")  # type: ignore[attr-defined]

    sa.event.listen(world.store._engine, "connect", refuse)


def test_a_log_that_cannot_be_written_stops_nothing() -> None:
    full = Path("/dev/full").open("w", encoding="utf-8", buffering=1)  # noqa: SIM115
    with pytest.raises(OSError, match="No space"):
        full.write("a line\n")
    stream = Unbreakable(full)
    assert stream.write("a line\n") == 0
    stream.flush()
    with suppress(OSError):
        full.close()
