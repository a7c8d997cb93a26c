"""A plan begins with what was measured in its stores, beside what was planned, unless that is too old."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path

import numpy as np
import pytest

from agr.domain.plan import PlanState
from agr.domain.reading import Reading
from agr.domain.register import Forecast
from agr.planning.plan_loader import load_solved
from agr.planning.pool import SolverPool
from agr.store import plans, readings, register
from tests.builders.worlds import NOW, PERIOD, World, prices
from tests.planning.test_service import PlanningStage

NEXT = PERIOD.next()


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    """Two days, dear afternoons; the battery of 200 kWh ends each day with 100 kWh at least."""
    made = World(tmp_path)
    made.know_register(contracts=())
    for period in (PERIOD, NEXT):
        made.know_points(period)
    flat = tuple([20.0] * NEXT.isp_count)
    with made.store.transaction() as tx:
        register.put_prices(tx, prices("day_ahead_forecast", NEXT))
        loads = [Forecast(resource=r, quantity="power_kw", period=NEXT, values=flat) for r in ("load-1", "load-2")]
        register.put_forecasts(tx, loads)
    yield made
    made.store.close()


def report(world: World, at: datetime, kwh: float) -> None:
    with world.store.transaction() as tx:
        reading = Reading(resource="battery", at=at, quantity="stored_kwh", value=kwh)
        readings.put(tx, [reading], at, "test")


def planned(stage: PlanningStage, period):
    """Plan a Period; return (what the battery begins with, its energy path, the notes)."""
    from tests.planning.test_day_before import ask

    ask(stage, period)
    assert stage.planner.run_due() == 1
    with stage.world.store.transaction() as tx:
        plan = plans.in_force(tx, period.day)
        solved = load_solved(tx, plan.id)
    assert plan.state is PlanState.AUDITED
    assert not plan.result.audit
    place = solved.named.of("storage").index("battery")
    start = float(solved.named.case.storage.energy_start_kwh[place])
    path = np.concatenate(([start], solved.outcome.programs.energy_kwh[place]))
    return start, path, [note for note in plan.result.notes if "measured" in note]


def test_tomorrow_begins_with_what_was_measured_today_and_what_is_still_planned(
    world: World, solver: SolverPool
) -> None:
    stage = PlanningStage(world, solver)
    _, path, notes = planned(stage, PERIOD)
    assert notes == []
    assert planned(stage, NEXT)[0] == pytest.approx(path[-1])
    noon = PERIOD.isp_start(45)
    world.clock.jump_to(noon + timedelta(minutes=10))
    report(world, noon, path[44] - 30.0)  # 30 kWh less than planned by then
    start, _, (note,) = planned(stage, NEXT)
    assert start == pytest.approx(path[-1] - 30.0)
    assert "1 store begins with what was measured: battery 70.0 kWh, planned 100.0, read 10 min before" in note


def test_what_is_too_old_counts_no_longer_and_is_noted(world: World, solver: SolverPool) -> None:
    stage = PlanningStage(world, solver)
    _, path, _ = planned(stage, PERIOD)
    noon = PERIOD.isp_start(45)
    report(world, noon, 5.0)
    world.clock.jump_to(noon + timedelta(hours=2))
    start, _, (note,) = planned(stage, NEXT)
    assert start == pytest.approx(path[-1])
    assert (
        "1 store begins as planned, because what was measured does not count: battery, read 120 min before: too old"
        in note
    )


def test_without_a_plan_of_the_day_before_only_a_reading_near_midnight_counts(world: World, solver: SolverPool) -> None:
    stage = PlanningStage(world, solver)
    report(world, NOW - timedelta(minutes=5), 33.0)
    start, _, (note,) = planned(stage, PERIOD)
    assert start == 100.0  # as entered
    assert "battery, read 5 min before: no plan of the day before says" in note
    world.clock.jump_to(PERIOD.start - timedelta(minutes=2))
    report(world, PERIOD.start - timedelta(minutes=10), 42.0)
    start, _, (note,) = planned(stage, PERIOD)
    assert start == 42.0
    assert "battery 42.0 kWh, as entered, read 8 min before" in note


def test_a_measurement_in_a_table_wins(world: World, solver: SolverPool) -> None:
    world.clock.jump_to(PERIOD.start - timedelta(minutes=2))
    report(world, PERIOD.start - timedelta(minutes=10), 42.0)
    flat = tuple([77.0] * PERIOD.isp_count)
    with world.store.transaction() as tx:
        register.put_forecasts(
            tx, [Forecast(resource="battery", quantity="stored_kwh", period=PERIOD, values=flat)]
        )  # fmt: skip
    start, _, notes = planned(PlanningStage(world, solver), PERIOD)
    assert start == 77.0
    assert notes == []


def test_a_running_day_is_planned_on_from_what_was_measured_at_its_start(world: World, solver: SolverPool) -> None:
    """Its first half is fixed, and would empty the battery below nothing."""
    stage = PlanningStage(world, solver)
    planned(stage, PERIOD)
    report(world, PERIOD.start - timedelta(minutes=5), 5.0)
    world.clock.jump_to(PERIOD.isp_start(60))
    start, path, (note,) = planned(stage, PERIOD)
    assert start == 5.0
    assert "battery 5.0 kWh, as entered, read 5 min before" in note
    assert path[-1] >= 100.0 - 1e-6  # what the customer needs at the end of the day


def test_the_newest_contents_are_the_same_whether_few_or_many_are_asked_for(world: World) -> None:
    first, last = PERIOD.isp_start(10), PERIOD.isp_start(20)
    report(world, first, 5.0)
    report(world, last, 6.0)
    with world.store.transaction() as tx:
        other = Reading(resource="elsewhere", at=last, quantity="stored_kwh", value=7.0)
        readings.put(tx, [other], last, "test")
        for names in (["battery"], ["battery", *(f"other-{i}" for i in range(6000))]):
            assert readings.newest_stored(tx, names, first, last) == {"battery": (last, 6.0)}
            assert readings.newest_stored(tx, names, first, first) == {"battery": (first, 5.0)}
