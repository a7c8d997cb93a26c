"""States the free positions of the master: day-ahead products, bids, shared shortfalls, and levels of peak charges."""

from dataclasses import dataclass
from itertools import chain

import numpy as np

from models.case import Case, Floats
from models.decomposition.master import proximal
from models.decomposition.master.possible_bids import most_mw
from models.decomposition.prices.grouping import Grouping
from models.markets.registry import MARKETS


@dataclass(frozen=True, kw_only=True, eq=False)
class FreePositions:
    """The positions as arrays, in this order: day-ahead products, bids, shared shortfalls, levels of peak charges."""

    free: proximal.Free
    products: int  # day-ahead positions, those of one balancing group after those of another
    bids: list[tuple[int, int]]  # product and block of each bid
    product: list[int]  # of bids and shared shortfalls
    levels: int  # the first position that is the level of a peak charge
    step_mw: Floats  # (P,) of bids, zero of all others
    lowest_eur: float  # what peaks cost at the lowest levels of their positions


def free_positions(case: Case, grouping: Grouping, *, any_reserved: bool) -> FreePositions:
    """Return every position that prices decide; any_reserved: whether reserved power may be called."""
    market, per_kw = case.day_ahead, case.isp_hours / 1000
    free = np.isnan(market.committed_kw)
    numbers = np.unique(market.product[free])
    each = case.energy_markets()
    count = len(numbers)
    of = np.where(free, np.searchsorted(numbers, market.product), -1).astype(np.int64)
    da_of = np.array([np.where(of >= 0, of + g * count, -1) for g in range(len(each))])
    price = [float(market.price_eur_per_mwh[of == p].sum()) * per_kw for p in range(count)] * len(each)
    low = [-float(one.day_ahead.max_sell_kw[of == p].min()) for one in each for p in range(count)]
    high = [float(one.day_ahead.max_buy_kw[of == p].min()) for one in each for p in range(count)]
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
    product_of = [r for r, _ in bids]  # of each position after the day-ahead products
    for r, isp, most_mw_short, eur_per_mw in chain.from_iterable(shared):
        product_of.append(r)
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
    products = len(each) * count
    step_mw = np.zeros(len(price))
    step_mw[products : products + len(bids)] = [case.reserves[r].step_mw for r, _ in bids]
    stated = proximal.Free(
        price=np.array(price), low=np.array(low), high=np.array(high),
        value=np.clip(0.0, np.array(low), np.array(high)) if price else np.zeros(0),
        da_of=da_of, bid_of=bid_of, level_row=level_row,
    )  # fmt: skip
    lowest_eur = float(tariffs.peak_eur_per_kw[peaks] @ shape.level_low_kw[peaks])
    return FreePositions(
        free=stated, products=products, bids=bids, product=product_of, levels=levels, step_mw=step_mw,
        lowest_eur=lowest_eur,
    )  # fmt: skip
