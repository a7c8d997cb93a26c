"""Award models: learned from past auctions, and what bids by them earn on real ones."""

import gzip

import numpy as np
import pytest

from agr.forecasting.awards import LEAST_AUCTIONS, learned
from agr.settings import CapacityProduct, MarketTime
from tests.builders.real_downloads import real_downloads

FILE = "afrr_capacity_de_4h_2023_2025.csv.gz"


def test_a_share_is_as_likely_accepted_as_it_was_and_unknown_auctions_do_not_count():
    expected = np.append(np.full(100, 10.0), [np.nan, 10.0])
    highest = np.append(np.repeat([6.0, 9.0, 12.0], [20, 30, 50]), [5.0, np.nan])
    assert learned(expected, highest, shares=(0.6, 0.9, 1.0, 1.2, 1.3)) == (
        (0.6, 1.0), (0.9, 0.8), (1.0, 0.5), (1.2, 0.5), (1.3, 0.0)
    )  # fmt: skip


def test_too_few_auctions_say_nothing():
    few = np.full(LEAST_AUCTIONS - 1, 10.0)
    with pytest.raises(ValueError, match="59 auctions are known; 60 are needed"):
        learned(few, few)


@pytest.mark.parametrize("direction", ["up", "down"])
def test_bids_by_what_was_learned_earn_60_percent_of_the_average_price(direction):
    """Day by day over 2025: expected is half yesterday's and half last week's price, and nothing later is known."""
    average, highest = _prices(direction)
    expected = np.full_like(average, np.nan)
    expected[7:] = (average[6:-1] + average[:-7]) / 2
    earned, mean = [], []
    for day in range(len(average) - 365, len(average)):
        past = slice(day - 90, day)
        product = CapacityProduct(
            name="aFRR", direction="up", series="afrr", max_mw=1, gate=MarketTime(at="09:00"), paid="as bid",
            award=learned(expected[past].ravel(), highest[past].ravel()),
        )  # fmt: skip
        asked = product.asks[0] * expected[day]
        earned.append(asked[asked <= highest[day]].sum())
        mean.append(average[day].sum())
    assert sum(earned) / sum(mean) >= 0.66


def _prices(direction):
    """Return average and highest accepted price (days, 6), EUR/MW/h."""
    with gzip.open(real_downloads(FILE) / FILE, "rt", encoding="utf-8") as lines:
        names = next(lines).strip().split(",")
        rows = [dict(zip(names, line.strip().split(","), strict=False)) for line in lines]
    mine = sorted((row for row in rows if row["direction"] == direction), key=lambda row: row["utc_start"])
    return tuple(
        np.array([float(row[f"de_{what}_price_eur_mw_h"]) for row in mine]).reshape(-1, 6)
        for what in ("avg", "marginal")
    )
