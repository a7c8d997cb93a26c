"""Alarms end by themselves once their cause is gone."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from agr.domain.errors import InputError
from agr.domain.plan import Reason, ReasonKind
from agr.domain.register import Connection
from agr.messaging.portfolio_requests import PortfolioRequests
from agr.planning.plan_loader import load_solved
from agr.planning.pool import SolverPool
from agr.planning.service import Planner
from agr.settings import Planning
from agr.store import day, inbox, outbox, plans
from tests.builders.worlds import NOW, OTHER_POINT, PERIOD, POINT, World


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    made = World(tmp_path)
    made.know_register()
    yield made
    made.store.close()


def alarms(world: World) -> list[str]:
    with world.store.transaction() as tx:
        return [alarm.kind for alarm in day.open_alarms(tx)]


def ask(world: World, kind: str = "AGRPortfolioQuery") -> tuple[str, str]:
    """Ask the CRO and return MessageID and ConversationID of the question."""
    enquirer = PortfolioRequests(world.store, world.settings, world.clock, world.participants)
    if kind == "AGRPortfolioQuery":
        enquirer.ask_portfolio(PERIOD)
    else:
        enquirer.register_connections((Connection(address=ONE, first_day=PERIOD.day),))
    with world.store.transaction() as tx:
        (queued,) = [m for m in outbox.due(tx, world.clock.now()) if m.type == kind]
        asked = outbox.asked(tx, queued.message_id)
        outbox.delivered(tx, queued.id, NOW, "")
        day_answer = asked.conversation_id if asked else ""
    return queued.message_id, day_answer


def points(*claims: tuple[str, str]) -> str:
    inner = "".join(
        f'<CongestionPoint EntityAddress="{point}" MutexOffersSupported="false" DayAheadRedispatchBy="AGR">'
        f'<Connection EntityAddress="{connection}"/></CongestionPoint>'
        for point, connection in claims
    )
    return f'<DSO-View><DSO-Portfolio DSO-Domain="dso.example">{inner}</DSO-Portfolio></DSO-View>'


ONE, TWO = "ean.871685900012636543", "ean.871685900012636550"


def answer(
    world: World, inner: str, question: tuple[str, str], root: str = "AGRPortfolioQueryResponse", **more: str
) -> int:
    values = {"Result": "Accepted"} | more
    if root == "AGRPortfolioQueryResponse":
        values |= {"TimeZone": "Europe/Amsterdam", "Period": str(PERIOD)}
    reference = root.removesuffix("Response") + "MessageID"
    xml = world.cro.message(root, inner, **{reference: question[0]}, **values)
    ours = xml[xml.index("ConversationID") :].split('"')[1]
    return world.receive(world.cro.seal(xml.replace(ours, question[1])))


def test_a_portfolio_conflict_ends_with_a_list_without_conflict(world: World) -> None:
    question = ask(world)
    answer(world, points((POINT, ONE), (OTHER_POINT, ONE)), question)
    assert alarms(world) == ["portfolio conflict"]
    answer(world, points((POINT, ONE), (OTHER_POINT, TWO)), question)
    assert alarms(world) == []


def test_a_refused_answer_is_forgotten_with_the_senders_next_good_one(world: World) -> None:
    question = ask(world)
    answer(world, points((POINT, ONE)), ("22222222-2222-4222-8222-222222222222", question[1]))
    assert alarms(world) == ["answer refused"]
    answer(world, points((POINT, ONE)), question)
    assert alarms(world) == []


def test_rejected_connections_end_as_an_alarm_when_they_are_accepted(world: World) -> None:
    name = "AGRPortfolioUpdateResponse"
    answer(world, "", ask(world, "AGRPortfolioUpdate"), name, Result="Rejected", RejectionReason="no")
    assert alarms(world) == ["connections rejected"]
    answer(world, "", ask(world, "AGRPortfolioUpdate"), name)
    assert alarms(world) == []


def test_a_message_set_aside_is_tried_again_at_the_next_start(world: World) -> None:
    world.know_points()
    world.receiver.receive(world.dso.seal(world.dso.update()))
    with world.store.transaction() as tx:
        waiting = inbox.next_received(tx)
        assert waiting is not None
        inbox.finish(tx, waiting.id, "failed", "RuntimeError")
        day.raise_alarm(tx, "message set aside", waiting.message_id, "broke", NOW)
    assert not world.processor.process_next()
    assert world.processor.take_up_again() == 1
    assert world.processor.process_next()
    assert alarms(world) == []
    assert len(world.replies()) == 1


def test_programs_of_resources_are_deleted_after_their_own_time_and_the_summary_stays(world: World) -> None:
    world.know_points()
    solver = SolverPool(Planning(threads=1, method="reference"))
    planner = Planner(world.store, world.settings, world.clock, solver, lambda _plan: None)
    with world.store.transaction() as tx:
        day.put_trigger(tx, PERIOD.day, Reason(kind=ReasonKind.FIRST_PLAN), NOW)
    planner.run_due()
    solver.close()
    with world.store.transaction() as tx:
        (plan,) = plans.history(tx, PERIOD.day)
        assert plans.forget_programs(tx, PERIOD.day) == 0
        assert load_solved(tx, plan.id).named.of("storage") == ("battery",)
        assert plans.forget_programs(tx, PERIOD.next().day) == 1
        assert plans.history(tx, PERIOD.day) == [plan]
        with pytest.raises(InputError, match="personal_days"):
            load_solved(tx, plan.id)
