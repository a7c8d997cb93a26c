"""Cases of shipped scenarios pass; a plan that breaks what a customer entered is stored as failed."""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from agr.domain.kinds.ev_session import EvSession
from agr.domain.plan import PlanState
from agr.planning.case import build
from agr.planning.case_audit import audit_case
from agr.planning.solving import How, Solution, answer
from agr.scenario.api import load
from agr.scenario.day import play
from models.case import Case
from tests.builders.small_scenarios import CONNECTION, at, inputs_at, small_scenario
from tests.builders.solvers import Unasked

SCENARIOS = sorted(path.parent for path in (Path(__file__).parents[3] / "scenarios").glob("*/scenario.yaml"))


@pytest.mark.parametrize("folder", SCENARIOS, ids=lambda folder: folder.name)
def test_the_cases_of_a_shipped_scenario_have_no_findings_before_and_after_gates(folder: Path) -> None:
    scenario = load(folder)
    for period in scenario.description.periods():
        for hours in (-16, -6, 10):
            inputs = inputs_at(scenario, period, period.start + timedelta(hours=hours))
            assert audit_case(inputs, build(inputs)) == ()


class Careless(Unasked):
    """A solver that plans, and audits, as if every store needed half of what it needs."""

    def __init__(self, share: float) -> None:
        self.share = share

    def solve(self, case: Case, reached: Callable[[Any], None] | None = None) -> Solution:
        """Return the right plan of the wrong case."""
        low = case.storage.energy_min_kwh * self.share
        how = How(method="reference", relative_gap=1e-3, decomposed_gap=1e-3, time_limit_s=600, threads=1)
        return answer(replace(case, storage=replace(case.storage, energy_min_kwh=low)), how)


@pytest.mark.parametrize(("share", "state"), [(1.0, PlanState.AUDITED), (0.5, PlanState.FAILED)])
def test_a_plan_that_leaves_a_car_half_empty_is_stored_as_failed(share: float, state: PlanState) -> None:
    car = EvSession(
        resource="car", connection=CONNECTION, arrival=at(8), departure=at(12), energy_kwh=10.0, charge_kw=7.4
    )
    scenario = small_scenario(car)
    steps = list(play(scenario, scenario.description.periods(), Careless(share)))
    assert {step.state for step in steps} == {state}
    said = [words for step in steps for words in step.findings]
    assert bool(said) == (state is PlanState.FAILED)
    assert all("car: holds less than it must by 5 kWh" in words for words in said)
