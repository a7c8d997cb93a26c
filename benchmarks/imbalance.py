"""Measures forecasts of imbalance prices minutes ahead, and what reacting to them would earn, on settled prices.

`python -m benchmarks.imbalance PRICES DAY_AHEAD`: CSVs, gzipped or not, with the columns utc_start,
price_shortage_eur_mwh, price_surplus_eur_mwh of each quarter hour, and utc_start,price_eur_mwh of each hour. Nothing of
them is shipped: grid operators publish them, without a licence to pass them on.
"""

import csv
import gzip
import sys
from datetime import datetime
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from agr.domain.isp import clock_minutes, zone
from agr.forecasting.imbalance import MinutesAhead, learned

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
_LEADS, _MARGINS, _LEAD = (1, 2, 4, 8), (0, 20, 40, 60), 2
_SLOTS, _EVERY = 96, 3
_ZONE = "Europe/Amsterdam"


def _rows(file: str) -> list[dict[str, str]]:
    packed = Path(file).read_bytes()
    text = (gzip.decompress(packed) if file.endswith(".gz") else packed).decode("utf-8")
    return list(csv.DictReader(text.splitlines()))


def errors(prices: Floats, slot: Ints, model: MinutesAhead, first: int, lead: int) -> str:
    """Return R² and mean absolute error of the model, the last and the usual price, so many ISPs ahead."""
    at = np.arange(first, len(prices) - lead, _EVERY)
    actual = prices[at + lead]
    ours = np.array([model(prices[t - 3 : t + 1], slot[t + 1 : t + 1 + lead])[-1] for t in at])
    spread = ((actual - actual.mean()) ** 2).sum()
    cells = [
        f"{1 - ((actual - one) ** 2).sum() / spread:.2f} ({np.abs(actual - one).mean():.0f})"
        for one in (ours, prices[at], model.usual[slot[at + lead]])
    ]
    return f"| {lead} | {' | '.join(cells)} |"


def earned(expected: Floats, settled: Floats, day_ahead: Floats, margin: float) -> str:
    """Return EUR a day of 1 MW, and of the worst 5 % of days; expected and settled (2,T): shortage, surplus."""
    gives, takes = expected[1] - day_ahead > margin, day_ahead - expected[0] > margin
    gain = np.where(gives, settled[1] - day_ahead, np.where(takes, day_ahead - settled[0], 0.0)) / 4
    days = np.sort(gain[: len(gain) // _SLOTS * _SLOTS].reshape(-1, _SLOTS).sum(axis=1))
    return f"{days.mean():.0f} ({days[: max(len(days) // 20, 1)].mean():.0f})"


def measure(prices_file: str, day_ahead_file: str) -> None:
    """Print both tables."""
    rows = _rows(prices_file)
    settled = np.array([[float(r[f"price_{side}_eur_mwh"]) for r in rows] for side in ("shortage", "surplus")])
    hours = {r["utc_start"][:13]: float(r["price_eur_mwh"]) for r in _rows(day_ahead_file)}
    day_ahead = np.array([hours.get(r["utc_start"][:13], np.nan) for r in rows])
    first = len(rows) // 2
    starts = (datetime.fromisoformat(r["utc_start"]) for r in rows)
    slot = np.array(clock_minutes(starts, zone(_ZONE))) // 15
    models = [learned(one[:first], slot[:first], _SLOTS) for one in settled]
    for lead in _LEADS:
        print(errors(settled[0], slot, models[0], first, lead))  # noqa: T201
    at = np.arange(first, len(rows) - _LEAD)
    ours = np.array([
        [model(one[t - 3 : t + 1], slot[t + 1 : t + 1 + _LEAD])[-1] for t in at]
        for model, one in zip(models, settled, strict=True)
    ])  # fmt: skip
    known = np.isfinite(day_ahead[at + _LEAD])
    later, price = settled[:, at + _LEAD][:, known], day_ahead[at + _LEAD][known]
    for margin in _MARGINS:
        each = [earned(_sound(one[:, known]), _sound(later), price, margin) for one in (settled[:, at], ours)]
        print(f"| {margin} | {' | '.join(each)} |")  # noqa: T201


def _sound(prices: Floats) -> Floats:
    """Return prices of shortage and surplus with their mean where a surplus would earn more than a shortage costs."""
    return np.where(prices[0] < prices[1], prices.mean(axis=0), prices)


if __name__ == "__main__":
    measure(*sys.argv[1:3])
