"""Failures of parts at bad moments: dead workers, bugs, late CROs, crashes between two steps."""

import os
import signal
import time
from collections.abc import Callable, Iterator
from concurrent.futures.process import BrokenProcessPool
from datetime import timedelta
from pathlib import Path

import pytest

from agr.domain.plan import Plan, Reason, ReasonKind
from agr.messaging.portfolio_requests import PortfolioRequests
from agr.messaging.publish import OPEN, Publisher
from agr.operations.watchdog import shorten_pauses
from agr.planning.budget import Budget
from agr.planning.case import build
from agr.planning.pool import SolverPool
from agr.planning.progress import RoundProgress
from agr.planning.service import Planner
from agr.planning.solving import Solution
from agr.service import Service
from agr.settings import Planning
from agr.store import day, outbox, outbox_rows, plans, portfolio
from agr.store.plans import Sent
from models.case import Case
from tests.builders.case_inputs import inputs
from tests.builders.worlds import CONTRACT, NOW, PERIOD, POINT, World


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    made = World(tmp_path)
    made.know_register()
    made.know_points()
    yield made
    made.store.close()


def ask_until_the_pool_notices(solver: SolverPool) -> None:
    while True:
        solver._pool.submit(os.getpid).result(timeout=120)


def test_a_worker_that_died_while_idle_is_replaced_at_the_next_solve() -> None:
    solver = SolverPool(Planning(threads=1, method="reference"))
    try:
        os.kill(solver._pool.submit(os.getpid).result(timeout=120), signal.SIGKILL)
        with pytest.raises(BrokenProcessPool):
            ask_until_the_pool_notices(solver)
        assert solver.solve(build(inputs()).case).findings == ()
    finally:
        solver.close()


class Buggy(SolverPool):
    """Breaks on the first case, in a way nobody foresaw."""

    broken = False

    def solve(
        self, case: Case, reached: Callable[[RoundProgress], None] | None = None, budget: Budget | None = None
    ) -> Solution:
        if not self.broken:
            self.broken = True
            raise RuntimeError("a bug")
        return super().solve(case, reached, budget)


def test_a_bug_in_one_period_is_an_alarm_and_the_next_period_is_planned(world: World) -> None:
    other = PERIOD.next()
    world.know_register(other)
    world.know_points(other)
    solver, made = Buggy(Planning(threads=1, method="reference")), list[Plan]()
    planner = Planner(world.store, world.settings, world.clock, solver, made.append)
    with world.store.transaction() as tx:
        for period in (PERIOD, other):
            day.put_trigger(tx, period.day, Reason(kind=ReasonKind.FIRST_PLAN), NOW)
    planner.run_due()
    solver.close()
    assert [plan.period for plan in made] == [other]
    with world.store.transaction() as tx:
        kinds = {(a.kind, a.subject) for a in day.open_alarms(tx)}
        # No battery could keep a contract that covers the whole day: the plan that was made says so.
        assert kinds == {("plan failed", str(PERIOD)), ("reservation not covered", str(other))}
        assert day.open_triggers(tx) == []


@pytest.mark.parametrize("fate", ["failed", "unanswered", "rejected"])
def test_a_cro_is_asked_again_whatever_became_of_the_first_question(tmp_path: Path, fate: str) -> None:
    world = World(tmp_path)
    portfolio_requests = PortfolioRequests(world.store, world.settings, world.clock, world.participants)
    assert portfolio_requests.ask_portfolio(PERIOD) == 1
    with world.store.transaction() as tx:
        (question,) = outbox.requests(tx, "AGRPortfolioQuery", PERIOD.day)
        (queued,) = outbox.due(tx, world.clock.now())
        if fate == "failed":
            outbox.failed(tx, queued.id, "down")
        else:
            outbox.delivered(tx, queued.id, world.clock.now(), "")
        if fate == "rejected":
            outbox.answered(tx, question.message_id, world.clock.now(), "Rejected", "later")
            portfolio.set_answer(tx, PERIOD.day, "cro.example", "rejected", world.clock.now())
    assert portfolio_requests.ask_portfolio(PERIOD) == 0
    world.clock.jump_to(world.clock.now() + timedelta(minutes=11))
    assert portfolio_requests.ask_portfolio(PERIOD) == 1
    world.store.close()


def test_a_release_is_accepted_while_another_cro_is_late(world: World) -> None:
    with world.store.transaction() as tx:
        portfolio.set_answer(tx, PERIOD.day, "late-cro.example", "asked", NOW)
        portfolio.replace(tx, PERIOD.day, "cro.example", (), ("ean.2",))
    world.receive(world.dso.seal(world.dso.update()))
    assert world.replies()[0].get("Result") == "Accepted"


def test_an_older_update_that_was_retried_does_not_undo_a_newer_one(world: World) -> None:
    newer = world.dso.update('<ISP Power="0" Start="1" Duration="92"/>', TimeStamp="2026-03-28T06:05:00Z")
    older = world.dso.update(TimeStamp="2026-03-28T06:00:00Z")
    world.receive(world.dso.seal(newer))
    world.receive(world.dso.seal(older))
    with world.store.transaction() as tx:
        assert set(day.reservations_on(tx, PERIOD.day)[CONTRACT]) == {0}


def test_an_answer_counts_as_delivery_and_is_not_undone_by_a_failed_post(world: World) -> None:
    with world.store.transaction() as tx:
        outbox.put(
            tx, message_id="m", conversation_id="c", kind="D-Prognosis", recipient_domain="dso.example",
            recipient_role="DSO", xml=b"", at=NOW, period=PERIOD.day, subject=POINT,
        )  # fmt: skip
        plans.put_prognosis(tx, PERIOD.day, _sent("m", 1))
        (queued,) = outbox.due(tx, NOW)
        outbox.answered(tx, "m", NOW, "Accepted", None)
        plans.answer_prognosis(tx, "m", "accepted", None)
        assert outbox.due(tx, NOW) == []
        outbox.failed(tx, queued.id, "time-out")
        plans.answer_prognosis(tx, "m", "failed", "time-out")
        assert [s.state for s in plans.prognoses(tx, PERIOD.day)] == ["accepted"]
        assert outbox.asked(tx, "m").state == "delivered"  # type: ignore[union-attr]


def _sent(message_id: str, revision: int, state: str = "sent") -> Sent:
    return Sent(
        congestion_point=POINT, dso="dso.example", revision=revision, plan=1, message_id=message_id,
        power_w=(revision,) * 92, at=NOW, state=state, reason=None,
    )  # fmt: skip


def test_a_revision_that_was_superseded_unsent_does_not_count_as_what_the_dso_has(world: World) -> None:
    with world.store.transaction() as tx:
        outbox.put(
            tx, message_id="m1", conversation_id="c", kind="D-Prognosis", recipient_domain="dso.example",
            recipient_role="DSO", xml=b"", at=NOW, period=PERIOD.day, subject=POINT,
        )  # fmt: skip
        plans.put_prognosis(tx, PERIOD.day, _sent("m1", 1))
        outbox.supersede(tx, "D-Prognosis", PERIOD.day, POINT)
        plans.supersede_unsent(tx, PERIOD.day, POINT)
        assert [s.state for s in plans.prognoses(tx, PERIOD.day)] == ["superseded"]


def test_a_failed_prognosis_is_sent_anew_after_a_pause(world: World) -> None:
    solver = SolverPool(Planning(threads=1, method="reference"))
    planner = Planner(world.store, world.settings, world.clock, solver, lambda _plan: None)
    with world.store.transaction() as tx:
        day.put_trigger(tx, PERIOD.day, Reason(kind=ReasonKind.FIRST_PLAN), NOW)
        day.moment_done(tx, PERIOD.day, OPEN, NOW, "")
    planner.run_due()
    solver.close()
    publisher = Publisher(world.store, world.settings, world.clock, world.participants)
    assert publisher.publish(PERIOD) == 2
    with world.store.transaction() as tx:
        first = plans.prognoses(tx, PERIOD.day)[0]
        plans.answer_prognosis(tx, first.message_id, "failed", "403")
    assert publisher.publish(PERIOD) == 0
    world.clock.jump_to(world.clock.now() + timedelta(minutes=11))
    assert publisher.publish(PERIOD) == 1
    with world.store.transaction() as tx:
        assert plans.prognoses(tx, PERIOD.day)[-1].revision == 2


def test_messages_to_a_domain_with_two_roles_keep_one_order(world: World) -> None:
    with world.store.transaction() as tx:
        for number, role in enumerate(("CRO", "DSO")):
            outbox.put(
                tx, message_id=f"m{number}", conversation_id="c", kind="x", recipient_domain="both.example",
                recipient_role=role, xml=b"", at=NOW,
            )  # fmt: skip
        assert [m.message_id for m in outbox.due(tx, NOW)] == ["m0"]


def test_errors_of_the_store_never_show_what_was_written(world: World) -> None:
    with world.store.transaction() as tx:
        plans.put_prognosis(tx, PERIOD.day, _sent("m1", 1))
    with pytest.raises(Exception, match="UNIQUE") as caught, world.store.transaction() as tx:
        plans.put_prognosis(tx, PERIOD.day, _sent("m1", 1))
    assert POINT not in str(caught.value)


def test_a_daemon_started_after_the_clock_was_set_back_sends_what_would_else_wait_an_hour(tmp_path: Path) -> None:
    from agr.uftp.signing import KeyPair

    world = World(tmp_path)
    with world.store.transaction() as tx:
        outbox.put(
            tx, message_id="m", conversation_id="c", kind="x", recipient_domain="dso.example", recipient_role="DSO",
            xml=b"<x/>", at=world.clock.now() + timedelta(hours=1),
        )  # fmt: skip
        assert outbox.due(tx, world.clock.now() + timedelta(minutes=5)) == []
    KeyPair.generate().save(world.settings.key_file)
    with Service(world.settings.model_copy(update={"listen_port": 0}), world.clock) as daemon:
        assert daemon.port > 0
        daemon.watch()
        until = time.monotonic() + 60
        while not tried(world):
            assert time.monotonic() < until
            time.sleep(0.05)
    world.store.close()


@pytest.mark.parametrize(("set_back", "expected"), [(False, 3600), (True, 0)])
def test_a_start_keeps_a_pause_a_counterparty_asked_for_unless_the_clock_was_set_back(
    tmp_path: Path, set_back: bool, expected: float
) -> None:
    world, now = World(tmp_path), NOW
    with world.store.transaction() as tx:
        for number, at in enumerate((now - timedelta(hours=2), now - timedelta(minutes=5))):
            outbox.put(
                tx, message_id=f"m{number}", conversation_id="c", kind="x", recipient_domain="dso.example",
                recipient_role="DSO", xml=b"<x/>", at=at,
            )  # fmt: skip
        outbox.retry(tx, outbox.due(tx, now)[0].id, now + timedelta(hours=1), "HTTP 503, Retry-After: 3600")
        if set_back:  # an hour: this was noted when the first message had just been tried
            day.raise_alarm(tx, "delivery", "dso.example", "not delivered yet", now + timedelta(minutes=59))
        shorten_pauses(tx, now, world.settings)
        row = outbox_rows.row(tx, "m0")
        assert row is not None
        assert (row.next_attempt_at - now).total_seconds() == expected
    world.store.close()


def test_no_pause_outlasts_the_longest_there_can_be(tmp_path: Path) -> None:
    world, now = World(tmp_path), NOW
    with world.store.transaction() as tx:
        outbox.put(
            tx, message_id="m", conversation_id="c", kind="x", recipient_domain="d", recipient_role="DSO", xml=b"",
            at=now,
        )  # fmt: skip
        outbox.retry(tx, outbox.due(tx, now)[0].id, now + timedelta(hours=25), "")
        assert len(outbox.due(tx, now)) == 0
        shorten_pauses(tx, now, world.settings)
        assert len(outbox.due(tx, now)) == 1
    world.store.close()


def tried(world: World) -> bool:
    with world.store.transaction() as tx:
        row = outbox_rows.row(tx, "m")
        return row is not None and row.attempts > 0
