"""Earnings of bids, costs of shortfalls, and the coupling cost. Source: docs/reference/formulation.md §3.5."""

from collections.abc import Iterator
from dataclasses import replace

import numpy as np

from models.case import Case, Floats, Reserve
from models.coupling_costs import CouplingCosts
from models.headroom import KW_PER_MW, traded_isps
from models.outcome import Outcome, ProgramValues


def portfolio_eur(case: Case, answer: ProgramValues) -> dict[str, float]:
    """Return price of the block × bid, per product, and the cost of awarded capacity that is not held, EUR.

    What free bids may be expected to earn, where they are awarded by probability, is a term of its own.
    """
    result = {"reserve shortfall": 0.0}
    for r, reserve in enumerate(case.reserves):
        bids = answer.bids_mw[r]
        if reserve.by_probability:
            free = np.isnan(reserve.committed_mw)
            result[f"expected capacity {reserve.name}"] = float(reserve.earned_eur_per_mw[free] @ bids[free])
            bids = np.where(free, 0.0, bids)
        result[f"capacity {reserve.name}"] = float(reserve.price_eur_per_mw @ bids)
        missing_mwh = float(answer.reserve_shortfall_mw[r].sum()) * case.isp_hours
        result["reserve shortfall"] -= reserve.shortfall_eur_per_mwh * missing_mwh
    return result


def eased(case: Case, planned: Outcome, eur_per_mwh: float) -> dict[str, tuple[Reserve, ...]]:
    """Return products whose bids are those of the plan, as if awarded, at a price of not holding them."""
    return {
        "reserves": tuple(
            replace(product, committed_mw=bids, shortfall_eur_per_mwh=eur_per_mwh)
            for product, bids in zip(case.reserves, planned.bids_mw, strict=True)
        )
    }


def reserve(case: Case, hard_eur_per_kw: float, exists: bool, shared: bool) -> CouplingCosts:
    """Return the cost of Σ held − bids >= 0, kW (R,T): awarded capacity may be short at a price, a free bid never.

    Where the row is stated twice, for planned and for called programs, a shortfall is `shared`: it is paid once, not in
    either row, so it is a position like a bid (`shortfalls`) and the rows themselves allow none.
    """
    shape = (len(case.reserves), case.isps)
    breakpoints, slopes = np.zeros((*shape, 2)), np.zeros((*shape, 3))
    for r, product in enumerate(case.reserves):
        open_isps = traded_isps(product)
        breakpoints[r, :, 0] = 0.0 if shared else -_awarded_kw(product)
        if exists:
            slopes[r, open_isps, 0] = -hard_eur_per_kw
            slopes[r, open_isps, 1] = -product.shortfall_eur_per_mwh * case.isp_hours / KW_PER_MW
    return CouplingCosts(breakpoints=breakpoints, slopes=slopes, at_zero_eur=0.0)


def shortfalls(case: Case) -> Iterator[tuple[int, int, float, float]]:
    """Yield the shortfalls that may happen: product, ISP, the most of it in MW, and its cost in EUR per MW."""
    for r, product in enumerate(case.reserves):
        awarded_kw = _awarded_kw(product)
        for isp in np.flatnonzero(awarded_kw > 0).tolist():
            yield r, isp, float(awarded_kw[isp]) / KW_PER_MW, product.shortfall_eur_per_mwh * case.isp_hours


def _awarded_kw(product: Reserve) -> Floats:
    """Return the awarded capacity (T,), kW; 0 where there is none."""
    awarded_mw = np.append(np.nan_to_num(product.committed_mw), 0.0)[product.block]  # block −1 reads the last entry
    return np.where(traded_isps(product), KW_PER_MW * awarded_mw, 0.0)
