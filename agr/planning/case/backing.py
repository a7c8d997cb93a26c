"""Limits trades to what resources can do, where prices would pay for trading without them. Pure.

Positions are backed when, in every ISP, what is bought day-ahead and freely intraday lies within what the portfolio's
units could consume or produce there, given forecasts; positions that are fixed already are facts. Source:
docs/reference/formulation.md §3.2.
"""

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from agr.planning.case.classes import CLASSES
from agr.planning.case.markets import named_isps
from agr.planning.case.rows import Floats
from models.case import Case, EnergyMarkets

Bools = NDArray[np.bool_]
_EUR_PER_MWH = 1e-9
"""A difference of prices below this, in EUR/MWh, is rounding."""


def backed(case: Case, speculation: bool, notes: list[str]) -> Case:
    """Return the case with its trade limits cut to what resources can do, in ISPs where trading without them would pay.

    Elsewhere no trade pays without a resource, so limits stay as they are. With `speculation` they stay everywhere.
    """
    pays = pays_alone(case)
    if not pays.any():
        return case
    where = named_isps(pays)
    if speculation:
        notes.append(f"markets.speculation: in {where}, trades pay without resources, and may exceed what these can do")
        return case
    reach = range_kw(case)
    if reach is None:
        return case
    notes.append(f"in {where}, trades would pay without resources: positions are limited to what resources can do")
    if case.balancing_groups.name:
        return _limited_groups(case, pays)
    most, least, buy, sell = _limited(case, *reach, pays)
    return replace(
        case,
        day_ahead=replace(case.day_ahead, max_buy_kw=most, max_sell_kw=least),
        intraday=replace(case.intraday, buy_depth_kw=buy, sell_depth_kw=sell),
    )


def pays_alone(case: Case) -> Bools:
    """Return in which ISPs (T,) two trades, or a trade and imbalance, earn something without any resource."""
    market, intraday, penal = case.day_ahead, case.intraday, case.imbalance
    free = np.isnan(market.committed_kw)
    trades = np.isnan(intraday.committed_kw)
    buys, sells = trades & (intraday.buy_depth_kw > 0), trades & (intraday.sell_depth_kw > 0)
    price, buy, sell = market.price_eur_per_mwh, intraday.buy_eur_per_mwh, intraday.sell_eur_per_mwh
    gains = (
        (free & sells, sell - price),
        (free & buys, price - buy),
        (free, price - penal.short_eur_per_mwh),
        (free, -price - penal.long_eur_per_mwh),
        (sells, sell - penal.short_eur_per_mwh),
        (buys, -buy - penal.long_eur_per_mwh),
    )
    found = np.zeros(case.isps, dtype=np.bool_)
    for possible, gain in gains:
        found |= possible & (gain > _EUR_PER_MWH)
    products = np.unique(market.product[found & free])
    return found | (free & np.isin(market.product, products))


def range_kw(case: Case, group: int | None = None) -> tuple[Floats, Floats] | None:
    """Return the lowest and highest consumption (T,), kW, of all units together, or of those of a balancing group.

    None where a class cannot say.
    """
    low, high = np.zeros(case.isps), np.zeros(case.isps)
    for one in CLASSES:
        mine = np.ones(len(one.points(case)), dtype=np.bool_) if group is None else case.balanced_in(one.name) == group
        if not mine.any():
            continue
        if one.range_kw is None:
            return None
        least, most = one.range_kw(case, np.flatnonzero(mine))
        low, high = low + least, high + most
    return low, high


def _limited_groups(case: Case, pays: Bools) -> Case:
    """Return the case with the limits of each balancing group cut to what its own units can do."""
    groups = case.balancing_groups
    found = [
        _limited(one, *reach, pays)
        for number, one in enumerate(case.energy_markets())
        if (reach := range_kw(case, number)) is not None  # what all units can do is known, so that of some is, too
    ]
    buys, sells, bought, sold = (np.array(limits) for limits in zip(*found, strict=True))
    return replace(
        case,
        balancing_groups=replace(
            groups, max_buy_kw=buys, max_sell_kw=sells, buy_depth_kw=bought, sell_depth_kw=sold
        ),
        day_ahead=replace(case.day_ahead, max_buy_kw=buys.sum(axis=0), max_sell_kw=sells.sum(axis=0)),
        intraday=replace(case.intraday, buy_depth_kw=bought.sum(axis=0), sell_depth_kw=sold.sum(axis=0)),
    )  # fmt: skip


def _limited(
    markets: Case | EnergyMarkets, low: Floats, high: Floats, pays: Bools
) -> tuple[Floats, Floats, Floats, Floats]:
    """Return most bought and sold day-ahead, and intraday (T,): limits of a product span those of its ISPs."""
    market, intraday = markets.day_ahead, markets.intraday
    most, least = np.array(market.max_buy_kw), -np.array(market.max_sell_kw)
    free = np.isnan(market.committed_kw)
    for number in np.unique(market.product[pays & free]).tolist():
        mine = free & (market.product == number)
        most[mine] = np.minimum(most[mine], max(float(high[mine].max()), 0.0))
        least[mine] = np.maximum(least[mine], min(float(low[mine].min()), 0.0))
    highest, lowest = (np.where(free, bound, market.committed_kw) + intraday.known_kw for bound in (most, least))
    buy = np.where(pays, np.minimum(intraday.buy_depth_kw, np.maximum(high - lowest, 0.0)), intraday.buy_depth_kw)
    sell = np.where(pays, np.minimum(intraday.sell_depth_kw, np.maximum(highest - low, 0.0)), intraday.sell_depth_kw)
    return most, -least, buy, sell
