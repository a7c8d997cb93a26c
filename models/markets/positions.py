"""The cheapest positions on the energy markets that balance every balancing group, given its programs.

Source: docs/explanation/optimisation.md §3.5.
"""

from typing import Any

import numpy as np

from models.case import Case, EnergyMarkets, Floats, Programs
from models.markets.imbalance.cover import Cover
from models.outcome import Positions, position_fields
from models.resources.totals import groups_kw

_TRADE_EUR_PER_MWH = 1e-6
"""What less trade intraday is worth where positions cost the same: what is sold in one market and bought back in the
other for the same price earns nothing, and takes depth from a later plan."""
_FEWER_KW = 1e-6
"""Positions trade less than others if they do by at least this, kW, summed over ISPs."""


def positions(case: Case, programs: Programs, point_kw: Floats) -> dict[str, Any]:
    """Return the fields of ProgramValues about positions: the cheapest that balance every balancing group.

    Of those that cost the same, the ones with the least intraday trade. `point_kw` (C+1,T): the sums of the programs at
    congestion points, the last row for units in none.
    """
    totals = groups_kw(case, programs, point_kw)
    return position_fields(case, (of_group(*one) for one in zip(case.energy_markets(), totals, strict=True)))


def fewer_trades(case: Case, programs: Programs, point_kw: Floats, found: dict[str, Any]) -> dict[str, Any]:
    """Return the fields of `positions` where these trade less than those found, which are as cheap; else nothing."""
    least = positions(case, programs, point_kw)
    return least if _traded_kw(least) < _traded_kw(found) - _FEWER_KW else {}


def _traded_kw(found: dict[str, Any]) -> float:
    return float(np.abs(found["intraday_buy_kw"]).sum() + np.abs(found["intraday_sell_kw"]).sum())


def of_group(markets: EnergyMarkets, total_kw: Floats) -> Positions:
    """Return day-ahead, intraday buy and sell, short and long (T,), kW: the cheapest that balance total_kw (T,).

    The cost of a product's position is convex and piecewise linear, so one of the kinks is best.
    """
    products = markets.energy_products()
    position_kw = products.decided_kw.copy()
    for isps, low, high in products.each():
        cover, total = Cover.of(markets, isps), total_kw[isps]
        tries = np.unique(np.clip(np.append(cover.kinks_kw(total), [low, high]), low, high))
        price = products.eur_per_mwh[isps].sum()
        costs = [
            float(price * z) + cover.cost(total - z) + _TRADE_EUR_PER_MWH * cover.traded_kw(total - z) for z in tries
        ]
        position_kw[isps] = tries[int(np.argmin(costs))]
    return position_kw, *Cover.of(markets, np.arange(markets.isps)).cheapest(total_kw - position_kw)
