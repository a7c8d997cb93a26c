"""Tomorrow's plan begins with what today's leaves at midnight: when that changes, tomorrow is planned again."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from agr.domain.errors import ConflictError, StoreError
from agr.domain.isp import Period
from agr.domain.plan import Plan, PlanState, Reason, ReasonKind
from agr.domain.register import Forecast
from agr.messaging.publish import Publisher
from agr.operations.accounts.roles import Principal
from agr.operations.actions import Actions
from agr.planning.midnight import left_by
from agr.planning.plan_loader import load_solved
from agr.planning.pool import SolverPool
from agr.store import day, plans, register
from agr.store.overrides import mark_unavailable
from tests.builders.worlds import PERIOD, World, prices
from tests.planning.test_one_transaction import disk_full_at
from tests.planning.test_service import PlanningStage

NEXT = PERIOD.next()
ANNA = Principal(name="anna", role="operator", allowed=frozenset(), via="session")


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    """Two days, 20 EUR/MWh in the mornings and 120 after noon; the battery of 200 kWh ends each day with 100 kWh."""
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


def ask(stage: PlanningStage, period: Period, *, preview: bool = False) -> None:
    with stage.world.store.transaction() as tx:
        day.put_trigger(
            tx, period.day, Reason(kind=ReasonKind.OPERATOR), stage.world.clock.now(), preview=preview
        )  # fmt: skip


def both_days(world: World, solver: SolverPool) -> PlanningStage:
    """Return a stage that has planned both days, each once."""
    stage = PlanningStage(world, solver)
    ask(stage, PERIOD)
    assert stage.planner.run_due() == 1
    ask(stage, NEXT)
    assert stage.planner.run_due() == 1
    assert stage.open_triggers() == 0
    return stage


def battery_fails_at_noon(world: World) -> None:
    with world.store.transaction() as tx:
        mark_unavailable(tx, "battery", PERIOD.day, PERIOD.day, PERIOD.isp_start(45), "anna", "test")


def start_kwh(world: World, plan: Plan) -> float:
    with world.store.transaction() as tx:
        return float(load_solved(tx, plan.id).named.case.storage.energy_start_kwh[0])


def left_kwh(world: World, plan: Plan) -> float:
    with world.store.transaction() as tx:
        return left_by(load_solved(tx, plan.id)).states["battery"]


def open_reasons(world: World) -> list[tuple[str, ReasonKind, str]]:
    with world.store.transaction() as tx:
        return [(str(t.period), t.reason.kind, t.reason.text) for t in day.open_triggers(tx)]


def test_a_plan_that_leaves_other_states_asks_for_the_next_day(world: World, solver: SolverPool) -> None:
    stage = both_days(world, solver)
    battery_fails_at_noon(world)
    ask(stage, PERIOD)
    assert stage.planner.run_due() == 1
    today = stage.made[-1]
    assert left_kwh(world, today) != pytest.approx(start_kwh(world, stage.made[1]))
    ((period, kind, text),) = open_reasons(world)
    assert (period, kind) == (str(NEXT.day), ReasonKind.DAY_BEFORE)
    assert f"plan {today.id} of {PERIOD}: otherwise left at midnight: battery 100 → " in text
    assert stage.planner.run_due() == 1
    assert stage.made[-1].period == NEXT
    assert start_kwh(world, stage.made[-1]) == pytest.approx(left_kwh(world, today))
    assert open_reasons(world) == []


def test_a_plan_that_leaves_the_same_asks_for_nothing(world: World, solver: SolverPool) -> None:
    stage = both_days(world, solver)
    ask(stage, PERIOD)
    assert stage.planner.run_due() == 1
    assert open_reasons(world) == []


def test_where_the_next_day_is_not_planned_yet_nothing_is_asked_for(world: World, solver: SolverPool) -> None:
    stage = PlanningStage(world, solver)
    ask(stage, PERIOD)
    assert stage.planner.run_due() == 1
    battery_fails_at_noon(world)
    ask(stage, PERIOD)
    assert stage.planner.run_due() == 1
    assert open_reasons(world) == []


def test_a_first_plan_of_today_that_comes_after_tomorrows_asks_for_it_again(world: World, solver: SolverPool) -> None:
    stage = PlanningStage(world, solver)
    for period in (NEXT, PERIOD):
        ask(stage, period)
        assert stage.planner.run_due() == 1
    assert [kind for _, kind, _ in open_reasons(world)] == [ReasonKind.DAY_BEFORE]


def test_plan_and_question_are_stored_together_or_not_at_all(world: World, solver: SolverPool) -> None:
    stage = both_days(world, solver)
    battery_fails_at_noon(world)
    ask(stage, PERIOD)
    with disk_full_at(world, "insert into triggers"), pytest.raises(StoreError):
        stage.planner.run_due()
    assert len(stage.made) == 2
    assert [kind for _, kind, _ in open_reasons(world)] == [ReasonKind.OPERATOR]


def operators(world: World, stage: PlanningStage) -> Actions:
    publisher = Publisher(world.store, world.settings, world.clock, world.participants)
    return Actions(
        world.store, world.settings, world.clock, publisher, world.participants, closed_isps=lambda _period: 0,
        nominate=lambda _period: 0, wake=lambda: None,
    )  # fmt: skip


def preview(world: World, stage: PlanningStage, period: Period) -> Plan:
    ask(stage, period, preview=True)
    assert stage.planner.run_due() == 1
    with world.store.transaction() as tx:
        shown = plans.history(tx, period.day)[-1]
    assert shown.state is PlanState.PREVIEW
    return shown


def test_a_preview_asks_for_the_next_day_when_it_comes_into_force(world: World, solver: SolverPool) -> None:
    stage = both_days(world, solver)
    battery_fails_at_noon(world)
    shown = preview(world, stage, PERIOD)
    assert open_reasons(world) == []
    operators(world, stage).send(ANNA, shown.id, "better")
    ((period, kind, text),) = open_reasons(world)
    assert (period, kind) == (str(NEXT.day), ReasonKind.DAY_BEFORE)
    assert f"plan {shown.id} of {PERIOD}: it came into force after " in text
    assert stage.planner.run_due() == 1
    assert start_kwh(world, stage.made[-1]) == pytest.approx(left_kwh(world, shown))


def test_a_preview_made_before_the_day_before_was_planned_again_is_refused(world: World, solver: SolverPool) -> None:
    stage = PlanningStage(world, solver)
    ask(stage, PERIOD)
    assert stage.planner.run_due() == 1
    shown = preview(world, stage, NEXT)
    ask(stage, PERIOD)
    assert stage.planner.run_due() == 1
    with pytest.raises(ConflictError, match=f"the plan of {PERIOD} has changed since this preview"):
        operators(world, stage).send(ANNA, shown.id, "better")
