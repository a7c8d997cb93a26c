"""The cheapest positions on the energy markets that balance every balancing group, given its programs.

Source: docs/explanation/optimisation.md §3.5.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np

from models.case import Bools, Case, EnergyMarkets, Floats, Ints
from models.markets.imbalance.costs import certain_kw
from models.outcome import Positions, Programs, position_fields
from models.resources.totals import groups_kw


def positions(case: Case, programs: Programs, point_kw: Floats) -> dict[str, Any]:
    """Return the fields of ProgramValues about positions: the cheapest that balance every balancing group.

    `point_kw` (C+1,T): the sums of the programs at congestion points, the last row for units in none.
    """
    totals = groups_kw(case, programs, point_kw)
    return position_fields(case, (of_group(*one) for one in zip(case.energy_markets(), totals, strict=True)))


def of_group(markets: EnergyMarkets, total_kw: Floats) -> Positions:
    """Return day-ahead, intraday buy and sell, short and long (T,), kW: the cheapest that balance total_kw (T,).

    A day-ahead product's cost is convex and piecewise linear in its position, so one of the kinks is best.
    """
    market, settled, certain = markets.day_ahead, markets.intraday.settled_kw, certain_kw(markets)
    day_ahead = np.nan_to_num(market.committed_kw)
    free = np.isnan(market.committed_kw)
    for number in np.unique(market.product[free]).tolist():
        mine = np.flatnonzero(free & (market.product == number))
        cover, total = _Cover.of(markets, mine, settled, certain), total_kw[mine]
        need = total - (settled + certain)[mine]
        low, high = -float(market.max_sell_kw[mine].min()), float(market.max_buy_kw[mine].min())
        kinks = np.concatenate([need, need - cover.buy_depth_kw, need + cover.sell_depth_kw])
        tries = np.unique(np.clip(np.append(kinks, [low, high]), low, high))
        price = market.price_eur_per_mwh[mine].sum()
        day_ahead[mine] = tries[int(np.argmin([float(price * z) + cover.cost(total - z) for z in tries]))]
    every = _Cover.of(markets, np.arange(markets.isps), settled, certain)
    return day_ahead, *every.cheapest(total_kw - day_ahead)


@dataclass(frozen=True, kw_only=True, eq=False)
class _Cover:
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
    def of(markets: EnergyMarkets, isps: Ints, settled_kw: Floats, certain_kw: Floats) -> "_Cover":
        intraday, penal = markets.intraday, markets.imbalance
        committed, certain = intraday.committed_kw[isps], certain_kw[isps]
        net, may_trade = np.nan_to_num(committed), np.isnan(committed) & (certain == 0)
        buy, sell = intraday.buy_eur_per_mwh[isps], intraday.sell_eur_per_mwh[isps]
        short, long = penal.short_eur_per_mwh[isps], penal.long_eur_per_mwh[isps]
        return _Cover(
            settled_kw=settled_kw[isps],
            certain_kw=certain,
            buys=may_trade & (buy <= short),
            sells=may_trade & (sell >= -long),
            buy_depth_kw=intraday.buy_depth_kw[isps],
            sell_depth_kw=intraday.sell_depth_kw[isps],
            bought_kw=np.maximum(net, 0.0) + np.maximum(certain, 0.0),
            sold_kw=np.maximum(-net, 0.0) + np.maximum(-certain, 0.0),
            eur_per_mwh=(buy, sell, short, long),
        )

    def cheapest(self, need: Floats) -> tuple[Floats, Floats, Floats, Floats]:
        """Return intraday buy and sell, short and long (n,), kW, that cover a need (n,)."""
        left = need - self.settled_kw - self.certain_kw
        buy = np.where(self.buys, left.clip(0.0, self.buy_depth_kw), 0.0)
        sell = np.where(self.sells, (-left).clip(0.0, self.sell_depth_kw), 0.0)
        left = left - buy + sell
        buy += self.bought_kw
        sell += self.sold_kw
        return buy, sell, np.maximum(left, 0.0), np.maximum(-left, 0.0)

    def cost(self, need: Floats) -> float:
        """Return what covering a need (n,) costs, EUR/MWh × kW."""
        buy, sell, short, long = self.cheapest(need)
        to_buy, to_sell, to_be_short, to_be_long = self.eur_per_mwh
        return float(to_buy @ buy - to_sell @ sell + to_be_short @ short + to_be_long @ long)
