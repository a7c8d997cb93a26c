"""Forecasts and what happened, as of a moment: what was made or known later does not exist."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import numpy as np
import pytest

from agr.domain.errors import InputError
from agr.domain.register import Price
from agr.forecasting import Observed
from agr.forecasting.quantiles import LEVELS
from agr.store import actuals, forecast_runs, input_version, register
from agr.store.actuals import Actual
from agr.store.engine import Store
from agr.store.forecast_runs import ForecastRun

DAY = date(2026, 3, 29)
NOW = datetime(2026, 3, 28, 6, 0, tzinfo=UTC)
HOUR = timedelta(hours=1)


def made(at: datetime, value: float, *, model: str = "LEAR", quantiles: bool = True) -> ForecastRun:
    ladder = np.array(LEVELS)[:, None] + np.full((1, 23), value)
    return ForecastRun(
        series="day_ahead", model=model, made_at=at, period=DAY, minutes=60, mean=np.full(23, value),
        quantiles=ladder if quantiles else None, notes=("a note",), features_hash="ab",
    )  # fmt: skip


def test_a_forecast_comes_back_as_it_was_made(store: Store) -> None:
    with store.transaction() as tx:
        number = forecast_runs.put(tx, made(NOW, 7.0), NOW)
        found = forecast_runs.newest(tx, "day_ahead", DAY, NOW)
    assert found is not None
    assert (found.id, found.model, found.notes, found.made_at, found.minutes) == (number, "LEAR", ("a note",), NOW, 60)
    assert found.mean.tolist() == [7.0] * 23
    assert found.quantiles is not None
    assert found.quantiles.shape == (len(LEVELS), 23)
    assert found.quantiles[10, 3] == 7.5


def test_what_was_made_later_does_not_exist(store: Store) -> None:
    with store.transaction() as tx:
        for hours, value in ((2, 2.0), (0, 0.0), (1, 1.0)):
            forecast_runs.put(tx, made(NOW + hours * HOUR, value), NOW + 5 * HOUR)
        forecast_runs.put(tx, made(NOW + 3 * HOUR, 9.0, model="given", quantiles=False), NOW + 5 * HOUR)

        def seen(as_of: datetime, given: bool | None = None) -> float | None:
            run = forecast_runs.newest(tx, "day_ahead", DAY, as_of, given=given)
            return None if run is None else float(run.mean[0])

        assert seen(NOW - HOUR) is None
        assert [seen(NOW + n * HOUR) for n in range(4)] == [0.0, 1.0, 2.0, 9.0]
        assert seen(NOW + 4 * HOUR, given=False) == 2.0
        assert seen(NOW + 2 * HOUR, given=True) is None
        assert forecast_runs.series_known(tx, NOW - HOUR) == []
        assert forecast_runs.series_known(tx, NOW) == ["day_ahead"]


def test_a_forecast_of_ours_is_an_input_of_plans_and_one_that_is_given_is_known_already(store: Store) -> None:
    with store.transaction() as tx:
        before = input_version.number(tx)
        forecast_runs.put(tx, made(NOW, 1.0, model="given"), NOW)
        assert input_version.number(tx) == before
        forecast_runs.put(tx, made(NOW, 1.0), NOW)
        assert input_version.number(tx) > before


def test_future_crossed_and_broken_forecasts_are_refused(store: Store) -> None:
    crossed = made(NOW, 1.0)
    assert crossed.quantiles is not None
    crossed.quantiles[3, 5] = 99.0
    broken = made(NOW, 1.0)
    broken.mean[2] = np.nan
    with store.transaction() as tx:
        for run, words in ((made(NOW + HOUR, 1.0), "is to come"), (crossed, "crossed"), (broken, "not numbers")):
            with pytest.raises(InputError, match=words):
                forecast_runs.put(tx, run, NOW)
        assert forecast_runs.newest(tx, "day_ahead", DAY, NOW) is None


def test_old_forecasts_are_deleted_with_their_values(store: Store) -> None:
    with store.transaction() as tx:
        forecast_runs.put(tx, made(NOW, 1.0), NOW)
        assert forecast_runs.delete_before(tx, DAY) == 0
        assert forecast_runs.delete_before(tx, DAY + timedelta(days=1)) == 1
        assert forecast_runs.series_known(tx, NOW) == []


def actual(hour: int, value: float, received: datetime) -> Actual:
    observed = Observed(start=NOW + hour * HOUR, minutes=60, value=value)
    return Actual(series="day_ahead", observed=observed, received_at=received)


def test_a_corrected_value_is_one_more_row_that_counts_from_when_it_came(store: Store) -> None:
    with store.transaction() as tx:
        assert actuals.put(tx, [actual(0, 5.0, NOW), actual(1, 6.0, NOW + HOUR)]) == 2
        assert actuals.put(tx, [actual(0, 5.0, NOW + HOUR)]) == 0
        assert actuals.put(tx, [actual(0, 5.5, NOW + 2 * HOUR)]) == 1

        def seen(hours: float) -> list[float]:
            return [one.value for one in actuals.known(tx, "day_ahead", NOW + hours * HOUR)]

        assert [seen(n) for n in (-1, 0, 1, 2)] == [[], [5.0], [5.0, 6.0], [5.5, 6.0]]
        first = actuals.known(tx, "day_ahead", NOW + 9 * HOUR, NOW + HOUR, NOW + 2 * HOUR)
        assert [one.value for one in first] == [6.0]


def test_prices_are_taken_once_and_again_when_they_are_corrected(store: Store) -> None:
    price = Price(series="day_ahead", start=NOW, minutes=60, value=40.0)
    with store.transaction() as tx:
        register.put_prices(tx, [price])
        assert actuals.prices_not_taken(tx, "day_ahead") == [price]
        actuals.put(tx, [actual(0, 40.0, NOW)])
        assert actuals.prices_not_taken(tx, "day_ahead") == []
        register.put_prices(tx, [Price(series="day_ahead", start=NOW, minutes=60, value=41.0)])
        assert [one.value for one in actuals.prices_not_taken(tx, "day_ahead")] == [41.0]


def test_many_forecasts_at_once_are_stored_as_one_by_one_and_levels_are_means_by_series(store: Store) -> None:
    runs = [replace(made(NOW, float(n), quantiles=n % 2 == 0), series=f"power_kw {n}") for n in range(30)]
    with store.transaction() as tx:
        before = input_version.number(tx)
        numbers = forecast_runs.put_all(tx, runs, NOW)
        assert numbers == sorted(set(numbers))
        assert input_version.number(tx) == before + 1
        found = forecast_runs.powers(tx, DAY, NOW)
        assert {(run.id, float(run.mean[0]), run.quantiles is None) for run in found.values()} == {
            (number, float(n), n % 2 == 1) for n, number in enumerate(numbers)
        }
        assert forecast_runs.put_all(tx, [], NOW) == []
        forecast_runs.put_all(tx, runs[:1], NOW, planned_with=False)
        assert input_version.number(tx) == before + 1
        actuals.put(tx, [
            Actual(series=f"power_kw {name}", received_at=NOW,
                   observed=Observed(start=NOW - n * HOUR, minutes=60, value=float(value + n)))
            for name, value in (("a", 1), ("b", 5)) for n in range(1, 25)
        ])  # fmt: skip
        levels = actuals.levels(tx, "power_kw ", NOW, NOW - 12 * HOUR)
        assert levels == {"power_kw a": (7.5, 0.5), "power_kw b": (11.5, 0.5)}
        assert actuals.levels(tx, "power_kw ", NOW - HOUR, NOW - 12 * HOUR) == {}
