"""A day that was planned and has happened: a battery, loads, a car at a charge point; tests say what was measured."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np

from agr.domain.charge_point import ChargePoint
from agr.domain.dispatch import Action, DispatchState, LimitStep, Profile, Purpose, SessionState
from agr.domain.execution import DeviationCause, Verdict
from agr.domain.kinds.battery import Battery
from agr.domain.kinds.ev_session import EvSession
from agr.domain.kinds.fixed_load import FixedLoad
from agr.domain.reading import Reported
from agr.operations.execution.keeper import ExecutionKeeper
from agr.operations.readings import ReadingIntake
from agr.settings import ExecutionSettings
from agr.store import charge_sessions, dispatches, executions
from agr.store.charge_sessions import ChargeSession
from agr.store.dispatch_tables import charge_sessions as of_sessions
from agr.store.dispatch_tables import dispatches as of_dispatches
from agr.store.dispatch_tables import executions as of_executions
from agr.store.reading_tables import readings as of_readings
from tests.builders.accounts import principal
from tests.builders.operators_side import Desk
from tests.builders.worlds import PERIOD, World

ISP = PERIOD.isp_length
ARRIVAL, DEPARTURE = PERIOD.start + 4 * ISP, PERIOD.start + 28 * ISP
POINT = ChargePoint(charge_point="cp-1", connection="ean.2", road="r", station="CP1", max_kw=11.04, protocol="2.0.1")


def register_of() -> dict[str, Any]:
    """Return a battery, a load and a car at a charge point."""
    battery = Battery(
        resource="battery", connection="ean.1", charge_kw=100, discharge_kw=100, capacity_kwh=200, initial_kwh=100,
        end_kwh=100, charge_efficiency=0.95, discharge_efficiency=0.95, wear_eur_per_mwh=5,
    )  # fmt: skip
    car = EvSession(
        resource="car", connection="ean.2", arrival=ARRIVAL, departure=DEPARTURE, energy_kwh=30, charge_kw=11,
        charge_point="cp-1",
    )  # fmt: skip
    loads = tuple(FixedLoad(resource=f"load-{n}", connection=f"ean.{n}") for n in (1, 2))
    return {"resources": (battery, car, *loads), "charge_points": (POINT,)}


@contextmanager
def planned_day(folder: Path) -> Iterator[Desk]:
    """Plan the day."""
    world = World(folder)
    desk = Desk(world)
    world.know_register(**register_of())
    desk.plan()
    yield desk
    desk.close()


class ExecutedDay:
    """The planned day, an hour after its end."""

    def __init__(self, desk: Desk) -> None:
        self.desk, self.store = desk, desk.world.store
        self.clock = desk.world.clock
        self.clock.jump_to(PERIOD.end + timedelta(hours=1))
        self.settings = desk.world.settings.model_copy(update={"execution": ExecutionSettings(alarm_kwh=20)})
        self.programs = desk.daemon.operators.programs.in_force(PERIOD)
        self.readings = ReadingIntake(self.store, self.settings, self.clock, lambda: None)
        self.keeper = ExecutionKeeper(self.store, self.settings, self.clock)
        with self.store.transaction() as tx:
            for table in (of_executions, of_sessions, of_dispatches, of_readings):
                tx.execute(table.delete())

    def kwh(self, resource: str) -> np.ndarray:
        return self.programs.of_resource(resource).power_kw * PERIOD.isp_hours

    def report(self, resource: str, kwh: np.ndarray, first: int = 0, at: float = 1000.0) -> None:
        """Report registers at the borders of ISPs, of what was consumed and produced from a border on."""
        borders = [*PERIOD.starts(), PERIOD.end][first : first + len(kwh) + 1]
        rows = []
        for quantity, part in (("imported_kwh", np.maximum(kwh, 0)), ("exported_kwh", np.maximum(-kwh, 0))):
            values = at + np.concatenate([[0.0], np.cumsum(part)])
            rows += [
                Reported(resource=resource, at=border, quantity=quantity, value=float(value))
                for border, value in zip(borders, values, strict=True)
            ]
        taken = self.readings.take(principal("back-end", "operator"), rows)
        assert taken.faults == ()

    def judge(self) -> int:
        return self.keeper.judge(PERIOD, self.clock.now())

    def found(self, resource: str) -> dict[int, tuple[Verdict, DeviationCause]]:
        with self.store.transaction() as tx:
            rows = executions.between(tx, PERIOD.start, PERIOD.end, {resource})
        return {PERIOD.isp_of(row.start) - 1: (row.verdict, row.cause) for row in rows}

    def accepted(self, kw: float, at: datetime, until: datetime = DEPARTURE) -> None:
        """Store a plan's limit as accepted at a time."""
        limit = Profile(
            start=at, unit="W", steps=(LimitStep(after_s=0, limit=int(kw * 1000)),),
            duration_s=int((until - at).total_seconds()),
        )  # fmt: skip
        with self.store.transaction() as tx:
            number = dispatches.queue(
                tx, charge_point="cp-1", road="r", station="CP1", action=Action.SET, purpose=Purpose.PLAN, slot=1,
                at=at, profile=limit, plan=1,
            )  # fmt: skip
            dispatches.sending(tx, number, at)
            dispatches.answered(tx, number, DispatchState.ACCEPTED, "", at)

    def stays(self, first: datetime = ARRIVAL, last: datetime = DEPARTURE) -> None:
        with self.store.transaction() as tx:
            charge_sessions.put(tx, ChargeSession(
                road="r", station="CP1", transaction="t", charge_point="cp-1", resource="car", began_at=first,
                ended_at=last, seen_at=last, state=SessionState.ENDED,
            ))  # fmt: skip
