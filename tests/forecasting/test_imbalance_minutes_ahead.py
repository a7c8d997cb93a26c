"""Imbalance prices minutes ahead: a known process is learned, far ahead only the usual price is left."""

import numpy as np
import pytest

from agr.forecasting import ModelError
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


def test_what_is_left_of_a_deviation_is_what_the_process_leaves_of_it() -> None:
    """40 EUR above the usual price: 0.8^k of them are left, within what 60 days tell."""
    model = learned(prices(60), 0, SLOTS)
    usual = 80 + 30 * np.sin((np.arange(12) + 40) / SLOTS * 2 * np.pi)
    high = model(np.array([usual[0], usual[0], usual[0], usual[0] + 40]), 40, 11)
    level = model(np.full(4, usual[0]), 40, 11)
    assert (high - level)[0] == pytest.approx(40 * 0.8, abs=3)
    assert (high - level)[3] == pytest.approx(40 * 0.8**4, abs=4)
    assert high[LEADS:] == pytest.approx(usual[LEADS + 1 :], abs=10)
    assert (high[LEADS:] == level[LEADS:]).all()


def test_it_is_better_than_the_last_price_on_days_it_has_not_seen() -> None:
    line = prices(80)
    model, first = learned(line[: 60 * SLOTS], 0, SLOTS), 60 * SLOTS
    for lead, share in ((1, 1.0), (4, 0.9), (8, 0.85)):
        at = np.arange(first, len(line) - lead, 7)
        ours = np.array([model(line[t - 3 : t + 1], t % SLOTS, lead)[-1] for t in at])
        assert np.abs(ours - line[at + lead]).mean() < share * np.abs(line[at] - line[at + lead]).mean()


def test_gaps_are_left_out_spikes_are_bounded_and_too_little_is_refused() -> None:
    line = prices(30)
    line[100:300], line[-1] = np.nan, 4000.0
    made = learned(line, 0, SLOTS)(line[-4:], SLOTS - 1, 4)
    assert np.isfinite(made).all()
    assert made.max() < np.nanquantile(line, 0.995)
    with pytest.raises(ModelError, match="those of 14 days are needed"):
        learned(prices(13), 0, SLOTS)
