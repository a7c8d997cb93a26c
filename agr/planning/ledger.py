"""The ledger of offers: what their trades may draw from the intraday market, so that nothing is sold twice. Pure.

Every subset of the open offers may be ordered, so what they draw is added up side by side: a purchase of one never
makes room for a sale of another. Source: docs/explanation/flexibility-offers.md.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from agr.domain.flexibility import BoundOffer
from agr.domain.isp import Period
from models.case import Intraday
from models.outcome import Outcome


@dataclass(frozen=True, kw_only=True, eq=False)
class DepthTaken:
    """Intraday depth that open offers may need. kW per ISP (T,)."""

    buy_kw: NDArray[np.float64]
    sell_kw: NDArray[np.float64]


def depth_taken(offers: Sequence[BoundOffer], period: Period) -> DepthTaken:
    """Return what all offers together may draw at most, whichever of them are ordered."""
    buy, sell = np.zeros(period.isp_count), np.zeros(period.isp_count)
    for offer in offers:
        if offer.draws_kwh:
            drawn_kw = np.array(offer.draws_kwh) / period.isp_hours
            buy, sell = buy + np.maximum(drawn_kw, 0.0), sell + np.maximum(-drawn_kw, 0.0)
    return DepthTaken(buy_kw=buy, sell_kw=sell)


def depth_left(market: Intraday, planned: Outcome, taken: DepthTaken) -> Intraday:
    """Return the intraday market with the depth that open offers leave, and at least what is planned to be traded."""
    if not taken.buy_kw.any() and not taken.sell_kw.any():
        return market
    net = planned.intraday_buy_kw - planned.intraday_sell_kw
    buy, sell = market.buy_depth_kw, market.sell_depth_kw
    return replace(
        market,
        buy_depth_kw=np.minimum(buy, np.maximum(buy - taken.buy_kw, np.maximum(net, 0.0))),
        sell_depth_kw=np.minimum(sell, np.maximum(sell - taken.sell_kw, np.maximum(-net, 0.0))),
    )
