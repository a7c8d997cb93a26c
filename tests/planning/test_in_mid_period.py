"""A plan made while its Period runs begins with what was measured by then; what has happened stays as planned."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path

import numpy as np
import pytest

from agr.domain.bid import DAY_AHEAD
from agr.domain.kinds.battery import Battery
from agr.domain.kinds.ev_session import EvSession
from agr.domain.kinds.kind import Resource
from agr.domain.plan import Plan, PlanState, Reason, ReasonKind
from agr.domain.reading import Reading
from agr.planning.difference import Solved
from agr.planning.plan_loader import load_solved
from agr.planning.pool import SolverPool
from agr.store import day, positions, readings, register
from tests.builders.worlds import PERIOD, World
from tests.planning.test_service import PlanningStage

MORNING = 24  # ISPs, from midnight on


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    """20 EUR/MWh in the morning, 120 after noon; the battery of 200 kWh ends the day with 100 kWh."""
    made = World(tmp_path)
    made.know_register(contracts=())
    made.know_points()
    yield made
    made.store.close()


def report(world: World, at: datetime, value: float, resource: str = "battery", quantity: str = "stored_kwh") -> None:
    with world.store.transaction() as tx:
        readings.put(tx, [Reading(resource=resource, at=at, quantity=quantity, value=value)], at, "test")


def planned(stage: PlanningStage) -> tuple[Plan, Solved]:
    with stage.world.store.transaction() as tx:
        day.put_trigger(tx, PERIOD.day, Reason(kind=ReasonKind.OPERATOR), stage.world.clock.now())
    assert stage.planner.run_due() == 1
    plan = stage.made[-1]
    assert plan.result.audit == ()
    assert plan.state is PlanState.AUDITED
    with stage.world.store.transaction() as tx:
        return plan, load_solved(tx, plan.id)


def begun(stage: PlanningStage) -> Solved:
    """Plan the day, and fix its day-ahead position."""
    plan, solved = planned(stage)
    with stage.world.store.transaction() as tx:
        positions.fix(tx, PERIOD.day, DAY_AHEAD, plan.positions.day_ahead_kw, stage.world.clock.now(), "test")
    return solved


def path_of(solved: Solved, resource: str = "battery") -> np.ndarray:
    place = solved.named.of("storage").index(resource)
    start = float(solved.named.case.storage.energy_start_kwh[place])
    return np.concatenate(([start], solved.outcome.programs.energy_kwh[place]))


def power_of(solved: Solved, resource: str = "battery") -> np.ndarray:
    place = solved.named.of("storage").index(resource)
    return solved.outcome.programs.charge_kw[place] - solved.outcome.programs.discharge_kw[place]


def test_the_rest_of_the_day_begins_with_what_the_battery_really_holds(world: World, solver: SolverPool) -> None:
    stage = PlanningStage(world, solver)
    before = begun(stage)
    at = PERIOD.start + MORNING * PERIOD.isp_length
    world.clock.jump_to(at + timedelta(minutes=2))
    held = path_of(before)[MORNING] - 40.0
    report(world, at, held)
    plan, after = planned(stage)
    assert path_of(after)[MORNING] == pytest.approx(held)
    assert power_of(after)[:MORNING] == pytest.approx(power_of(before)[:MORNING])
    assert path_of(after)[-1] >= 100.0 - 1e-6  # the evening's need is met from less
    (note,) = [n for n in plan.result.notes if "measured" in n]
    assert f"battery {held:,.1f} kWh, planned {held + 40:,.1f}, read 2 min before" in note


def test_a_plan_without_newer_measurements_changes_nothing(world: World, solver: SolverPool) -> None:
    """What was measured once stays known, also when it is too old to be called measured."""
    stage = PlanningStage(world, solver)
    first = begun(stage)
    at = PERIOD.start + MORNING * PERIOD.isp_length
    world.clock.jump_to(at + timedelta(minutes=2))
    report(world, at, path_of(first)[MORNING] - 40.0)
    _, before = planned(stage)
    world.clock.jump_to(at + timedelta(hours=3))
    plan, after = planned(stage)
    assert path_of(after) == pytest.approx(path_of(before))
    assert plan.change is not None
    assert plan.change.points == ()
    assert any("too old" in note for note in plan.result.notes)


def test_an_empty_battery_does_not_discharge_although_its_program_is_closed(world: World, solver: SolverPool) -> None:
    stage = PlanningStage(world, solver)
    before = begun(stage)
    first = int(np.flatnonzero(power_of(before) < -1.0)[0])  # it begins to sell
    assert (power_of(before)[first : first + 4] < -1.0).all()
    at = PERIOD.isp_start(first + 2)  # after an ISP of selling
    world.clock.jump_to(at + timedelta(minutes=2))
    report(world, at, 0.0)
    plan, after = planned(stage)
    assert power_of(after)[first] == pytest.approx(power_of(before)[first])
    assert power_of(after)[first + 2 : first + 4] == pytest.approx(0.0, abs=1e-6)
    assert path_of(after)[first + 2] == pytest.approx(0.0, abs=1e-3)
    assert plan.result.imbalance_mwh > 0  # what it had sold is missing now, and the plan says so
    assert any("1 store cannot run the program of closed ISPs: battery" in note for note in plan.result.notes)


def add(world: World, *resources: Resource) -> None:
    with world.store.transaction() as tx:
        known = register.load(tx)
    world.know_register(contracts=(), connections=known.connections, resources=(*known.resources, *resources))


def car(arrival_isp: int, *, hours: float, energy_kwh: float) -> EvSession:
    arrival = PERIOD.isp_start(arrival_isp)
    return EvSession(
        resource="car", connection="ean.1", arrival=arrival, departure=arrival + timedelta(hours=hours),
        energy_kwh=energy_kwh, charge_kw=11.0,
    )  # fmt: skip


def test_a_store_that_no_plan_knew_has_not_moved_before_it_was_known(world: World, solver: SolverPool) -> None:
    stage = PlanningStage(world, solver)
    begun(stage)
    world.clock.jump_to(PERIOD.start + 40 * PERIOD.isp_length)
    new = Battery(
        resource="new", connection="ean.2", charge_kw=50, discharge_kw=50, capacity_kwh=100, initial_kwh=50, end_kwh=50,
        charge_efficiency=1.0, discharge_efficiency=1.0, wear_eur_per_mwh=1,
    )  # fmt: skip
    add(world, new, car(31, hours=8, energy_kwh=30.0))
    _, after = planned(stage)
    assert power_of(after, "new")[:40] == pytest.approx(0.0)
    assert power_of(after, "car")[:40] == pytest.approx(0.0)
    assert path_of(after, "car")[-1] == pytest.approx(30.0)


def test_a_running_session_needs_what_its_register_has_not_counted_yet(world: World, solver: SolverPool) -> None:
    stage = PlanningStage(world, solver)
    add(world, car(31, hours=14, energy_kwh=30.0))
    begun(stage)
    at = PERIOD.isp_start(37)
    report(world, PERIOD.isp_start(31), 7000.0, "car", "imported_kwh")
    report(world, at, 7004.0, "car", "imported_kwh")
    world.clock.jump_to(at + timedelta(minutes=1))
    _, after = planned(stage)
    assert path_of(after, "car")[36] == pytest.approx(4.0)
    assert path_of(after, "car")[-1] == pytest.approx(30.0)
    assert power_of(after, "car")[36:].sum() * PERIOD.isp_hours == pytest.approx(26.0)
