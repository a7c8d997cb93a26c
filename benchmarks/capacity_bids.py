"""What bids for balancing capacity earn of the average price: German aFRR of 2025, paid as bid.

The price that is expected is half yesterday's and half last week's of the same block. How likely a bid is accepted is
learned from the 90 days before each one: those whose highest accepted (marginal) price was no lower. The prices may not
be shipped: they are read from beside the project, and where they are missing nothing is measured.
"""

import csv
import gzip
from datetime import datetime, timedelta
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from agr.forecasting.awards import SHARES, learned

Floats = NDArray[np.float64]
PRICES = Path(__file__).parents[2] / "shared" / "data" / "afrr_capacity_de_4h_2023_2025.csv.gz"
TARGET = 0.60
_BLOCKS, _LEARNED, _FIRST = 6, 90, "2025-01-01"


def prices(direction: str) -> tuple[list[str], Floats, Floats]:
    """Return the days, their average and highest accepted prices by block, (D,6), EUR/MW per hour; NaN: missing."""
    found: dict[str, Floats] = {}
    columns = ("de_avg_price_eur_mw_h", "de_marginal_price_eur_mw_h")
    with gzip.open(PRICES, "rt", encoding="utf-8") as file:
        for row in csv.DictReader(file):
            if row["direction"] == direction and all(row[name] for name in columns):
                # German blocks begin at local midnight: one or two hours before it in UTC
                day = (datetime.fromisoformat(row["utc_start"]) + timedelta(hours=3)).date().isoformat()
                block = int(row["product"].split("_")[1]) // 4
                mine = found.setdefault(day, np.full((len(columns), _BLOCKS), np.nan))
                mine[:, block] = [float(row[name]) for name in columns]
    days = sorted(found)
    average, highest = np.moveaxis(np.array([found[day] for day in days]), 1, 0)
    return days, average, highest


def measured() -> dict[str, dict[str, float]] | None:
    """Return direction → what bids earn of the average price of 2025, with and without an award model."""
    if not PRICES.exists():
        return None
    figures = {}
    for direction in ("up", "down"):
        days, average, highest = prices(direction)
        expected = np.full_like(average, np.nan)
        expected[7:] = (average[6:-1] + average[:-7]) / 2
        first = days.index(_FIRST)
        earned = plain = whole = 0.0
        accepted, bids = 0, 0
        for day in range(first, len(days)):
            before = slice(day - _LEARNED, day)
            model = learned(expected[before].ravel(), highest[before].ravel())
            share = max(zip(SHARES, (chance for _, chance in model), strict=True), key=lambda one: one[0] * one[1])[0]
            known = np.isfinite(expected[day]) & np.isfinite(highest[day])
            price, most = expected[day][known], highest[day][known]
            taken = share * price <= most
            earned += float((share * price)[taken].sum())
            plain += float(price[price <= most].sum())
            whole += float(average[day][known].sum())
            accepted, bids = accepted + int(taken.sum()), bids + int(known.sum())
        figures[direction] = {
            "of the average price": earned / whole, "asking the expected price": plain / whole,
            "accepted": accepted / bids,
        }  # fmt: skip
    return figures
