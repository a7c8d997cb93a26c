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
from models.case import Case
from models.outcome import Outcome


@dataclass(frozen=True, kw_only=True, eq=False)
class DepthTaken:
    """Intraday depth that open offers may need. kW per ISP (T,)."""

    buy_kw: NDArray[np.float64]
    sell_kw: NDArray[np.float64]

    def plus(self, other: "DepthTaken") -> "DepthTaken":
        """Return both side by side."""
        return DepthTaken(buy_kw=self.buy_kw + other.buy_kw, sell_kw=self.sell_kw + other.sell_kw)


def nothing_taken(period: Period) -> DepthTaken:
    """Return the depth taken when no offer draws anything."""
    return DepthTaken(buy_kw=np.zeros(period.isp_count), sell_kw=np.zeros(period.isp_count))


def draws_of(draws_kwh: Sequence[float], period: Period) -> DepthTaken:
    """Return what one offer may draw; `draws_kwh` has one value per ISP, bought positive, or none at all."""
    if not draws_kwh:
        return nothing_taken(period)
    drawn_kw = np.array(draws_kwh) / period.isp_hours
    return DepthTaken(buy_kw=np.maximum(drawn_kw, 0.0), sell_kw=np.maximum(-drawn_kw, 0.0))


def depth_taken(offers: Sequence[BoundOffer], period: Period) -> DepthTaken:
    """Return what all offers together may draw at most, whichever of them are ordered."""
    taken = nothing_taken(period)
    for offer in offers:
        taken = taken.plus(draws_of(offer.draws_kwh, period))
    return taken


def depth_left(case: Case, planned: Outcome, taken: DepthTaken) -> Case:
    """Return the case with the intraday depth that open offers leave, and at least what is planned to be traded."""
    if not taken.buy_kw.any() and not taken.sell_kw.any():
        return case
    market, net = case.intraday, planned.intraday_buy_kw - planned.intraday_sell_kw
    bought, sold = np.maximum(net, 0.0), np.maximum(-net, 0.0)
    if case.balancing_groups.name:  # several may trade, each its own way
        bought, sold = planned.intraday_buy_kw, planned.intraday_sell_kw
    buy, sell = market.buy_depth_kw, market.sell_depth_kw
    left = replace(
        market,
        buy_depth_kw=np.minimum(buy, np.maximum(buy - taken.buy_kw, bought)),
        sell_depth_kw=np.minimum(sell, np.maximum(sell - taken.sell_kw, sold)),
    )
    groups = case.balancing_groups.less_depth(taken.buy_kw, taken.sell_kw, planned.group_intraday_kw)
    return replace(case, intraday=left, balancing_groups=groups)
