"""What a car's missing energy counts at midnight is what charging it later costs at the prices of the next day."""

from dataclasses import replace
from datetime import date

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from agr.domain.isp import Period
from agr.domain.kinds.ev_session import EvSession
from agr.planning.case import build
from agr.planning.case_audit import audit_case
from tests.builders.entered import DAYS, cars, local, runs, world

HOURS = st.lists(st.integers(-50, 200), min_size=25, max_size=25)


@given(st.sampled_from(DAYS), HOURS, st.none() | st.floats(0, 20), st.data())
@settings(max_examples=80, deadline=None)
def test_the_worth_of_any_car_has_no_findings(
    day: date, hours: list[int], room: float | None, data: st.DataObject
) -> None:
    car = data.draw(cars(day).filter(lambda one: one.discharge_kw == 0))
    car = replace(car, capacity_kwh=None if room is None else car.energy_kwh + room)
    period = Period(day)
    later = tuple(float(hours[isp // 4]) for isp in range(period.next().isp_count))
    inputs = replace(world(period, (car,)), later_prices={"day_ahead_forecast": later})
    assert audit_case(inputs, build(inputs)) == ()


@given(st.sampled_from(DAYS), HOURS, st.booleans(), st.data())
@settings(max_examples=60, deadline=None)
def test_the_worth_of_any_car_that_gives_back_has_no_findings(
    day: date, hours: list[int], known: bool, data: st.DataObject
) -> None:
    car = data.draw(cars(day).filter(lambda one: one.discharge_kw > 0))
    period = Period(day)
    later = tuple(float(hours[isp // 4]) for isp in range(period.next().isp_count))
    inputs = replace(world(period, (car,)), later_prices={"day_ahead_forecast": later} if known else {})
    assert audit_case(inputs, build(inputs)) == ()


@pytest.mark.parametrize("back", [0.0, 8.0])
def test_the_worth_of_a_car_that_stays_for_two_days_is_added_up_to_its_departure(back: float) -> None:
    """It needs more than a day of charging; of the second day there is no price, so that of the first stands in."""
    day = DAYS[0]
    car = EvSession(
        resource="car", connection="a", arrival=local(day, 20 * 60), departure=local(day, 60 * 60), energy_kwh=100.0,
        charge_kw=3.0, discharge_kw=back, initial_kwh=5.0, capacity_kwh=120.0,
    )  # fmt: skip
    inputs = replace(world(Period(day), (car,)), later_prices={"day_ahead": tuple(20.0 + i % 50 for i in range(96))})
    named = build(inputs)
    assert audit_case(inputs, named) == ()
    other = replace(inputs, later_prices={"day_ahead": tuple(21.0 + i % 50 for i in range(96))})
    assert any("worth of the energy" in words for words in audit_case(inputs, build(other)))


@given(st.sampled_from(DAYS), HOURS, st.booleans(), st.data())
@settings(max_examples=60, deadline=None)
def test_what_any_run_leaves_for_later_costs_what_its_energy_costs_then(
    day: date, hours: list[int], known: bool, data: st.DataObject
) -> None:
    period = Period(day)
    later = tuple(float(hours[isp // 4]) for isp in range(period.next().isp_count))
    inputs = replace(
        world(period, (data.draw(runs(day)),)), later_prices={"day_ahead_forecast": later} if known else {}
    )
    named = build(inputs)
    assert audit_case(inputs, named) == ()
    costs = named.case.shiftable.later_eur
    if not costs.any() or (not known and day != DAYS[0]):
        return
    wrong = replace(named.case.shiftable, later_eur=costs * 1.01 + 1e-3 * (costs != 0))
    found = audit_case(inputs, replace(named, case=replace(named.case, shiftable=wrong)))
    assert any("cost of what is left for later" in words for words in found)


@given(st.lists(st.floats(-20, 60), min_size=100, max_size=100), st.floats(0, 20))
@settings(max_examples=60, deadline=None)
def test_a_night_of_quarters_around_zero_has_no_findings(quarters: list[float], room: float) -> None:
    """More prices than the worth has levels: those up to the need and those beyond it are joined apart."""
    day = DAYS[0]
    car = EvSession(
        resource="car", connection="a", arrival=local(day, 20 * 60), departure=local(day, 32 * 60), energy_kwh=40.0,
        charge_kw=11.0, charge_efficiency=0.9, capacity_kwh=40.0 + room,
    )  # fmt: skip
    period = Period(day)
    later = tuple(quarters[: period.next().isp_count])
    inputs = replace(world(period, (car,)), later_prices={"day_ahead_forecast": later})
    assert audit_case(inputs, build(inputs)) == ()


@given(HOURS)
@settings(max_examples=40, deadline=None)
def test_a_worth_at_the_prices_of_another_hour_is_found(hours: list[int]) -> None:
    """The car needs all that it can charge until 06:00, so every hour's price counts."""
    day = DAYS[0]
    car = EvSession(
        resource="car", connection="a", arrival=local(day, 20 * 60), departure=local(day, 30 * 60), energy_kwh=60.0,
        charge_kw=10.0,
    )  # fmt: skip
    assume(sum(hours[:6]) != sum(hours[1:7]))
    inputs = world(Period(day), (car,))
    right, late = (
        replace(inputs, later_prices={"day_ahead_forecast": tuple(float(hours[i // 4 + s]) for i in range(96))})
        for s in (0, 1)
    )
    assert audit_case(right, build(right)) == ()
    assert any("worth of the energy" in words for words in audit_case(right, build(late)))
