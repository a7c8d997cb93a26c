"""Maps a price series of any resolution to the ISPs of a Period. Pure."""

from collections.abc import Iterable
from datetime import timedelta

import numpy as np

from agr.domain.isp import Period
from agr.domain.register import Price

_MINUTE = timedelta(minutes=1)


def values_on(prices: Iterable[Price], series: str, period: Period) -> tuple[float | None, ...]:
    """Return the series' value per ISP of the Period, None where a part of the ISP has no price.

    A coarser price is repeated, finer ones are averaged over time; where two overlap, the one that starts later
    counts, and of those that start together the shorter one. Shape: (isp_count,), in the series' own unit.
    """
    minutes = np.full(period.isp_count * period.isp_minutes, np.nan)
    for price in sorted((p for p in prices if p.series == series), key=lambda p: (p.start, -p.minutes)):
        first = int((price.start - period.start) // _MINUTE)
        if first < len(minutes) and first + price.minutes > 0:
            minutes[max(first, 0) : first + price.minutes] = price.value
    per_isp = minutes.reshape(period.isp_count, period.isp_minutes)
    steady = (per_isp == per_isp[:, :1]).all(axis=1)
    values = np.where(steady, per_isp[:, 0], per_isp.mean(axis=1))  # the mean of equal numbers need not be exact
    return tuple(None if np.isnan(value) else float(value) for value in values)
