"""Planning runs against a real store and a real worker: reasons, failures, holding back, and no lost triggers."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

import numpy as np
import pytest

from agr.domain.kinds.switched_load import SwitchedLoad
from agr.domain.plan import Plan, PlanState, Reason, ReasonKind
from agr.planning.budget import Budget
from agr.planning.midnight import left_by
from agr.planning.plan_loader import load_solved
from agr.planning.pool import SolverPool
from agr.planning.progress import RoundProgress
from agr.planning.service import Planner
from agr.planning.solving import Solution
from agr.settings import Planning
from agr.store import day, plans, register
from models.case import Case
from tests.builders.worlds import PERIOD, World, prices


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    made = World(tmp_path)
    made.know_register()
    yield made
    made.store.close()


class PlanningStage:
    """A planner that notes its plans."""

    def __init__(self, world: World, solver: SolverPool) -> None:
        self.world, self.made = world, list[Plan]()
        self.planner = Planner(world.store, world.settings, world.clock, solver, self.made.append)

    def ask(self, kind: ReasonKind = ReasonKind.FIRST_PLAN, text: str = "") -> None:
        with self.world.store.transaction() as tx:
            day.put_trigger(tx, PERIOD.day, Reason(kind=kind, text=text), self.world.clock.now())

    def open_triggers(self) -> int:
        with self.world.store.transaction() as tx:
            return len(day.open_triggers(tx))

    def alarms(self) -> list[str]:
        with self.world.store.transaction() as tx:
            # This world's contract covers the whole day: no battery could keep it, and every plan says so.
            return [a.text for a in day.open_alarms(tx) if a.kind != "reservation not covered"]


def test_a_plan_waits_until_a_cro_has_answered(world: World, solver: SolverPool) -> None:
    stage = PlanningStage(world, solver)
    stage.ask()
    assert stage.planner.run_due() == 0
    assert stage.open_triggers() == 1
    world.know_points()
    assert stage.planner.run_due() == 1
    assert stage.open_triggers() == 0
    assert stage.made[0].state is PlanState.AUDITED


def test_several_triggers_are_one_plan_with_all_their_reasons(world: World, solver: SolverPool) -> None:
    world.know_points()
    stage = PlanningStage(world, solver)
    stage.ask(ReasonKind.FIRST_PLAN)
    stage.ask(ReasonKind.RESERVATION, "half released")
    assert stage.planner.run_due() == 1
    assert [str(r) for r in stage.made[0].reasons] == ["first plan", "reservation update: half released"]


class Interrupted:
    """A clock during whose first reading another trigger arrives, a moment later than what is read."""

    def __init__(self, world: World) -> None:
        self.world, self.arrived = world, False

    def now(self) -> datetime:
        read = self.world.clock.now()
        if not self.arrived:
            self.arrived = True
            with self.world.store.transaction() as tx:
                reason = Reason(kind=ReasonKind.RESERVATION, text="half released")
                day.put_trigger(tx, PERIOD.day, reason, read + timedelta(milliseconds=5))
        return read

    def real(self, instant: datetime) -> datetime:
        return self.world.clock.real(instant)


def test_a_trigger_that_arrives_during_the_reading_still_waits_for_others(world: World, solver: SolverPool) -> None:
    world.know_points()
    settings = world.settings.model_copy(update={"planning": Planning(threads=1, join_triggers_s=600)})
    planner = Planner(world.store, settings, Interrupted(world), solver, lambda _plan: None)
    assert planner.run_due() == 0
    with world.store.transaction() as tx:
        assert len(day.open_triggers(tx)) == 1


def test_who_asks_by_hand_waits_for_nobody_who_asked_just_before(world: World, solver: SolverPool) -> None:
    world.know_points()
    settings = world.settings.model_copy(update={"planning": Planning(threads=1, join_triggers_s=600)})
    planner = Planner(world.store, settings, world.clock, solver, lambda _plan: None)
    now = world.clock.now()
    with world.store.transaction() as tx:
        day.put_trigger(tx, PERIOD.day, Reason(kind=ReasonKind.FORECAST, text="tables imported"), now)
        day.put_trigger(tx, PERIOD.day, Reason(kind=ReasonKind.OPERATOR, text="asked for"), now - timedelta(hours=1))
    assert planner.run_due() == 1
    with world.store.transaction() as tx:
        assert day.open_triggers(tx) == []


def test_the_battery_earns_the_price_difference_worked_out_by_hand(world: World, solver: SolverPool) -> None:
    """The battery fills from 100 to 200 kWh at 20 EUR/MWh and empties to 0 at 120; wear 5 EUR/MWh, 95 % each way.

    Bought: up to 100 kWh stored in the cheap half needs 100/0.95 kWh; sold in the dear half: 200·0.95 kWh; then
    100 kWh are bought back for the end of the day, at 120 (the dear half is the second): 100/0.95 kWh. The contract
    reserves 100 kW all day: each ISP must be able to consume 100 kW less than prognosed.
    """
    world.know_points()
    with world.store.transaction() as tx:
        day.put_reservation(tx, "FO-1", PERIOD.day, (0,) * PERIOD.isp_count, "released", world.clock.now())
    stage = PlanningStage(world, solver)
    stage.ask()
    stage.planner.run_due()
    terms = stage.made[0].result.terms_eur
    load_mwh = 2 * 20 * 23 / 1000
    load_eur = load_mwh * (20 * 12 + 120 * 11) / 23
    bought, sold = 100 / 0.95 / 1000, 100 * 0.95 / 1000
    assert terms["day-ahead"] + terms["intraday"] == pytest.approx(-load_eur - bought * 20 + sold * 120, abs=1e-4)
    assert terms["wear"] == pytest.approx(-5 * (bought + sold), abs=1e-6)


def test_without_prices_the_plan_fails_in_words_and_recovers_when_they_come(world: World, solver: SolverPool) -> None:
    world.know_points()
    world.know_register(prices=())
    with world.store.transaction() as tx:
        tx.exec_driver_sql("delete from prices")
    stage = PlanningStage(world, solver)
    stage.ask()
    stage.planner.run_due()
    assert stage.made == []
    assert "no day-ahead price" in stage.alarms()[0]
    with world.store.transaction() as tx:
        register.put_prices(tx, prices("day_ahead_forecast", PERIOD))
    stage.ask(ReasonKind.FORECAST)
    stage.planner.run_due()
    assert stage.alarms() == []


def test_forecasts_of_an_earlier_day_stand_in_and_are_noted(world: World, solver: SolverPool) -> None:
    world.know_register(PERIOD.previous())
    world.know_points()
    with world.store.transaction() as tx:
        tx.exec_driver_sql("delete from forecasts where period = '2026-03-29'")
        register.put_prices(tx, prices("day_ahead_forecast", PERIOD))
    stage = PlanningStage(world, solver)
    stage.ask()
    stage.planner.run_due()
    assert any("stand in for missing ones" in note for note in stage.made[0].result.notes)


def test_yesterdays_congestion_points_are_used_only_where_the_settings_allow_it(
    world: World, solver: SolverPool
) -> None:
    world.know_points(PERIOD.previous())
    with world.store.transaction() as tx:
        day.moment_done(tx, PERIOD.day, "portfolio_last_call", world.clock.now(), "1 CRO late")
    strict = PlanningStage(world, solver)
    strict.ask()
    assert strict.planner.run_due() == 0
    allowed = Planning(stale_portfolio="use yesterday", join_triggers_s=0, threads=1)
    world.settings = world.settings.model_copy(update={"planning": allowed})
    stage = PlanningStage(world, solver)
    assert stage.planner.run_due() == 1
    assert any("not valid for this Period" in note for note in stage.made[0].result.notes)


def test_triggers_of_a_period_that_is_over_are_closed(world: World, solver: SolverPool) -> None:
    stage = PlanningStage(world, solver)
    stage.ask()
    world.clock.jump_to(PERIOD.end + timedelta(hours=1))
    assert stage.planner.run_due() == 0
    assert stage.open_triggers() == 0


class Broken(SolverPool):
    """A worker that answers wrongly."""

    def __init__(self, findings: tuple[str, ...]) -> None:
        super().__init__(Planning(threads=1))
        self.findings = findings

    def solve(
        self, case: Case, reached: Callable[[RoundProgress], None] | None = None, budget: Budget | None = None
    ) -> Solution:  # fmt: skip
        return replace(super().solve(case, reached, budget), findings=self.findings)


def test_a_plan_that_fails_its_audit_is_stored_but_never_in_force(world: World, solver: SolverPool) -> None:
    world.know_points()
    good = PlanningStage(world, solver)
    good.ask()
    good.planner.run_due()
    broken = Broken(("a finding",))
    stage = PlanningStage(world, broken)
    stage.ask(ReasonKind.OPERATOR)
    stage.planner.run_due()
    broken.close()
    assert stage.made[0].state is PlanState.FAILED
    assert stage.alarms() == ["a finding"]
    with world.store.transaction() as tx:
        in_force = plans.in_force(tx, PERIOD.day)
    assert in_force is not None
    assert in_force.id == good.made[0].id


def test_a_switched_load_comes_from_the_store_and_keeps_what_it_did_in_closed_isps(
    world: World, solver: SolverPool
) -> None:
    load = SwitchedLoad(
        resource="boiler", connection="ean.871685900012636543", power_kw=3.0, needs="00:00-24:00 6-8",
        min_run_minutes=60, min_rest_minutes=30,
    )  # fmt: skip
    with world.store.transaction() as tx:
        known = register.load(tx)
        register.replace(
            tx, replace(known, resources=(*known.resources, replace(load, connection=known.connections[0].address)))
        )
    world.know_points()
    stage = PlanningStage(world, solver)
    stage.ask()
    assert stage.planner.run_due() == 1
    world.clock.jump_to(PERIOD.start + timedelta(hours=12))
    stage.ask(ReasonKind.OPERATOR)
    assert stage.planner.run_due() == 1
    with world.store.transaction() as tx:
        before, after = (load_solved(tx, plan.id) for plan in stage.made)
    closed = stage.planner.closed_isps(PERIOD)
    assert closed > 40
    assert before.named.of("switched") == after.named.of("switched") == ("boiler",)
    assert (after.outcome.programs.switched_on == before.outcome.programs.switched_on)[0, :closed].all()
    assert 24 <= after.outcome.programs.switched_on.sum() <= 32
    assert not np.isnan(after.named.case.switched.pinned_on[0, :closed]).any()
    assert left_by(after).states["boiler"] != 0
