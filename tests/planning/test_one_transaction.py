"""A plan, its alarms and the answers to its triggers are stored together or not at all."""

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import pytest
import sqlalchemy as sa

from agr.domain.errors import PlanError, StoreError
from agr.domain.plan import Reason, ReasonKind
from agr.messaging.publish import Publisher
from agr.operations.accounts.roles import Principal
from agr.operations.actions import Actions
from agr.planning.budget import Budget
from agr.planning.pool import SolverPool
from agr.planning.progress import RoundProgress
from agr.planning.solving import Solution
from agr.settings import Planning
from agr.store import day, plans
from models.case import Case
from tests.builders.worlds import PERIOD, World
from tests.planning.test_service import PlanningStage

OLGA = Principal(name="olga", role="operator", allowed=frozenset(), via="session")


class Answering(SolverPool):
    """A worker with findings of its own, or with none of its answers."""

    findings: tuple[str, ...] = ()
    fails = False

    def solve(
        self, case: Case, reached: Callable[[RoundProgress], None] | None = None, budget: Budget | None = None
    ) -> Solution:  # fmt: skip
        if self.fails:
            raise PlanError("told to")
        return replace(super().solve(case, reached, budget), findings=self.findings)


@pytest.fixture(scope="module")
def solver() -> Iterator[Answering]:
    made = Answering(Planning(threads=1))
    yield made
    made.close()


@contextmanager
def disk_full_at(world: World, beginning: str) -> Iterator[None]:
    """Let the store fail at every statement that begins like this."""

    def fail(_connection: Any, _cursor: Any, statement: str, *_more: Any) -> None:
        if statement.lower().startswith(beginning):
            raise sa.exc.OperationalError(statement, None, sqlite3.OperationalError("database or disk is full"))

    sa.event.listen(world.store._engine, "before_cursor_execute", fail)
    try:
        yield
    finally:
        sa.event.remove(world.store._engine, "before_cursor_execute", fail)


def stored(world: World) -> tuple[int, list[str], int]:
    """Return how many plans there are, which alarms are open, and how many triggers are."""
    with world.store.transaction() as tx:
        alarms = sorted(alarm.kind for alarm in day.open_alarms(tx))
        return len(plans.history(tx, PERIOD.day)), alarms, len(day.open_triggers(tx))


@pytest.mark.parametrize("statement", ["insert into plans", "update triggers", "insert into alarms"])
def test_a_store_that_fails_in_the_middle_keeps_neither_plan_nor_alarms(
    world: World, solver: Answering, statement: str
) -> None:
    stage = PlanningStage(world, solver)
    with world.store.transaction() as tx:
        day.raise_alarm(tx, "plan failed", str(PERIOD), "the one before", world.clock.now())
    stage.ask()
    with disk_full_at(world, statement), pytest.raises(StoreError, match="disk is full"):
        stage.planner.run_due()
    assert stored(world) == (0, ["plan failed"], 1)
    assert stage.made == []
    assert stage.planner.run_due() == 1
    assert stored(world) == (1, ["reservation not covered"], 0)


def test_a_failed_audit_is_an_alarm_from_the_same_transaction(world: World, solver: Answering) -> None:
    stage = PlanningStage(world, solver)
    stage.ask()
    solver.findings = ("a finding",)
    try:
        with disk_full_at(world, "insert into alarms"), pytest.raises(StoreError):
            stage.planner.run_due()
        assert stored(world) == (0, [], 1)
        stage.planner.run_due()
    finally:
        solver.findings = ()
    assert stored(world) == (1, ["audit failed"], 0)


def test_triggers_without_a_plan_are_answered_together_with_their_alarm(world: World, solver: Answering) -> None:
    stage = PlanningStage(world, solver)
    stage.ask()
    solver.fails = True
    try:
        with disk_full_at(world, "insert into alarms"), pytest.raises(StoreError):
            stage.planner.run_due()
        assert stored(world) == (0, [], 1)
        stage.planner.run_due()
    finally:
        solver.fails = False
    assert stored(world) == (0, ["plan failed"], 0)


def test_publication_opens_with_the_plan_that_knows_the_results(world: World, solver: Answering) -> None:
    stage = PlanningStage(world, solver)
    stage.ask()
    stage.planner.run_due()
    with world.store.transaction() as tx:
        assert day.PUBLICATION_OPEN not in day.done_moments(tx, PERIOD.day)
    stage.ask(ReasonKind.RESULTS)
    stage.planner.run_due()
    with world.store.transaction() as tx:
        assert day.done_moments(tx, PERIOD.day)[day.PUBLICATION_OPEN] == "market results planned"


def test_no_plan_is_told_until_one_is_in_force(world: World, solver: Answering) -> None:
    stage = PlanningStage(world, solver)
    with world.store.transaction() as tx:
        day.raise_alarm(tx, "no plan", str(PERIOD), "nothing can be sent", world.clock.now())
    solver.findings = ("a finding",)
    try:
        stage.ask()
        stage.planner.run_due()
    finally:
        solver.findings = ()
    assert stored(world)[1] == ["audit failed", "no plan"]
    stage.ask()
    stage.planner.run_due()
    assert stored(world)[1] == ["reservation not covered"]


def test_a_preview_is_judged_when_it_comes_into_force(world: World, solver: Answering) -> None:
    stage = PlanningStage(world, solver)
    with world.store.transaction() as tx:
        reason = Reason(kind=ReasonKind.OPERATOR, text="what if")
        day.put_trigger(tx, PERIOD.day, reason, world.clock.now(), preview=True)
    stage.planner.run_due()
    assert stored(world)[1] == []
    publisher = Publisher(world.store, world.settings, world.clock, world.participants)
    actions = Actions(
        world.store, world.settings, world.clock, publisher, world.participants,
        closed_isps=stage.planner.closed_isps, nominate=lambda _period: 0, wake=lambda: None,
    )  # fmt: skip
    actions.send(OLGA, 1, "it is better")
    assert stored(world)[1] == ["reservation not covered"]


def test_a_rejected_prognosis_that_is_sent_again_is_stored_before_anybody_is_woken(
    world: World, solver: Answering
) -> None:
    stage = PlanningStage(world, solver)
    stage.ask()
    stage.planner.run_due()
    publisher = Publisher(world.store, world.settings, world.clock, world.participants)
    with world.store.transaction() as tx:
        day.moment_done(tx, PERIOD.day, day.PUBLICATION_OPEN, world.clock.now(), "market results planned")
    assert publisher.publish(PERIOD) == 2
    with world.store.transaction() as tx:
        rejected = plans.prognoses(tx, PERIOD.day)[0]
        plans.answer_prognosis(tx, rejected.message_id, "rejected", "register under repair")
    seen: list[int] = []

    def wake() -> None:
        with world.store.transaction() as tx:
            seen.extend(sent.revision for sent in plans.prognoses_of(tx, PERIOD.day, rejected.congestion_point))

    actions = Actions(
        world.store, world.settings, world.clock, publisher, world.participants,
        closed_isps=stage.planner.closed_isps, nominate=lambda _period: 0, wake=wake,
    )  # fmt: skip
    actions.resend(OLGA, rejected.message_id, "the DSO has mended its register")
    assert seen == [1, 2]
