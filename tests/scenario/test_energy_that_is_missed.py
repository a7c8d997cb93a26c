"""Energy that a plan misses is not there the next day: worked out by hand, and found by both audits."""

from dataclasses import replace

import numpy as np
import pytest

from agr.domain.kinds.battery import Battery
from agr.domain.kinds.heat_pump import HeatPump
from agr.planning.case import build, carried_states
from agr.planning.case.storage import path_kwh
from agr.planning.case_audit import audit_contents, contents_left
from agr.planning.midnight import left_by
from agr.scenario.cash_audit import cash_audit
from agr.scenario.running import plans_of
from models.method import Method, solve
from tests.builders.case_inputs import inputs
from tests.builders.remembered import by_method
from tests.builders.small_scenarios import CONNECTION, small_scenario

BATTERY = Battery(
    resource="battery", connection=CONNECTION, charge_kw=5, discharge_kw=5, capacity_kwh=200, initial_kwh=0,
    end_kwh=150, charge_efficiency=1.0, discharge_efficiency=1.0,
)  # fmt: skip
"""It is to hold 150 kWh at midnight, and takes no more than 5 kW · 24 h = 120 kWh a day."""


@pytest.mark.parametrize("method", ["reference", "decomposition"])
def test_what_a_battery_could_not_take_is_bought_the_next_day(method: str) -> None:
    """120 kWh on the first day, 30 kWh missed; on the second, the 30 kWh: together 150 kWh at 50 EUR/MWh, 7.50 EUR."""
    scenario = small_scenario(BATTERY, days=2)
    steps = plans_of(scenario, scenario.description.periods(), by_method(method))
    assert all(step.findings == () for step in steps)
    assert cash_audit(scenario, steps).findings == ()
    first, second = ([step for step in steps if step.period == p][-1] for p in sorted({s.period for s in steps}))
    assert first.solved.outcome.programs.unmet_kwh.sum() == pytest.approx(30.0, abs=1e-6)
    assert left_by(first.solved).states["battery"] == pytest.approx(120.0, abs=1e-6)
    assert left_by(first.solved).unmanaged_states["battery"] == pytest.approx(120.0, abs=1e-6)
    assert path_kwh(first.solved.named.case, first.solved.outcome.programs, 0)[[0, 48, 96]] == pytest.approx(
        [0.0, 60.0, 120.0], abs=1e-6
    )
    assert second.solved.named.case.storage.energy_start_kwh[0] == pytest.approx(120.0, abs=1e-6)
    bought = [step.solved.outcome.terms_eur["day-ahead"] for step in (first, second)]
    assert bought == pytest.approx([-6.0, -1.5], abs=1e-6)


def test_the_cash_audit_finds_a_day_that_begins_with_what_was_missed() -> None:
    scenario = small_scenario(BATTERY, days=2)
    steps = plans_of(scenario, scenario.description.periods(), by_method("reference"))
    last = steps[-1]
    case = last.solved.named.case
    storage = replace(case.storage, energy_start_kwh=np.array([150.0]))
    named = replace(last.solved.named, case=replace(case, storage=storage))
    wrong = [
        replace(step, solved=replace(step.solved, named=named)) if step.period == last.period else step
        for step in steps
    ]
    assert any(
        "begins with 150.000 kWh, the day before leaves 120.000" in f for f in cash_audit(scenario, wrong).findings
    )


@pytest.mark.parametrize("loss", [0.0, 0.1])
def test_the_audit_adds_up_what_is_left_by_itself(loss: float) -> None:
    battery = replace(BATTERY, connection="b", loss_per_day=loss, initial_kwh=20.0)
    named = build(inputs(resources=(battery,)))
    outcome = solve(named.case, method=Method.REFERENCE)
    left = carried_states(named, outcome.programs)
    assert left == pytest.approx(contents_left(named, outcome.programs), abs=1e-6)
    if not loss:
        assert left["battery"] == pytest.approx(140.0, abs=1e-6)
    now = inputs(resources=(battery,), carried_state=left)
    assert audit_contents(now, contents_left(named, outcome.programs)) == ()
    missed = replace(now, carried_state={"battery": 150.0})
    assert any("battery" in words for words in audit_contents(missed, contents_left(named, outcome.programs)))


def test_a_buffer_that_misses_heat_is_empty_and_no_emptier() -> None:
    """1 kW of heat, and none to be had from 12:00 on: the 6 kWh in the buffer last until 18:00, and then it has 0."""
    pump = HeatPump(resource="pump", connection="b", power_kw=1.0, buffer_kwh=6.0, initial_kwh=6.0, end_kwh=2.0)
    forecasts = {("pump", "heat_kw"): np.ones(96), ("pump", "cop"): np.ones(96)}
    named = build(inputs(resources=(pump,), forecasts=forecasts, unavailable_from={"pump": 48}))
    outcome = solve(named.case, method=Method.REFERENCE)
    assert outcome.programs.unmet_kwh.sum() == pytest.approx(6.0 + 2.0, abs=1e-5)
    assert outcome.programs.energy_kwh[0, -1] == pytest.approx(2.0, abs=1e-5)
    assert carried_states(named, outcome.programs)["pump"] == pytest.approx(0.0, abs=1e-5)
    assert contents_left(named, outcome.programs)["pump"] == pytest.approx(0.0, abs=1e-5)
