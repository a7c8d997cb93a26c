"""Forecasts by others as inputs: they teach what they can, and later days, or their absence, change no bit."""

from dataclasses import replace
from datetime import date

import numpy as np
import pytest

from agr.forecasting import Days, Forecasting, forecast, model, rolling, score
from agr.forecasting.inputs import on_slots, usable
from tests.forecasting.synthetic import windy

COUNT = 120


@pytest.fixture(scope="module")
def days() -> Days:
    return windy(COUNT)


@pytest.mark.parametrize("name", ["LEAR", "LightGBM"])
def test_an_input_that_makes_the_price_halves_the_error(days: Days, name: str) -> None:
    without = replace(days, inputs=None, input_names=())
    naive = rolling(days, model("naive"), COUNT - 14, COUNT)
    errors = []
    for given in (without, days):
        rolled = rolling(given, model(name), COUNT - 14, COUNT, refit_days=14)
        scored = score(rolled.forecast, rolled.actual, naive=naive.forecast)
        assert scored is not None
        errors.append(scored.mae)
    assert errors[1] < errors[0] / 2


def test_a_roof_follows_the_sun_that_is_forecast() -> None:
    """The power of a roof is its sun; without weather the model is alike days to the bit."""
    random = np.random.default_rng(5)
    day = np.maximum(np.sin((np.arange(24) - 5) / 14 * np.pi), 0) * (np.abs(np.arange(24) - 12) < 7)
    sun = 900 * day * random.uniform(0.1, 1.0, (COUNT, 1))
    roof = Days(
        first=date(2025, 1, 1), values=-0.005 * sun + random.normal(0, 0.02, sun.shape), minutes=60,
        zone_name="Europe/Amsterdam", inputs=sun[None], input_names=("weather sun_w_m2 here",),
    )  # fmt: skip
    plain = rolling(roof, model("alike days"), COUNT - 30, COUNT, lead=2)
    found = rolling(roof, model("alike days by weather"), COUNT - 30, COUNT, lead=2)
    assert np.abs(found.errors).mean() < np.abs(plain.errors).mean() / 3
    without = rolling(replace(roof, inputs=None), model("alike days by weather"), COUNT - 30, COUNT, lead=2)
    assert (without.forecast == plain.forecast).all()


@pytest.mark.parametrize("name", ["LEAR", "LightGBM", "alike days by weather"])
def test_days_after_the_target_change_no_bit(days: Days, name: str) -> None:
    row = COUNT - 10
    assert days.inputs is not None
    later = days.inputs.copy()
    later[:, row + 1 :] = 1e6
    values = days.values.copy()
    values[row:] = 1e6
    how = Forecasting(model=name, bands=False)
    before, after = (forecast(one, row, how) for one in (days, replace(days, inputs=later, values=values)))
    assert (before.mean == after.mean).all()


@pytest.mark.parametrize("name", ["LEAR", "LightGBM", "alike days by weather"])
def test_gaps_of_earlier_days_are_no_obstacle(days: Days, name: str) -> None:
    assert days.inputs is not None
    holed = days.inputs.copy()
    holed[0, 70:80] = np.nan
    made = forecast(replace(days, inputs=holed), COUNT - 1, Forecasting(model=name, bands=False))
    assert np.isfinite(made.mean).all()
    assert made.notes == ()


@pytest.mark.parametrize(
    ("unknown", "words"),
    [
        (slice(COUNT - 1, COUNT), "weather wind_m_s sea is not known of this day: forecast without it"),
        (slice(0, 70), "weather wind_m_s sea is known of 49 days, 60 are needed: forecast without it"),
    ],
)
def test_an_input_that_is_not_known_is_left_out_to_the_bit_and_named(days: Days, unknown: slice, words: str) -> None:
    assert days.inputs is not None
    holed = days.inputs.copy()
    holed[0, unknown] = np.nan
    how = Forecasting(model="LEAR", bands=False)
    left = forecast(replace(days, inputs=holed), COUNT - 1, how)
    without = forecast(replace(days, inputs=None, input_names=()), COUNT - 1, how)
    assert (left.mean == without.mean).all()
    assert left.notes == (words,)
    assert without.notes == ()


def test_of_several_inputs_the_known_ones_stay(days: Days) -> None:
    assert days.inputs is not None
    other = np.full_like(days.inputs, np.nan)
    notes: list[str] = []
    both = replace(days, inputs=np.vstack([other, days.inputs]), input_names=("a", "b"))
    found = usable(both.known(COUNT - 1), COUNT - 1, notes)
    assert found.input_names == ("b",)
    assert found.inputs is not None
    assert np.array_equal(found.inputs, days.inputs)


def test_quarters_are_averaged_and_hours_repeated_on_days_of_the_clock(days: Days) -> None:
    spring = date(2025, 3, 30)  # 23 hours
    found = on_slots(days, np.repeat(np.arange(23.0), 4), 15, spring)
    assert list(found) == [0, 1, 1, *range(2, 23)]
    quarters = replace(days, values=np.zeros((COUNT, 96)), minutes=15)
    assert list(on_slots(quarters, np.arange(24.0), 60, date(2025, 4, 1))) == [n // 4 for n in range(96)]
