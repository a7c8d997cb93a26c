"""The demo's charge points: a CSMS and OCPP stations in processes of their own, and a night in which not all goes well.

Some of the cars that stand at their charger over midnight get a charge point. One of them leaves early, one station
answers nothing, and a car comes that nobody planned.
"""

import json
import time
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path

from pydantic import JsonValue

from agr.demo.counterparties import CSMS, STATION, Counterparty
from agr.demo.night_money import night_money
from agr.domain.charge_point import LEAST_A, ChargePoint
from agr.domain.dispatch import OPEN_STATES
from agr.domain.isp import Clock, JumpingClock, Period
from agr.domain.kinds.ev_session import EvSession
from agr.domain.register import Register
from agr.operations.execution.keeper import GRACE, ExecutionKeeper
from agr.operations.execution.overview import Overview, overview
from agr.operations.plan_cache import PlanCache
from agr.operations.resource_programs import ProgramCache
from agr.service import Service
from agr.settings import DispatchRoad, Settings
from agr.store import charge_sessions, dispatches, register
from agr.store import readings as stored
from agr.store.engine import Store

ROAD = "csms"
CARS = 4
_PHASE_KW, _LEAST_KW = 3.68, 1.4
"""Charging power of one phase at 16 A, and at a little more than the least current of 6 A, in kW."""
_STAYS_UNTIL = timedelta(hours=5)  # after midnight; cars that leave earlier get no charge point
_LAST = timedelta(hours=4)
"""How long after midnight the demo's night ends: before the market day of the next Period begins."""
_LEFT, _CAME, _WENT = timedelta(minutes=67), timedelta(minutes=70), timedelta(hours=3)
PATIENCE_S = 60.0
"""Longest wait for stations and messages in one step, in seconds; then the night goes on, and what is missing is shown
as missing."""
_PAUSE_S = 0.05
_CALL_LIMIT_S = 2
"""Seconds for which the CSMS waits for a station. Real ones wait for half a minute; the demo need not."""


@dataclass(frozen=True, kw_only=True)
class Night:
    """What became of the charging sessions, in figures."""

    charge_points: int
    verdicts: dict[str, int]
    causes: dict[str, int]
    standings: dict[str, int]
    deviation_kwh: float
    settled_eur: float | None
    cost_eur: float | None = None  # of deviating, if the plan is kept; see agr.demo.night_money
    saved_eur: float | None = None  # by planning the rest of the day again
    money: str = ""  # both in words

    def words(self) -> str:
        """Say it in a line."""
        judged = ", ".join(f"{count} {word}" for word, count in self.verdicts.items())
        why = ", ".join(f"{word} {count}" for word, count in self.causes.items())
        deviated = f" (causes: {why})" if why else ""
        cars = ", ".join(f"{count} {word}" for word, count in self.standings.items())
        money = "" if self.settled_eur is None else f", {self.settled_eur:+z.2f} EUR at settlement prices"
        return (
            f"{self.charge_points} charge points, ISPs {judged}{deviated}; sessions: {cars}; "
            f"{self.deviation_kwh:+z.1f} kWh against the plan{money}" + (f"; {self.money}" if self.money else "")
        )


class Yard:
    """The charge points of a scenario with sessions over midnight; `rows` is empty where it has none.

    `cars`: the scenario has sessions at all; without any, nothing is started.
    """

    def __init__(self, python: Path, data: Path, period: Period, clock: Clock, *, cars: bool) -> None:
        self.period, self.clock, self._data, self._python = period, clock, data, python
        self.rows: tuple[EvSession, ...] = ()
        self._stack = ExitStack()
        self._csms = self._start(CSMS, "CSMS", "csms.example", None) if cars else None

    def _start(self, script: Path, role: str, domain: str, config: Path | None) -> Counterparty:
        log = self._data / f"{domain}.log"
        more = {"--notice-s": 0, "--call-limit-s": _CALL_LIMIT_S} if script is CSMS else None
        running = Counterparty(
            self._python, role=role, domain=domain, config=config, log=log, script=script, more=more
        )  # fmt: skip
        return self._stack.enter_context(running)

    def points(self) -> tuple[ChargePoint, ...]:
        """Return the charge points: one per car, and one that is free."""
        places = [(f"pole-{number}", row.connection, _phases(row)) for number, row in enumerate(self.rows, start=1)]
        return tuple(
            ChargePoint(
                charge_point=name, connection=connection, road=ROAD, station=name.upper(), unit="W", phases=phases,
                protocol="1.6" if name == "pole-1" else "2.0.1", max_kw=_PHASE_KW * phases,
                fallback_kw=_LEAST_KW * phases,
            )
            for name, connection, phases in [*places, ("pole-free", self.rows[0].connection, 3)]
        )  # fmt: skip

    def roads(self) -> tuple[DispatchRoad, ...]:
        """Return how the daemon reaches the CSMS."""
        return () if self._csms is None else (DispatchRoad(name=ROAD, url=self._csms.endpoint),)

    def open(self, store: Store) -> None:
        """Choose cars, enter charge points for them, and start the stations."""
        if self._csms is None:
            return
        with store.transaction() as tx:
            known = register.load(tx)
            self.rows = _chosen(known, self.period)
            if self.rows:
                register.replace(tx, self._with_points(known))
        if self.rows:
            self._start_stations(self._csms)

    def _with_points(self, known: Register) -> Register:
        """Return the register with the charge points, and with where each car stands."""
        at = {row.resource: point.charge_point for row, point in zip(self.rows, self.points(), strict=False)}
        resources = tuple(
            replace(row, charge_point=at[row.resource]) if isinstance(row, EvSession) and row.resource in at else row
            for row in known.resources
        )
        return replace(known, resources=resources, charge_points=self.points())

    def _start_stations(self, csms: Counterparty) -> None:
        config, now = self._data / "stations.json", self.clock.now().isoformat()
        stations = [
            {"name": point.station, "protocol": point.protocol,
             "evses": [{"id": 1, "phases": point.phases, "max_w": point.max_kw * 1000}]}
            for point in self.points()
        ]  # fmt: skip
        config.write_text(json.dumps({"url": csms.ready.text("stations"), "now": now, "stations": stations}))
        csms.send("clock", now=now)
        self._stations = self._start(STATION, "STATION", "stations", config)
        midnight = self.period.start
        for number, row in enumerate(self.rows, start=1):
            leaves = midnight + _LEFT if number == 2 else row.departure
            self._visit(f"POLE-{number}", row.arrival, leaves, row.energy_kwh, row.charge_efficiency, _phases(row))
        self._visit("POLE-FREE", midnight + _CAME, midnight + _WENT, 20.0, 0.9, 3)
        self._stations.send("faults", station=self.silent.station, faults={"answers": "silent", "meters": False})

    @property
    def silent(self) -> ChargePoint:
        """The charge point whose station answers nothing."""
        return self.points()[len(self.rows) - 1]

    def _visit(
        self, station: str, at: datetime, until: datetime, kwh: float, efficiency: float, phases: int
    ) -> None:  # fmt: skip
        car: dict[str, JsonValue] = {
            "at": at.isoformat(), "until": until.isoformat(), "tag": f"TAG-{station}", "capacity_kwh": kwh + 1,
            "stored_kwh": 0.0, "target_kwh": kwh, "efficiency": efficiency, "phases": phases,
        }  # fmt: skip
        self._stations.send("visit", station=station, car=car)

    def tell_time(self) -> None:
        """Set the CSMS's and the stations' clocks to ours; stations tell what has happened meanwhile."""
        if self._csms is not None and self.rows:
            self._csms.send("clock", now=self.clock.now().isoformat())
            self._stations.send("clock", now=self.clock.now().isoformat())

    def close(self) -> None:
        """End the processes."""
        self._stack.close()


def _phases(row: EvSession) -> int:
    """Return how many phases a car must have that charges with this much."""
    return 3 if row.charge_kw >= LEAST_A * 3 * _PHASE_KW / 16 else 1


def _chosen(tables: Register, period: Period) -> tuple[EvSession, ...]:
    """Return the sessions that get a charge point: the last that begin before midnight, each at another connection."""
    over = [
        row
        for row in tables.of(EvSession)
        if row.arrival < period.start
        and row.departure > period.start + _STAYS_UNTIL
        and row.discharge_kw == 0
        and row.charge_kw <= 3 * _PHASE_KW
    ]
    at = {row.connection: row for row in sorted(over, key=lambda row: (row.arrival, row.resource))}
    return tuple(list(at.values())[-CARS:]) if len(at) >= CARS else ()


class NightShift:
    """Plays the first hours of the Period, and says what became of the sessions."""

    def __init__(self, yard: Yard, daemon: Service, settings: Settings, clock: JumpingClock) -> None:
        self._yard, self._daemon, self._settings = yard, daemon, settings
        self._clock, self._period = clock, yard.period

    def run(self, say: Callable[[str], None]) -> Night:
        """Jump from hour to hour."""
        hours = int(_LAST / timedelta(hours=1))
        self._wait(self._commanded)
        for at in [self._period.start + timedelta(hours=hour) for hour in range(hours + 1)]:
            self._clock.jump_to(at + GRACE)
            self._yard.tell_time()
            self._wait(lambda at=at: self._heard(at))  # type: ignore[misc]
        keeper = ExecutionKeeper(self._daemon.store, self._settings, self._clock)
        keeper.judge(self._period, self._clock.now())
        night = self._night()
        say(night.words())
        return night

    def _wait(self, done: Callable[[], bool]) -> None:
        until = time.monotonic() + PATIENCE_S
        while not done() and time.monotonic() < until:
            time.sleep(_PAUSE_S)

    def _commanded(self) -> bool:
        """Return whether every station that answers has its limits."""
        asked = [point.charge_point for point in self._yard.points() if point != self._yard.silent]
        with self._daemon.store.transaction() as tx:
            newest = [dispatches.newest(tx, name, 1) for name in asked]
        return all(rows and rows[0].state not in OPEN_STATES for rows in newest)

    def _heard(self, at: datetime) -> bool:
        """Return whether the first car's register of an instant has come, and every car that is there."""
        first = self._yard.rows[0].resource
        with self._daemon.store.transaction() as tx:
            found = stored.between(tx, [first], ["imported_kwh"], at, at + timedelta(seconds=1))
            running = charge_sessions.running(tx)
        stranger = not _CAME < at - self._period.start < _WENT or "pole-free" in running
        return bool(found) and stranger

    def _night(self) -> Night:
        store = self._daemon.store
        programs = ProgramCache(store, PlanCache(store)).in_force(self._period)
        with store.transaction() as tx:
            found: Overview = overview(tx, self._settings, programs, self._clock.now())
        lines = [line for line in found.resources if line.charge_point]
        verdicts: dict[str, int] = {}
        causes: dict[str, int] = {}
        standings: dict[str, int] = {}
        for line in lines:
            for of, into in ((line.deviation.counts, verdicts), (line.causes, causes)):
                for word, count in of.items():
                    into[word] = into.get(word, 0) + count
        mine = {row.resource for row in self._yard.rows} | {None}
        for session in found.sessions:
            if session.resource in mine:
                standings[session.standing] = standings.get(session.standing, 0) + 1
        eur = [line.deviation.eur for line in lines]
        cost = night_money(store, self._settings, self._daemon.solver, self._period, self._clock.now(), self._yard.rows)
        return Night(
            cost_eur=cost.cost_eur, saved_eur=cost.saved_eur, money=cost.words(),
            charge_points=len(self._yard.points()), verdicts=verdicts, causes=causes, standings=standings,
            deviation_kwh=sum(line.deviation.kwh for line in lines),
            settled_eur=None if None in eur else sum(one or 0.0 for one in eur),
        )  # fmt: skip
