"""Cars that nobody planned, and that say nothing, are fixed loads of the plans of a running day; figures as by hand."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import date, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest

from agr.dispatch.unplanned import behind, name_of
from agr.domain.charge_point import ChargePoint
from agr.domain.dispatch import Action, DispatchState, LimitStep, Profile, Purpose, SessionState
from agr.domain.kinds.ev_session import EvSession
from agr.domain.register import Connection, ConnectionLimit, Register
from agr.domain.visit import Visit
from agr.messaging.publish import Publisher
from agr.nomination.split import power_of
from agr.operations.dispatching.facts import facts_of
from agr.operations.plan_cache import PlanCache
from agr.operations.resource_programs import ProgramCache, programs_of
from agr.planning.case import Inputs, Previous, build
from agr.planning.case_audit import audit_case
from agr.planning.plan_loader import load_solved
from agr.planning.pool import SolverPool
from agr.planning.stored_plans import StoredInputs
from agr.planning.unplanned_cars import as_they_draw, visits_of
from agr.store import charge_sessions, day, dispatches, plans, positions, register
from agr.store.charge_sessions import ChargeSession
from models.method import Method, solve
from tests.builders import worlds
from tests.builders.case_inputs import PERIOD, at, inputs
from tests.builders.worlds import POINT, World
from tests.planning.test_service import PlanningStage

ISPS = PERIOD.isp_count
POLE = ChargePoint(
    charge_point="pole", connection="ean.1", road="r", station="S", max_kw=11.0, protocol="2.0.1", fallback_kw=4.0
)  # fmt: skip
LIMITS = np.where(np.arange(ISPS) < 48, 6.0, 4.0)  # 12:00: then the fallback
CAR = Visit(
    resource=name_of("pole", at(10, 6)), connection="a", began=at(10, 6), until=None, limit_kw=LIMITS, wants_kwh=None
)  # fmt: skip


def drawn(made: Inputs, visit: Visit) -> np.ndarray:
    """Return what the plan has of a car; both audits agree with it, and find it where it is another."""
    now = as_they_draw(made, [visit], [])
    assert made.register.resources == ()  # it needs no row
    named = build(now)
    assert audit_case(now, named) == ()
    power = named.case.fixed.program_kw
    if not len(power):
        return np.zeros(ISPS)
    for other in (power + 0.01, np.roll(power, 1, axis=1)):
        wrong = replace(named, case=replace(named.case, fixed=replace(named.case.fixed, program_kw=other)))
        wanted = replace(now, forecasts=dict.fromkeys(now.forecasts, other[0]))
        assert any(visit.resource in words for words in audit_case(wanted, wrong))
    outcome = solve(named.case, method=Method.REFERENCE)
    assert outcome.total_kw == pytest.approx(power[0])
    return np.asarray(power[0])


def test_it_takes_what_the_charge_point_gives_from_when_it_came_until_the_day_ends() -> None:
    power = drawn(inputs(), CAR)
    assert power[:40].tolist() == [0.0] * 40
    assert power[40] == pytest.approx(6.0 * 9 / 15)  # it came 6 minutes after the ISP began
    assert power[41:48] == pytest.approx(6.0)
    assert power[48:] == pytest.approx(4.0)


def test_it_is_gone_when_it_leaves_and_takes_no_more_than_it_wants() -> None:
    """From 10:45 on, 1.5 kWh in an ISP: 7 kWh last for four of them and two thirds of the fifth."""
    began = inputs(past_isps=43, closed_isps=45)
    power = drawn(began, replace(CAR, wants_kwh=7.0))
    assert power[43:47] == pytest.approx(6.0)
    assert power[47] == pytest.approx(4.0)
    assert power[48:].tolist() == [0.0] * (ISPS - 48)
    assert power[:43].tolist() == [0.0] * 43  # over, and no plan knew it
    left = drawn(began, replace(CAR, until=at(11, 10)))
    assert left[44] == pytest.approx(6.0 * 10 / 15)
    assert left[45:].tolist() == [0.0] * (ISPS - 45)


def test_closed_isps_keep_what_the_plan_in_force_has_until_the_car_has_left() -> None:
    before = Previous(programs_kw={CAR.resource: np.where(np.arange(ISPS) >= 41, 5.0, 0.0)})
    began = inputs(past_isps=43, closed_isps=50, previous=before)
    power = drawn(began, replace(CAR, wants_kwh=10.0))
    assert power[41:50] == pytest.approx(5.0)
    assert power[50] == pytest.approx(4.0)  # 8.75 of 10 kWh by then: 1.25 kWh are left
    assert power[51] == pytest.approx(1.0)
    left = drawn(began, replace(CAR, until=at(11, 45)))
    assert left[41:47] == pytest.approx(5.0)
    assert left[47:].tolist() == [0.0] * (ISPS - 47)


def test_the_audit_misses_a_car_that_is_left_out() -> None:
    now = as_they_draw(inputs(), [CAR], notes := [])
    assert notes == [f"1 car that nobody planned, planned with what the charge points give: {CAR.resource}"]
    without = replace(now, register=inputs().register, forecasts={})
    assert audit_case(without, build(without)) == (f"case, {CAR.resource}: a car that nobody planned is missing",)


def session(**more: object) -> ChargeSession:
    found = ChargeSession(
        road="r", station="S", transaction="1", charge_point="pole", resource=None, began_at=at(10, 6), ended_at=None,
        seen_at=at(10, 30), state=SessionState.CHARGING, needed_wh=20_000.0, first_register_wh=1000.0,
        last_register_wh=4000.0,
    )  # fmt: skip
    return replace(found, **more)  # type: ignore[arg-type]


def seen(*sessions: ChargeSession, cars: tuple[EvSession, ...] = ()) -> list[Visit]:
    tables = Register(resources=cars, charge_points=(POLE,))
    return list(visits_of(tables, sessions, {}, PERIOD, at(11)))


def test_one_car_at_a_time_is_at_a_charge_point_and_one_that_pauses_takes_nothing() -> None:
    [visit] = seen(session())
    assert (visit.until, visit.wants_kwh, visit.connection) == (None, 17.0, "ean.1")
    assert visit.limit_kw == pytest.approx(11.0)  # the point has accepted nothing, not even a fallback
    comes = EvSession(
        resource="car", connection="ean.1", arrival=at(17), departure=at(20), energy_kwh=5, charge_kw=11
    )  # fmt: skip
    assert [one.until for one in seen(session(), cars=(comes,))] == [at(17)]
    assert [one.until for one in seen(session(), cars=(replace(comes, arrival=at(9)),))] == [None]
    assert [one.until for one in seen(session(departure=at(15)))] == [at(15)]
    assert [one.until for one in seen(session(departure=at(10, 59)))] == [None]  # it is still there
    assert [one.until for one in seen(session(ended_at=at(10, 50)))] == [at(10, 50)]
    next_one = session(transaction="2", began_at=at(10, 40), resource="car")
    assert [one.until for one in seen(session(), next_one)] == [at(10, 40)]
    [pausing] = seen(session(state=SessionState.CAR_PAUSES))
    assert not pausing.limit_kw.any()
    assert seen(session(charge_point="elsewhere"), session(resource="car")) == []


def test_names_lead_to_connections() -> None:
    long = replace(POLE, charge_point="x" * 255)
    names = [name_of("pole", at(10)), name_of(long.charge_point, at(10)), "unplanned pole", "load", "pole " + "1" * 20]
    assert behind(names, [POLE, long]) == {names[0]: "ean.1", names[1]: "ean.1"}
    assert behind(names, []) == {}


# --- a running day ----------------------------------------------------------------------------------------------------

BEGAN = worlds.PERIOD.isp_start(21)


def fallback(world: World, kw: float, when: datetime) -> None:
    """Let the charge point have accepted a fallback."""
    profile = Profile(start=when, unit="W", steps=(LimitStep(after_s=0, limit=int(kw * 1000)),), duration_s=None)
    with world.store.transaction() as tx:
        number = dispatches.queue(
            tx, charge_point="pole", road="r", station="S", action=Action.SET, purpose=Purpose.FALLBACK, slot=0,
            at=when, profile=profile,
        )  # fmt: skip
        dispatches.sending(tx, number, when)
        dispatches.answered(tx, number, DispatchState.ACCEPTED, "", when)


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    made = World(tmp_path)
    connections = tuple(
        Connection(address=name, first_day=date(2026, 1, 1), brp=brp)
        for name, brp in (("ean.1", "other.example"), ("ean.2", None))
    )
    made.know_register(contracts=(), charge_points=(POLE,), connections=connections)
    made.know_points()
    yield made
    made.store.close()


def test_the_newest_prognosis_has_the_car_and_so_have_its_connection_and_its_brp(
    world: World, solver: SolverPool
) -> None:
    stage = PlanningStage(world, solver)
    publisher = Publisher(world.store, world.settings, world.clock, world.participants)

    def planned() -> tuple[int, ...]:
        """Plan; return what the newest D-Prognosis has, W."""
        stage.ask()
        assert stage.planner.run_due() == 1
        publisher.publish(worlds.PERIOD)
        with world.store.transaction() as tx:
            return [one for one in plans.prognoses(tx, worlds.PERIOD.day) if one.congestion_point == POINT][-1].power_w

    with world.store.transaction() as tx:
        day.moment_done(tx, worlds.PERIOD.day, day.PUBLICATION_OPEN, world.clock.now(), "")
    planned()
    with world.store.transaction() as tx:
        positions.fix(
            tx, worlds.PERIOD.day, "day-ahead", stage.made[-1].positions.day_ahead_kw, world.clock.now(), ""
        )  # fmt: skip
    world.clock.jump_to(BEGAN)
    fallback(world, 4.0, BEGAN)
    with world.store.transaction() as tx:
        charge_sessions.put(tx, session(began_at=BEGAN, seen_at=BEGAN, needed_wh=None))
        assert StoredInputs(tx).visits(worlds.PERIOD.next(), BEGAN) == ()
        [visit] = StoredInputs(tx).visits(worlds.PERIOD, BEGAN + timedelta(minutes=1))
    assert visit.limit_kw[20:] == pytest.approx(4.0)
    world.clock.jump_to(BEGAN + timedelta(minutes=1))
    newest = planned()
    with world.store.transaction() as tx:
        solved, known = load_solved(tx, stage.made[-1].id), register.load(tx)
    car = 4.0 * (np.arange(worlds.PERIOD.isp_count) >= 20)
    storage = solved.outcome.programs.storage_kw[0]
    assert np.array(newest) / 1000 == pytest.approx(20.0 + storage + car, abs=0.001)
    assert any("1 car that nobody planned" in note for note in stage.made[-1].result.notes)

    found = programs_of(stage.made[-1], solved, known).of_resource(visit.resource)
    assert found is not None
    assert (found.connection, found.congestion_point) == ("ean.1", POINT)
    assert found.power_kw == pytest.approx(car)
    names = known.connection_of() | behind(solved.named.of("fixed"), known.charge_points)
    brp_of = {row.address: row.brp for row in known.connections}
    taken, _, _ = power_of(solved, names, brp_of, ("first.example", "other.example"))
    assert taken[1] == pytest.approx(20.0 + storage + car)
    cache = ProgramCache(world.store, PlanCache(world.store)).in_force(worlds.PERIOD)
    fuse = ConnectionLimit(
        at="ean.1", first_day=date(2026, 1, 1), import_kw=50.0, export_kw=None, penalty_eur_per_mwh=1.0
    )  # fmt: skip
    limited = known.with_table("connection_limits", (fuse,))
    facts = facts_of(("x",), limited, {worlds.PERIOD: cache}, world.clock.now(), worlds.PERIOD, 2.0)
    [limit] = facts.limits  # the audit before sending counts the car at its point, so it is no other load
    assert limit.other_kw == pytest.approx((20.0 + storage)[20:29])
    with world.store.transaction() as tx:
        charge_sessions.put(tx, session(began_at=BEGAN, ended_at=BEGAN + timedelta(minutes=30), needed_wh=None))
    world.clock.jump_to(BEGAN + timedelta(minutes=31))
    newest = planned()
    with world.store.transaction() as tx:
        storage = load_solved(tx, stage.made[-1].id).outcome.programs.storage_kw[0]
    gone = car * (np.arange(worlds.PERIOD.isp_count) < 22)
    assert np.array(newest) / 1000 == pytest.approx(20.0 + storage + gone, abs=0.001)
