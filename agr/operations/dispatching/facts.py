"""What charge points should follow, from the register and the plans in force; kept until either changes."""

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from threading import Lock
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from agr.dispatch.exposure import IspGrid
from agr.dispatch.profiles import PointPlan, Stay, share_there
from agr.dispatch.safety import SiteLimit, site_limits
from agr.dispatch.unplanned import behind, even_kw
from agr.domain.charge_point import ChargePoint
from agr.domain.isp import Period, period_of
from agr.domain.kinds.ev_session import EvSession
from agr.domain.register import Register
from agr.operations.plan_cache import PlanCache
from agr.operations.resource_programs import ProgramCache, ResourcePrograms
from agr.operations.setpoints import adopted_plans, revision_of
from agr.settings import Settings
from agr.store import charge_sessions, input_version, register
from agr.store.engine import Store

Floats = NDArray[np.float64]
_TABLES = ("connections", "ev_sessions", "limit_groups", "connection_limits", "charge_points")
_KEPT = 4  # programs of plans


@dataclass(frozen=True, kw_only=True, eq=False)
class DispatchFacts:
    """One moment's facts; times are those of a grid of ISPs from the present one on."""

    key: tuple[object, ...]
    points: Mapping[str, ChargePoint]
    evses: Mapping[tuple[str, str, int], str]  # road, station, EVSE → charge point
    sessions: Mapping[str, tuple[EvSession, ...]]  # charge point → sessions that are planned there, by arrival
    plans: Mapping[str, PointPlan]
    grid: IspGrid
    plan_of: tuple[int | None, ...]  # per ISP of the grid: the plan in force; None: there is none
    limits: tuple[SiteLimit, ...]
    maxima: Mapping[str, float]  # charge point → kW that its whole station may draw; one point of each station
    astray: tuple[str, ...]  # sessions whose charge point cannot be told


class PlannedPrograms(Protocol):
    """Knows the programs of plans."""

    def of(self, number: int) -> ResourcePrograms:
        """Return the programs of a plan. Raises MissingError."""
        ...


class FactSource:
    """Reads facts from the store. `of` may be called by several threads; what it returns does not change."""

    def __init__(self, store: Store, settings: Settings, programs: PlannedPrograms | None = None) -> None:
        self._store, self._settings = store, settings
        self._programs: PlannedPrograms = programs or ProgramCache(store, PlanCache(store))
        self._kept: dict[int, ResourcePrograms] = {}
        self._facts: DispatchFacts | None = None
        self._lock = Lock()

    def of(self, now: datetime) -> DispatchFacts:
        """Return the facts of an instant."""
        with self._lock:
            return self._read(now)

    def _read(self, now: datetime) -> DispatchFacts:
        today = period_of(now, self._settings.time_zone, self._settings.isp_minutes)
        with self._store.transaction() as tx:
            known = adopted_plans(tx, self._settings, now)
            key = (input_version.number(tx), revision_of(known), today.day, today.isp_of(now))
            if self._facts is not None and self._facts.key == key:
                return self._facts
            tables = register.load_tables(tx, *_TABLES)
            here = {session.resource for session in charge_sessions.running(tx).values() if session.resource}
        programs = {one.period: self._of_plan(one.plan) for one in known}
        self._facts = facts_of(key, tables, programs, now, today, self._settings.dispatch.horizon_hours, here)
        return self._facts

    def periods(self, now: datetime) -> tuple[Period, Period]:
        """Return the running Period and the next one."""
        today = period_of(now, self._settings.time_zone, self._settings.isp_minutes)
        return today, today.next()

    def point(self, name: str) -> ChargePoint | None:
        """Return a charge point, as last known."""
        return None if self._facts is None else self._facts.points.get(name)

    def _of_plan(self, plan: int) -> ResourcePrograms:
        if plan not in self._kept:
            self._kept[plan] = self._programs.of(plan)
            for old in sorted(self._kept)[:-_KEPT]:
                del self._kept[old]
        return self._kept[plan]


def facts_of(
    key: tuple[object, ...], tables: Register, programs: Mapping[Period, ResourcePrograms], now: datetime,
    today: Period, horizon_hours: float, here: Collection[str] = (),
) -> DispatchFacts:  # fmt: skip
    """Return the facts of a register and of the programs in force, by Period.

    Cars that are `here` (sessions), and in no plan yet, charge evenly until a plan knows them.
    """
    places = _grid(today, now, horizon_hours)
    points = {row.charge_point: row for row in tables.charge_points}
    sessions, astray = _sessions(tables, points)
    kw, plan_of = _kw(places, programs)
    starts = tuple(start for _, start in places)
    covered = [place for place, plan in enumerate(plan_of) if plan is not None]
    until = starts[covered[-1]] + today.isp_length if covered else now
    since = starts[covered[0]] if covered else now
    at_points = {row.resource for rows in sessions.values() for row in rows} | behind(kw, points.values()).keys()
    other: defaultdict[str, Floats] = defaultdict(lambda: np.zeros(len(starts)))
    for resource, (connection, power) in kw.items():
        if resource not in at_points:
            other[connection] = other[connection] + power
    plans = {}
    for name, rows in sessions.items():
        mine = [kw[row.resource][1] for row in rows if row.resource in kw]
        stays = tuple(
            Stay(arrival=max(row.arrival, since), departure=min(row.departure, until))
            for row in rows
            if row.resource in kw and row.departure > since and row.arrival < until
        )
        total = np.sum(mine, axis=0) if mine else np.zeros(len(starts))
        for row in rows:
            if row.resource in here and row.resource not in kw and row.departure > now:
                stay = Stay(arrival=max(row.arrival, starts[0]), departure=row.departure)
                even = even_kw(row, points[name])
                shares = [share_there(start, start + today.isp_length, (stay,)) for start in starts]
                total, stays = total + even * np.array(shares), (*stays, stay)
        plans[name] = PointPlan(starts=starts, isp=today.isp_length, kw=tuple(total.tolist()), stays=stays)
    periods = {place: period for place, (period, _) in enumerate(places)}
    limits = tuple(site_limits(tables, starts, periods, other))
    return DispatchFacts(
        key=key, points=points, evses={(p.road, p.station, p.evse): name for name, p in points.items()},
        sessions=sessions, plans=plans, grid=IspGrid(starts=starts, isp=today.isp_length), plan_of=plan_of,
        limits=limits, maxima=_maxima(points, limits), astray=astray,
    )  # fmt: skip


def _maxima(points: Mapping[str, ChargePoint], limits: Sequence[SiteLimit]) -> dict[str, float]:
    """Return, at the first point of each station, what the station may draw: all its points, within the connection.

    Of limits that change with time the largest counts: plans and their audit know the others.
    """
    most: defaultdict[str, float] = defaultdict(lambda: float("inf"))
    for limit in limits:
        for connection in limit.connections:
            most[connection] = min(most[connection], float(limit.import_kw.max(initial=0.0)))
    stations: dict[tuple[str, str], list[ChargePoint]] = {}
    for name in sorted(points):
        stations.setdefault((points[name].road, points[name].station), []).append(points[name])
    found = {}
    for mine in stations.values():
        behind: defaultdict[str, float] = defaultdict(float)
        for point in mine:
            behind[point.connection] += point.max_kw
        found[mine[0].charge_point] = sum(min(kw, most[connection]) for connection, kw in behind.items())
    return found


def _grid(today: Period, now: datetime, horizon_hours: float) -> list[tuple[Period, datetime]]:
    end = now + timedelta(hours=horizon_hours)
    periods = [today, today.next(), today.next().next()]
    return [
        (period, start)
        for period in periods
        for start in period.starts()
        if start + period.isp_length > now and start < end
    ]


def _sessions(
    tables: Register, points: Mapping[str, ChargePoint]
) -> tuple[dict[str, tuple[EvSession, ...]], tuple[str, ...]]:
    """Return charge point → its sessions, and the sessions of which nobody can say where they charge."""
    behind: defaultdict[str, list[str]] = defaultdict(list)
    for name, point in points.items():
        behind[point.connection].append(name)
    found: dict[str, list[EvSession]] = {name: [] for name in points}
    astray = []
    for row in tables.of(EvSession):
        here = [row.charge_point] if row.charge_point is not None else behind[row.connection]
        if len(here) == 1 and here[0] in found:
            found[here[0]].append(row)
        elif here:
            astray.append(row.resource)
    ordered = {name: tuple(sorted(rows, key=lambda row: row.arrival)) for name, rows in found.items()}
    return ordered, tuple(astray)


def _kw(
    places: list[tuple[Period, datetime]], programs: Mapping[Period, ResourcePrograms]
) -> tuple[dict[str, tuple[str, Floats]], tuple[int | None, ...]]:
    """Return resource → (connection, kW on the grid), and the plan of each ISP."""
    found: dict[str, tuple[str, Floats]] = {}
    plan_of: list[int | None] = [programs[period].plan if period in programs else None for period, _ in places]
    for period, program in programs.items():
        mine = [place for place, (of, _) in enumerate(places) if of == period]
        isps = [period.isp_of(places[place][1]) - 1 for place in mine]
        for row, resource in enumerate(program.resource):
            _, power = found.setdefault(resource, (program.connection[row], np.zeros(len(places))))
            power[mine] = program.power_kw[row][isps]
    return found, tuple(plan_of)
