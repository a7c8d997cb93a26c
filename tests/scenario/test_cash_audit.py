"""Over a finished run of days, what is reported is cash, planning prices by name, and what is left in stores."""

from dataclasses import replace
from typing import Any

import pytest

from agr.domain.kinds.battery import Battery
from agr.domain.kinds.ev_session import EvSession
from agr.domain.kinds.shiftable_run import ShiftableRun
from agr.domain.plan import PlanState
from agr.planning.case import CLASSES
from agr.scenario.cash_audit import cash_audit
from agr.scenario.day import Step
from agr.scenario.running import plans_of
from agr.scenario.scenario import Scenario
from tests.builders.remembered import by_method
from tests.builders.small_scenarios import CONNECTION, at, hourly, small_scenario

PRICES = (hourly(60.0, (0, 6, 30.0), (18, 22, 110.0)), hourly(50.0, (1, 5, 20.0)), hourly(55.0))


def two_days() -> Scenario:
    """Return two days with a car and a run over midnight and a battery."""
    car = EvSession(
        resource="car", connection=CONNECTION, arrival=at(18), departure=at(31), energy_kwh=40, charge_kw=11
    )
    night = ShiftableRun(
        resource="run", connection=CONNECTION, earliest_start=at(23), latest_end=at(27), profile_kw=(2.0,) * 6
    )
    battery = Battery(
        resource="battery", connection=CONNECTION, charge_kw=10, discharge_kw=10, capacity_kwh=20, initial_kwh=10,
        end_kwh=5, charge_efficiency=0.95, discharge_efficiency=0.95, wear_eur_per_mwh=5, end_worth_eur_per_mwh=40,
    )  # fmt: skip
    return small_scenario(car, night, battery, prices=PRICES, days=2)


@pytest.fixture(scope="module")
def played() -> tuple[Scenario, list[Step]]:
    """Return the two days and all their plans."""
    scenario = two_days()
    return scenario, plans_of(scenario, scenario.description.periods(), by_method("reference"))


def test_reported_money_is_cash_costs_and_what_is_left(played: tuple[Scenario, list[Step]]) -> None:
    cash = cash_audit(*played)
    assert cash.findings == ()
    assert cash.planning_eur == pytest.approx(0.0, abs=1e-9)
    assert cash.reported_eur == pytest.approx(cash.paid_eur + cash.borne_eur + cash.left_eur)
    battery = played[1][-1].solved.outcome.programs.energy_kwh[0, -1]
    assert cash.left_eur == pytest.approx((battery - 10) * 0.040)  # nothing else is left after the second day


def with_outcome(played: tuple[Scenario, list[Step]], day: int, **fields: Any) -> tuple[Scenario, list[Step]]:
    """Return the plans with other values in the outcomes of one day."""
    scenario, steps = played
    days = sorted({step.period for step in steps})

    def other(step: Step) -> Step:
        if step.period != days[day]:
            return step
        return replace(step, solved=replace(step.solved, outcome=replace(step.solved.outcome, **fields)))

    return scenario, [other(step) for step in steps]


def last_of(played: tuple[Scenario, list[Step]], day: int) -> Step:
    days = sorted({step.period for step in played[1]})
    return [step for step in played[1] if step.period == days[day]][-1]


def found_with_terms(played: tuple[Scenario, list[Step]], day: int, **terms: float) -> str:
    outcome = last_of(played, day).solved.outcome
    changed = outcome.terms_eur | {name.replace("_", " "): eur for name, eur in terms.items()}
    return " | ".join(cash_audit(*with_outcome(played, day, terms_eur=changed)).findings)


def test_a_credit_that_is_never_debited_is_found(played: tuple[Scenario, list[Step]]) -> None:
    assert "the day before credits" in found_with_terms(played, 1, brought_forward=0.0)
    assert "the day before credits" in found_with_terms(played, 0, stored_energy=7.0)


def test_a_plan_that_forgets_to_debit_a_credit_is_held_back(monkeypatch: pytest.MonkeyPatch) -> None:
    forgetful = tuple(replace(units, left_terms=()) for units in CLASSES)
    monkeypatch.setattr("agr.planning.case.programs.CLASSES", forgetful)
    scenario = two_days()
    first, second = scenario.description.periods()
    steps = plans_of(scenario, (first, second), by_method("reference"))
    assert {step.state for step in steps if step.period == first} == {PlanState.AUDITED}
    late = [step for step in steps if step.period == second]
    assert {step.state for step in late} == {PlanState.FAILED}
    assert all("0.00 EUR are brought forward, the day before credits" in step.findings[0] for step in late)


def test_money_that_nobody_pays_is_found(played: tuple[Scenario, list[Step]]) -> None:
    assert "'good mood' of 5.00 EUR is paid by nobody known" in found_with_terms(played, 0, good_mood=5.0)


def test_a_sum_that_is_not_that_of_its_terms_is_found(played: tuple[Scenario, list[Step]]) -> None:
    stated = last_of(played, 0).solved.outcome.objective_eur + 1.0
    assert any(
        "the terms add up to" in words for words in cash_audit(*with_outcome(played, 0, objective_eur=stated)).findings
    )


def test_energy_that_nobody_buys_is_found(played: tuple[Scenario, list[Step]]) -> None:
    half = last_of(played, 0).solved.outcome.day_ahead_kw / 2
    assert any("kW bought" in words for words in cash_audit(*with_outcome(played, 0, day_ahead_kw=half)).findings)


def test_energy_that_appears_at_midnight_is_found(played: tuple[Scenario, list[Step]]) -> None:
    programs = last_of(played, 0).solved.outcome.programs
    drawn = programs.discharge_kw.copy()
    drawn[:, -1] += 4.0  # 1 kWh less is left in every store
    less = replace(programs, discharge_kw=drawn)
    assert any(
        "the day before leaves" in words for words in cash_audit(*with_outcome(played, 0, programs=less)).findings
    )


def test_prices_of_another_hour_are_found(played: tuple[Scenario, list[Step]]) -> None:
    scenario, steps = played
    late = tuple(replace(price, start=price.start + (at(1) - at(0))) for price in scenario.register.prices)
    moved = replace(scenario, register=replace(scenario.register, prices=late))
    assert any("is bought at" in words for words in cash_audit(moved, steps).findings)
