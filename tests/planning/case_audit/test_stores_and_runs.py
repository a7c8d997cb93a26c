"""A case with one bound moved is found, and so is a program that breaks what a customer entered; a right one never."""

from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agr.domain.isp import Period
from agr.domain.kinds.ev_session import EvSession
from agr.domain.kinds.shiftable_run import ShiftableRun
from agr.planning.case import Inputs, NamedCase, build
from agr.planning.case_audit import audit_case, audit_programs
from models.method import Method, solve
from tests.builders.entered import BOILER, HEAT_PUMP, cars, local, runs, world, worlds

DAY = date(2026, 1, 15)


def changed(named: NamedCase, units: str, **fields: Any) -> NamedCase:
    """Return the case with other values in some fields of a class."""
    arrays = replace(getattr(named.case, units), **fields)
    return replace(named, case=replace(named.case, **{units: arrays}))


def other_rows(inputs: Inputs, kind: type[Any], **fields: Any) -> Inputs:
    """Return the inputs with other values in the rows of a kind: what a wrong reading of the table would be."""
    rows = tuple(replace(r, **fields) if isinstance(r, kind) else r for r in inputs.register.resources)
    return replace(inputs, register=replace(inputs.register, resources=rows))


@given(worlds())
@settings(max_examples=60, deadline=None)
def test_a_case_as_it_is_built_has_no_findings(inputs: Inputs) -> None:
    assert audit_case(inputs, build(inputs)) == ()


@given(worlds())
@settings(max_examples=5, deadline=None)
def test_a_plan_as_it_is_made_breaks_nothing(inputs: Inputs) -> None:
    named = build(inputs)
    outcome = solve(named.case, method=Method.REFERENCE, relative_gap=1e-3, time_limit_s=600)
    assert audit_programs(inputs, named, outcome) == ()


@given(cars(DAY), st.sampled_from(("arrival", "departure")), st.sampled_from((-60, 60)))
@settings(max_examples=60, deadline=None)
def test_a_car_that_comes_or_leaves_an_hour_off_is_found(car: EvSession, bound: str, minutes: int) -> None:
    inputs = world(Period(DAY), (car,))
    moved = replace(car, **{bound: getattr(car, bound) + timedelta(minutes=minutes)})
    if moved.departure <= moved.arrival:
        return
    wrong = build(other_rows(inputs, EvSession, **{bound: getattr(moved, bound)}))
    right = build(inputs)
    found = bool(audit_case(inputs, wrong))
    if not alike(wrong, right, eur=1e-4):
        assert found
    elif alike(wrong, right, eur=1e-7):
        assert not found  # between the two lies what the audit grants to two ways of computing a worth, 1e-5 EUR


def alike(one: NamedCase, other: NamedCase, *, eur: float) -> bool:
    """Say whether two cases let the car charge at the same times and need the same, worth the same to so many EUR."""
    if one.of("storage") != other.of("storage"):
        return False
    fields = ("charge_kw", "energy_min_kwh", "energy_max_kwh", "energy_start_kwh", "worth_zero_kwh")
    pairs = [(getattr(one.case.storage, name), getattr(other.case.storage, name)) for name in fields]
    same = all(np.allclose(a, b, rtol=1e-7, atol=1e-7) for a, b in pairs)
    return same and np.allclose(owed_eur(one), owed_eur(other), rtol=1e-7, atol=eur)


def owed_eur(named: NamedCase) -> Any:
    """Return what the stores' needs after midnight count (U,), EUR."""
    data = named.case.storage
    return data.worth_eur(slice(None), data.energy_min_kwh[:, -1])


@given(worlds(), st.sampled_from(("charge_kw", "discharge_kw", "energy_min_kwh", "energy_max_kwh", "demand_kwh")))
@settings(max_examples=40, deadline=None)
def test_a_bound_of_a_store_that_is_half_or_an_isp_off_is_found(inputs: Inputs, field: str) -> None:
    named = build(inputs)
    data = named.case.storage
    values = getattr(data, field)
    for wrong in (values / 2, np.roll(values, 1, axis=1)):
        low, high = ((wrong if field == name else getattr(data, name)) for name in ("energy_min_kwh", "energy_max_kwh"))
        if np.array_equal(wrong, values) or bool((low > high).any()):
            continue  # nothing moved, or no valid case any more
        found = audit_case(inputs, changed(named, "storage", **{field: wrong}))
        assert any(field in words for words in found)


@given(worlds(), st.sampled_from(("energy_start_kwh", "wear_eur_per_kwh", "reserve_kw", "retention")))
@settings(max_examples=20, deadline=None)
def test_a_state_or_a_price_of_a_store_that_is_not_as_entered_is_found(inputs: Inputs, field: str) -> None:
    named = build(inputs)
    wrong = getattr(named.case.storage, field) * 0.5 + (0.25 if field == "energy_start_kwh" else 0.0)
    assert any(field in words for words in audit_case(inputs, changed(named, "storage", **{field: wrong})))


@given(runs(DAY), st.sampled_from(("first_start", "last_start")), st.sampled_from((-4, -1, 1, 4)))
@settings(max_examples=60, deadline=None)
def test_a_run_whose_bound_has_moved_is_found(run: ShiftableRun, field: str, isps: int) -> None:
    inputs = world(Period(DAY), (run,))
    named = build(inputs)
    if not named.of("shiftable"):
        return
    data = named.case.shiftable
    moved = getattr(data, field) + isps
    first, last = (moved if field == name else getattr(data, name) for name in ("first_start", "last_start"))
    if not 0 <= int(first[0]) <= int(last[0]) <= named.case.isps:
        return
    assert any(field in words for words in audit_case(inputs, changed(named, "shiftable", **{field: moved})))


def test_a_run_over_midnight_that_starts_too_early_is_found_in_the_plan_though_its_case_allows_it() -> None:
    """The case was made as if the run had to end by midnight, which broke the customer's earliest start."""
    run = ShiftableRun(
        resource="run", connection="a", earliest_start=local(DAY, 23 * 60 + 30), latest_end=local(DAY, 26 * 60),
        profile_kw=(2.0,) * 4,
    )  # fmt: skip
    inputs = world(Period(DAY), (run,))
    early = {"earliest_start": local(DAY, 22 * 60), "latest_end": local(DAY, 24 * 60)}
    named = build(other_rows(inputs, ShiftableRun, **early))
    outcome = solve(named.case, method=Method.REFERENCE, relative_gap=1e-3, time_limit_s=600)
    assert any("run" in words for words in audit_case(inputs, named))
    assert any("before its earliest start" in words for words in audit_programs(inputs, named, outcome))


def test_a_plan_that_gives_a_car_half_of_what_it_needs_is_found() -> None:
    car = EvSession(
        resource="car", connection="a", arrival=local(DAY, 8 * 60), departure=local(DAY, 12 * 60), energy_kwh=10.0,
        charge_kw=7.4,
    )  # fmt: skip
    inputs = world(Period(DAY), (car,))
    named = build(other_rows(inputs, EvSession, energy_kwh=5.0))
    outcome = solve(named.case, method=Method.REFERENCE, relative_gap=1e-3, time_limit_s=600)
    assert any("car: holds less than it must by 5 kWh" in words for words in audit_programs(inputs, named, outcome))


def missing(unmet_kwh: float, excess_kwh: float) -> tuple[str, ...]:
    """Return what is found where a car of 20 kWh that can get 14.8 kWh misses so much more than it must."""
    car = EvSession(
        resource="car", connection="a", arrival=local(DAY, 8 * 60), departure=local(DAY, 10 * 60), energy_kwh=20.0,
        charge_kw=7.4,
    )  # fmt: skip
    inputs = world(Period(DAY), (car,))
    named = build(inputs)
    outcome = solve(named.case, method=Method.REFERENCE, relative_gap=1e-3, time_limit_s=600)
    programs, row = outcome.programs, named.of("storage").index("car")
    unmet, excess, charge = (np.array(v) for v in (programs.unmet_kwh, programs.excess_kwh, programs.charge_kw))
    assert unmet[row].sum() == pytest.approx(5.2, abs=1e-3)
    last = int(np.flatnonzero(unmet[row])[-1])
    unmet[row, last] += unmet_kwh + excess_kwh
    charge[row, last] -= unmet_kwh * 4
    excess[row, last] += excess_kwh
    wrong = replace(programs, unmet_kwh=unmet, excess_kwh=excess, charge_kw=charge)
    return audit_programs(inputs, named, replace(outcome, programs=wrong))


def test_energy_that_is_missed_needlessly_is_found_also_where_some_must_be_missed() -> None:
    assert missing(0.0, 0.0) == ()
    assert any("car: misses energy that it could have charged, by 1 kWh" in words for words in missing(1.0, 0.0))
    assert any("car: loses energy that it could have kept or used, by 0.5 kWh" in words for words in missing(0.0, 0.5))


@pytest.mark.parametrize("sign", [-1.0, 1.0])
def test_a_plan_that_charges_when_the_car_is_away_is_found(sign: float) -> None:
    car = EvSession(
        resource="car", connection="a", arrival=local(DAY, 8 * 60), departure=local(DAY, 12 * 60), energy_kwh=25.0,
        charge_kw=7.4,
    )  # fmt: skip
    inputs, hour = world(Period(DAY), (car, HEAT_PUMP, BOILER)), timedelta(hours=sign)
    named = build(other_rows(inputs, EvSession, arrival=car.arrival + hour, departure=car.departure + hour))
    outcome = solve(named.case, method=Method.REFERENCE, relative_gap=1e-3, time_limit_s=600)
    assert any("when it is not there" in words for words in audit_programs(inputs, named, outcome))
