"""A FlexReservationUpdate in a large portfolio: only its congestion point is replanned, with a proven bound."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import time, timedelta
from pathlib import Path

import numpy as np
import pytest
import structlog

from agr.domain.errors import PlanError
from agr.domain.kinds.battery import Battery
from agr.domain.plan import Plan, PlanState, ReasonKind
from agr.messaging.publish import OPEN, Publisher
from agr.planning.plan_loader import load_solved, load_stored
from agr.planning.pool import SolverPool
from agr.planning.service import Planner
from agr.planning.solving import Solution
from agr.scenario.replaying import replay
from agr.settings import Planning
from agr.store import day, positions, register
from models.audit import audit
from models.baseline import no_flexibility
from models.case import Case
from models.outcome import Termination
from tests.builders.remembered import Remembering
from tests.builders.worlds import CONTRACT, PERIOD, POINT, World, prices
from tests.planning.test_service import PlanningStage

GAP = 0.2  # of gross cost: so small a portfolio is lumpy, and what is tested is the way, not the gap


@pytest.fixture(scope="module")
def solver() -> Iterator[Remembering]:
    made = SolverPool(Planning(threads=1, method="decomposition", decomposed_gap=GAP))
    yield Remembering(made)
    made.close()


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    """Return a world whose contract covers two dear hours of the evening, decomposed although it is small."""
    made = World(tmp_path)
    planning = Planning(threads=1, method="decomposition", decomposed_gap=GAP, join_triggers_s=0.0)
    made.settings = made.settings.model_copy(update={"planning": planning})
    made.know_register()
    with made.store.transaction() as tx:
        known = register.load(tx)
        (contract,) = known.contracts
        other = replace(known.of(Battery)[0], resource="other battery", connection="ean.2")
        made_again = replace(contract, window_start=time(18), window_end=time(20), power_w=-40_000)
        register.replace(tx, replace(known, contracts=(made_again,), resources=(*known.resources, other)))
        evening_eur = 300.0  # so dear that the battery would empty itself then, and the contract holds it back
        dear = prices("day_ahead_forecast", PERIOD)[17:19]  # from 18:00, on the day that has no hour from two to three
        register.put_prices(tx, [replace(price, value=evening_eur) for price in dear])
    made.know_points()
    yield made
    made.store.close()


def first_plan(world: World, solver: SolverPool) -> PlanningStage:
    stage = PlanningStage(world, solver)
    stage.ask()
    assert stage.planner.run_due() == 1
    assert stage.made[0].state is PlanState.AUDITED
    return stage


def update(world: World, power_w: int) -> None:
    """Receive a real FlexReservationUpdate for the evening."""
    start, count = 69, 8  # 18:00 on the short day of 92 ISPs
    body = world.dso.seal(world.dso.update(f'<ISP Power="{power_w}" Start="{start}" Duration="{count}"/>'))
    assert world.receive(body) == 200


def stored(world: World, plan: Plan, read=load_stored):  # type: ignore[no-untyped-def]
    with world.store.transaction() as tx:
        return read(tx, plan.id)


def test_only_the_congestion_point_of_the_update_is_planned_again(world: World, solver: SolverPool) -> None:
    stage = first_plan(world, solver)
    update(world, -20_000)
    assert stage.planner.run_due() == 1
    before, after = stage.made
    assert after.state is PlanState.AUDITED
    assert after.predecessor == before.id
    part = stored(world, after)
    assert part.named.case.remainder is not None
    assert part.named.case.points == (POINT,)
    assert part.named.of("storage") == ("battery",)
    assert audit(part.named.case, part.outcome) == ()
    whole = stored(world, after, load_solved)
    assert audit(whole.named.case, whole.outcome) == ()
    assert whole.named.of("storage") == ("battery", "other battery")
    assert whole.named.case.reservations.reserved_kw.min() == -20.0
    assert after.result.objective_eur == pytest.approx(sum(after.result.terms_eur.values()))
    assert after.result.gap_eur <= GAP * after.result.gross_cost_eur
    assert after.result.no_flexibility_eur == before.result.no_flexibility_eur
    assert {p.address: p.power_w for p in after.points if p.address != POINT} == {
        p.address: p.power_w for p in before.points if p.address != POINT
    }
    assert [p.address for p in after.points] == [p.address for p in before.points]


def test_the_plan_is_announced_as_the_next_revision_of_that_point_only(world: World, solver: SolverPool) -> None:
    stage = first_plan(world, solver)
    publisher = Publisher(world.store, world.settings, world.clock, world.participants)
    with world.store.transaction() as tx:
        day.moment_done(tx, PERIOD.day, OPEN, world.clock.now(), "test")
    assert publisher.publish(PERIOD) == 2
    update(world, 0)
    stage.planner.run_due()
    part = stored(world, stage.made[-1])
    assert part.named.case.remainder is not None
    assert part.named.case.anchor is not None  # leaving what was announced costs
    moved = [p.address for p in stage.made[-1].change.points] if stage.made[-1].change else []
    assert moved == [POINT]
    assert publisher.publish(PERIOD) == 1
    whole = stored(world, stage.made[-1], load_solved)
    assert audit(whole.named.case, whole.outcome) == ()


def test_updates_one_after_another_each_begin_where_the_last_one_ended(world: World, solver: SolverPool) -> None:
    stage = first_plan(world, solver)
    for power_w in (-30_000, 0, -10_000):  # released in full, and then reserved again
        world.clock.jump_to(world.clock.now() + timedelta(minutes=1))
        update(world, power_w)
        assert stage.planner.run_due() == 1
        made = stage.made[-1]
        assert made.part
        whole = stored(world, made, load_solved)
        assert audit(whole.named.case, whole.outcome) == ()
        assert whole.outcome.objective_eur == pytest.approx(made.result.objective_eur)
        reserved = whole.named.case.reservations.reserved_kw
        assert reserved.min(initial=0.0) == power_w / 1000
    assert stored(world, stage.made[-1], load_solved).named.case.reservations.name == (CONTRACT,)


def test_after_a_restart_the_part_is_planned_from_the_store(world: World, solver: SolverPool) -> None:
    first_plan(world, solver)
    update(world, -20_000)
    restarted = PlanningStage(world, solver)
    assert restarted.planner.run_due() == 1
    assert restarted.made[0].part


def test_a_restarted_planner_recalls_the_plan_while_it_has_nothing_to_do(world: World, solver: SolverPool) -> None:
    """Then an update is answered at once, without waiting for others to join."""
    first_plan(world, solver)
    world.settings = world.settings.model_copy(
        update={"planning": world.settings.planning.model_copy(update={"join_triggers_s": 600.0})}
    )
    update(world, -20_000)
    assert PlanningStage(world, solver).planner.run_due() == 0  # it waits
    with world.store.transaction() as tx:
        day.close_triggers(tx, [t.id for t in day.open_triggers(tx)], None, "test")
    restarted = PlanningStage(world, solver)
    assert restarted.planner.run_due() == 0
    world.clock.jump_to(world.clock.now() + timedelta(minutes=1))
    update(world, -10_000)
    assert restarted.planner.run_due() == 1


def test_what_else_has_changed_makes_it_the_whole_portfolio(world: World, solver: SolverPool) -> None:
    stage = first_plan(world, solver)
    update(world, -20_000)
    with world.store.transaction() as tx:
        positions.fix(tx, PERIOD.day, "day-ahead", (0.0,) * PERIOD.isp_count, world.clock.now(), "test")
    assert stage.planner.run_due() == 1
    assert not stage.made[-1].part


def test_an_operators_wish_is_answered_by_the_whole_portfolio(world: World, solver: SolverPool) -> None:
    stage = first_plan(world, solver)
    update(world, -20_000)
    stage.ask(ReasonKind.OPERATOR)
    assert stage.planner.run_due() == 1
    assert not stage.made[-1].part


class Wide(SolverPool):
    """A worker whose parts prove too little."""

    def solve_part(self, before: Case, case: Case) -> Solution:
        found = super().solve_part(before, case)
        return replace(found, outcome=replace(found.outcome, termination=Termination.GAP_OPEN))


def test_a_gap_that_becomes_too_wide_makes_it_the_whole_portfolio(world: World, solver: SolverPool) -> None:
    stage = first_plan(world, solver)
    update(world, -20_000)
    wide = Wide(world.settings.planning)
    try:
        planner = Planner(world.store, world.settings, world.clock, wide, stage.made.append)
        with structlog.testing.capture_logs() as logs:
            assert planner.run_due() == 1
    finally:
        wide.close()
    assert "plan.part_not_enough" in [line["event"] for line in logs]
    assert not stage.made[-1].part


class Worse(SolverPool):
    """A worker that finds the unmanaged program of a part, and calls it optimal."""

    def solve_part(self, before: Case, case: Case) -> Solution:
        found = super().solve_part(before, case)
        worse = no_flexibility(case)
        called_optimal = replace(
            worse, termination=Termination.OPTIMAL, bound_eur=worse.objective_eur, gap_eur=0.0,
            duals=found.outcome.duals,
        )  # fmt: skip
        return replace(found, outcome=called_optimal)


def test_a_part_that_is_worth_less_than_the_program_in_force_makes_it_the_whole_portfolio(
    world: World, solver: SolverPool
) -> None:
    stage = first_plan(world, solver)
    update(world, -20_000)
    worse = Worse(world.settings.planning)
    try:
        planner = Planner(world.store, world.settings, world.clock, worse, stage.made.append)
        with structlog.testing.capture_logs() as logs:
            assert planner.run_due() == 1
    finally:
        worse.close()
    (refused,) = [line for line in logs if line["event"] == "plan.part_failed"]
    assert refused["why"].startswith("the program in force is worth ")
    assert not stage.made[-1].part
    assert stage.made[-1].state is PlanState.AUDITED


class Lost(SolverPool):
    """A worker that fails on parts."""

    def solve_part(self, before: Case, case: Case) -> Solution:
        raise PlanError("told to")


def test_a_part_that_fails_makes_it_the_whole_portfolio(world: World, solver: SolverPool) -> None:
    stage = first_plan(world, solver)
    update(world, -20_000)
    lost = Lost(world.settings.planning)
    try:
        assert Planner(world.store, world.settings, world.clock, lost, stage.made.append).run_due() == 1
    finally:
        lost.close()
    assert len(stage.made) == 2
    assert not stage.made[-1].part
    assert stage.alarms() == []


def test_an_update_that_changes_nothing_is_answered(world: World, solver: SolverPool) -> None:
    stage = first_plan(world, solver)
    update(world, -40_000)
    assert stage.planner.run_due() == 1
    assert stage.open_triggers() == 0


def test_a_part_is_replayed_exactly(world: World, solver: Remembering) -> None:
    stage = first_plan(world, solver)
    update(world, -20_000)
    stage.planner.run_due()
    again = replay(world.store, world.settings, stage.made[-1].id, solver.real.solve)
    assert again.exact, again.remark
    assert np.isfinite(again.rerun.outcome["steps"][-1]["objective_eur"])
