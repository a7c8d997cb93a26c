"""Bands cover what they promise, follow a change, ascend and look back only; scores agree with other libraries."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from agr.forecasting import score
from agr.forecasting.quantiles import LEAST, LEVELS, bands
from agr.forecasting.scores import crps, kendall

LOW, HIGH = LEVELS.index(0.1), LEVELS.index(0.9)


def covered(errors: np.ndarray[tuple[int, int], np.dtype[np.float64]], first: int) -> float:
    found = bands(np.zeros_like(errors), errors[:-1])[first:]
    inside = (errors[first:] >= found[:, LOW]) & (errors[first:] <= found[:, HIGH])
    return float(inside.mean())


def test_bands_of_eighty_percent_cover_eighty_percent() -> None:
    errors = np.random.default_rng(1).normal(0, 10, (150, 24))
    assert covered(errors, 30) == pytest.approx(0.8, abs=0.02)


def test_bands_widen_when_errors_grow() -> None:
    random = np.random.default_rng(2)
    errors = np.concatenate([random.normal(0, 5, (80, 24)), random.normal(0, 15, (60, 24))])
    assert covered(errors, 95) > 0.74
    fixed = np.quantile(errors[:80], [0.1, 0.9])
    assert ((errors[95:] >= fixed[0]) & (errors[95:] <= fixed[1])).mean() < 0.45  # what does not adapt


def test_bands_of_a_day_do_not_change_with_its_errors_and_later_ones() -> None:
    random = np.random.default_rng(4)
    errors = random.normal(0, 5, (60, 24))
    honest = bands(np.zeros((60, 24)), errors[:-1])
    changed = errors.copy()
    changed[40:] = random.permutation(changed[40:].reshape(-1)).reshape(20, 24)
    other = bands(np.zeros((60, 24)), changed[:-1])
    assert honest[:41].tobytes() == other[:41].tobytes()
    assert not np.array_equal(honest[45], other[45])
    assert np.isnan(honest[:LEAST]).all()


@settings(max_examples=20)
@given(
    arrays(np.float64, (20, 6), elements=st.floats(-1e4, 1e4)),
    arrays(np.float64, (1, 6), elements=st.floats(-1e4, 1e4)),
)
def test_quantiles_ascend(
    errors: np.ndarray[tuple[int, int], np.dtype[np.float64]], point: np.ndarray[tuple[int, int], np.dtype[np.float64]]
) -> None:
    found = bands(point, errors)[-1]
    assert (np.diff(found, axis=0) >= 0).all()


def test_the_crps_of_normal_quantiles_is_that_of_the_normal_distribution() -> None:
    from scipy import stats  # takes half a second, which other processes of a run need not spend

    values = stats.norm.ppf(LEVELS, 3.0, 2.0)
    actual = np.random.default_rng(6).normal(3.0, 2.0, (4000, 1))
    quantiles = np.broadcast_to(values[None, :, None], (4000, len(LEVELS), 1))
    z = (actual - 3.0) / 2.0
    closed = float((2.0 * (z * (2 * stats.norm.cdf(z) - 1) + 2 * stats.norm.pdf(z) - 1 / np.sqrt(np.pi))).mean())
    assert crps(quantiles, actual) == pytest.approx(closed, rel=0.01)


@given(st.lists(st.integers(-3, 3), min_size=3, max_size=12), st.randoms())
def test_rank_correlation_is_that_of_scipy(values: list[int], random: "st.randoms") -> None:  # type: ignore[valid-type]
    from scipy import stats  # takes half a second, which other processes of a run need not spend

    other = [random.randint(-3, 3) for _ in values]  # type: ignore[attr-defined]
    expected = stats.kendalltau(values, other).statistic
    found = kendall(np.array(values, dtype=float), np.array(other, dtype=float))
    assert (found is None and np.isnan(expected)) or found == pytest.approx(expected)


def test_scores_of_a_forecast_that_is_known() -> None:
    actual = np.array([[1.0, 2.0, 3.0], [4.0, np.nan, 6.0]])
    forecast = np.array([[2.0, 2.0, 5.0], [4.0, 9.0, 5.0]])
    naive = np.array([[3.0, 4.0, 1.0], [6.0, 0.0, 8.0]])
    found = score(forecast, actual, naive=naive)
    assert found is not None
    assert (found.days, found.mae, found.bias, found.relative_mae) == (2, 0.8, 0.4, 0.4)
    assert found.crps is None
    assert score(forecast, np.full((2, 3), np.nan)) is None
