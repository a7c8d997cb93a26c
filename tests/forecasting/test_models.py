"""Every registered model: whole forecasts, no look ahead, better than naive where there is something to learn."""

from typing import get_args

import numpy as np
import pytest

from agr.domain.errors import InputError
from agr.forecasting import MODELS, Days, ForecastModelError, Model, model, rolling, score
from agr.forecasting.models.lear import clipped, lasso_path
from agr.forecasting.models.naive import AlikeDays, HalfAndHalf, Naive
from agr.forecasting.models.registry import MeanOf
from agr.settings.forecasts import ModelName
from tests.forecasting.synthetic import wave

KNOWN = wave(160)


class Unloadable:
    """A model whose library is missing on this machine."""

    name, least_days = "unloadable", 1

    def fit(self, known: Days, lead: int) -> Naive:
        raise ForecastModelError("its library is missing")


@pytest.mark.parametrize("name", [name for name in MODELS if not name.startswith("mean of")])
@pytest.mark.parametrize("lead", [1, 2])
def test_later_days_change_no_bit_of_a_forecast(name: str, lead: int) -> None:
    random = np.random.default_rng(3)
    first, last, one = 100, 103, MODELS[name]
    values = KNOWN.values.copy()
    later = values[last - lead :]
    values[last - lead :] = random.permutation(later.reshape(-1)).reshape(later.shape)
    future = Days(first=KNOWN.first, values=values, minutes=60, zone_name=KNOWN.zone_name)
    honest = rolling(KNOWN, one, first, last, lead=lead, refit_days=7)
    permuted = rolling(future, one, first, last, lead=lead, refit_days=7)
    assert honest.forecast.tobytes() == permuted.forecast.tobytes()
    assert np.isfinite(honest.forecast).all()
    # the permutation can be seen: what may look at these days forecasts otherwise
    seen, other = (rolling(days, one, last, last + 7, lead=lead, refit_days=7) for days in (KNOWN, future))
    assert seen.forecast.tobytes() != other.forecast.tobytes()


@pytest.mark.parametrize("name", ["LEAR", "LightGBM", "alike days"])
def test_models_beat_naive_on_a_wave_with_noise(name: str) -> None:
    known = KNOWN if name != "alike days" else wave(160, drift=1)
    naive = rolling(known, MODELS["naive"], 120, 150)
    found = rolling(known, MODELS[name], 120, 150, refit_days=30)
    scored = score(found.forecast, found.actual, naive=naive.forecast)
    assert scored is not None
    assert scored.relative_mae is not None
    assert scored.relative_mae < 0.95


def test_naive_takes_yesterday_on_tuesday_to_friday_and_last_week_on_other_days() -> None:
    known = wave(14)  # begins on a Monday
    monday = Naive()(known, 1)
    assert monday.tolist() == known.values[7].tolist()
    tuesday = Naive()(wave(15), 1)
    assert tuesday.tolist() == wave(15).values[14].tolist()
    two_ahead = Naive()(known, 2)
    assert two_ahead.tolist() == known.values[8].tolist()


def test_half_and_half_is_the_mean_of_the_two() -> None:
    known = wave(15)
    assert HalfAndHalf()(known, 1) == pytest.approx((known.values[14] + known.values[8]) / 2)


def test_alike_days_of_a_saturday_are_saturdays() -> None:
    known = wave(33)  # ends on a Friday
    saturdays = known.values[[5, 12, 19, 26]]
    assert AlikeDays()(known, 1) == pytest.approx(saturdays.mean(axis=0))


def test_the_lasso_meets_the_conditions_of_its_optimum() -> None:
    random = np.random.default_rng(5)
    x = random.normal(size=(200, 12))
    x = (x - x.mean(axis=0)) / x.std(axis=0)
    true = np.zeros((12, 3))
    true[[0, 4], 0], true[7, 1] = (2.0, -1.0), 3.0
    y = x @ true + random.normal(0, 0.5, (200, 3))
    y -= y.mean(axis=0)
    slope = lasso_path(x, y)
    gradient = x.T @ (y - x @ slope) / 200
    for column in range(3):
        used = slope[:, column] != 0
        if not used.any():
            continue
        penalty = np.abs(gradient[used, column]).mean()
        assert gradient[used, column] == pytest.approx(np.sign(slope[used, column]) * penalty, abs=1e-3)
        assert (np.abs(gradient[~used, column]) <= penalty + 1e-3).all()
    assert slope[[0, 4], 0] == pytest.approx([2.0, -1.0], abs=0.15)
    assert slope[7, 1] == pytest.approx(3.0, abs=0.15)
    assert (slope[:, 2] != 0).sum() <= 4  # nothing to learn there


def test_forecasts_are_clipped_to_the_range_of_the_last_weeks_and_a_tenth() -> None:
    low, high = KNOWN.values[-28:].min(), KNOWN.values[-28:].max()
    found = clipped(np.array([-1e6, 50.0, 1e6]), KNOWN)
    assert found == pytest.approx([low - 0.1 * (high - low), 50.0, high + 0.1 * (high - low)])


def test_a_member_that_cannot_be_loaded_is_left_out_of_the_mean_and_named() -> None:
    both: Model = MeanOf((Unloadable(), Naive()))
    fitted = both.fit(KNOWN, 1)
    assert fitted(KNOWN, 1).tolist() == Naive()(KNOWN, 1).tolist()
    assert fitted.missing == (("unloadable", "its library is missing"),)  # type: ignore[attr-defined]
    with pytest.raises(ForecastModelError, match="unloadable: its library is missing"):
        MeanOf((Unloadable(),)).fit(KNOWN, 1)


def test_an_unknown_model_is_refused_with_what_may_be_meant() -> None:
    with pytest.raises(InputError, match="'LIAR' is not a forecast model"):
        model("LIAR")


def test_settings_know_just_the_registered_models() -> None:
    assert set(get_args(ModelName)) == set(MODELS)


def test_quarters_follow_the_forecast_of_their_hour_and_its_usual_shape() -> None:
    """A series of quarters with a fixed shape inside each hour is forecast with that shape."""
    hourly = wave(120, noise=2.0)
    shape = np.tile([3.0, 1.0, -1.0, -3.0], 24)
    values = np.repeat(hourly.values, 4, axis=1) + shape
    quarters = Days(first=hourly.first, values=values, minutes=15, zone_name=hourly.zone_name)
    lear = MODELS["LEAR"]
    fine = lear.fit(quarters, 1)(quarters, 1)
    assert fine.reshape(24, 4).mean(axis=1) == pytest.approx(lear.fit(hourly, 1)(hourly, 1), abs=1e-6)
    assert fine - np.repeat(fine.reshape(24, 4).mean(axis=1), 4) == pytest.approx(shape, abs=1e-9)
