"""A depot of charge points on a road to a CSMS that answers as recorded, with the plan it is to follow."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date, timedelta
from pathlib import Path

import numpy as np

from agr.connectors.answers import AnswerAddresses
from agr.dispatch.exposure import MAXIMUM_SLOT
from agr.domain.charge_point import ChargePoint
from agr.domain.isp import JumpingClock
from agr.domain.kinds.ev_session import EvSession
from agr.domain.register import Connection, ConnectionLimit
from agr.operations.dispatching.facts import FactSource
from agr.operations.dispatching.roads import Roads
from agr.operations.resource_programs import ResourcePrograms
from agr.settings import DispatchRoad, DispatchSettings
from agr.store import day, dispatches, register
from tests.builders.citrine import Citrine, Station
from tests.builders.plans import planned
from tests.builders.worlds import PERIOD, World

START = PERIOD.start + timedelta(hours=17, minutes=2)  # 29 March 2026, 18:02 UTC+2 less the hour that is skipped
FIRST_DAY = date(2026, 1, 1)


class Programs:
    """Plans' programs that no solver made: plan → resource → kW per ISP."""

    def __init__(self) -> None:
        self.period = PERIOD
        self.kw: dict[int, dict[str, list[float]]] = {}

    def of(self, number: int) -> ResourcePrograms:
        names = tuple(self.kw[number])
        power = np.array([self.kw[number][name] for name in names]).reshape(len(names), self.period.isp_count)
        return ResourcePrograms(
            plan=number, made=START, period=self.period, resource=names, kind=("ev_session",) * len(names),
            connection=tuple("ean.1" for _ in names), congestion_point=("",) * len(names), power_kw=power,
            stored_kwh=np.full(power.shape, np.nan),
        )  # fmt: skip


class Depot:
    """A world with charge points, plans and the roads."""

    def __init__(
        self, folder: Path, citrine: Citrine, clock: JumpingClock, url: str = "", **settings: object
    ) -> None:  # fmt: skip
        self.world, self.citrine, self.clock, self.programs = (
            World(folder, store_url=url, clock=clock),
            citrine,
            clock,
            Programs(),
        )
        road = DispatchRoad(name="citrine", url=citrine.server.url)
        self.settings = self.world.settings.model_copy(
            update={"dispatch": DispatchSettings(roads=(road,), **settings)}  # type: ignore[arg-type]
        )
        self.store = self.world.store
        self.opened: list[Roads] = []
        self.roads = self.open()

    def open(self) -> Roads:
        answers = AnswerAddresses(base=lambda: "http://agr", secret=b"secret")
        facts = FactSource(self.store, self.settings, self.programs)
        roads = Roads(self.store, self.settings, self.clock, answers, lambda: None, facts=facts)
        self.opened.append(roads)
        return roads

    def points(self, *points: ChargePoint, limits: tuple[ConnectionLimit, ...] = ()) -> None:
        sessions = tuple(
            EvSession(
                resource=f"{one.charge_point}/1", connection=one.connection, charge_point=one.charge_point,
                arrival=START - timedelta(hours=1), departure=START + timedelta(hours=3), energy_kwh=20, charge_kw=11,
            )
            for one in points
        )  # fmt: skip
        tables = {
            "connections": (Connection(address="ean.1", first_day=FIRST_DAY),), "ev_sessions": sessions,
            "charge_points": points, "connection_limits": limits,
        }  # fmt: skip
        with self.store.transaction() as tx:
            known = register.load(tx)
            for table, rows in tables.items():
                known = known.with_table(table, rows)
            register.replace(tx, known)

    def plan(self, **kw: float) -> None:
        """Adopt a plan: charge point → kW in every ISP, of its session."""
        self.plan_of(**{name: [value] * PERIOD.isp_count for name, value in kw.items()})

    def plan_of(self, **kw: list[float]) -> None:
        made = planned(self.world, (0.0,) * PERIOD.isp_count)
        self.programs.kw[made.id] = {f"{name}/1": values for name, values in kw.items()}
        self.clock.jump_to(self.clock.now() + timedelta(seconds=1))

    def deliver(self, times: int = 1) -> list[int]:
        """Hand over the answers that wait, each as often; return the statuses."""
        waiting, self.citrine.pending = self.citrine.pending, []
        return [self.post(url, body) for url, body in waiting for _ in range(times)]

    def post(self, url: str, body: bytes) -> int:
        assert url.startswith("http://agr/")
        kind, road, key, proof = url.removeprefix("http://agr/").split("/")
        return self.roads.answer(kind, road, key, proof, body)

    def run(self, rounds: int = 8) -> None:
        """Look and deliver until nothing moves."""
        for _ in range(rounds):
            moved = self.roads.look("citrine")
            moved = bool(self.deliver()) or moved
            if not moved:
                return

    def pass_time(self, seconds: float) -> None:
        self.clock.jump_to(self.clock.now() + timedelta(seconds=seconds))

    def rows(self, name: str = "p1", *, whole: bool = False) -> list[tuple[str, str, int, str]]:
        """Return the commands to a point, oldest first; `whole`: those for all of its station, else the others."""
        with self.store.transaction() as tx:
            found = [row for row in dispatches.newest(tx, name) if (row.slot == MAXIMUM_SLOT) is whole]
        return [(row.action, row.purpose, row.slot, row.state) for row in reversed(found)]

    def alarms(self) -> dict[str, str]:
        with self.store.transaction() as tx:
            return {one.kind: one.text for one in day.open_alarms(tx)}

    def limit_kw(self, name: str = "CP1", evse: int = 1, after_s: float = 30) -> float | None:
        found = self.citrine.stations[name].limit(evse, self.clock.now().timestamp() + after_s)
        if found is None:
            return None
        return found[0] * 0.69 if found[1] == "A" else found[0] / 1000

    def close(self) -> None:
        for roads in self.opened:
            roads.close()
        self.store.close()


def point(name: str = "p1", station: str = "CP1", **more: object) -> ChargePoint:
    given = {
        "charge_point": name, "connection": "ean.1", "road": "citrine", "station": station, "protocol": "2.0.1",
        "max_kw": 11.0, "unit": "W", "fallback_kw": 4.2,
    } | more  # fmt: skip
    return ChargePoint(**given)  # type: ignore[arg-type]


@contextmanager
def depots(folder: Path, url: str = "", **stations: Station) -> Iterator[Depot]:
    clock = JumpingClock(START)
    with Citrine(lambda: clock.now().timestamp(), **stations) as citrine:
        depot = Depot(folder, citrine, clock, url)
        yield depot
        depot.close()
