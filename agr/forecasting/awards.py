"""Award models: how likely a bid is accepted that asks a share of the expected price. Pure; also for notebooks.

In an auction that pays what was bid, asking the expected price loses many awards, and asking half of it gives money
away. Source: docs/how-to/trade-day-ahead.md.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
SHARES = tuple(round(0.5 + 0.05 * step, 2) for step in range(13))
"""Shares of the expected price that are tried as bid prices: 0.5 to 1.1"""
LEAST_AUCTIONS = 60
"""Fewest auctions to learn from: fewer say too little about what happens in one of twenty."""


def learned(
    expected: Floats, accepted_up_to: Floats, shares: Sequence[float] = SHARES
) -> tuple[tuple[float, float], ...]:
    """Return the award model (share, probability) of past auctions, for `award` of `[[markets.capacity]]`.

    expected (N,): the price that was expected before each; accepted_up_to (N,): the highest price accepted, or the mean
    one where that is all that was published, which is cautious. Auctions with either missing are left out. Raises
    ValueError where fewer than LEAST_AUCTIONS are left.
    """
    known = np.isfinite(expected) & np.isfinite(accepted_up_to)
    if known.sum() < LEAST_AUCTIONS:
        raise ValueError(f"{int(known.sum())} auctions are known; {LEAST_AUCTIONS} are needed")
    price, most = expected[known], accepted_up_to[known]
    return tuple((float(share), round(float((share * price <= most).mean()), 3)) for share in shares)
