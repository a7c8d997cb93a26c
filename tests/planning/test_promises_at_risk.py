"""Promises that a plan may not keep: what they are worth, where they are, and the alarms that they raise and end."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, date, datetime, time
from pathlib import Path

import pytest

from agr.domain.isp import Period
from agr.domain.kinds.battery import Battery
from agr.domain.kinds.fixed_load import FixedLoad
from agr.domain.plan import Plan, PlanFigures, PlanState, Positions
from agr.domain.register import Forecast, PointLimit
from agr.planning.alarms import alarms_of
from agr.planning.pool import SolverPool
from agr.planning.promises import at_risk
from agr.settings import Markets
from agr.settings.markets import CapacityProduct
from agr.settings.section import MarketTime
from agr.store import day, positions, register
from tests.builders.worlds import OTHER_POINT, PERIOD, World
from tests.planning.test_service import PlanningStage

KEPT = PlanFigures(
    terms_eur={}, objective_eur=54.0, bound_eur=54.0, gap_eur=0.0, gross_cost_eur=100.0, no_flexibility_eur=0.0,
    imbalance_mwh=0.0, reservation_shortfall_kwh=0.0, comfort_shortfall_kwh=0.0, limit_breach_kwh=0.0,
    reserve_shortfall_mwh=0.0, termination="optimal", solver="", seconds={}, audit=(), notes=(),
)  # fmt: skip


def plan(**changed: object) -> Plan:
    return Plan(
        id=7, period=Period(date(2026, 3, 29)), created_at=datetime(2026, 3, 28, tzinfo=UTC), reasons=(),
        state=PlanState.AUDITED, points=(), result=replace(KEPT, **changed),  # type: ignore[arg-type]
        positions=Positions(day_ahead_kw=(), intraday_kw=(), bids_mw={}, balance_eur_per_mwh=()),
    )  # fmt: skip


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    """A battery of 100 kW that must be full at the end and cannot be, a limit below its load, and no contract."""
    made = World(tmp_path)
    small = Battery(
        resource="battery", connection="ean.1", charge_kw=1, discharge_kw=1, capacity_kwh=200, initial_kwh=100,
        end_kwh=200, charge_efficiency=1, discharge_efficiency=1,
    )  # fmt: skip
    limit = PointLimit(
        congestion_point=OTHER_POINT, first_day=PERIOD.day, last_day=PERIOD.day, window_start=time(0),
        window_end=time(0), import_kw=10.0, export_kw=None, penalty_eur_per_mwh=500.0,
    )  # fmt: skip
    loads = (FixedLoad(resource="load-1", connection="ean.1"), FixedLoad(resource="load-2", connection="ean.2"))
    made.know_register(contracts=(), resources=(small, *loads), limits=(limit,))
    made.know_points()
    fcr = CapacityProduct(name="FCR", direction="symmetric", series="fcr", max_mw=5, gate=MarketTime(at=time(8)))
    made.settings = made.settings.model_copy(update={"markets": Markets(capacity=(fcr,))})
    with made.store.transaction() as tx:
        positions.fix(tx, PERIOD.day, "FCR", (0.0, 1.0, 0.0, 0.0, 0.0, 0.0), made.clock.now(), "awarded")
    yield made
    made.store.close()


@pytest.mark.parametrize(("ended", "said"), [("time limit", True), ("gap open", False), ("optimal", False)])
def test_a_promise_missed_by_a_search_that_was_not_finished_says_so(ended: str, said: bool) -> None:
    missed = at_risk(plan(termination=ended, reservation_shortfall_kwh=6.7))[0]
    assert missed.text.startswith("6.7 kWh could not be delivered if all reservations were called")
    assert missed.text.endswith("(the search was not finished, time limit: a plan may keep it)") == said


def test_a_kept_plan_puts_nothing_at_risk() -> None:
    assert at_risk(plan()) == ()


def test_the_dearest_promise_comes_first() -> None:
    terms = {"reserve shortfall": -4000.0, "limit breach": -120.0, "comfort shortfall": -300.0}
    found = at_risk(
        plan(terms_eur=terms, reserve_shortfall_mwh=4.0, limit_breach_kwh=240.0, comfort_shortfall_kwh=30.0)
    )
    assert [(risk.kind, risk.eur) for risk in found] == [
        ("capacity not held", 4000.0), ("need not met", 300.0), ("limit breached", 120.0),
    ]  # fmt: skip


def test_a_gap_far_above_the_value_is_wide_and_a_small_or_accepted_one_is_not() -> None:
    wide = plan(gap_eur=1235.0, bound_eur=1289.0, termination="time limit")
    assert [(risk.kind, risk.eur) for risk in at_risk(wide)] == [("gap wide", 1235.0)]
    assert at_risk(plan(gap_eur=2.0, termination="time limit")) == ()
    assert at_risk(plan(gap_eur=1235.0, termination="optimal")) == (), "within the tolerance that was asked for"


def test_a_plan_without_any_bound_says_so_last() -> None:
    unproven = plan(gap_eur=float("inf"), termination="no program", imbalance_mwh=1.0, terms_eur={"imbalance": -50.0})
    assert [(risk.kind, risk.eur) for risk in at_risk(unproven)] == [("imbalance planned", 50.0), ("gap wide", None)]


def test_alarms_name_what_is_missed_where_and_what_it_is_worth_and_end_with_it(
    world: World, solver: SolverPool
) -> None:
    stage = PlanningStage(world, solver)
    stage.ask()
    stage.planner.run_due()
    made = stage.made[-1]
    with world.store.transaction() as tx:
        alarms = {alarm.kind: alarm.text for alarm in day.open_alarms(tx)}
    assert set(alarms) == {"capacity not held", "limit breached", "need not met"}
    assert "of awarded balancing capacity is not held: FCR (" in alarms["capacity not held"]
    assert f"limits are exceeded by 230.0 kWh: {OTHER_POINT} (230.0 kWh) (worth 115.00 EUR)" in alarms["limit breached"]
    assert "customers' needs are missed by 77.0 kWh: battery (77.0 kWh)" in alarms["need not met"]
    ended = {change.kind for change in alarms_of(replace(made, result=KEPT)) if change.text is None}
    assert ended >= set(alarms)


def test_a_forecast_that_fits_again_ends_the_alarm_of_its_limit(world: World, solver: SolverPool) -> None:
    stage = PlanningStage(world, solver)
    stage.ask()
    stage.planner.run_due()
    less = Forecast(resource="load-2", quantity="power_kw", period=PERIOD, values=(5.0,) * PERIOD.isp_count)
    with world.store.transaction() as tx:
        register.put_forecasts(tx, [less])
    stage.ask()
    stage.planner.run_due()
    with world.store.transaction() as tx:
        assert "limit breached" not in {alarm.kind for alarm in day.open_alarms(tx)}
