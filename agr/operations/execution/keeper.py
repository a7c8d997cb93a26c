"""Judges what became of plans as ISPs end, and again when readings come late."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from math import isnan

import numpy as np
import structlog

from agr.dispatch.registers import Energy, energy
from agr.dispatch.session_points import points_of
from agr.dispatch.unplanned import PREFIX
from agr.dispatch.verdicts import Evidence, judged
from agr.domain.errors import MissingError
from agr.domain.execution import DeviationCause, Execution, Verdict
from agr.domain.isp import Clock, Period, period_of
from agr.operations.execution.evidence import evidence
from agr.operations.execution.strangers import strangers
from agr.operations.plan_cache import PlanCache
from agr.operations.readings import ReadingIntake
from agr.operations.resource_programs import ProgramCache, ResourcePrograms
from agr.settings import Settings
from agr.store import day, executions, register
from agr.store import readings as stored
from agr.store.engine import Store, Tx

log = structlog.get_logger()

DEVIATION = "deviation"
"""Kind of the alarm that energy was far off the plan. Source: docs/reference/alarms.md."""
GRACE = timedelta(seconds=90)
"""An ISP is judged this long after its end, when meters that report at fixed times have reported."""
_TABLES = ("connections", "ev_sessions", "charge_points")
_LEAST_PAUSE = timedelta(seconds=60)
_WORST = 3
_HOUR = timedelta(hours=1)


class ExecutionKeeper:
    """Keeps verdicts in the store. One thread calls `look`."""

    def __init__(self, store: Store, settings: Settings, clock: Clock) -> None:
        self._store, self._settings, self._clock = store, settings, clock
        self._programs = ProgramCache(store, PlanCache(store))
        self._readings = ReadingIntake(store, settings, clock, lambda: None)
        self._judged_to: datetime | None = None  # every ISP that ended before was judged
        self._seen: datetime | None = None  # the newest reading by when it came
        self._looked: datetime | None = None

    def look(self) -> int:
        """Judge what has ended or was reported since the last look; return how many rows changed."""
        now = self._clock.now()
        today = self._period(now)
        upto = _ended(today, now)
        earliest = today.previous().start
        with self._store.transaction() as tx:
            news = stored.received_since(tx, self._seen or earliest)
        paused = self._looked is not None and self._looked <= now < self._looked + _LEAST_PAUSE
        if self._judged_to == upto and (news is None or paused):
            return 0
        first = min(self._judged_to or earliest, upto)
        if news is not None:
            first = min(first, news[0] - timedelta(minutes=self._settings.readings.longest_gap_minutes))
            self._seen = news[1]
        changed = 0
        for period in self._periods(max(first, earliest), upto):
            changed += self.judge(period, now)
        self._judged_to, self._looked = upto, now
        with self._store.transaction() as tx:
            watch_deviation(tx, self._settings.execution.alarm_kwh, upto, now)
        return changed

    def judge(self, period: Period, now: datetime) -> int:
        """Judge the ISPs of a Period that have ended; return how many rows changed."""
        ended = sum(start + period.isp_length + GRACE <= now for start in period.starts())
        if not ended:
            return 0
        try:
            programs = self._programs.in_force(period)
        except MissingError:
            return 0  # nothing was planned, so nothing was carried out
        with self._store.transaction() as tx:
            tables = register.load_tables(tx, *_TABLES)
            longest = timedelta(minutes=self._settings.readings.longest_gap_minutes)
            beside = strangers(tx, period, {row.charge_point: row for row in tables.charge_points}, longest)
            points = points_of(tables) | {name: one.point for name, one in beside.items()}
            there = set(stored.reporting(tx, period.previous().start, period.end)) | set(points)
            known = evidence(tx, period, now, there, points)
            measured = self._readings.energies(tx, period, there - beside.keys())
            measured |= {name: one.energy for name, one in beside.items()}
            rows = list(_rows(programs, sorted(there), measured, known, ended))
            changed = executions.put(tx, rows)
        if changed:
            log.info("execution.judged", period=str(period), isps=ended, rows=changed)
        return changed

    def _period(self, now: datetime) -> Period:
        return period_of(now, self._settings.time_zone, self._settings.isp_minutes)

    def _periods(self, first: datetime, upto: datetime) -> Iterator[Period]:
        period = self._period(first)
        while period.start < upto:
            yield period
            period = period.next()


def watch_deviation(tx: Tx, limit_kwh: float | None, upto: datetime, now: datetime) -> None:
    """Raise an alarm if the hour before an instant went far from what was planned, and end it if it did not."""
    off: dict[str, float] = {}
    for row in executions.between(tx, upto - _HOUR, upto - timedelta(seconds=1)) if limit_kwh is not None else ():
        off[row.resource] = off.get(row.resource, 0.0) + abs(row.deviation_kwh or 0.0)
    total = sum(off.values())
    if limit_kwh is None or total <= limit_kwh:
        day.recover(tx, DEVIATION, "portfolio", now)
        return
    worst = sorted(off, key=lambda name: -off[name])[:_WORST]
    named = ", ".join(f"{name} {off[name]:,.1f} kWh" for name in worst)
    words = (
        f"in the last hour resources were {total:,.1f} kWh off their plans, more than {limit_kwh:g}: {named}; "
        "look at the page Execution for the causes"
    )
    day.raise_alarm(tx, DEVIATION, "portfolio", words, now)


def _ended(today: Period, now: datetime) -> datetime:
    """Return the end of the last ISP that is to be judged."""
    starts = [start for start in today.starts() if start + today.isp_length + GRACE <= now]
    return starts[-1] + today.isp_length if starts else today.start


def _rows(
    programs: ResourcePrograms, resources: Sequence[str], measured: Mapping[str, Energy],
    known: Mapping[str, Evidence], ended: int,
) -> Iterator[Execution]:  # fmt: skip
    period = programs.period
    borders, hours = [*period.starts(), period.end], period.isp_hours
    nothing = energy((), borders, timedelta(0))
    for resource in resources:
        program, unplanned = programs.of_resource(resource), resource.startswith(PREFIX)
        if program is None and not unplanned:
            continue
        planned = np.zeros(period.isp_count) if program is None else program.power_kw * hours
        of = known.get(resource)
        if of is not None and unplanned:
            of = replace(of, accepted=of.accepted | (planned == 0))  # nobody has told it anything, and need not
        found = judged(planned, measured.get(resource, nothing), hours, of)
        for isp in range(ended):
            kwh = float(found.measured_kwh[isp])
            if of is not None and planned[isp] == 0 and not of.present[isp] > 0:
                continue  # no car was planned, and none was seen
            verdict, cause = found.verdict[isp], found.cause[isp]
            if unplanned and verdict is Verdict.DEVIATED and planned[isp] == 0:
                cause = DeviationCause.UNPLANNED
            yield Execution(
                resource=resource, start=borders[isp], planned_kwh=float(planned[isp]),
                measured_kwh=None if isnan(kwh) else kwh, quality=found.quality[isp], verdict=verdict, cause=cause,
                plan=programs.plan,
            )  # fmt: skip
