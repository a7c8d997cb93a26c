"""The whole small day of 92 ISPs: query, plans, prognoses, half of a reservation released, revisions."""

import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from lxml import etree

from agr.domain.plan import Plan, PlanState, ReasonKind
from agr.messaging.publish import OPEN
from agr.planning.explanation import changed_isps, headline, revisions, standing
from agr.planning.plan_loader import load_solved
from agr.planning.pool import SolverPool
from agr.scenario.description import describe
from agr.settings import Planning
from models.outcome import Termination
from tests.day import heard
from tests.day.market import OURS, Market
from tests.day.parties import Parties
from tests.models.builders import make, storage

pytestmark = pytest.mark.day

SCENARIO = Path(__file__).parents[2] / "scenarios" / "small-dst-day"
CONTRACT, RELEASED = "FO-north-grid-1", "ea1.2024-01.example.north-grid:cp-002"
FIRST_ISP, LAST_ISP = 69, 84  # 18:00 to 22:00 on a day that skips 02:00 to 03:00: 4·18 − 4 + 1 to 4·22 − 4
NORTH = "north-grid.example"


@pytest.fixture(scope="module")
def known() -> dict:
    """What the CRO was told to know."""
    return json.loads((SCENARIO / "cro.json").read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def whole(parties: Parties, known: dict, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Market]:
    """The day, driven to its prognosis gate."""
    scenario = describe(SCENARIO)
    folder = tmp_path_factory.mktemp("small-day")
    with Market(
        parties, folder, scenario.of, tables=SCENARIO / "tables", config=known, markets=scenario.markets
    ) as market:
        market.reach(OPEN)
        market.jump(scenario.events[0].at)
        half_w = 200_000  # of 400 kW
        isps: list[Any] = [{"start": FIRST_ISP, "duration": LAST_ISP - FIRST_ISP + 1, "power": -half_w}]
        market.parties.north.send(
            "release", domain=OURS, contract=CONTRACT, period="2026-03-29", congestion_point=RELEASED, isps=isps
        )
        market.settle()
        market.reach("prognosis_gate")
        yield market


def before_and_after(market: Market) -> tuple[Plan, Plan]:
    plans = market.plans()
    return plans[-2], plans[-1]


def test_the_cro_is_asked_once_for_the_period_in_our_zone(whole):
    queries = whole.received(whole.parties.cro, "AGRPortfolioQuery")
    assert [(q.fields["period"], etree.fromstring(q.xml.encode()).get("TimeZone")) for q in queries] == [
        ("2026-03-29", "Europe/Amsterdam")
    ]


def test_each_step_makes_one_plan_with_its_reason_and_all_pass_the_audit(whole):
    made = whole.plans()
    assert [[r.kind for r in p.reasons] for p in made] == [
        [ReasonKind.FIRST_PLAN], [ReasonKind.RESULTS], [ReasonKind.RESERVATION]
    ]  # fmt: skip
    assert [(p.state, p.result.audit) for p in made] == [(PlanState.AUDITED, ())] * 3


def test_every_congestion_point_gets_revision_1_before_the_update(whole, known):
    first = [p for p in whole.prognoses() if p.revision == 1]
    assert sorted(p.point for p in first) == sorted(p["address"] for p in known["congestion_points"])


def test_every_prognosis_goes_to_the_dso_the_cro_named(whole, known):
    named = {p["address"]: p["dso"] for p in known["congestion_points"]}
    assert {(p.point, p.dso) for p in whole.prognoses()} == set(named.items())


def test_every_prognosis_has_all_92_isps(whole):
    assert {len(p.power_w) for p in whole.prognoses()} == {92}
    assert {p.period for p in whole.prognoses()} == {"2026-03-29"}


def test_only_points_whose_program_changed_get_revision_2(whole):
    before, after = ({p.address: p.power_w for p in plan.points} for plan in before_and_after(whole))
    changed = {address for address in after if after[address] != before[address]}
    second = [p for p in whole.prognoses() if p.revision == 2]
    assert sorted(p.point for p in second) == sorted(changed)
    assert RELEASED in changed
    assert len(whole.prognoses()) == 3 + len(changed)


def test_no_revision_repeats_the_one_before(whole):
    for point in {p.point for p in whole.prognoses()}:
        received = sorted(whole.revisions(point), key=lambda p: p.revision)
        assert all(a.power_w != b.power_w for a, b in pairwise(received))


def test_the_last_prognosis_of_each_point_is_the_plan_in_force_to_the_watt(whole):
    newest = {p.point: p.power_w for p in sorted(whole.prognoses(), key=lambda p: p.revision)}
    assert newest == {p.address: p.power_w for p in whole.in_force().points}


def test_every_revision_is_accepted(whole):
    assert [(s.state, s.reason) for s in whole.sent()] == [("accepted", None)] * len(whole.prognoses())
    assert {s.message_id for s in whole.sent()} == {p.message_id for p in whole.prognoses()}


def test_each_prognosis_opens_a_conversation_that_its_answer_keeps(whole):
    asked = {p.message_id: p.conversation_id for p in whole.prognoses()}
    assert len(set(asked.values())) == len(asked)
    answers = [
        etree.fromstring(event.xml.encode())
        for dso in (whole.parties.north, whole.parties.south)
        for event in dso.events
        if event.kind == "sent" and event.type == "D-PrognosisResponse"
    ]
    answered = {a.get("D-PrognosisMessageID"): a.get("ConversationID") for a in answers}
    assert asked.items() <= answered.items()


def test_the_dso_receives_that_its_update_is_accepted_in_its_own_conversation(whole):
    update = next(
        e for e in reversed(whole.parties.north.events) if e.kind == "sent" and e.type == "FlexReservationUpdate"
    )
    (answer,) = whole.received(whole.parties.north, "FlexReservationUpdateResponse")
    root = etree.fromstring(answer.xml.encode())
    assert root.get("Result") == "Accepted"
    assert root.get("FlexReservationUpdateMessageID") == update.message_id
    assert root.get("ConversationID") == update.conversation_id
    assert (root.get("SenderDomain"), root.get("RecipientDomain")) == (OURS, NORTH)
    assert whole.received(whole.parties.south, "FlexReservationUpdateResponse") == []


def test_the_day_ends_without_alarms(whole):
    assert whole.alarms() == {}


def test_every_message_that_left_us_satisfies_the_published_schemas(whole):
    assert {e.type for e in whole.left_us()} == {"AGRPortfolioQuery", "D-Prognosis", "FlexReservationUpdateResponse"}
    assert heard.faults_of(whole.left_us()) == []


def test_no_message_carries_an_identifier_twice(whole):
    identifiers = [e.message_id or e.text("message_id") for e in whole.left_us()]
    assert len(set(identifiers)) == len(identifiers)


def test_the_plan_names_the_released_reservation_for_each_changed_isp_it_covers(whole):
    plan = whole.in_force()
    (changed,) = [p for p in plan.change.points if p.address == RELEASED]
    inside = [c for c in changed.isps if FIRST_ISP <= c.isp <= LAST_ISP]
    assert inside, "releasing half of the reservation changed nothing in its window"
    for one in inside:
        assert any(c.what == f"reservation {CONTRACT} went from -400.0 to -200.0 kW" for c in one.causes)
    outside = [c for c in changed.isps if c not in inside]
    assert not any("went from" in cause.what for c in outside for cause in c.causes)


def test_the_plan_explains_an_isp_that_changed_and_one_that_did_not(whole):
    plan = whole.in_force()
    assert "reservation update" in headline(plan)
    (changed,) = [p for p in plan.change.points if p.address == RELEASED]
    one = next(c for c in changed.isps if any("went from" in cause.what for cause in c.causes))
    (line,) = changed_isps(plan, RELEASED, one.isp)
    assert (line.before_w, line.after_w) == (one.before_w, one.after_w)
    assert any(why.startswith(f"reservation {CONTRACT} went from -400.0 to -200.0 kW") for why in line.why)
    with whole.daemon.store.transaction() as tx:
        solved = load_solved(tx, plan.id)
    still = next(i for i in range(1, 93) if i not in {c.isp for c in changed.isps})
    assert changed_isps(plan, RELEASED, still) == []
    kept = standing(plan, solved, RELEASED, still)
    program = next(p.power_w for p in plan.points if p.address == RELEASED)
    assert kept.after_w == program[still - 1]
    assert "energy price" in kept.why[-1]
    assert len(revisions(whole.sent(), RELEASED)) == 2


def test_two_plans_at_once_in_two_processes_finish(whole):
    """In threads of one process two concurrent solves hang; see agr/planning/pool.py."""
    both = before_and_after(whole)
    with whole.daemon.store.transaction() as tx:
        cases = [load_solved(tx, plan.id).named.case for plan in both]
    few = make(4, storage(4, charge_kw=10, high=8, low=[0, 0, 0, 8]), price=[40, 40, 20, 20])
    expected, gaps = [p.result.objective_eur for p in both], [p.result.gap_eur for p in both]
    solver = SolverPool(Planning(workers=2, threads=1, time_limit_s=240))
    try:
        with ThreadPoolExecutor(2) as threads:
            answers = list(threads.map(solver.solve, [few, few, *cases, few, few]))
    finally:
        solver.close()
    assert [a.findings for a in answers] == [()] * 6
    assert all(a.outcome.termination is Termination.OPTIMAL for a in answers)
    assert [answers[i].outcome.objective_eur for i in (0, 1, 4, 5)] == pytest.approx([-0.16] * 4)  # 8 kWh at 20
    for answer, value, gap in zip(answers[2:4], expected, gaps, strict=True):
        assert answer.outcome.objective_eur == pytest.approx(value, abs=gap + answer.outcome.gap_eur + 1e-6)
