"""Charging sessions of a group: counted by hours, known when the last car has left, and nothing later is seen."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agr.domain.isp import Period
from agr.forecasting import Observed, days_of, forecast
from agr.forecasting.forecast import Forecasting
from agr.forecasting.sessions import LONGEST, Session, count, of_sessions, session_unit, whole_days

ZONE = "Europe/Amsterdam"
DAY = Period(date(2026, 3, 2), ZONE, 60)
AUTUMN = Period(date(2025, 10, 26), ZONE, 60)  # 25 hours


def car(hour: float, stay_h: float, kwh: float | None, period: Period = DAY) -> Session:
    arrival = period.start + timedelta(hours=hour)
    return Session(arrival=arrival, departure=arrival + timedelta(hours=stay_h), energy_kwh=kwh)


def test_energy_and_stay_count_in_the_hour_of_arrival_and_add_up() -> None:
    found = count([car(8.5, 9, 20), car(8.9, 1, 4), car(18, 13, 30), car(24, 1, 99), car(-0.1, 5, 99)], DAY)
    assert found.arrivals.nonzero()[0].tolist() == [8, 18]
    assert found.arrivals[[8, 18]].tolist() == [2, 1]
    assert found.energy_kwh[[8, 18]].tolist() == [24, 30]
    assert found.stay_h[[8, 18]] == pytest.approx([10, 13])
    assert found.known_at == DAY.start + timedelta(hours=31)  # the car of 18:00 leaves at 7:00


def test_a_day_on_which_nobody_comes_is_known_when_it_ends() -> None:
    found = count([], DAY)
    assert (found.arrivals.sum(), found.energy_kwh.sum(), found.stay_h.sum()) == (0, 0, 0)
    assert found.known_at == DAY.end


def test_energy_that_nobody_measured_is_the_mean_of_the_others() -> None:
    assert count([car(8, 1, 10), car(9, 1, 20), car(9, 1, None)], DAY).energy_kwh.sum() == 45
    assert count([car(9, 1, None)], DAY).energy_kwh.sum() == 0


def test_each_of_the_25_hours_of_a_day_has_its_arrivals() -> None:
    found = count([car(hour, 0.5, 1, AUTUMN) for hour in range(25)], AUTUMN)
    assert found.arrivals.tolist() == [1.0] * 25


@given(late=st.floats(0.0, 500.0), kwh=st.floats(0.0, 80.0))
@settings(max_examples=20, deadline=None)
def test_what_happens_after_a_day_counts_as_known_changes_nothing_of_it(late: float, kwh: float) -> None:
    """A car that stays on and on: when it leaves, and with how much, comes after the moment it is counted."""
    others = [car(8, 1, 10), car(9, 2, 14)]
    stays = replace(car(20, 1, kwh), departure=DAY.end + LONGEST + timedelta(hours=late))
    found, open_ended = count([*others, stays], DAY), count([*others, car_still_there()], DAY)
    assert found.known_at == open_ended.known_at == DAY.end + LONGEST
    for one, other in zip(found.series(), open_ended.series(), strict=True):
        assert one[1].tobytes() == other[1].tobytes()


def car_still_there() -> Session:
    return Session(arrival=DAY.start + timedelta(hours=20), departure=None, energy_kwh=None)


def sessions(days: int, seed: int) -> list[Session]:
    random = np.random.default_rng(seed)
    found = []
    for day in range(days):
        for _ in range(int(random.poisson(6))):
            hour, stay = random.uniform(6, 23), random.exponential(6)
            found.append(car(24 * day + hour, stay, float(random.uniform(2, 40))))
    return found


@given(seed=st.integers(0, 1000), hours=st.sampled_from([20 * 24.0, 24 * 24 + 0.7, 30 * 24 + 6.0, 33 * 24 + 1.5]))
@settings(max_examples=8, deadline=None)
def test_sessions_that_end_after_the_moment_change_no_bit_of_a_forecast(seed: int, hours: float) -> None:
    """Whatever comes later is replaced: departures and energies of cars that are there, and all later cars."""
    as_of = DAY.start + timedelta(hours=hours)
    past = sessions(42, 1)
    other = [one for one in sessions(42, seed) if one.arrival > as_of]
    random = np.random.default_rng(seed)
    changed = [
        one
        if one.departure is not None and one.departure <= as_of
        else replace(one, departure=as_of + timedelta(hours=float(random.uniform(0.1, 90))), energy_kwh=1.0)
        for one in past
        if one.arrival <= as_of
    ]
    assert made(past, as_of) == made([*changed, *other], as_of)


def made(history: list[Session], as_of: datetime) -> list[bytes]:
    rows: list[list[Observed]] = [[], [], []]
    period = DAY
    while period.start < as_of:
        counted = count(history, period)
        if counted.known_at <= as_of:
            for mine, (_, values) in zip(rows, counted.series(), strict=True):
                mine += [
                    Observed(start=start, minutes=60, value=float(value))
                    for start, value in zip(period.starts(), values, strict=True)
                ]
        period = period.next()
    found = []
    for mine in rows:
        days = days_of(mine, ZONE, 60)
        row = days.row(as_of.date()) + 1
        newest = Forecasting(model="half yesterday, half last week", bands=False)  # which looks at the last known day
        found.append(forecast(days, row, newest).mean.tobytes())
    return found


def test_the_sum_of_a_day_is_a_series_of_its_own_that_can_be_forecast() -> None:
    values = [
        Observed(start=start, minutes=60, value=float(start.astimezone(UTC).day % 2))
        for n in range(30)
        for start in Period(DAY.day + timedelta(days=n), ZONE, 60).starts()
    ]
    hours = days_of(values, ZONE, 60)
    whole = whole_days(hours)
    assert whole.values.shape == (30, 1)
    assert whole.values[:, 0] == pytest.approx(hours.values.sum(axis=1))
    assert forecast(whole, 30, Forecasting(model="alike days", bands=False)).mean[0] == pytest.approx(
        forecast(hours, 30, Forecasting(model="alike days", bands=False)).mean.sum()
    )


def test_names_of_series_say_what_they_are() -> None:
    assert of_sessions("ev_stay_h ea1.p")
    assert not of_sessions("power_kw ev_stay_h ")
    assert [session_unit(name) for name in ("ev_arrivals g", "ev_energy_kwh g", "ev_stay_h g", "day_ahead")] == [
        "cars", "kWh", "h", "",
    ]  # fmt: skip
