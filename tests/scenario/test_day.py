"""What happens on a played day besides its plans: joined events, failed audits, publication, the day after."""

from dataclasses import replace
from datetime import date, datetime, time, timedelta

import numpy as np
import pytest

from agr.domain.isp import Period, local_instant
from agr.domain.kinds.battery import Battery
from agr.domain.plan import PlanState
from agr.domain.register import CongestionPoint
from agr.planning.midnight import left_by
from agr.scenario.day import Step, in_force, play
from agr.scenario.description import Description, Release
from agr.scenario.record import figures, totals
from agr.scenario.running import solver_of
from agr.scenario.scenario import Scenario
from agr.settings import MarketTime, Planning, Timetable
from tests.builders.solvers import Unasked
from tests.day import tiny

PERIOD = Period(date(2026, 6, 10))


@pytest.fixture(scope="module")
def solver():
    """Plan by the reference, whose plans have no prices: every update plans the whole, after joining others."""
    with solver_of(Planning(threads=2, method="reference")) as made:
        yield made


def at(clock: str, days_before: int = 1) -> datetime:
    return local_instant(PERIOD.day - timedelta(days=days_before), time.fromisoformat(clock), PERIOD.tz)


def world(*events: tuple[datetime, str, float], days: int = 1, results: bool = True, **described: object) -> Scenario:
    """Return the tiny world as a scenario of one or more days."""
    periods = [PERIOD]
    while len(periods) < days:
        periods.append(periods[-1].next())
    register = tiny.register(PERIOD)
    prices = [price for period in periods for price in tiny.register(period).prices]
    forecasts = {
        period.day: {(f"load {p[-1]}", "power_kw"): np.full(period.isp_count, kw) for p, kw in tiny.LOAD_KW.items()}
        for period in periods
    }
    releases = tuple(Release(kind="release", at=a, contract=c, keep_share=share) for a, c, share in events)
    return Scenario(
        name="tiny",
        description=Description(
            title="tiny", question="?", period=PERIOD.day, last_period=periods[-1].day, events=releases, **described
        ),
        register=replace(register, prices=tuple(p for p in prices if results or p.series != "day_ahead")),
        points=tuple(CongestionPoint(**point) for point in tiny.config()["congestion_points"]),
        free_connections=(),
        forecasts=forecasts,
    )


def played(scenario: Scenario, solver) -> list[Step]:
    return list(play(scenario, scenario.description.periods(), solver))


def test_events_within_the_join_window_are_one_plan_with_all_its_reasons(solver):
    second = at("13:30") + timedelta(seconds=2)
    steps = played(world((at("13:30"), tiny.FO_A, 0.5), (second, tiny.FO_C, 0.0)), solver)
    assert [len(step.reasons) for step in steps] == [1, 1, 2]
    assert steps[-1].at == second
    assert steps[-1].why.count("reservation update") == 2
    held = steps[-1].solved.named.case.reservations
    assert dict(zip(held.name, held.reserved_kw.min(axis=1), strict=True)) == {tiny.FO_A: -50.0}


def test_an_event_before_the_first_plan_is_known_to_it_and_asks_for_none(solver):
    steps = played(world((at("05:00"), tiny.FO_A, 0.5)), solver)
    assert [step.name for step in steps] == ["1 first plan", "2 market results"]
    held = steps[0].solved.named.case.reservations
    assert held.reserved_kw[held.name.index(tiny.FO_A)].min() == -50.0


class Faulty(Unasked):
    """Finds a fault in the answers with these numbers."""

    def __init__(self, solver, *numbers: int) -> None:
        self._solver, self._numbers, self._asked = solver, numbers, 0

    def solve(self, case, reached=None):
        self._asked += 1
        answer = self._solver.solve(case)
        return replace(answer, findings=("a fault",)) if self._asked in self._numbers else answer


def test_a_plan_that_fails_its_audit_does_not_come_into_force(solver):
    scenario = world((at("13:30"), tiny.FO_A, 0.5), (at("14:00"), tiny.FO_A, 0.0))
    steps = played(scenario, Faulty(solver, 3, 4))
    assert [step.state.value for step in steps] == ["audited", "audited", "failed", "failed"]
    assert [step.change.predecessor for step in steps[1:]] == [1, 2, 2]
    assert in_force(steps) is steps[1]
    found = [figures(step) for step in steps]
    assert totals(found)["objective_eur"] == found[1]["objective_eur"]


def test_at_the_gate_the_plan_in_force_then_is_fixed(solver):
    """Of a first plan that failed its audit nothing is bought."""
    gates = Timetable(day_ahead_gate=MarketTime(at=time(10)), day_ahead_results=MarketTime(at=time(10, 30)))
    good, bad = (played(world(timetable=gates), Faulty(solver, *numbers))[-1] for numbers in ((), (1,)))
    assert good.at == at("10:30")
    assert good.solved.outcome.day_ahead_kw.max() > 50
    assert not bad.solved.outcome.day_ahead_kw.any()


@pytest.mark.parametrize(("clock", "announced"), [("14:30", False), ("14:50", True)])
def test_without_results_programs_are_announced_at_the_last_safe_start(solver, clock, announced):
    steps = played(world((at(clock), tiny.FO_A, 0.5), results=False), solver)
    assert [step.name for step in steps] == ["1 first plan", "2 reservation update"]
    assert (steps[-1].solved.named.case.anchor is not None) == announced


def test_tomorrows_plan_begins_with_what_todays_plan_then_in_force_leaves(solver):
    """A release during today is too late for tomorrow's first plan, and in time for the one after the results."""
    scenario = world((at("09:07", 0), tiny.FO_A, 0.0), days=2)
    steps = played(scenario, solver)
    assert [(step.period.day.day, step.name) for step in steps] == [
        (10, "1 first plan"), (10, "2 market results"),
        (11, "1 first plan"), (10, "3 reservation update"), (11, "2 market results"),
    ]  # fmt: skip
    for today, tomorrow in ((steps[1], steps[2]), (steps[3], steps[4])):
        start = dict(
            zip(tomorrow.solved.named.of("storage"), tomorrow.solved.named.case.storage.energy_start_kwh, strict=True)
        )
        assert start == left_by(today.solved).states


def test_tomorrow_is_planned_again_where_today_leaves_something_else(solver):
    """What batteries hold is worth 100 EUR/MWh at midnight; released, the first one sells at 200 in the evening."""
    scenario = world((at("09:07", 0), tiny.FO_A, 0.0), days=2)
    valued = tuple(
        replace(row, end_worth_eur_per_mwh=100.0) if isinstance(row, Battery) else row
        for row in scenario.register.resources
    )
    steps = played(replace(scenario, register=replace(scenario.register, resources=valued)), solver)
    assert [(step.period.day.day, step.name) for step in steps[3:]] == [
        (10, "3 reservation update"), (11, "2 day before changed"), (11, "3 market results"),
    ]  # fmt: skip
    assert steps[4].at == steps[3].at
    starts = [step.solved.named.case.storage.energy_start_kwh.tolist() for step in (steps[2], steps[4])]
    assert starts[0] != starts[1]
    assert starts[1] == list(left_by(steps[3].solved).states.values())


def test_a_stored_plan_cannot_be_written_to(solver):
    step = next(play(world(), (PERIOD,), solver))
    assert step.state is PlanState.AUDITED
    with pytest.raises(ValueError, match="read-only"):
        step.solved.outcome.point_kw[0] = 0.0
