"""What imbalance is settled at: settlement prices where they are known, else day-ahead prices as a stand-in.

Money is earned positive; energy that was taken beyond what was bought is short, and positive.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

import numpy as np
from numpy.typing import NDArray

from agr.domain.isp import Period
from agr.domain.price import values_on
from agr.domain.register import Price
from agr.settings import Settings

Floats = NDArray[np.float64]
SPREAD_BACK = timedelta(days=1)
"""How long before a Period a price may begin that still holds in it."""


@dataclass(frozen=True, kw_only=True)
class SettlementPrices:
    """What imbalance is settled at, per ISP, EUR/MWh; NaN where not even a stand-in is known."""

    shortage: Floats  # (T,)
    surplus: Floats  # (T,)
    stand_in: NDArray[np.bool_]  # (T,) the day-ahead price, or its forecast, because settlement prices are not known


def settlement_prices(settings: Settings, known: Sequence[Price], period: Period) -> SettlementPrices:
    """Return settlement prices; where one of the two is not known, the day-ahead price, or its forecast, for both."""
    market, auction = settings.markets.imbalance, settings.markets.day_ahead

    shortage, surplus = (_per_isp(known, series, period) for series in (market.shortage_series, market.surplus_series))
    results = _per_isp(known, auction.series, period)
    usual = np.where(np.isnan(results), _per_isp(known, auction.forecast_series, period), results)
    unknown = np.isnan(shortage) | np.isnan(surplus)
    return SettlementPrices(
        shortage=np.where(unknown, usual, shortage), surplus=np.where(unknown, usual, surplus), stand_in=unknown
    )  # fmt: skip


def intraday_spread(settings: Settings, known: Sequence[Price], period: Period) -> Floats:
    """Return buying minus selling price (T,), EUR/MWh, as plans use it: of the series where both prices are known."""
    market = settings.markets.intraday
    usual = np.full(period.isp_count, market.spread_eur_per_mwh)
    if market.buy_series is None or market.sell_series is None:
        return usual
    spread = _per_isp(known, market.buy_series, period) - _per_isp(known, market.sell_series, period)
    return np.where(np.isnan(spread), usual, np.maximum(spread, 0.0))


def _per_isp(known: Sequence[Price], series: str, period: Period) -> Floats:
    """Return a series' price per ISP (T,), NaN where it is not known."""
    return np.array([np.nan if v is None else v for v in values_on(known, series, period)], dtype=np.float64)


def settled_eur(short_mwh: Floats, prices: SettlementPrices) -> Floats:
    """Return what imbalance (T,) is settled for: shortage is bought, surplus sold. Nothing costs nothing."""
    at = np.where(short_mwh > 0, prices.shortage, prices.surplus)
    return np.where(short_mwh == 0, 0.0, -short_mwh * at)
