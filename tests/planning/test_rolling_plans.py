"""While a Period runs, the rest of it is planned again: regularly, and where measurements deviate; else never."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from agr.domain.bid import DAY_AHEAD
from agr.domain.dispatch import SessionState
from agr.domain.errors import InputError
from agr.domain.isp import Period
from agr.domain.plan import ROLLED, PlanState, ReasonKind
from agr.domain.reading import Reading
from agr.domain.register import Forecast, Price
from agr.planning.plan_loader import load_solved
from agr.planning.pool import SolverPool
from agr.planning.present import Measured
from agr.schedule.rolling import RollingPlans, deviation
from agr.settings import Planning, Rolling
from agr.settings.markets import ImbalanceReaction
from agr.store import charge_sessions, day, plans, positions, readings, register
from agr.store.charge_sessions import ChargeSession
from tests.builders.worlds import PERIOD, World, prices
from tests.planning.test_service import PlanningStage

MINUTE = timedelta(minutes=1)
NEXT = PERIOD.next()


@dataclass
class Rolled:
    """A day that is planned, and what looks whether to plan it again."""

    world: World
    stage: PlanningStage
    plans: RollingPlans
    refreshed: list[Period]

    def at(self, when: datetime) -> list[ReasonKind]:
        """Look at an instant and plan; return the reasons of the plan made, none where there was no need."""
        self.world.clock.jump_to(when)
        made = len(self.stage.made)
        asked = self.plans.look()
        while self.stage.planner.run_due():
            pass
        found = [reason.kind for plan in self.stage.made[made:] for reason in plan.reasons]
        assert asked == bool(found)
        return found

    def report(self, at: datetime, kwh: float) -> None:
        with self.world.store.transaction() as tx:
            readings.put(tx, [Reading(resource="battery", at=at, quantity="stored_kwh", value=kwh)], at, "test")

    def planned_kwh(self, isps: int, period: Period = PERIOD) -> float:
        """Return what the plan in force wants the battery to hold after so many ISPs."""
        with self.world.store.transaction() as tx:
            number = plans.newest_audited(tx, period.day)
            assert number is not None
            solved = load_solved(tx, number)
        if not isps:
            return float(solved.named.case.storage.energy_start_kwh[0])
        return float(solved.outcome.programs.energy_kwh[0, isps - 1])


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    """Two days, 20 EUR/MWh in the mornings and 120 after noon; the battery of 200 kWh ends each with 100 kWh."""
    made = World(tmp_path)
    made.know_register(contracts=())
    for period in (PERIOD, NEXT):
        made.know_points(period)
    flat = tuple([20.0] * NEXT.isp_count)
    with made.store.transaction() as tx:
        register.put_prices(tx, prices("day_ahead_forecast", NEXT))
        loads = [Forecast(resource=r, quantity="power_kw", period=NEXT, values=flat) for r in ("load-1", "load-2")]
        register.put_forecasts(tx, loads)
    yield made
    made.store.close()


def rolled(world: World, solver: SolverPool, settings: Rolling) -> Rolled:
    """Return a day with a plan and a day-ahead position, before it begins."""
    planning = world.settings.planning.model_copy(update={"rolling": settings})
    world.settings = world.settings.model_copy(update={"planning": planning})
    stage, refreshed = PlanningStage(world, solver), list[Period]()
    stage.ask()
    assert stage.planner.run_due() == 1
    with world.store.transaction() as tx:
        bought = stage.made[-1].positions.day_ahead_kw
        positions.fix(tx, PERIOD.day, DAY_AHEAD, bought, world.clock.now(), "test")
    return Rolled(world, stage, RollingPlans(world.store, world.settings, world.clock, refreshed.append), refreshed)


def test_the_rest_of_the_day_is_planned_in_every_slot_once(world: World, solver: SolverPool) -> None:
    made = rolled(world, solver, Rolling(every_minutes=30))
    assert made.at(PERIOD.start - MINUTE) == []
    assert made.at(PERIOD.start + 2 * MINUTE) == [ReasonKind.ROLLING]
    assert made.at(PERIOD.start + 29 * MINUTE) == []
    assert made.at(PERIOD.start + 95 * MINUTE) == [ReasonKind.ROLLING]  # three slots have passed: one plan
    assert str(made.stage.made[-1].reasons[0]) == "rolling: what is left of the day at 01:30"
    again = RollingPlans(world.store, world.settings, world.clock, made.refreshed.append)
    assert not again.look()  # a restart repeats nothing
    assert made.refreshed == [PERIOD, PERIOD]
    assert all(plan.state is PlanState.AUDITED for plan in made.stage.made)


def test_a_large_portfolio_goes_on_with_its_plan_and_answers_what_was_measured(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:  # fmt: skip
    """A battery that holds a little less than planned: the plan is mended, proven, and says so."""
    monkeypatch.setattr("agr.planning.making.GOES_ON_FROM", 1)
    solver = SolverPool(Planning(threads=1, method="decomposition"))
    try:
        made = rolled(world, solver, Rolling(every_minutes=30))
        at = PERIOD.isp_start(21)
        made.report(at, made.planned_kwh(20) - 0.5)
        evaluated: list[object] = []
        monkeypatch.setattr("models.evaluation.keep", lambda *given: evaluated.append(given))
        assert made.at(at + MINUTE) == [ReasonKind.ROLLING]
        assert evaluated == []  # it is the program in force, so nothing is compared with it
    finally:
        solver.close()
    first, again = made.stage.made[-2:]
    assert again.against is not None
    assert (again.against.kept, again.against.left) == (False, ("battery",))
    assert again.against.worth_eur == again.against.found_eur
    assert first.result.solver.startswith("decomposition")
    assert again.state is PlanState.AUDITED
    assert again.result.solver == "program in force, mended"
    assert again.result.gap_eur <= Planning().decomposed_gap * again.result.gross_cost_eur
    assert made.planned_kwh(PERIOD.isp_count) == pytest.approx(100.0, abs=0.01)  # what was missing is charged again


def test_nothing_is_asked_for_without_the_settings(world: World, solver: SolverPool) -> None:
    made = rolled(world, solver, Rolling())
    made.report(PERIOD.isp_start(21), 0.0)
    assert made.at(PERIOD.isp_start(21) + MINUTE) == []


def test_a_deviation_asks_for_a_plan_once(world: World, solver: SolverPool) -> None:
    made = rolled(world, solver, Rolling(deviation_kwh=5.0, least_minutes=5))
    at = PERIOD.isp_start(21)
    made.report(at, made.planned_kwh(20) - 4.0)
    assert made.at(at + MINUTE) == []
    made.report(at + 2 * MINUTE, made.planned_kwh(20) - 30.0)
    assert made.at(at + 3 * MINUTE) == [ReasonKind.DEVIATION]
    assert "battery" in made.stage.made[-1].reasons[0].text
    against = made.stage.made[-1].against
    assert against is not None
    assert against.given_up  # the battery cannot do what it was to do: a fact, and no alarm about the plan
    assert made.stage.alarms() == []
    assert made.at(at + 4 * MINUTE) == []
    made.report(at + 4 * MINUTE, made.planned_kwh(20) + 30.0)
    assert made.at(at + 5 * MINUTE) == []  # too soon after the last one
    assert made.at(at + 9 * MINUTE) == [ReasonKind.DEVIATION]


def test_tomorrow_is_planned_again_once_small_changes_add_up(world: World, solver: SolverPool) -> None:
    made = rolled(world, solver, Rolling(every_minutes=15, next_day_kwh=10.0))
    with world.store.transaction() as tx:
        day.put_trigger(tx, NEXT.day, made.stage.made[0].reasons[0], world.clock.now())
    assert made.stage.planner.run_due() == 1
    assert made.planned_kwh(0, NEXT) == pytest.approx(100.0)
    last, asked = PERIOD.isp_count, list[bool]()
    for isps, held in ((last - 2, 104.0), (last - 1, 108.0), (last, 112.0)):  # too late to sell it
        made.report(PERIOD.start + isps * PERIOD.isp_length - MINUTE, held)
        found = made.at(PERIOD.start + isps * PERIOD.isp_length - MINUTE / 2)
        assert found[0] is ReasonKind.ROLLING
        asked.append(ReasonKind.DAY_BEFORE in found)
    assert asked == [False, False, True]
    assert made.planned_kwh(0, NEXT) == pytest.approx(made.planned_kwh(last))


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        (Rolling(deviation_kwh=9.9), True),
        (Rolling(deviation_kwh=10.1), False),
        (Rolling(deviation_share=0.05), True),
        (Rolling(deviation_share=0.07), False),
        (Rolling(deviation_kwh=100.0, deviation_share=0.05), True),
    ],
)
def test_stores_deviate_together_or_alone(settings: Rolling, expected: bool) -> None:
    def store(name: str, kwh: float, planned: float | None) -> Measured:
        return Measured(resource=name, at=PERIOD.start, kwh=kwh, planned_kwh=planned, capacity_kwh=100.0)

    found = [store("a", 50.0, 44.0), store("b", 40.0, 44.0), store("new", 90.0, None)]
    assert (deviation(found, settings) is not None) == expected


def test_news_ask_for_a_plan_only_where_they_matter(world: World, solver: SolverPool) -> None:
    made = rolled(
        world, solver, Rolling(price_eur_per_mwh=10, power_kw=5, session_kwh=10, look_minutes=1, least_minutes=5)
    )
    begin, isps = PERIOD.isp_start(21), PERIOD.isp_count

    def price(first: int, value: float) -> None:
        rows = [replace(row, value=row.value + value) for row in prices("day_ahead_forecast", PERIOD)[first:]]
        with world.store.transaction() as tx:
            register.put_prices(tx, rows)

    def load(kw: float) -> None:
        with world.store.transaction() as tx:
            values = tuple([20.0 + kw] * isps)
            row = Forecast(resource="load-1", quantity="power_kw", period=PERIOD, values=values)
            register.put_forecasts(tx, [row])

    def session(number: str, at: datetime, kwh: float) -> None:
        with world.store.transaction() as tx:
            charge_sessions.put(
                tx, ChargeSession(road="csms", station=number, transaction="1", charge_point=f"pole-{number}",
                                  resource=None, began_at=at, ended_at=None, seen_at=at, state=SessionState.CHARGING,
                                  needed_wh=1000 * kwh),
            )  # fmt: skip

    assert made.at(begin) == []
    assert made.refreshed == []
    price(15, 9.0)
    assert made.at(begin + 2 * MINUTE) == []
    assert made.refreshed == [PERIOD]  # feeds are asked, whatever they tell
    price(15, 30.0)
    assert made.at(begin + 3 * MINUTE) == [ReasonKind.PRICE]
    assert "has moved by 30.00 EUR/MWh" in made.stage.made[-1].reasons[0].text
    assert made.at(begin + 4 * MINUTE) == []
    load(4.0)
    assert made.at(begin + 20 * MINUTE) == []
    load(7.0)
    assert made.at(begin + 21 * MINUTE) == [ReasonKind.FORECAST]
    load(20.0)
    assert made.at(begin + 22 * MINUTE) == []  # too soon after the last one, and not forgotten
    assert made.at(begin + 27 * MINUTE) == [ReasonKind.FORECAST]
    session("a", begin + 30 * MINUTE, 6.0)
    assert made.at(begin + 33 * MINUTE) == []
    session("b", begin + 34 * MINUTE, 7.0)
    assert made.at(begin + 35 * MINUTE) == [ReasonKind.SESSION]
    assert "13.0 kWh otherwise: pole-b unplanned; pole-a unplanned" in made.stage.made[-1].reasons[0].text
    assert made.at(begin + 50 * MINUTE) == []


def test_a_newer_imbalance_price_asks_for_a_plan_where_resources_may_react(world: World, solver: SolverPool) -> None:
    reaction = ImbalanceReaction(on=True, max_mw=1, max_eur_per_day=100, margin_eur_per_mwh=20)
    imbalance = world.settings.markets.imbalance.model_copy(update={"reaction": reaction})
    markets = world.settings.markets.model_copy(update={"imbalance": imbalance})
    world.settings = world.settings.model_copy(update={"markets": markets})
    made = rolled(world, solver, Rolling(every_minutes=720, least_minutes=0))

    def settle(isp: int, value: float) -> None:
        rows = [
            Price(series=series, start=PERIOD.isp_start(isp), minutes=15, value=value)
            for series in ("imbalance_shortage", "imbalance_surplus")
        ]
        with world.store.transaction() as tx:
            register.put_prices(tx, rows)

    at = PERIOD.isp_start(21) + MINUTE
    assert made.at(at) == [ReasonKind.ROLLING]
    settle(20, 300.0)
    assert made.at(at + MINUTE) == [ReasonKind.IMBALANCE]
    assert str(made.stage.made[-1].reasons[0]).endswith("shortage costs 300.00, surplus earns 300.00 EUR/MWh at last")
    assert any("may react in" in note for note in made.stage.made[-1].result.notes)
    settle(21, 309.0)
    assert made.at(at + 15 * MINUTE) == []  # less than half the margin
    settle(22, 200.0)
    assert made.at(at + 30 * MINUTE) == [ReasonKind.IMBALANCE]
    assert made.stage.alarms() == []


def test_of_a_day_that_is_over_only_the_last_plan_keeps_its_programs(world: World, solver: SolverPool) -> None:
    made = rolled(world, solver, Rolling(every_minutes=30))
    for minutes in (1, 31, 61):
        assert made.at(PERIOD.start + minutes * MINUTE) == [ReasonKind.ROLLING]
    numbers = [plan.id for plan in made.stage.made]
    with world.store.transaction() as tx:
        assert plans.forget_superseded(tx, PERIOD.day, ROLLED) == 0  # the day is not over
        assert plans.forget_superseded(tx, NEXT.day, ROLLED) == 2
        for number in (numbers[0], numbers[-1]):  # the first plan has another reason
            assert load_solved(tx, number).named.case.isps == PERIOD.isp_count
        for number in numbers[1:-1]:
            with pytest.raises(InputError, match="a later plan of the same running day"):
                load_solved(tx, number)
            assert plans.get(tx, number) is not None
