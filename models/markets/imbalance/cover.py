"""The cheapest intraday trades and imbalance that cover what a balancing group still needs.

Source: docs/reference/formulation.md §3.2.
"""

from dataclasses import dataclass

import numpy as np

from models.case import Bools, EnergyMarkets, Floats, Ints
from models.markets.imbalance.costs import certain_kw


@dataclass(frozen=True, kw_only=True, eq=False)
class Cover:
    """What can cover a need in some ISPs, all (n,)."""

    settled_kw: Floats
    certain_kw: Floats
    buys: Bools  # whether more is bought before the group is short
    sells: Bools
    buy_depth_kw: Floats
    sell_depth_kw: Floats
    bought_kw: Floats  # whatever is needed
    sold_kw: Floats
    eur_per_mwh: tuple[Floats, Floats, Floats, Floats]  # buy, sell, short, long

    @staticmethod
    def of(markets: EnergyMarkets, isps: Ints) -> "Cover":
        """Return what can cover a need in some ISPs (n,) of a balancing group."""
        intraday, penal = markets.intraday, markets.imbalance
        committed, certain = intraday.committed_kw[isps], certain_kw(markets)[isps]
        net, may_trade = np.nan_to_num(committed), np.isnan(committed) & (certain == 0)
        buy, sell = intraday.buy_eur_per_mwh[isps], intraday.sell_eur_per_mwh[isps]
        short, long = penal.short_eur_per_mwh[isps], penal.long_eur_per_mwh[isps]
        return Cover(
            settled_kw=intraday.settled_kw[isps],
            certain_kw=certain,
            buys=may_trade & (buy <= short),
            sells=may_trade & (sell >= -long),
            buy_depth_kw=intraday.buy_depth_kw[isps],
            sell_depth_kw=intraday.sell_depth_kw[isps],
            bought_kw=np.maximum(net, 0.0) + np.maximum(certain, 0.0),
            sold_kw=np.maximum(-net, 0.0) + np.maximum(-certain, 0.0),
            eur_per_mwh=(buy, sell, short, long),
        )

    def kinks_kw(self, total: Floats) -> Floats:
        """Return the positions elsewhere (3n,), kW, at which covering the rest of a total (n,) changes its price."""
        need = total - (self.settled_kw + self.certain_kw)
        return np.concatenate([need, need - self.buy_depth_kw, need + self.sell_depth_kw])

    def cheapest(self, need: Floats) -> tuple[Floats, Floats, Floats, Floats]:
        """Return intraday buy and sell, short and long (n,), kW, that cover a need (n,)."""
        left = need - self.settled_kw - self.certain_kw
        buy = np.where(self.buys, left.clip(0.0, self.buy_depth_kw), 0.0)
        sell = np.where(self.sells, (-left).clip(0.0, self.sell_depth_kw), 0.0)
        left = left - buy + sell
        buy += self.bought_kw
        sell += self.sold_kw
        return buy, sell, np.maximum(left, 0.0), np.maximum(-left, 0.0)

    def traded_kw(self, need: Floats) -> float:
        """Return what is bought and sold intraday to cover a need (n,), kW."""
        buy, sell, _, _ = self.cheapest(need)
        return float(buy.sum() + sell.sum())

    def cost(self, need: Floats) -> float:
        """Return what covering a need (n,) costs, EUR/MWh × kW."""
        buy, sell, short, long = self.cheapest(need)
        to_buy, to_sell, to_be_short, to_be_long = self.eur_per_mwh
        return float(to_buy @ buy - to_sell @ sell + to_be_short @ short + to_be_long @ long)
