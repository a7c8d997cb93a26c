"""Expected sessions stand in for those that are not known yet; real ones take their place. Figures by hand."""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import date, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest

from agr.dispatch.unplanned import behind, expected_name, is_expected, name_of
from agr.domain.charge_point import ChargePoint
from agr.domain.isp import Period
from agr.domain.kinds.ev_session import EvSession
from agr.domain.plan import PlanState, ReasonKind
from agr.domain.register import ConnectionLimit
from agr.forecasting.sessions import ARRIVALS, ENERGY, STAY
from agr.operations.dispatching.facts import facts_of
from agr.operations.plan_cache import PlanCache
from agr.operations.resource_programs import EXPECTED, ProgramCache, programs_of
from agr.operations.setpoints import Setpoints
from agr.planning.case import Inputs, Previous, build
from agr.planning.case_audit import audit_case
from agr.planning.plan_loader import load_solved
from agr.planning.pool import SolverPool
from agr.planning.stand_ins import stand_ins
from agr.schedule.rolling import RollingPlans
from agr.settings import Planning, Rolling
from agr.settings.expected_sessions import ExpectedSessions
from agr.store import charge_sessions, day, forecast_runs, register
from agr.store.forecast_runs import ForecastRun
from models.method import Method, solve
from tests.builders import worlds
from tests.builders.case_inputs import PERIOD, at, ev, inputs
from tests.builders.worlds import POINT, World
from tests.planning.test_cars_nobody_planned import session
from tests.planning.test_service import PlanningStage

POLE = ChargePoint(charge_point="pole", connection="a", road="r", station="S", max_kw=11.0, protocol="2.0.1")
POLES = (POLE, replace(POLE, charge_point="pole 2", evse=2))
BEFORE = at(7, day=14)


def runs(
    period: Period, cars: Mapping[int, float], group: str = "p", kwh: float = 10.0, hours: float = 4.0
) -> list[ForecastRun]:
    """Return the forecasts of a group for a Period: hour → cars, each with the same energy and stay."""
    arrivals = np.zeros(period.isp_count // 4)
    arrivals[list(cars)] = list(cars.values())
    made = {ARRIVALS: arrivals, ENERGY: arrivals * kwh, STAY: arrivals * hours}
    return [
        ForecastRun(
            series=begins + group, model="alike days", made_at=BEFORE, period=period.day, minutes=60, mean=values
        )
        for begins, values in made.items()
    ]


def planned(made: Inputs, *forecasts: ForecastRun, now: datetime = BEFORE, said: list[str] | None = None) -> Inputs:
    """Return the inputs with what stands in; the audit of the case agrees with them."""
    of: dict[Period, dict[str, ForecastRun]] = {}
    for run in forecasts:
        of.setdefault(Period(run.period), {})[run.series] = run
    found = stand_ins(made, of, now, [] if said is None else said)
    assert audit_case(found, build(found)) == ()
    return found


def cars(found: Inputs) -> list[tuple[datetime, float, float]]:
    return [
        (row.arrival, row.energy_kwh, row.charge_kw)
        for row in found.register.of(EvSession)
        if is_expected(row.resource)
    ]


def test_expected_sessions_are_planned_at_charge_points_of_their_group_and_the_notes_say_so() -> None:
    made = inputs(charge_points=POLES)
    found = planned(made, *runs(PERIOD, {8: 2.0, 18: 0.5}), said=(said := []))
    assert cars(found) == [(at(8, 15), 10.0, 11.0), (at(8, 45), 10.0, 11.0), (at(18, 30), 5.0, 5.5)]
    first, second, third = found.register.of(EvSession)
    assert [row.charge_point for row in (first, second, third)] == ["pole", "pole 2", "pole"]
    assert {(row.connection, row.departure - row.arrival) for row in (first, second, third)} == {
        ("a", timedelta(hours=4))
    }
    assert said == [
        "3 expected sessions stand in for those that are not known yet, 25 kWh in 1 group; "
        "forecast by alike days, made 2026-01-14 07:00"
    ]
    outcome = solve(build(found).case, method=Method.REFERENCE)
    assert outcome.total_kw.sum() / 4 == pytest.approx(25.0)
    slow = replace(made, planning=Planning(sessions=ExpectedSessions(stand_in=True, car_kw=2.0)))
    kept = planned(slow, *runs(PERIOD, {8: 1.0}))
    [row] = kept.register.of(EvSession)
    assert (row.charge_kw, row.departure - row.arrival) == (2.0, timedelta(hours=5))  # no car leaves without its energy


def test_where_every_session_is_told_of_nothing_stands_in() -> None:
    told = tuple(replace(ev(at(hour), at(23)), resource=f"car {hour}") for hour in (7, 9, 20))
    made = inputs(resources=told, charge_points=POLES)
    found = planned(made, *runs(PERIOD, {8: 2.0, 18: 1.0}), said=(said := []))
    assert found.register == made.register
    assert said == ["3 known sessions take the place of expected ones"]
    booked = replace(made, register=replace(made.register, resources=told[:1]))
    left = planned(booked, *runs(PERIOD, {8: 2.0, 18: 1.0}))
    assert [arrival for arrival, _, _ in cars(left)] == [at(8, 45), at(18, 30)]


def test_cars_that_come_today_and_stay_until_tomorrow_are_expected_until_they_have_come() -> None:
    made = inputs(charge_points=POLES)
    today = runs(PERIOD.previous(), {12: 1.0, 22: 1.0}, hours=8.0)
    found = planned(made, *today, now=at(10, day=14))
    assert cars(found) == [(at(22, 30, day=14), 10.0, 11.0)]
    assert cars(planned(made, *today, now=at(22, 45, day=14))) == []


def test_while_the_day_runs_isps_that_are_over_stay_as_planned_and_the_rest_is_the_real_cars() -> None:
    name = expected_name("pole", at(8, 30))
    program = np.zeros(PERIOD.isp_count)
    program[38:44] = 8.0  # 9:30 to 11:00
    before = Previous(programs_kw={name: program, expected_name("pole", at(7)): 0 * program})
    made = inputs(charge_points=POLES, previous=before, past_isps=40, closed_isps=42)
    found = planned(made, *runs(PERIOD, {8: 1.0, 18: 1.0}), now=at(10, 5))
    assert [arrival for arrival, _, _ in cars(found)] == [at(18, 30)]
    power = build(found).case.fixed.program_kw
    assert power.shape == (1, PERIOD.isp_count)
    assert np.flatnonzero(power[0]).tolist() == [38, 39]


def test_points_that_keep_their_program_keep_their_expected_sessions_whatever_is_forecast_now() -> None:
    """Another point is planned again; since then, a newer forecast expects nobody at 8 any more, and somebody at 12."""
    name = expected_name("pole", at(8, 30))
    program = np.where((np.arange(PERIOD.isp_count) >= 34) & (np.arange(PERIOD.isp_count) < 39), 8.0, 0.0)
    made = inputs(charge_points=POLES, previous=Previous(programs_kw={name: program}), frozen_points=frozenset({"p"}))
    found = planned(made, *runs(PERIOD, {12: 1.0}))
    assert cars(found) == []
    power = build(found).case.fixed.program_kw
    assert power[0] == pytest.approx(program)
    free = planned(replace(made, frozen_points=frozenset()), *runs(PERIOD, {12: 1.0}))
    assert [arrival for arrival, _, _ in cars(free)] == [at(12, 30)]
    assert len(build(free).case.fixed.program_kw) == 0


def test_the_audit_finds_what_may_not_stand_in() -> None:
    found = planned(inputs(charge_points=POLES), *runs(PERIOD, {8: 1.0}))
    [one] = found.expectations
    [mine] = one.stand_ins
    short = replace(mine, departure=mine.arrival + timedelta(hours=0.5))
    wrong = {
        "10.000 kWh stand in for sessions, 9.000 are forecast": replace(one, energy_kwh=9.0),
        "though 2 of 1.0 are known": replace(one, known=(at(9), at(10))),
        "cannot come any more": replace(one, asked_at=at(9)),
        "cannot be charged in 0.5 h": replace(one, stand_ins=(short,)),
    }
    for words, expectation in wrong.items():
        [said] = audit_case(replace(found, expectations=(expectation,)), build(found))
        assert words in said
    named = build(found)
    sold = replace(named.case.storage, reserve_kw=np.full(1, 5.0))
    findings = audit_case(found, replace(named, case=replace(named.case, storage=sold)))
    assert any("only stands in for a session, and holds reserve" in words for words in findings)


def test_a_group_without_charge_points_is_named_and_not_planned() -> None:
    found = planned(inputs(charge_points=POLES), *runs(PERIOD, {8: 1.0}, group="Main Street"), said=(said := []))
    assert cars(found) == []
    assert said == ["sessions are forecast where no charge point is known, and are not planned: Main Street"]


def test_names_of_expected_sessions_lead_to_connections_and_are_no_other_names() -> None:
    long = replace(POLE, charge_point="x" * 255)
    names = [expected_name(one.charge_point, at(8)) for one in (POLE, long)]
    assert behind([*names, "expected pole", "load"], [POLE, long]) == dict.fromkeys(names, "a")
    assert [len(name) <= 255 and is_expected(name) for name in names] == [True, True]
    assert not any(is_expected(name) for name in ("expected pole", "expected load 3", name_of("pole", at(8))))


# --- two days ---------------------------------------------------------------------------------------------------------


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    made = World(tmp_path)
    chosen = ExpectedSessions(stand_in=True)
    made.settings = made.settings.model_copy(
        update={
            "planning": made.settings.planning.model_copy(
                update={"sessions": chosen, "rolling": Rolling(session_kwh=1, least_minutes=0)}
            )
        }
    )
    made.know_register(contracts=(), charge_points=(replace(POLE, connection="ean.1"),))
    made.know_points()
    with made.store.transaction() as tx:
        for run in runs(worlds.PERIOD, {3: 1.0, 12: 1.0}, group=POINT):
            forecast_runs.put(tx, replace(run, made_at=worlds.NOW), worlds.NOW)
    yield made
    made.store.close()


def test_the_plan_at_the_congestion_point_is_made_of_known_and_of_expected_sessions(
    world: World, solver: SolverPool
) -> None:
    stage = PlanningStage(world, solver)
    period = worlds.PERIOD

    def planned() -> dict[str, float]:
        """Plan; return what cars take in all."""
        stage.ask()
        assert stage.planner.run_due() == 1
        plan = stage.made[-1]
        assert plan.state is PlanState.AUDITED
        with world.store.transaction() as tx:
            solved, known = load_solved(tx, plan.id), register.load(tx)
        found = programs_of(plan, solved, known)
        [point] = [one for one in plan.points if one.address == POINT]
        mine = np.sum([one.power_kw for one in found if one.congestion_point == POINT], axis=0)
        assert np.array(point.power_w) == pytest.approx(mine * 1000, abs=1.0)
        return {one.resource: float(one.power_kw.sum()) / 4 for one in found if one.kind in (EXPECTED, "ev_session")}

    first = planned()
    assert list(first.values()) == pytest.approx([10.0, 10.0])
    assert all(name.startswith("expected pole 2026-03-29T") for name in first)
    assert any("2 expected sessions stand in" in note for note in stage.made[-1].result.notes)
    cache = ProgramCache(world.store, PlanCache(world.store))
    assert {one.kind for one in cache.in_force(period)} == {EXPECTED, "battery", "fixed_load"}
    _, changes = Setpoints(world.store, world.settings, world.clock, cache).since("")
    assert sorted(changes[0].program.resource) == ["battery", "load-1", "load-2"]  # nothing is sent to a stand-in

    arrival = period.isp_start(45)
    booked = EvSession(
        resource="car", connection="ean.1", arrival=arrival, departure=arrival + timedelta(hours=5), energy_kwh=12.0,
        charge_kw=11.0, charge_point="pole",
    )  # fmt: skip
    with world.store.transaction() as tx:
        known = register.load(tx)
    world.know_register(
        contracts=(), charge_points=known.charge_points, resources=(*known.resources, booked)
    )  # fmt: skip
    second = planned()
    assert second.pop("car") == pytest.approx(12.0)
    assert len(second) == 1  # the one of the night
    assert any("1 known session takes the place" in note for note in stage.made[-1].result.notes)

    began = period.isp_start(17)  # of the day that runs: a real car has come in the place of the first expected one
    world.clock.jump_to(began + timedelta(minutes=1))
    rolling = RollingPlans(world.store, world.settings, world.clock, lambda _period: None)
    assert rolling.look()  # nobody has come yet
    with world.store.transaction() as tx:
        [asked] = day.open_triggers(tx)
        charge_sessions.put(tx, session(began_at=began, seen_at=began, needed_wh=None))
    assert asked.reason.kind is ReasonKind.SESSION
    assert f"1 expected car did not come: {POINT}" in asked.reason.text
    planned()
    assert not rolling.look()  # the plan in force has nothing of that car any more
    with world.store.transaction() as tx:
        known, number = register.load(tx), stage.made[-1].id
    assert all(not is_expected(row.resource) for row in known.resources)
    program = cache.of(number)
    assert not any(one.power_kw[16:].any() for one in program if is_expected(one.resource))
    real = next(one for one in program if one.resource == name_of("pole", began))
    assert real.power_kw[16:].any()
    fuse = ConnectionLimit(
        at="ean.1", first_day=date(2026, 1, 1), import_kw=50.0, export_kw=None, penalty_eur_per_mwh=1.0
    )  # fmt: skip
    limited = known.with_table("connection_limits", (fuse,))
    program = cache.of(stage.made[0].id)
    facts = facts_of(("x",), limited, {period: program}, period.start, period, 20.0)
    assert [row.resource for row in facts.sessions["pole"]] == ["car"]
    others = np.sum([one.power_kw for one in program if one.resource in ("battery", "load-1")], axis=0)
    [limit] = facts.limits  # an expected session is no other load behind the fuse, which would keep real cars from it
    assert limit.other_kw == pytest.approx(others[: len(limit.other_kw)])
