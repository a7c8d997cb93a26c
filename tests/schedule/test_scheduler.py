"""The timetable: every moment once, in order, late when it must be, never twice at a time, also after restarts."""

import sys
import threading
import time
from collections.abc import Iterator
from datetime import date, datetime, timedelta
from functools import partial
from pathlib import Path

import pytest

from agr.domain.errors import FeedError
from agr.domain.isp import JumpingClock, Period
from agr.domain.moments import Handled, MomentState
from agr.schedule.moments import moments_of
from agr.schedule.scheduler import Scheduler
from agr.settings import CapacityProduct, Markets, MarketTime, Settings
from agr.store import day
from agr.store.engine import Store
from agr.store.tables import moments
from tests.builders.stores import migrated

PERIOD = Period(date(2026, 3, 29))
NAMES = [m.name for m in moments_of(Settings(domain="agr.example"), PERIOD)]


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    opened = migrated(f"sqlite:///{tmp_path / 'agr.db'}")
    yield opened
    opened.close()


class Day:
    """A timetable whose handlers note what was called."""

    def __init__(self, store: Store, at: datetime, settings: Settings | None = None) -> None:
        self.clock = JumpingClock(at)
        self.calls: list[str] = []
        self.fail: set[str] = set()
        self.not_yet: set[str] = set()
        names = {n.split(" ")[0] for n in NAMES} | {"capacity_gate"}
        settings = settings or Settings(domain="agr.example")
        self.told: list[set[str]] = []  # what of the Period was handled, each time that somebody is told so
        self.scheduler = Scheduler(
            store, settings, self.clock, dict.fromkeys(names, self.handle),
            lambda: self.told.append(set(NAMES) - {m.name for m in self.scheduler.pending(PERIOD)}),
        )  # fmt: skip
        self.clock.listeners.append(self.scheduler.arrange)
        self.scheduler.start()

    def handle(self, period: Period, name: str) -> Handled | None:
        if name in self.fail:
            raise FeedError("told to fail")
        handled = None if name in self.not_yet else Handled("done")
        if period == PERIOD:
            self.calls.append(name)
        return handled

    def wait(self, condition: "object", limit_s: float = 60.0) -> None:
        until = time.monotonic() + limit_s
        while not condition():  # type: ignore[operator]
            assert time.monotonic() < until, f"waited in vain; called so far: {self.calls}"
            time.sleep(0.02)

    def reach(self, at: datetime, last: str) -> None:
        self.clock.jump_to(at)
        self.wait(lambda: last in self.calls)


@pytest.fixture
def running(store: Store) -> Iterator[list[Day]]:
    days: list[Day] = []
    yield days
    for one in days:
        one.scheduler.stop()


def local(hour: int, minute: int = 0, days_before: int = 1) -> datetime:
    from datetime import time as at

    from agr.domain.isp import local_instant

    return local_instant(PERIOD.day - timedelta(days=days_before), at(hour, minute), PERIOD.tz)


def test_moments_come_in_order_each_once(store: Store, running: list[Day]) -> None:
    one = Day(store, local(6, 29))
    running.append(one)
    for hour, minute, last in ((7, 1, NAMES[2]), (12, 1, NAMES[3]), (13, 1, NAMES[4]), (14, 46, NAMES[5])):
        one.reach(local(hour, minute), last)
    one.clock.jump_to(local(15, 1))
    one.wait(lambda: "prognosis_gate" in one.calls)
    assert one.calls == [n for n in NAMES if n != "retention_job"]


def test_who_goes_on_with_a_moment_is_told_once_it_is_noted(store: Store, running: list[Day]) -> None:
    one = Day(store, local(6, 29))
    running.append(one)
    one.reach(local(6, 31), "portfolio_query")
    one.wait(lambda: {"portfolio_query"} in one.told)


def test_a_daemon_that_was_down_catches_up_in_order(store: Store, running: list[Day]) -> None:
    one = Day(store, local(9, 20))
    running.append(one)
    one.wait(lambda: "first_plan" in one.calls)
    assert one.calls == ["portfolio_query", "portfolio_last_call", "first_plan"]


def test_restarting_twice_asks_once(store: Store) -> None:
    for at, then, name in (
        (local(6, 31), local(6, 31), "portfolio_query"),
        (local(6, 40), local(6, 56), "portfolio_last_call"),
        (local(6, 57), local(7, 1), "first_plan"),
    ):
        one = Day(store, at)
        try:
            one.reach(then, name)  # what is still open is made up for first
        finally:
            one.scheduler.stop()
        assert one.calls == [name]


def test_what_can_no_longer_help_is_recorded_as_missed(store: Store, running: list[Day]) -> None:
    one = Day(store, local(0, 30, days_before=0))
    running.append(one)
    one.wait(lambda: "prognosis_gate" in one.calls)
    assert "first_plan" not in one.calls
    assert "portfolio_query" not in one.calls
    with store.transaction() as tx:
        handled = day.handled_moments(tx, PERIOD.day)["first_plan"]
    assert handled == Handled("missed; instead: no plan: nothing is sent", MomentState.MISSED)


def test_a_moment_that_fails_raises_an_alarm_and_is_tried_again(store: Store, running: list[Day]) -> None:
    one = Day(store, local(6, 0))
    running.append(one)
    one.fail = {"portfolio_query"}
    one.clock.jump_to(local(6, 31))

    def alarmed() -> bool:
        with store.transaction() as tx:
            return bool(day.open_alarms(tx))

    one.wait(alarmed)
    one.fail = set()
    one.reach(local(6, 33), "portfolio_query")
    one.wait(lambda: not alarmed())


def test_a_moment_that_is_not_possible_yet_is_asked_again_each_minute(store: Store, running: list[Day]) -> None:
    one = Day(store, local(12, 54))
    running.append(one)
    one.not_yet = {"day_ahead_results"}
    one.reach(local(12, 56), "day_ahead_results")
    one.not_yet = set()
    with store.transaction() as tx:
        assert "day_ahead_results" not in day.done_moments(tx, PERIOD.day)
    one.clock.jump_to(local(12, 58))
    one.wait(lambda: one.calls.count("day_ahead_results") == 2)


def test_a_moment_that_becomes_due_again_while_it_runs_is_not_forgotten(
    store: Store, running: list[Day], request: pytest.FixtureRequest
) -> None:
    request.addfinalizer(partial(sys.setswitchinterval, sys.getswitchinterval()))
    sys.setswitchinterval(1e-6)  # as if threads were interrupted everywhere
    one = Day(store, local(12, 54))
    running.append(one)
    tries: list[datetime] = []

    def impatient(period: Period, name: str) -> Handled | None:
        if (period, name) != (PERIOD, "day_ahead_results"):
            return Handled("done")
        tries.append(one.clock.now())
        if len(tries) == 100:
            return Handled("done")
        one.clock.jump_to(tries[-1] + timedelta(minutes=2))
        return None

    one.scheduler._handlers = dict.fromkeys(one.scheduler._handlers, impatient)
    one.clock.jump_to(local(12, 56))
    one.wait(lambda: len(tries) == 100)


def test_no_moment_runs_twice_at_once(store: Store, running: list[Day]) -> None:
    one = Day(store, local(6, 0))
    running.append(one)
    inside, worst, lock = [0], [0], threading.Lock()

    def slow(period: Period, name: str) -> Handled:
        with lock:
            inside[0] += 1
            worst[0] = max(worst[0], inside[0])
        time.sleep(0.1)
        with lock:
            inside[0] -= 1
        one.calls.append(f"{period} {name}")
        return Handled("done")

    one.scheduler._handlers = dict.fromkeys(one.scheduler._handlers, slow)
    one.clock.jump_to(local(12, 1))
    for _ in range(5):
        one.scheduler.arrange()
    one.wait(lambda: f"{PERIOD} day_ahead_gate" in one.calls)
    assert worst[0] == 1
    assert len(one.calls) == len(set(one.calls))


@pytest.mark.parametrize("on", [date(2026, 3, 29), date(2026, 10, 25), date(2026, 3, 30)])
def test_gates_are_local_times_on_every_kind_of_day(on: date) -> None:
    product = CapacityProduct(name="FCR", direction="symmetric", series="fcr", max_mw=1, gate=MarketTime(at="08:00"))
    settings = Settings(domain="agr.example", markets=Markets(capacity=(product,)))
    period = Period(on)
    found = {m.name: m.at.astimezone(period.tz) for m in moments_of(settings, period)}
    assert f"{found['capacity_gate FCR']:%H:%M}" == "08:00"
    assert f"{found['day_ahead_gate']:%H:%M}" == "12:00"
    assert found["day_ahead_gate"].date() == on - timedelta(days=1)
    assert found["retention_job"].date() == on


def test_stopped_at_any_instant_after_the_start_the_scheduler_ends_in_peace(store: Store) -> None:
    """A dying scheduler thread fails the test by itself: pytest turns unhandled exceptions of threads into errors."""
    at = PERIOD.start
    for pause_ms in range(40):
        day_ = Day(store, at)
        time.sleep(pause_ms / 4000)
        day_.scheduler.stop()
        with store.transaction() as tx:
            tx.execute(moments.delete())


def test_a_moment_that_wants_another_try_while_the_daemon_stops_does_not_block_it(store: Store) -> None:
    entered, go_on = threading.Event(), threading.Event()

    def handle(_period: Period, _name: str) -> str | None:
        entered.set()
        go_on.wait(60)
        return None

    names = {n.split(" ")[0] for n in NAMES}
    timetable = Scheduler(
        store,
        Settings(domain="agr.example"),
        JumpingClock(PERIOD.start),
        {name: handle for name in names},  # noqa: C420
    )
    timetable.start()
    assert entered.wait(60)
    stopping = threading.Thread(target=timetable.stop, daemon=True)
    stopping.start()
    stopping.join(0.3)  # it waits for the moment
    go_on.set()
    stopping.join(60)
    assert not stopping.is_alive()
