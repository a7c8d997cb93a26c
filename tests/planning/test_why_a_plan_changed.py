"""Why a plan changed: every kind of fact is named as a cause, old prices are given, and euros add up."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from agr.domain.kinds.quantities import STORED
from agr.domain.plan import ENERGY, Plan, PointChange, ReasonKind
from agr.domain.register import Forecast, Price
from agr.planning.case import NamedCase
from agr.planning.explanation import changed_isps, circumstances
from agr.planning.fact_changes import fact_changes
from agr.planning.pool import SolverPool
from agr.store import day, overrides, plans, register
from agr.store.engine import Tx
from models.case import UNIT_CLASSES, Fixed, no_connection_limits, no_connection_tariffs
from models.decomposition.precompile import tiny
from tests.builders.worlds import CONTRACT, OTHER_POINT, PERIOD, POINT, World, prices
from tests.planning.test_service import PlanningStage


def replanned(world: World, solver: SolverPool, fact: Callable[[Tx], object], kind: ReasonKind) -> Plan:
    """Make a plan, let a fact change, and return the plan that follows."""
    stage = PlanningStage(world, solver)
    stage.ask()
    stage.planner.run_due()
    with world.store.transaction() as tx:
        fact(tx)
    stage.ask(kind)
    stage.planner.run_due()
    return stage.made[-1]


def free(world: World) -> Callable[[Tx], object]:
    """Return the DSO's release of all that it had reserved, so that the battery may move."""
    now = world.clock.now()
    return lambda tx: day.put_reservation(tx, CONTRACT, PERIOD.day, (0,) * PERIOD.isp_count, "m1", now)


def outage(world: World) -> Callable[[Tx], object]:
    now = world.clock.now()
    return lambda tx: overrides.mark_unavailable(tx, "battery", PERIOD.day, PERIOD.day, now, "anna", "fuse")


def other_load(tx: Tx) -> None:
    less = Forecast(resource="load-2", quantity="power_kw", period=PERIOD, values=(5.0,) * PERIOD.isp_count)
    register.put_forecasts(tx, [less])


def measured(tx: Tx) -> None:
    there = Forecast(resource="battery", quantity=STORED.name, period=PERIOD, values=(60.0,) * PERIOD.isp_count)
    register.put_forecasts(tx, [there])


def turned(tx: Tx) -> None:
    rows: list[Price] = [replace(price, value=140.0 - price.value) for price in prices("day_ahead_forecast", PERIOD)]
    register.put_prices(tx, rows)


def of(plan: Plan, address: str) -> PointChange:
    assert plan.change is not None
    return next(point for point in plan.change.points if point.address == address)


def test_an_outage_is_named_at_its_congestion_point_and_in_the_portfolio(world: World, solver: SolverPool) -> None:
    world.know_register(contracts=())
    plan = replanned(world, solver, outage(world), ReasonKind.OPERATOR)
    assert [cause.what for cause in of(plan, POINT).causes] == ["battery was marked unavailable from ISP 1"]
    assert "in the portfolio: resources marked unavailable: 1" in circumstances(plan, POINT)


def test_a_resource_that_is_available_again_is_named(world: World, solver: SolverPool) -> None:
    world.know_register(contracts=())
    with world.store.transaction() as tx:
        entry = overrides.mark_unavailable(tx, "battery", PERIOD.day, PERIOD.day, world.clock.now(), "anna", "fuse")
    back = lambda tx: overrides.available_again(tx, entry, world.clock.now())  # noqa: E731
    plan = replanned(world, solver, back, ReasonKind.OPERATOR)
    assert [cause.what for cause in of(plan, POINT).causes] == ["battery is available again"]


def test_a_new_forecast_is_named_with_its_old_and_new_power(world: World, solver: SolverPool) -> None:
    plan = replanned(world, solver, other_load, ReasonKind.FORECAST)
    (cause,) = of(plan, OTHER_POINT).causes
    words = f"the forecast of load-2 differs in {PERIOD.isp_count} ISPs, most in ISP 1: 5.0 kW, before 20.0"
    assert cause.what == words


def test_what_was_measured_is_named_where_it_deviates_from_the_plan(world: World, solver: SolverPool) -> None:
    world.know_register(contracts=())
    plan = replanned(world, solver, measured, ReasonKind.FORECAST)
    assert [c.what for c in of(plan, POINT).causes] == ["battery begins the day with 60.0 kWh, before 100.0"]


def test_a_price_is_named_with_its_old_value_in_the_isp_and_in_the_portfolio(world: World, solver: SolverPool) -> None:
    world.know_register(contracts=())
    plan = replanned(world, solver, turned, ReasonKind.FORECAST)
    one = of(plan, POINT).isps[0]
    market = next(cause for cause in one.causes if cause.what == "day-ahead price")
    assert {market.eur_per_mwh, market.before_eur_per_mwh} == {20.0, 120.0}
    (line,) = changed_isps(plan, POINT, one.isp)
    assert line.why[-1].startswith("energy price in the portfolio (")
    assert ", before " in line.why[-1]
    assert of(plan, POINT).causes == ()
    assert any("day-ahead prices differ in" in words for words in circumstances(plan, POINT))


def test_a_reservation_that_was_released_is_named_in_its_isps(world: World, solver: SolverPool) -> None:
    plan = replanned(world, solver, free(world), ReasonKind.OPERATOR)
    assert any(c.what == f"reservation {CONTRACT} went from -100.0 to +0.0 kW" for c in of(plan, POINT).isps[0].causes)


@pytest.mark.parametrize("what", ["release", "outage", "forecast", "measured", "prices"])
def test_euros_of_congestion_points_and_of_the_rest_add_up_to_the_plans(
    world: World, solver: SolverPool, what: str
) -> None:
    """Availability fees, wear and shortfalls are earned at their points, and nowhere twice."""
    facts = {
        "release": free(world), "outage": outage(world), "forecast": other_load, "measured": measured, "prices": turned,
    }  # fmt: skip
    plan = replanned(world, solver, facts[what], ReasonKind.OPERATOR)
    assert plan.change is not None
    before = next(made for made in _history(world) if made.id == plan.predecessor)
    whole = plan.result.objective_eur - before.result.objective_eur
    facts_eur = sum(plan.change.facts_eur.values())
    points_eur = sum(sum(point.terms_eur.values()) for point in plan.change.points)
    assert facts_eur + points_eur + sum(plan.change.rest_eur.values()) == pytest.approx(whole, abs=1e-6)
    assert sum(plan.change.earned_eur.values()) == pytest.approx(whole - facts_eur, abs=1e-6)
    for point in plan.change.points:
        assert point.terms_eur[ENERGY] == pytest.approx(sum(isp.earned_eur for isp in point.isps))
    placed = {term for point in plan.change.points for term in point.terms_eur} - {ENERGY}
    assert {term: round(plan.change.rest_eur[term], 6) for term in placed} == dict.fromkeys(placed, 0.0)


def _history(world: World) -> list[Plan]:
    with world.store.transaction() as tx:
        return plans.history(tx, PERIOD.day)


def test_a_plan_that_changes_nothing_earns_nothing_whatever_the_prices_do(world: World, solver: SolverPool) -> None:
    """Nothing can move: the loads cost another amount, which new prices did, and no change of a program."""
    with world.store.transaction() as tx:
        known = register.load(tx)
        loads = tuple(r for r in known.resources if r.resource != "battery")
        register.replace(tx, replace(known, resources=loads, contracts=()))
    plan = replanned(world, solver, turned, ReasonKind.OPERATOR)
    assert plan.change is not None
    assert plan.change.points == ()
    assert abs(sum(plan.change.terms_eur.values())) > 0.01
    assert sum(plan.change.earned_eur.values()) == pytest.approx(0.0, abs=1e-6)


def test_facts_of_very_many_resources_are_compared_each_with_its_own_row() -> None:
    """More units than are compared at one time; the second case lists them the other way round."""
    count, case = 10_000, tiny()
    before = np.ones((count, case.isps))
    after = before.copy()
    after[[3, 9_000], 1] = [2.0, 5.0]
    names = tuple(f"load {i}" for i in range(count))
    point = np.zeros(count, dtype=np.int64)

    def named(rows: np.ndarray, order: slice) -> NamedCase:
        units = Fixed(point=point, program_kw=rows[order])
        loads = replace(
            case, fixed=units, connection_limits=no_connection_limits(), connection_tariffs=no_connection_tariffs()
        )
        return NamedCase(case=loads, names=known | {"fixed": names[order]}, dsos=("dso.example",), notes=())

    known = {
        name: tuple(f"{name} {i}" for i in range(len(getattr(case, name).point))) for name in UNIT_CLASSES
    }  # fmt: skip
    found = fact_changes(named(before, slice(None)), named(after, slice(None, None, -1)), {}, {})
    (words,) = [[cause.what for cause in causes] for causes in found.points.values()]
    assert sorted(words) == [
        "the forecast of load 3 differs in 1 ISP, most in ISP 2: 2.0 kW, before 1.0",
        "the forecast of load 9000 differs in 1 ISP, most in ISP 2: 5.0 kW, before 1.0",
    ]
    assert [cause.what for cause in found.portfolio] == ["changed forecasts: 2"]
