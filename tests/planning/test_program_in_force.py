"""Nothing worse than the program in force comes into force by itself, whatever way a search ended."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from agr.domain.errors import PlanError
from agr.domain.kinds.battery import Battery
from agr.domain.plan import Plan, PlanState, ReasonKind
from agr.domain.register import Forecast
from agr.messaging.publish import OPEN, Publisher
from agr.planning.alarms import alarms_of
from agr.planning.budget import Budget
from agr.planning.difference import Solved
from agr.planning.plan_loader import load_solved
from agr.planning.pool import SolverPool
from agr.planning.progress import RoundProgress
from agr.planning.solving import Solution
from agr.settings import Planning
from agr.store import day, plans, register
from agr.store.overrides import mark_unavailable
from models.audit import audit
from models.baseline import no_flexibility
from models.case import Case
from models.outcome import Outcome, Termination
from tests.builders.worlds import PERIOD, World, prices
from tests.planning.test_service import PlanningStage


class Hurried(SolverPool):
    """A worker that finds the unmanaged program only, once it is told to hurry, and says how its search ended."""

    ended: Termination | None = None
    bound_eur = float("inf")
    fails = False
    findings: tuple[str, ...] = ()

    def solve(
        self, case: Case, reached: Callable[[RoundProgress], None] | None = None, budget: Budget | None = None
    ) -> Solution:  # fmt: skip
        if self.fails:
            raise PlanError("the solve failed: told to")
        if self.ended is None:
            return super().solve(case, reached, budget)
        found = ended(no_flexibility(case), self.ended, self.bound_eur)
        return Solution(outcome=found, findings=audit(case, found) + self.findings, no_flexibility_eur=0.0)


def ended(outcome: Outcome, how: Termination, bound_eur: float) -> Outcome:
    return replace(outcome, termination=how, bound_eur=bound_eur, gap_eur=bound_eur - outcome.objective_eur)


@pytest.fixture(scope="module")
def worker() -> Iterator[Hurried]:
    made = Hurried(Planning(threads=1))
    yield made
    made.close()


@pytest.fixture
def solver(worker: Hurried) -> Hurried:
    worker.ended, worker.bound_eur, worker.fails, worker.findings = None, float("inf"), False, ()
    return worker


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    """A battery of 100 kW; nothing is reserved, and prices are 20 in the morning and 120 EUR/MWh then."""
    made = World(tmp_path)
    made.know_register(contracts=())
    made.know_points()
    yield made
    made.store.close()


def first_plan(world: World, solver: SolverPool) -> PlanningStage:
    stage = PlanningStage(world, solver)
    stage.ask()
    stage.planner.run_due()
    return stage


def again(stage: PlanningStage) -> Plan:
    """Ask for another plan, and return it."""
    stage.ask(ReasonKind.OPERATOR)
    assert stage.planner.run_due() == 1
    return stage.made[-1]


def open_alarms(world: World) -> dict[str, str]:
    with world.store.transaction() as tx:
        return {alarm.kind: alarm.text for alarm in day.open_alarms(tx)}


def solved(world: World, plan: Plan) -> Solved:
    with world.store.transaction() as tx:
        return load_solved(tx, plan.id)


@pytest.mark.parametrize("how", [Termination.TIME_LIMIT, Termination.NO_PROGRAM, Termination.GAP_OPEN])
def test_a_search_that_found_less_leaves_the_program_in_force_and_sends_nothing(
    world: World, solver: Hurried, how: Termination
) -> None:
    """In force: a cycle of 100 kWh and back is worth more than the battery's rest, which is what is found then."""
    stage = first_plan(world, solver)
    publisher = Publisher(world.store, world.settings, world.clock, world.participants)
    with world.store.transaction() as tx:
        day.moment_done(tx, PERIOD.day, OPEN, world.clock.now(), "test")
    assert publisher.publish(PERIOD) == 2
    solver.ended = how
    kept, before = again(stage), stage.made[0]
    assert kept.state is PlanState.AUDITED
    assert kept.points == before.points
    assert kept.result.objective_eur == pytest.approx(before.result.objective_eur)
    assert kept.against is not None
    assert (kept.against.plan, kept.against.kept) == (before.id, True)
    assert kept.against.loss_eur > 1
    assert kept.change is not None
    assert kept.change.points == ()
    assert f"the program of plan {before.id} stays in force" in kept.result.notes[0]
    assert f"{kept.against.loss_eur:,.2f} EUR less" in open_alarms(world)["plan kept"]
    assert audit(solved(world, kept).named.case, solved(world, kept).outcome) == ()
    assert publisher.publish(PERIOD) == 0
    solver.ended = None
    again(stage)
    assert "plan kept" not in open_alarms(world)


def test_new_prices_are_what_both_are_compared_at(world: World, solver: Hurried) -> None:
    """The prices turn over: what was bought cheaply in the morning is then bought at 120 and sold at 20 EUR/MWh.

    The program in force loses money, the battery's rest costs only what the loads need: the plan found comes into
    force, though its search ended at a time limit.
    """
    stage = first_plan(world, solver)
    with world.store.transaction() as tx:
        turned = [replace(price, value=140.0 - price.value) for price in prices("day_ahead_forecast", PERIOD)]
        register.put_prices(tx, tuple(turned))
    solver.ended = Termination.TIME_LIMIT
    found = again(stage)
    assert found.against is not None
    assert not found.against.kept
    assert not solved(world, found).outcome.programs.storage_kw.any()
    assert set(open_alarms(world)) == {"gap wide"}, "a better plan in force, of which nobody knows how good it is"


def test_a_difference_within_the_gap_is_no_alarm_and_still_sends_nothing(world: World, solver: Hurried) -> None:
    """The search proves that at most the value in force can be reached: it had ended within its tolerance."""
    stage = first_plan(world, solver)
    solver.ended, solver.bound_eur = Termination.OPTIMAL, stage.made[0].result.bound_eur + 0.01
    kept = again(stage)
    assert kept.points == stage.made[0].points
    assert kept.result.termination == "optimal"
    assert kept.result.bound_eur == pytest.approx(stage.made[0].result.bound_eur + 0.01)
    assert open_alarms(world) == {}


def test_a_proof_that_the_program_in_force_contradicts_is_not_believed(world: World, solver: Hurried) -> None:
    """The bound lies 1 EUR below what the program in force is worth: whatever is called optimal there is not."""
    stage = first_plan(world, solver)
    solver.ended, solver.bound_eur = Termination.OPTIMAL, stage.made[0].result.objective_eur - 1
    kept = again(stage)
    assert kept.points == stage.made[0].points
    assert kept.result.termination == "gap open"
    assert kept.result.proven_gap_eur is None
    assert set(open_alarms(world)) == {"plan kept", "gap wide"}, "what stays has no proof any more"


def test_a_program_that_became_impossible_gives_way_with_an_alarm_that_says_the_euros(
    world: World, solver: Hurried
) -> None:
    stage = first_plan(world, solver)
    with world.store.transaction() as tx:
        mark_unavailable(tx, "battery", PERIOD.day, PERIOD.day, PERIOD.start, "anna", "test")
    solver.ended = Termination.TIME_LIMIT
    made, before = again(stage), stage.made[0]
    assert made.against is not None
    assert (made.against.kept, made.against.left) == (False, ("battery",))
    loss = before.result.objective_eur - made.result.objective_eur
    assert loss > 1
    assert f"{loss:,.2f} EUR less" in open_alarms(world)["plan given up"]
    solver.ended = None
    again(stage)
    assert "plan given up" not in open_alarms(world)


def test_the_best_plan_there_is_still_says_what_was_given_up(world: World, solver: Hurried) -> None:
    """The search proves its plan; the battery's program is gone all the same, and the euros with it."""
    stage = first_plan(world, solver)
    with world.store.transaction() as tx:
        mark_unavailable(tx, "battery", PERIOD.day, PERIOD.day, PERIOD.start, "anna", "test")
    made = again(stage)
    assert made.result.termination == Termination.OPTIMAL.value
    assert made.against is not None
    assert f"{made.against.loss_eur:,.2f} EUR less" in open_alarms(world)["plan given up"]


def test_a_resource_that_is_new_has_given_no_program_up(world: World, solver: Hurried) -> None:
    """The loads take twice as much, so the new plan is worth less; a battery joins, which had no program to keep."""
    stage = first_plan(world, solver)
    with world.store.transaction() as tx:
        known = register.load(tx)
        joined = replace(known.of(Battery)[0], resource="another battery")
        register.replace(tx, replace(known, resources=(*known.resources, joined)))
        twice = tuple(40.0 for _ in range(PERIOD.isp_count))
        for load in ("load-1", "load-2"):
            more = Forecast(resource=load, quantity="power_kw", period=PERIOD, values=twice)
            register.put_forecasts(tx, [more])
    made = again(stage)
    assert made.result.objective_eur < stage.made[0].result.objective_eur - 1
    assert made.against is not None
    assert made.against.left == ()
    assert open_alarms(world) == {}


def test_a_plan_of_a_part_ends_no_alarm_about_the_whole(world: World, solver: Hurried) -> None:
    stage = first_plan(world, solver)
    solver.ended = Termination.TIME_LIMIT
    kept = again(stage)
    assert "plan kept" in {change.kind for change in alarms_of(kept)}
    part = replace(kept, part=True, against=None)
    assert not {"plan kept", "plan given up"} & {change.kind for change in alarms_of(part)}


def test_a_solve_that_fails_leaves_the_program_in_force_and_says_what_it_is_worth_now(
    world: World, solver: Hurried
) -> None:
    stage = first_plan(world, solver)
    solver.fails = True
    stage.ask(ReasonKind.OPERATOR)
    stage.planner.run_due()
    text = open_alarms(world)["plan failed"]
    worth = f"{stage.made[0].result.objective_eur:,.2f} EUR"
    assert f"the program of plan {stage.made[0].id} stays in force, worth {worth} under the new facts" in text
    with world.store.transaction() as tx:
        assert plans.newest_audited(tx, PERIOD.day) == stage.made[0].id


def test_a_preview_shows_what_was_found_and_its_operator_decides(world: World, solver: Hurried) -> None:
    stage = first_plan(world, solver)
    solver.ended = Termination.TIME_LIMIT
    with world.store.transaction() as tx:
        day.put_trigger(tx, PERIOD.day, stage.made[0].reasons[0], world.clock.now(), preview=True)
    assert stage.planner.run_due() == 1
    with world.store.transaction() as tx:
        shown = plans.history(tx, PERIOD.day)[-1]
    assert shown.state is PlanState.PREVIEW
    assert shown.result.objective_eur < stage.made[0].result.objective_eur
    assert "plan kept" not in {change.kind for change in alarms_of(shown)}
    more = f"{stage.made[0].result.objective_eur - shown.result.objective_eur:,.2f} EUR more than this plan"
    assert (
        f"(plan {stage.made[0].id}) is worth {stage.made[0].result.objective_eur:,.2f} EUR, {more}"
        in (shown.result.notes[0])
    )


def test_a_last_resort_that_breaks_a_rule_of_its_units_leaves_the_program_in_force(
    world: World, solver: Hurried
) -> None:
    """As with 200 cars that all need a minimum power: the unmanaged program is no plan that could be run."""
    stage = first_plan(world, solver)
    solver.ended, solver.findings = Termination.NO_PROGRAM, ("storage 3, ISP 20: charges below its minimum by 2 kW",)
    kept = again(stage)
    assert kept.state is PlanState.AUDITED
    assert kept.points == stage.made[0].points
    assert kept.result.audit == ()
    assert "nothing else was found that may be run" in open_alarms(world)["plan kept"]


def test_a_plan_that_is_as_good_comes_into_force_silently(world: World, solver: Hurried) -> None:
    stage = first_plan(world, solver)
    made = again(stage)
    assert made.against is not None
    assert made.against.worth_eur == pytest.approx(made.result.objective_eur)
    assert not made.against.kept
    assert made.result.notes == stage.made[0].result.notes
    assert open_alarms(world) == {}
