"""The cheapest positions on the energy markets that balance every balancing group, given its programs.

Source: docs/explanation/optimisation.md §3.5.
"""

from typing import Any

import numpy as np

from models.case import Case, EnergyMarkets, Floats, Ints
from models.markets.imbalance.costs import certain_kw
from models.outcome import Positions, Programs, position_fields
from models.resources.totals import groups_kw


def positions(case: Case, programs: Programs, point_kw: Floats) -> dict[str, Any]:
    """Return the fields of ProgramValues about positions: the cheapest that balance every balancing group."""
    totals = groups_kw(case, programs, point_kw)
    return position_fields(case, (of_group(*one) for one in zip(case.energy_markets(), totals, strict=True)))


def of_group(markets: EnergyMarkets, total_kw: Floats) -> Positions:
    """Return day-ahead, intraday buy and sell, short and long (T,), kW: the cheapest that balance total_kw (T,).

    A day-ahead product's cost is convex and piecewise linear in its position, so one of the kinks is best.
    """
    market, intraday = markets.day_ahead, markets.intraday
    day_ahead = np.nan_to_num(market.committed_kw)
    free = np.isnan(market.committed_kw)
    traded = intraday.settled_kw + certain_kw(markets)
    for number in np.unique(market.product[free]).tolist():
        mine = np.flatnonzero(free & (market.product == number))
        need = total_kw[mine] - traded[mine]
        low, high = -float(market.max_sell_kw[mine].min()), float(market.max_buy_kw[mine].min())
        kinks = np.concatenate([need, need - intraday.buy_depth_kw[mine], need + intraday.sell_depth_kw[mine]])
        tries = np.unique(np.clip(np.append(kinks, [low, high]), low, high))
        cost = [
            float(market.price_eur_per_mwh[mine].sum() * z) + _cover_cost(markets, mine, total_kw[mine] - z)
            for z in tries
        ]
        day_ahead[mine] = tries[int(np.argmin(cost))]
    every = np.arange(markets.isps)
    buy, sell, short, long = _cover(markets, every, total_kw - day_ahead)
    return day_ahead, buy, sell, short, long


def _cover(markets: EnergyMarkets, isps: Ints, need: Floats) -> tuple[Floats, Floats, Floats, Floats]:
    intraday, penal = markets.intraday, markets.imbalance
    net = np.nan_to_num(intraday.committed_kw)[isps]
    free = np.isnan(intraday.committed_kw)[isps]
    certain = certain_kw(markets)[isps]
    left = need - intraday.settled_kw[isps] - certain
    buys = free & (certain == 0) & (intraday.buy_eur_per_mwh[isps] <= penal.short_eur_per_mwh[isps])
    sells = free & (certain == 0) & (intraday.sell_eur_per_mwh[isps] >= -penal.long_eur_per_mwh[isps])
    buy = np.where(buys, np.clip(left, 0.0, intraday.buy_depth_kw[isps]), 0.0)
    sell = np.where(sells, np.clip(-left, 0.0, intraday.sell_depth_kw[isps]), 0.0)
    left = left - buy + sell
    buy += np.maximum(net, 0.0) + np.maximum(certain, 0.0)
    sell += np.maximum(-net, 0.0) + np.maximum(-certain, 0.0)
    return buy, sell, np.maximum(left, 0.0), np.maximum(-left, 0.0)


def _cover_cost(markets: EnergyMarkets, isps: Ints, need: Floats) -> float:
    buy, sell, short, long = _cover(markets, isps, need)
    intraday, penal = markets.intraday, markets.imbalance
    return float(
        intraday.buy_eur_per_mwh[isps] @ buy - intraday.sell_eur_per_mwh[isps] @ sell
        + penal.short_eur_per_mwh[isps] @ short + penal.long_eur_per_mwh[isps] @ long
    )  # fmt: skip
