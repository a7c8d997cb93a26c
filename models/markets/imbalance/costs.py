"""The cost of imbalance, and the coupling cost of the balance. Source: docs/reference/formulation.md §3.2."""

import numpy as np

from models.case import Case
from models.coupling_costs import CouplingCosts, cost_of
from models.outcome import ProgramValues


def portfolio_eur(case: Case, answer: ProgramValues) -> dict[str, float]:
    """Return −Σ_t Δ·(short price·short[t] + long price·long[t])."""
    penal = case.imbalance.short_eur_per_mwh @ answer.short_kw + case.imbalance.long_eur_per_mwh @ answer.long_kw
    return {"imbalance": -float(penal) * (case.isp_hours / 1000)}


def balance(case: Case) -> CouplingCosts:
    """Return the cost (T) of covering a need of s kW beyond the day-ahead position in each ISP.

    Its pieces: long imbalance, intraday sale, intraday purchase, short imbalance. A trade at a worse price than
    imbalance is never used.
    """
    per_kw = case.isp_hours / 1000
    market = case.intraday
    net = np.nan_to_num(market.committed_kw)
    free = np.isnan(market.committed_kw)
    breakpoints = np.stack(
        [net - np.where(free, market.sell_depth_kw, 0.0), net, net + np.where(free, market.buy_depth_kw, 0.0)], axis=1
    )
    long, short = -case.imbalance.long_eur_per_mwh, case.imbalance.short_eur_per_mwh
    sell, buy = (np.clip(price, long, short) for price in (market.sell_eur_per_mwh, market.buy_eur_per_mwh))
    slopes = np.stack([long, sell, buy, short], axis=1) * per_kw
    committed = market.buy_eur_per_mwh @ np.maximum(net, 0.0) - market.sell_eur_per_mwh @ np.maximum(-net, 0.0)
    to_there = sum(cost_of(float(net[t]), breakpoints[t], slopes[t]) for t in np.flatnonzero(net))
    return CouplingCosts(
        breakpoints=breakpoints, slopes=slopes, at_zero_eur=float(committed) * per_kw - float(to_there)
    )
