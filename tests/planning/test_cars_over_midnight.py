"""A car that stays over midnight is one session: the next day begins with what it will really hold, or without it."""

from dataclasses import replace
from datetime import timedelta

import pytest

from agr.domain.dispatch import SessionState
from agr.domain.kinds.ev_session import EvSession
from agr.domain.plan import ReasonKind
from agr.domain.reading import Reading
from agr.planning.difference import Solved
from agr.planning.plan_loader import load_solved
from agr.planning.pool import SolverPool
from agr.scenario.running import plans_of
from agr.settings import Rolling
from agr.store import charge_sessions, day, plans, readings, register
from agr.store.charge_sessions import ChargeSession
from tests.builders.small_scenarios import CONNECTION, DAY, at, hourly, small_scenario
from tests.builders.worlds import PERIOD, World
from tests.planning.test_rolling_plans import MINUTE, NEXT, Rolled, rolled
from tests.planning.test_rolling_plans import world as days_of_batteries

ARRIVAL = NEXT.start - timedelta(hours=4)
CAR = EvSession(
    resource="car", connection="ean.1", arrival=ARRIVAL, departure=NEXT.start + timedelta(hours=7), energy_kwh=40,
    charge_kw=8, charge_efficiency=1.0,
)  # fmt: skip
"""Its 40 kWh are cheapest after midnight, 20 instead of 120 EUR/MWh."""
world_of_batteries = days_of_batteries


@pytest.fixture
def world(world_of_batteries: World) -> World:
    with world_of_batteries.store.transaction() as tx:
        known = register.load(tx)
        register.replace(tx, replace(known, resources=(*known.resources, CAR)))
    return world_of_batteries


def both(world: World, solver: SolverPool) -> Rolled:
    """Return both days, planned."""
    made = rolled(world, solver, Rolling(every_minutes=720, deviation_kwh=5, session_kwh=5, next_day_kwh=1))
    with world.store.transaction() as tx:
        day.put_trigger(tx, NEXT.day, made.stage.made[0].reasons[0], world.clock.now())
    assert made.stage.planner.run_due() == 1
    return made


def solved(world: World, of: object) -> Solved:
    with world.store.transaction() as tx:
        number = plans.newest_audited(tx, of)  # type: ignore[arg-type]
        assert number is not None
        return load_solved(tx, number)


def test_tomorrow_begins_with_what_the_registers_of_tonight_say(world: World, solver: SolverPool) -> None:
    """Unsteered, it has taken 6 kWh by 22:00, where nothing was planned before midnight: 6 kWh then, 34 to come."""
    made = both(world, solver)
    assert "car" in solved(world, PERIOD.day).named.of("storage")
    assert "car" in solved(world, NEXT.day).named.of("storage")
    with world.store.transaction() as tx:
        rows = [
            Reading(resource="car", at=when, quantity="imported_kwh", value=value)
            for when, value in ((ARRIVAL, 500.0), (ARRIVAL + timedelta(hours=2), 506.0))
        ]
        readings.put(tx, rows, rows[-1].at, "test")
    found = made.at(ARRIVAL + timedelta(hours=2) + MINUTE)
    assert found[0] in (ReasonKind.ROLLING, ReasonKind.DEVIATION)
    assert found[-1] is ReasonKind.DAY_BEFORE
    after = solved(world, NEXT.day)
    place = after.named.of("storage").index("car")
    assert after.named.case.storage.energy_start_kwh[place] == pytest.approx(6.0, abs=1e-3)
    taken = after.outcome.programs.charge_kw[place].sum() * NEXT.isp_hours
    assert taken == pytest.approx(34.0, abs=1e-2)


def test_tomorrow_is_planned_without_a_car_that_has_left_tonight(world: World, solver: SolverPool) -> None:
    made = both(world, solver)
    gone = ARRIVAL + timedelta(hours=2)
    made.at(gone)  # a regular plan
    with world.store.transaction() as tx:
        ended = ChargeSession(
            road="csms", station="S", transaction="1", charge_point="pole", resource="car", began_at=ARRIVAL,
            ended_at=gone, seen_at=gone, state=SessionState.ENDED, first_register_wh=0.0, last_register_wh=0.0,
        )  # fmt: skip
        charge_sessions.put(tx, ended)
    assert made.at(gone + 6 * MINUTE) == [ReasonKind.SESSION]
    assert made.stage.made[-1].period == NEXT
    assert "car has left" in made.stage.made[-1].reasons[0].text
    assert "car" not in solved(world, NEXT.day).named.of("storage")
    assert made.at(gone + 20 * MINUTE) == []


def test_a_scenarios_next_day_begins_with_what_was_measured(solver: SolverPool) -> None:
    """5 EUR/MWh from 01:00 to 06:00, else 90: 40 kWh then. At 22:00 it holds 6 kWh: 34 are left, and 6 sold."""
    car = replace(CAR, connection=CONNECTION, arrival=at(20), departure=at(31), capacity_kwh=60)
    measured = [{"at": at(22).isoformat(), "resource": "car", "stored_kwh": 6.0}]
    scenario = small_scenario(
        car, prices=[hourly(90.0), hourly(90.0, (1, 6, 5.0)), hourly(90.0)], days=2, measurements=measured,
        planning={"rolling": {"deviation_kwh": 5, "next_day_kwh": 1}},
        markets={"intraday": {"depth_kw": 1000, "spread_eur_per_mwh": 2}},
    )  # fmt: skip
    steps = plans_of(scenario, scenario.description.periods(), solver)
    assert all(step.findings == () for step in steps)
    last = [step for step in steps if step.period.day != DAY][-1]
    assert last.solved.named.case.storage.energy_start_kwh[0] == pytest.approx(6.0, abs=1e-3)
    assert last.solved.outcome.programs.charge_kw.sum() / 4 == pytest.approx(34.0, abs=1e-2)
