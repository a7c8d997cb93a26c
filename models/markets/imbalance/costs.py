"""The cost of imbalance, and the coupling cost of the balance. Source: docs/reference/formulation.md §3.2."""

from dataclasses import replace

import numpy as np

from models.case import Case, EnergyMarkets, Floats, Imbalance
from models.coupling_costs import CouplingCosts, cost_of
from models.outcome import Outcome, ProgramValues


def portfolio_eur(case: Case, answer: ProgramValues) -> dict[str, float]:
    """Return −Σ_t Δ·(short price·short[t] + long price·long[t])."""
    penal = case.imbalance.short_eur_per_mwh @ answer.short_kw + case.imbalance.long_eur_per_mwh @ answer.long_kw
    return {"imbalance": -float(penal) * (case.isp_hours / 1000)}


def unmeant_kw(case: Case, answer: ProgramValues | Outcome) -> Floats:
    """Return the imbalance (G,T), kW, >= 0, short or long, per balancing group, less what is chosen because it pays.

    Being short is chosen where it costs less than buying intraday, being long where it earns more than selling there,
    as far as the group could still trade instead. In a closed ISP nothing is chosen. One row where the portfolio is
    balanced as a whole.
    """
    net, off = answer.group_intraday_kw, answer.group_imbalance_kw
    if not case.balancing_groups.name:
        net, off = (answer.intraday_buy_kw - answer.intraday_sell_kw)[None], (answer.short_kw - answer.long_kw)[None]
    found = []
    for markets, bought, missing in zip(case.energy_markets(), net, off, strict=True):
        market, penal = markets.intraday, markets.imbalance
        free = np.isnan(market.committed_kw)
        short_pays = free & (penal.short_eur_per_mwh < market.buy_eur_per_mwh)
        long_pays = free & (-penal.long_eur_per_mwh > market.sell_eur_per_mwh)
        to_buy = np.where(short_pays, np.maximum(market.buy_depth_kw - bought, 0.0), 0.0)
        to_sell = np.where(long_pays, np.maximum(market.sell_depth_kw + bought, 0.0), 0.0)
        found.append(np.maximum(missing - to_buy, 0.0) + np.maximum(-missing - to_sell, 0.0))
    return np.stack(found)


def eased(case: Case, planned: Outcome, eur_per_mwh: float) -> dict[str, Imbalance]:
    """Return imbalance at a price; that of the plan counts as traded, see models.flexibility.new_trades."""
    del planned
    price = np.full(case.isps, eur_per_mwh)
    return {"imbalance": replace(case.imbalance, short_eur_per_mwh=price, long_eur_per_mwh=price)}


def balance(case: Case) -> CouplingCosts:
    """Return the cost (G,T) of covering a need of s kW beyond the day-ahead position of each balancing group.

    One row where the portfolio is balanced as a whole.
    """
    found = [_balance(markets) for markets in case.energy_markets()]
    return CouplingCosts(
        breakpoints=np.stack([one.breakpoints for one in found]),
        slopes=np.stack([one.slopes for one in found]),
        at_zero_eur=sum(one.at_zero_eur for one in found),
    )


def _balance(markets: EnergyMarkets) -> CouplingCosts:
    """Return the cost (T) of covering a need of s kW beyond the day-ahead position in each ISP: the exact convex hull.

    Its pieces, by price: long imbalance, intraday sale, intraday purchase, short imbalance. A trade at a worse price
    than imbalance is never used; a sale dearer than being short, or a purchase cheaper than being long, always is, up
    to its depth.
    """
    per_kw = markets.isp_hours / 1000
    market = markets.intraday
    net, always = np.nan_to_num(market.committed_kw), certain_kw(markets)
    free = np.isnan(market.committed_kw)
    long, short = -markets.imbalance.long_eur_per_mwh, markets.imbalance.short_eur_per_mwh
    sell_kw, buy_kw = (
        np.where(free & (long <= price) & (price <= short), depth_kw, 0.0)
        for price, depth_kw in (
            (market.sell_eur_per_mwh, market.sell_depth_kw),
            (market.buy_eur_per_mwh, market.buy_depth_kw),
        )
    )
    middle = net + market.known_kw + always
    breakpoints = np.stack([middle - sell_kw, middle, middle + buy_kw], axis=1)
    sell, buy = (np.clip(price, long, short) for price in (market.sell_eur_per_mwh, market.buy_eur_per_mwh))
    slopes = np.stack([long, sell, buy, short], axis=1) * per_kw
    there_eur = market.buy_eur_per_mwh @ (np.maximum(net, 0.0) + np.maximum(always, 0.0))
    there_eur -= market.sell_eur_per_mwh @ (np.maximum(-net, 0.0) + np.maximum(-always, 0.0))
    to_there = sum(cost_of(float(middle[t]), breakpoints[t], slopes[t]) for t in np.flatnonzero(middle))
    at_zero_eur = float(there_eur) * per_kw - float(to_there) - market.traded_eur
    return CouplingCosts(breakpoints=breakpoints, slopes=slopes, at_zero_eur=at_zero_eur)


def certain_kw(markets: EnergyMarkets) -> Floats:
    """Return the free intraday trade (T,), kW, that pays whatever the need is; bought positive.

    Selling above the price of being short pays up to the depth, and so does buying below what being long earns. Prices
    of purchases are not below those of sales (Intraday.check), so no ISP has both.
    """
    market, penal = markets.intraday, markets.imbalance
    free = np.isnan(market.committed_kw)
    sold = free & (market.sell_eur_per_mwh > penal.short_eur_per_mwh)
    bought = free & (market.buy_eur_per_mwh < -penal.long_eur_per_mwh)
    result: Floats = np.where(bought, market.buy_depth_kw, 0.0) - np.where(sold, market.sell_depth_kw, 0.0)
    return result
