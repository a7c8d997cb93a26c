"""One forecast: what stands in for what, and says so; naive takes over from a model that is worse."""

from dataclasses import dataclass

import numpy as np
import pytest

from agr.forecasting import Days, Forecasting, ForecastModelError, forecast
from agr.forecasting.models import registry
from agr.forecasting.models.naive import Naive
from tests.forecasting.synthetic import wave


def test_a_forecast_has_bands_and_no_notes_where_all_is_well() -> None:
    made = forecast(wave(100), 100)
    assert made.model == "mean of LightGBM and LEAR"
    assert made.notes == ()
    assert made.lead == 1
    assert made.quantiles is not None
    inside = (made.mean >= made.quantiles[0]) & (made.mean <= made.quantiles[-1])
    assert inside.all()


def test_values_from_the_day_on_change_no_bit() -> None:
    known = wave(120)
    future = Days(first=known.first, values=known.values.copy(), minutes=60, zone_name=known.zone_name)
    future.values[100:] *= -7
    how = Forecasting(model="alike days")
    one, other = forecast(known, 100, how), forecast(future, 100, how)
    assert one.mean.tobytes() == other.mean.tobytes()
    assert one.quantiles is not None
    assert other.quantiles is not None
    assert one.quantiles.tobytes() == other.quantiles.tobytes()


@pytest.mark.parametrize(("days", "stands_in"), [(40, True), (14, True), (80, False)])
def test_under_sixty_days_alike_days_stand_in(days: int, stands_in: bool) -> None:
    made = forecast(wave(days, drift=1), days, Forecasting(model="LEAR"))
    assert (made.model == "alike days") == stands_in
    assert any(f"only {days} days are known, LEAR needs 60" in note for note in made.notes) == stands_in


def test_under_fourteen_days_the_series_is_refused() -> None:
    with pytest.raises(ForecastModelError, match="only 13 days are known; 14 are needed"):
        forecast(wave(13), 13)


def test_a_series_that_has_stopped_is_refused() -> None:
    with pytest.raises(ForecastModelError, match="nothing is known since 2024-02-09; look at its source"):
        forecast(wave(40), 48)


def test_a_day_that_is_not_over_is_left_out_and_the_lead_is_longer() -> None:
    known = wave(60)
    known.values[59, 10:] = np.nan
    made = forecast(known, 60, Forecasting(model="alike days"))
    assert made.lead == 2
    assert made.notes == ()


def test_large_gaps_are_filled_and_told() -> None:
    known = wave(60)
    known.values[50, 4:] = np.nan
    known.values[30, 3] = np.nan
    made = forecast(known, 60, Forecasting(model="naive"))
    assert made.notes == ("1 of the last 60 days miss more than a quarter of their values; earlier days stand in",)


@dataclass(frozen=True)
class Wrong:
    """A model that is far off."""

    name: str = "wrong"
    least_days: int = 1

    def fit(self, known: Days, lead: int) -> "Wrong":
        return self

    def __call__(self, known: Days, lead: int) -> "np.ndarray[tuple[int], np.dtype[np.float64]]":
        return known.values[-1] + 500


def test_naive_takes_over_from_a_model_that_is_worse(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(registry, "MODELS", {"wrong": Wrong(), "naive": Naive()})
    known = wave(60)
    made = forecast(known, 60, Forecasting(model="wrong"))
    assert made.model == "naive"
    assert made.mean.tolist() == Naive()(known, 1).tolist()
    assert "wrong was worse than naive over the last 14 days" in made.notes[0]
    assert made.notes[0].endswith("naive takes over")
