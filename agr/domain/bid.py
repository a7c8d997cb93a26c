"""A bid on an auction: power per product, energy bought positive, capacity in blocks of the day. Frozen values."""

from dataclasses import dataclass
from datetime import datetime
from itertools import pairwise
from math import ceil

from agr.domain.isp import Period

KW_PER_MW = 1000.0
DAY_AHEAD = "day-ahead"
"""Name of the day-ahead auction among the markets."""


@dataclass(frozen=True, kw_only=True)
class Product:
    """One product of a bid; MW averaged over its length, bought positive."""

    number: int  # from 1
    start: datetime
    end: datetime
    mw: float
    price: float | None = None  # of capacity: the least that is asked, in the bid's price_unit; None: any price

    @property
    def hours(self) -> float:
        """Its length."""
        return (self.end - self.start).total_seconds() / 3600


@dataclass(frozen=True, kw_only=True)
class Bid:
    """What we offer to buy or sell in a Period: energy at any price, capacity at a price of each block.

    A later revision replaces the ones before.
    """

    period: Period
    market: str
    revision: int  # from 1
    plan: int
    volumes_kw: tuple[float, ...]  # per ISP, the same within a product; of capacity per block
    block_hours: int | None = None  # of capacity
    direction: str = ""  # of capacity: up, down or symmetric
    prices: tuple[float, ...] = ()  # of capacity: the least that is asked per block, in `price_unit`; empty: any price
    price_unit: str = ""

    def products(self, product_minutes: int) -> list[Product]:
        """Return the products in order; `product_minutes` is a multiple of an ISP's length. Of capacity: the blocks."""
        if self.block_hours is not None:
            return self._blocks(self.block_hours)
        longer = max(product_minutes // self.period.isp_minutes, 1)
        starts = [*self.period.starts()[::longer], self.period.end]
        return [
            Product(number=n, start=start, end=end, mw=self.volumes_kw[(n - 1) * longer] / KW_PER_MW)
            for n, (start, end) in enumerate(pairwise(starts), start=1)
        ]

    def _blocks(self, hours: int) -> list[Product]:
        """Return the blocks of local hours; on days when clocks change, one is an hour shorter or longer."""
        of, starts = self.period.blocks(hours), [*self.period.starts(), self.period.end]
        found = []
        for block, kw in enumerate(self.volumes_kw):
            isps = [isp for isp, one in enumerate(of) if one == block]
            if isps:
                start, end = starts[isps[0]], starts[isps[-1] + 1]
                asked = self.prices[block] if block < len(self.prices) and kw else None
                found.append(Product(number=block + 1, start=start, end=end, mw=kw / KW_PER_MW, price=asked))
        return found


def asked_prices(
    costs: tuple[float, ...], expected: tuple[float, ...], hours: tuple[float, ...], *, as_bid: bool, floor: float
) -> tuple[float, ...]:
    """Return what a bid asks for a MW in each block, in whole cents, never less than what holding it costs.

    `costs`, `expected` and the result are in one unit of money per MW: divided by `hours` per block (1 where the unit
    is per block). Where an award pays what was bid, the expected price is asked; else what it costs.
    """
    found = []
    for cost, price, length in zip(costs, expected, hours, strict=True):
        least = min(max(cost, 0.0), price)  # the plan sells at the expected price, so it costs no more than that
        found.append(max(ceil(round((price if as_bid else least) / length * 100, 6)) / 100, floor))
    return tuple(found)


def rounded_kw(volumes_kw: tuple[float, ...], step_mw: float) -> tuple[float, ...]:
    """Return volumes rounded to the nearest whole multiple of the market's step; never −0."""
    step_kw = step_mw * KW_PER_MW
    return tuple(round(round(kw / step_kw) * step_kw, 6) + 0.0 for kw in volumes_kw)
