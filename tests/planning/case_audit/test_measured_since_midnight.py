"""Stores that were measured since midnight: the case and its audit, written apart, agree; and plans go through it."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agr.domain.isp import Period
from agr.domain.kinds.battery import Battery
from agr.planning.case import Inputs, MeasuredEnergy, build
from agr.planning.case_audit import audit_case, audit_programs
from models.method import Method, solve
from tests.builders.entered import DAYS, HEAT_PUMP, world, worlds
from tests.planning.case_audit.test_other_parts import replanned

contents = st.floats(0.0, 12.0)


@given(worlds(), st.integers(1, 60), contents, contents, st.integers(0, 8), st.booleans())
@settings(max_examples=60, deadline=None)
def test_what_was_measured_is_in_the_case_as_the_audit_expects_it(
    inputs: Inputs, isps: int, battery: float, pump: float, later: int, known: bool
) -> None:
    held = {"battery": MeasuredEnergy(isps=isps, kwh=battery), "pump": MeasuredEnergy(isps=isps, kwh=pump)}
    later_inputs, _ = replanned(inputs, isps + later)
    previous = later_inputs.previous if known else replace(later_inputs.previous, programs_kw={})
    now = replace(later_inputs, held=held, past_isps=isps, previous=previous)
    named = build(now)
    assert audit_case(now, named) == ()
    forgotten = build(replace(now, held={}))
    differs = not np.allclose(
        forgotten.case.storage.energy_start_kwh, named.case.storage.energy_start_kwh, rtol=1e-4, atol=1e-2
    )
    if differs:
        assert any("energy_start_kwh" in words for words in audit_case(now, forgotten))


@pytest.mark.parametrize(("battery", "pump"), [(0.0, 0.0), (10.0, 12.0), (3.0, 1.0)])
def test_a_plan_passes_through_what_was_measured(battery: float, pump: float) -> None:
    """Far from what was planned, so that the closed programs lead out of the bands."""
    made = Battery(
        resource="battery", connection="b", charge_kw=4.0, discharge_kw=3.0, capacity_kwh=10.0, initial_kwh=6.0,
        minimum_kwh=1.0, end_kwh=4.0, charge_efficiency=0.95, discharge_efficiency=0.93, loss_per_day=0.02,
        wear_eur_per_mwh=3.0, reserve_kw=0.0,
    )  # fmt: skip
    inputs, _ = replanned(world(Period(DAYS[1]), (made, HEAT_PUMP)), 44)
    held = {"battery": MeasuredEnergy(isps=40, kwh=battery), "pump": MeasuredEnergy(isps=40, kwh=pump)}
    now = replace(inputs, held=held, past_isps=40)
    named = build(now)
    assert audit_case(now, named) == ()
    for method in (Method.REFERENCE, Method.DECOMPOSITION):
        outcome = solve(named.case, method=method, relative_gap=1e-3, time_limit_s=600)
        assert audit_programs(now, named, outcome) == ()
        for name, kwh in (("battery", battery), ("pump", pump)):
            place = named.of("storage").index(name)
            assert outcome.programs.energy_kwh[place, 39] == pytest.approx(kwh, abs=1e-4)
