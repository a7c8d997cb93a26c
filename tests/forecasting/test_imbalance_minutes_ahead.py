"""Imbalance prices minutes ahead: a known process is learned, far ahead only the usual price is left."""

from datetime import date

import numpy as np
import pytest

from agr.domain.isp import Period, clock_minutes
from agr.forecasting import ForecastModelError
from agr.forecasting.imbalance import LEADS, learned

SLOTS = 96


def prices(days: int, *, carry: float = 0.8, seed: int = 1) -> np.ndarray:
    """Return prices that return to a daily wave: of the distance, `carry` is left an ISP later."""
    random = np.random.default_rng(seed)
    wave = 80 + 30 * np.sin(np.arange(days * SLOTS) / SLOTS * 2 * np.pi)
    away = np.zeros(len(wave))
    for t in range(1, len(wave)):
        away[t] = carry * away[t - 1] + random.normal(0, 10)
    return wave + away


def by_slot(days: int) -> np.ndarray:
    """Return the slots of days of 24 hours."""
    return np.arange(days * SLOTS) % SLOTS


def test_what_is_left_of_a_deviation_is_what_the_process_leaves_of_it() -> None:
    """40 EUR above the usual price: 0.8^k of them are left, within what 60 days tell."""
    model = learned(prices(60), by_slot(60), SLOTS)
    usual = 80 + 30 * np.sin((np.arange(12) + 40) / SLOTS * 2 * np.pi)
    high = model(np.array([usual[0], usual[0], usual[0], usual[0] + 40]), np.arange(41, 52))
    level = model(np.full(4, usual[0]), np.arange(41, 52))
    assert (high - level)[0] == pytest.approx(40 * 0.8, abs=3)
    assert (high - level)[3] == pytest.approx(40 * 0.8**4, abs=4)
    assert high[LEADS:] == pytest.approx(usual[LEADS + 1 :], abs=10)
    assert (high[LEADS:] == level[LEADS:]).all()


def test_the_usual_price_keeps_to_the_clock_over_the_change_to_winter_time() -> None:
    first, ahead = Period(date(2026, 10, 1)), Period(date(2026, 10, 26))
    starts = [first.start + n * first.isp_length for n in range((ahead.start - first.start) // first.isp_length)]
    slot = np.array(clock_minutes(starts, first.tz)) // 15
    line = np.where(slot >= 68, 200.0, 50.0)  # dear from 17:00 on, on each day's clock
    to_come = np.arange(SLOTS)
    made = learned(line, slot, SLOTS)(line[-4:], to_come)
    assert len(starts) == 25 * SLOTS + 4
    assert made[LEADS:] == pytest.approx(np.where(to_come[LEADS:] >= 68, 200.0, 50.0))


def test_it_is_better_than_the_last_price_on_days_it_has_not_seen() -> None:
    line = prices(80)
    model, first = learned(line[: 60 * SLOTS], by_slot(60), SLOTS), 60 * SLOTS
    for lead, share in ((1, 1.0), (4, 0.9), (8, 0.85)):
        at = np.arange(first, len(line) - lead, 7)
        ours = np.array([model(line[t - 3 : t + 1], np.arange(t + 1, t + 1 + lead) % SLOTS)[-1] for t in at])
        assert np.abs(ours - line[at + lead]).mean() < share * np.abs(line[at] - line[at + lead]).mean()


def test_gaps_are_left_out_spikes_are_bounded_and_too_little_is_refused() -> None:
    line = prices(30)
    line[100:300], line[-1] = np.nan, 4000.0
    made = learned(line, by_slot(30), SLOTS)(line[-4:], np.arange(4))
    assert np.isfinite(made).all()
    assert made.max() < np.nanquantile(line, 0.995)
    with pytest.raises(ForecastModelError, match="those of 14 days are needed"):
        learned(prices(13), by_slot(13), SLOTS)
