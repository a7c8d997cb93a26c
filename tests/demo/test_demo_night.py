"""The demo's cars: which get a charge point, and how the night is told. The whole night is in the shipped days."""

from datetime import date, timedelta
from pathlib import Path

import pytest

from agr.demo.charging import CARS, Night, Yard
from agr.domain.isp import JumpingClock, Period
from agr.domain.kinds.ev_session import EvSession
from agr.domain.register import Connection, Register
from agr.store import register
from tests.builders.stores import migrated

PERIOD = Period(date(2026, 3, 29))
HOUR = timedelta(hours=1)


def session(name: str, kw: float, arrives: float = -2, leaves: float = 8) -> EvSession:
    return EvSession(
        resource=name, connection=f"ean.{name}", arrival=PERIOD.start + arrives * HOUR,
        departure=PERIOD.start + leaves * HOUR, energy_kwh=10, charge_kw=kw,
    )  # fmt: skip


@pytest.mark.parametrize("enough", [True, False])
def test_cars_that_stand_over_midnight_get_charge_points_that_fit_them(
    python: Path, tmp_path: Path, enough: bool
) -> None:
    cars = [session("a", 3.7), session("b", 11), session("c", 7.4), session("d", 11), session("e", 11, leaves=3)]
    cars = cars if enough else cars[1:]
    store = migrated(f"sqlite:///{tmp_path / 'agr.db'}")
    connections = tuple(Connection(address=car.connection, first_day=PERIOD.day) for car in cars)
    with store.transaction() as tx:
        register.replace(tx, Register(connections=connections, resources=tuple(cars)))
    yard = Yard(python, tmp_path, PERIOD, JumpingClock(PERIOD.start - 10 * HOUR), cars=True)
    try:
        yard.open(store)
        with store.transaction() as tx:
            known = register.load(tx)
        assert len(yard.roads()) == 1
    finally:
        yard.close()
        store.close()
    if not enough:
        assert known.charge_points == ()
        return
    assert len(known.charge_points) == CARS + 1
    at = {row.resource: row.charge_point for row in known.of(EvSession)}
    phases = {point.charge_point: point.phases for point in known.charge_points}
    assert at.pop("e") is None
    assert {car: phases[str(point)] for car, point in at.items()} == {"a": 1, "b": 3, "c": 3, "d": 3}
    assert {point.charge_point for point in known.charge_points} - set(at.values()) == {"pole-free"}


def test_without_cars_nothing_is_started(tmp_path: Path) -> None:
    yard = Yard(Path("no python"), tmp_path, PERIOD, JumpingClock(PERIOD.start), cars=False)
    yard.tell_time()
    assert yard.roads() == ()


def test_the_night_is_told_in_a_line() -> None:
    night = Night(
        charge_points=5, verdicts={"executed": 37, "deviated": 10}, causes={"absent": 10}, standings={"on track": 2},
        deviation_kwh=-8.84, settled_eur=0.37,
    )  # fmt: skip
    assert night.words() == (
        "5 charge points, ISPs 37 executed, 10 deviated (causes: absent 10); sessions: 2 on track; "
        "-8.8 kWh against the plan, +0.37 EUR at settlement prices"
    )
