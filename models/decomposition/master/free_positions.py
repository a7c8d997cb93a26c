"""States the free positions of the master: energy products, bids, shared shortfalls, and levels of peak charges."""

from dataclasses import dataclass
from itertools import chain

import numpy as np

from models.case import Case, Floats, Ints
from models.decomposition.master import proximal
from models.decomposition.master.possible_bids import most_mw
from models.decomposition.prices.grouping import Grouping
from models.markets.registry import MARKETS


@dataclass(frozen=True, kw_only=True, eq=False)
class FreePositions:
    """The positions as arrays, in this order: energy products, bids, shared shortfalls, levels of peak charges."""

    free: proximal.Free
    products: int  # positions in energy products, those of one balancing group after those of another
    bids: list[tuple[int, int]]  # product and block of each bid
    reserve: list[int]  # number of the reserve product of each bid and shared shortfall
    levels: int  # the first position that is the level of a peak charge
    step_mw: Floats  # (P,) of bids, zero of all others
    lowest_eur: float  # what peaks cost at the lowest levels of their positions


def free_positions(case: Case, grouping: Grouping, *, any_reserved: bool) -> FreePositions:
    """Return every position that prices decide; any_reserved: whether reserved power may be called."""
    per_kw = case.isp_hours / 1000
    price, low, high, product_of = list[float](), list[float](), list[float](), list[Ints]()
    for one in case.energy_markets():
        traded = one.energy_products()
        product_of.append(np.where(traded.of >= 0, traded.of + len(price), -1))
        price += [float(traded.eur_per_mwh[isps].sum()) * per_kw for isps, *_ in traded.each()]
        low, high = low + traded.low_kw.tolist(), high + traded.high_kw.tolist()
    products = len(price)
    bid_of = np.full((len(case.reserves), case.isps), -1, dtype=np.int64)
    bids: list[tuple[int, int]] = []
    for r, (reserve, most) in enumerate(zip(case.reserves, most_mw(case), strict=True)):
        for block in np.flatnonzero(most > 0).tolist():
            bid_of[r, reserve.block == block] = len(price)
            bids.append((r, block))
            price.append(-float(reserve.earned_eur_per_mw[block]))
            low.append(0.0)
            high.append(float(most[block]))
    # A shortfall that planned and called rows share is a position too: a bid below zero, down to what is awarded.
    shared = [market.shortfalls(case) for market in MARKETS if market.shortfalls is not None and any_reserved]
    reserve_of = [r for r, _ in bids]  # of each position after those in energy products
    for r, isp, most_mw_short, eur_per_mw in chain.from_iterable(shared):
        reserve_of.append(r)
        bid_of[r, isp] = len(price)
        price.append(-eur_per_mw)
        low.append(-most_mw_short)
        high.append(0.0)
    shape, tariffs = grouping.places.tariffs, case.connection_tariffs
    levels = len(price)
    peaks = np.flatnonzero(shape.peak_binds.any(axis=1))
    price += tariffs.peak_eur_per_kw[peaks].tolist()
    low += shape.level_low_kw[peaks].tolist()
    high += shape.level_high_kw[peaks].tolist()
    level_row = np.full(len(price), -1, dtype=np.int64)
    row = 2 * len(case.connection_limits.name) + len(tariffs.name) + peaks
    level_row[levels:] = np.searchsorted(grouping.places.rows, row)
    step_mw = np.zeros(len(price))
    step_mw[products : products + len(bids)] = [case.reserves[r].step_mw for r, _ in bids]
    stated = proximal.Free(
        price=np.array(price), low=np.array(low), high=np.array(high),
        value=np.clip(0.0, np.array(low), np.array(high)) if price else np.zeros(0),
        product_of=np.array(product_of), bid_of=bid_of, level_row=level_row,
    )  # fmt: skip
    lowest_eur = float(tariffs.peak_eur_per_kw[peaks] @ shape.level_low_kw[peaks])
    return FreePositions(
        free=stated, products=products, bids=bids, reserve=reserve_of, levels=levels, step_mw=step_mw,
        lowest_eur=lowest_eur,
    )  # fmt: skip
