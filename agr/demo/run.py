"""Runs one market day in a minute: the clock jumps over the waiting, everything else is real."""

import signal
import sys
import threading
import time
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

from agr.demo.charging import NightShift
from agr.demo.report import DayReport, report
from agr.demo.show import Show
from agr.demo.trading import FlexTrade, trade_faults
from agr.demo.world import DemoWorld
from agr.domain.errors import AgrError, InputError
from agr.domain.isp import JumpingClock, Period
from agr.domain.program import compress
from agr.domain.register import Contract
from agr.messaging.publish import OPEN
from agr.operations import log
from agr.scenario.description import Description, DsoRequest, Event, describe
from agr.scenario.places import shipped_scenarios
from agr.service import Service
from agr.settings import Timetable
from agr.store import day, inbox, plans, register
from agr.store.scratch import scratch_folder

PATIENCE_S = 300.0
"""Longest wait in seconds for a step of the day, beyond the time that a planning run may take; then the demo gives up
and names the step. A plan takes 20 s on two free cores; a busy machine may need many times that."""

_CALM, _LOOK_S = 3, 0.03
"""Everything has settled once this many checks in a row find nothing under way; seconds between two checks."""


def shipped(name: str) -> Path:
    """Return a scenario folder that comes with agr. Raises InputError."""
    folder = shipped_scenarios() / name
    if not folder.is_dir():
        raise InputError(f"there is no {folder}; name a scenario folder with --scenario")
    return folder


class DemoDay:
    """Drives a daemon through one Period, and times the steps."""

    def __init__(self, world: DemoWorld, daemon: Service, clock: JumpingClock, say: Callable[[str], None]) -> None:
        self.world, self.daemon, self.clock, self.say = world, daemon, clock, say
        self.period = world.scenario.of
        self.seconds: dict[str, float] = {}
        self._patience_s = PATIENCE_S + world.settings.planning.budget_s
        self._join = timedelta(seconds=world.settings.planning.join_triggers_s)
        self.trade = FlexTrade(world, daemon, clock, say, self.hurry)

    def run(self) -> None:
        """Query → plan → prognoses accepted → events → re-plan → revisions accepted → gate."""
        self._step("portfolio", lambda: self._until("portfolio_query"))
        self._step("first plan", lambda: self._until("first_plan"))
        self._step("gates", lambda: self._until("day_ahead_gate"))
        self._step("results, plan and prognoses", lambda: self._until(OPEN))
        for event in self.world.scenario.events:
            name = "order" if isinstance(event, DsoRequest) else "reservation update"
            self._step(f"{name}, plan and revisions", lambda event=event: self._happen(event))  # type: ignore[misc]
        self._step("prognosis gate", lambda: self._until("prognosis_gate"))

    def _step(self, name: str, action: Callable[[], None]) -> None:
        began = time.monotonic()
        action()
        self.settle(name)
        self.seconds[name] = round(time.monotonic() - began, 2)

    def settle(self, what: str) -> None:
        """Wait until nothing is waiting to be processed, planned, delivered or answered."""
        until = time.monotonic() + self._patience_s
        calm = 0
        while calm < _CALM:
            calm = calm + 1 if self.daemon.idle() else 0
            if time.monotonic() > until:
                raise AgrError(f"the demo waited {self._patience_s:g} s for: {what}; see the log in {self.world.data}")
            self.hurry()
            time.sleep(_LOOK_S)

    def hurry(self) -> None:
        """Jump over the time that triggers wait for others to join, once no moment is under way that may bring some."""
        if self.daemon.planner.busy:
            return
        with self.daemon.store.reading() as tx:
            oldest = min((trigger.at for trigger in day.open_triggers(tx)), default=None)
            coming_in = inbox.next_received(tx) is not None
        if oldest is None or coming_in or self.clock.now() >= oldest + self._join:
            return
        coming = self.daemon.scheduler.next_moment()
        if coming is None or coming.at > self.clock.now():
            self.clock.jump_to(oldest + self._join)

    def _done(self) -> dict[str, str]:
        with self.daemon.store.transaction() as tx:
            return day.done_moments(tx, self.period.day)

    def _until(self, moment: str) -> None:
        """Jump from moment to moment of the timetable until one of our Period is done."""
        until = time.monotonic() + self._patience_s
        while moment not in self._done():
            self.settle(moment)
            if moment in self._done():
                return
            coming = self.daemon.scheduler.next_moment()
            # First read what comes next, then whether all is quiet: a moment under way is still the next one.
            if coming is not None and coming.at > self.clock.now() and self.daemon.idle():
                self._jump(coming.at)
            if time.monotonic() > until:
                raise AgrError(f"the demo waited {self._patience_s:g} s for the moment {moment!r} of {self.period}")
            time.sleep(_LOOK_S)

    def _jump(self, to: datetime) -> None:
        """Move the clocks: first those of the others, so that they know the time of what a moment sends them."""
        self.world.tell_counterparties(to)
        self.clock.jump_to(to)
        self.world.yard.tell_time()

    def _happen(self, event: Event) -> None:
        self._jump(event.at)
        if isinstance(event, DsoRequest):
            self.trade.request(event, self._plans_made)
            return
        with self.daemon.store.transaction() as tx:
            contract = register.contract(tx, event.contract)
        made = self._plans_made()
        if contract is None:
            raise InputError(f"scenario.yaml names contract {event.contract!r}, which is not in tables/contracts.csv")
        self._release(contract, event.keep_share)
        until = time.monotonic() + self._patience_s
        while self.daemon.planner.busy or self._plans_made() == made:  # a plan that is being made is not there yet
            if time.monotonic() > until:
                raise AgrError("the reservation update led to no plan")
            self.hurry()
            time.sleep(_LOOK_S)

    def _plans_made(self) -> int:
        with self.daemon.store.transaction() as tx:
            return len(plans.history(tx, self.period.day))

    def _release(self, contract: Contract, keep_share: float) -> None:
        kept = [round(power * keep_share) for power in contract.contracted_w(self.period)]
        isps = [{"start": r.start, "duration": r.duration, "power": r.power_w} for r in compress(kept)]
        share = f"{1 - keep_share:.0%}"
        self.say(
            f"{contract.dso} releases {share} of {abs(contract.power_w) / 1000:g} kW of contract {contract.contract}"
        )
        self.world.dsos[contract.dso].send(
            "release", domain=self.world.settings.domain, contract=contract.contract, period=str(self.period),
            congestion_point=contract.congestion_point, isps=isps, time_zone=self.period.zone_name,  # type: ignore[arg-type]
            isp_duration=f"PT{self.period.isp_minutes}M",
        )  # fmt: skip


def start_clock(
    period: Period,
    timetable: Timetable = Timetable(),  # noqa: B008 - frozen
    daemon_starts: timedelta = timedelta(seconds=5),
) -> JumpingClock:
    """Return a clock that stands just before the timetable's portfolio query."""
    first = dict(timetable.moments(period))["portfolio_query"]
    return JumpingClock(first - daemon_starts)


def demo(scenario: Path | None, *, once: bool, as_json: bool, data: Path | None) -> int:
    """Run the demo; return 0 when every promise was kept, 1 when not."""
    began = time.monotonic()
    folder = scenario or shipped("spring-weekday")
    described: Description = describe(folder)
    if described.changes:
        raise InputError(
            f"{folder} makes its tables by `changes`, which the demo's counterparties do not know; "
            f"run it with `agr scenario run {folder}`"
        )
    show = Show(described, stderr=as_json)
    log.configure(listener=show.event, quiet=True)
    ended = threading.Event()
    with ExitStack() as stack:
        if data is None:
            data = stack.enter_context(scratch_folder("demo"))
        show.say(f"{described.title}: Period {described.period}, data in {data}")
        clock = start_clock(described.of, described.timetable)
        show.follow(clock.now)
        world = stack.enter_context(DemoWorld(folder, described, data, clock))
        daemon = stack.enter_context(Service(world.settings, clock, guest="demo"))
        world.introduce(daemon)
        show.say(f"operators' page: {daemon.page} (it lets you in as a viewer, without a log-in)")
        market_day = DemoDay(world, daemon, clock, show.say)
        setup = round(time.monotonic() - began, 2)
        market_day.run()
        seconds = {"set-up": setup, **market_day.seconds, "total": round(time.monotonic() - began, 2)}
        found: DayReport = report(world, daemon, folder, seconds)
        if world.yard.rows:
            show.say("the night: what cars and charge points make of the plan")
            night = NightShift(world.yard, daemon, world.settings, clock).run(show.say)
            total = round(time.monotonic() - began, 2)
            seconds |= {"night": round(total - seconds["total"], 2), "total": total}
            found = replace(found, night=night)
        sold = any(isinstance(event, DsoRequest) for event in described.events)
        if sold and once:  # else the clock would leave the day that is still to be looked at
            market_day.trade.settle()
            total = round(time.monotonic() - began, 2)
            seconds |= {"settlement": round(total - seconds["total"], 2), "total": total}
        if sold:
            trade = market_day.trade.told()
            faults = trade_faults(trade) if once else []
            found = replace(found, trade=trade, broken=(*found.broken, *faults))
        show.summary(found)
        if not once:
            show.say(f"the daemon stays up at http://127.0.0.1:{daemon.port} until Ctrl-C; from another terminal:")
            show.say(f"  {daemon.page}   the operators' page; to act, set up an account, once:")
            show.say(f"  {daemon.set_up_link()}")
            point = found.after.points[0].address
            show.say(f"  agr status -c {data}/agr.toml --period {described.period}")
            show.say(f"  agr explain -c {data}/agr.toml {described.period} {point}")
            signal.signal(signal.SIGINT, lambda *_: ended.set())
            signal.signal(signal.SIGTERM, lambda *_: ended.set())
            ended.wait()
            if sold:
                market_day.trade.settle()
                show.say(f"flexibility for DSOs: {market_day.trade.told().words()}")
    if as_json:
        sys.stdout.write(found.json() + "\n")
        sys.stdout.flush()
    return 1 if found.broken else 0
