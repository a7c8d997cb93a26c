"""Sessions that a forecast expects: they add up to it, and real ones take their place."""

from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agr.forecasting.expected import LEAST_CARS, expected_sessions, still_expected

START = datetime(2026, 3, 29, 23, tzinfo=UTC)


def hour(number: float) -> datetime:
    return START + timedelta(hours=number)


def test_two_cars_an_hour_come_evenly_in_it_and_take_what_the_hour_takes() -> None:
    arrivals, energy, stay = np.zeros(24), np.zeros(24), np.zeros(24)
    arrivals[8], energy[8], stay[8] = 2.0, 30.0, 10.0
    first, second = expected_sessions(arrivals, energy, stay, START, 60)
    assert (first.arrival, second.arrival) == (hour(8.25), hour(8.75))
    assert {(one.cars, one.energy_kwh, one.stay) for one in (first, second)} == {(1.0, 15.0, timedelta(hours=5))}


def test_parts_of_cars_are_put_together_until_they_are_worth_a_session() -> None:
    arrivals = np.full(24, 0.1)
    made = expected_sessions(arrivals, arrivals * 8, arrivals * 3, START, 60)
    assert [one.cars for one in made] == pytest.approx([0.5, 0.5, 0.5, 0.9])  # what is left goes with the last
    assert made[0].arrival == hour(2.5)
    assert {round(one.stay / timedelta(hours=1), 6) for one in made} == {3.0}
    assert sum(one.energy_kwh for one in made) == pytest.approx(24 * 0.8)
    [alone] = expected_sessions(np.array([0.0, 0.02]), np.array([0.0, 0.2]), np.array([0.0, 0.1]), START, 60)
    assert (alone.cars, alone.energy_kwh) == pytest.approx((0.02, 0.2))
    assert expected_sessions(np.zeros(24), np.zeros(24), np.zeros(24), START, 60) == ()


@settings(max_examples=25, deadline=None)
@given(st.lists(st.floats(0, 40), min_size=23, max_size=25), st.floats(0.1, 60), st.floats(0, 30))
def test_sessions_add_up_to_the_forecast_and_come_in_order(cars: list[float], kwh: float, hours: float) -> None:
    arrivals = np.array(cars)
    arrivals[arrivals < 0.001] = 0.0
    made = expected_sessions(arrivals, arrivals * kwh, arrivals * hours, START, 60)
    assert sum(one.cars for one in made) == pytest.approx(arrivals.sum())
    assert sum(one.energy_kwh for one in made) == pytest.approx(arrivals.sum() * kwh)
    assert all(0 < one.cars <= 1 + 1e-6 for one in made)
    whole = arrivals.sum() >= LEAST_CARS
    assert not whole or min(one.cars for one in made) >= LEAST_CARS / 2
    times = [one.arrival for one in made]
    assert times == sorted(set(times))
    assert not times or hour(0) <= times[0] <= times[-1] < hour(len(cars))


def test_each_known_session_takes_the_place_of_the_cars_expected_nearest_to_it() -> None:
    arrivals = np.zeros(24)
    arrivals[[8, 12, 18]] = 1.0, 0.6, 1.0
    every = expected_sessions(arrivals, arrivals * 10, arrivals * 2, START, 60)
    assert still_expected(every, [], hour(0)) == every
    left = still_expected(every, [hour(11)], hour(0))  # the 0.6 of 12:30, and 0.4 of 8:30
    assert [(one.arrival, round(one.cars, 9)) for one in left] == [(hour(8.5), 0.6), (hour(18.5), 1.0)]
    assert left[0].energy_kwh == pytest.approx(6.0)
    assert still_expected(every, [hour(n) for n in (1, 2, 3)], hour(0)) == ()
    assert still_expected((), [hour(3)], hour(0)) == ()


def test_what_was_to_come_before_now_is_expected_no_longer_and_who_came_takes_nobodys_place() -> None:
    arrivals = np.zeros(24)
    arrivals[[8, 18]] = 1.0
    every = expected_sessions(arrivals, arrivals * 10, arrivals * 2, START, 60)
    [left] = still_expected(every, [hour(9)], hour(10))
    assert (left.arrival, left.cars) == (hour(18.5), 1.0)
    assert still_expected(every, [hour(9), hour(20)], hour(10)) == ()
