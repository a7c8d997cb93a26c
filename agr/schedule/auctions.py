"""The auctions of a Period: when each closes, what its values are, and which results cannot be. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from agr.domain.bid import DAY_AHEAD, KW_PER_MW
from agr.domain.errors import InputError
from agr.domain.faults import meant, number_of
from agr.domain.isp import Period
from agr.settings import Settings

EQUAL_MW = 1e-6
"""Smallest difference between plans and results that counts: 1 W."""


@dataclass(frozen=True, kw_only=True)
class Auction:
    """One auction of a Period; values are MW per ISP, bought positive, or per block of a capacity product."""

    name: str
    count: int
    blocks_h: int | None  # hours of a block; None: values per ISP
    gate: datetime

    @property
    def scale(self) -> float:
        """What makes a position's unit of MW."""
        return KW_PER_MW if self.blocks_h is None else 1.0

    def place(self, period: Period, index: int) -> str:
        """Return which value it is, in words."""
        if self.blocks_h is None:
            return f"ISP {index + 1} ({period.label(index + 1)})"
        return f"block {index + 1} (from {index * self.blocks_h:02}:00)"

    def differing(self, some: Sequence[float], others: Sequence[float]) -> str:
        """Return in how many values two series in MW differ, in words; empty where in none."""
        count = sum(abs(a - b) > EQUAL_MW for a, b in zip(some, others, strict=True))
        return f"{count} of {self.count} {'ISPs' if self.blocks_h is None else 'blocks'}" if count else ""


def auction_of(settings: Settings, period: Period, market: str) -> Auction:
    """Return the auction of a market. Raises InputError where it has none."""
    if market == DAY_AHEAD:
        gate = dict(settings.timetable.moments(period))["day_ahead_gate"]
        return Auction(name=market, count=period.isp_count, blocks_h=None, gate=gate)
    products = {product.name: product for product in settings.markets.capacity}
    if market not in products:
        known = [DAY_AHEAD, *products]
        raise InputError(f"{market!r} is not a capacity product, nor {DAY_AHEAD}; {meant(market, known)}")
    found = products[market]
    return Auction(
        name=market, count=24 // found.block_hours, blocks_h=found.block_hours,
        gate=found.gate.gate(market).instant(period),
    )  # fmt: skip


def require_values(auction: Auction, period: Period, awarded_mw: Sequence[float]) -> None:
    """Raise InputError for values that cannot be an award of the auction."""
    if len(awarded_mw) != auction.count:
        raise InputError(
            f"{number_of(len(awarded_mw), 'value')}; {auction.name} has {auction.count} of {period}, "
            + ("one per ISP" if auction.blocks_h is None else f"one per {auction.blocks_h} h")
        )
    for index, mw in enumerate(awarded_mw):
        if not abs(mw) < float("inf") or (auction.blocks_h is not None and mw < 0):
            raise InputError(f"{auction.place(period, index)}: {mw:g} MW is not an award of {auction.name}")


def require_prices(auction: Auction, period: Period, prices: Sequence[float] | None) -> None:
    """Raise InputError for prices that cannot be the auction's."""
    if prices is None:
        return
    if auction.blocks_h is not None:
        raise InputError(f"prices of {auction.name} come with its price series; leave them out of the award")
    if len(prices) != auction.count:
        raise InputError(f"{number_of(len(prices), 'price')}; {period} has {auction.count} ISPs")
    for index, price in enumerate(prices):
        if not abs(price) < float("inf"):
            raise InputError(f"{auction.place(period, index)}: {price:g} is not a price")


def require_within(
    auction: Auction, period: Period, awarded_mw: Sequence[float], bid_mw: Sequence[float], origin: str
) -> None:
    """Raise InputError where more was awarded than bid, or in the opposite direction."""
    wrong = [
        index for index, (mw, bid) in enumerate(zip(awarded_mw, bid_mw, strict=True))
        if not min(0.0, bid) - EQUAL_MW <= mw <= max(0.0, bid) + EQUAL_MW
    ]  # fmt: skip
    if wrong:
        first = wrong[0]
        others = f" and {len(wrong) - 1} more" if len(wrong) > 1 else ""
        raise InputError(
            f"{auction.place(period, first)}{others}: {awarded_mw[first]:g} MW does not lie between 0 and the bid of "
            f"{bid_mw[first]:g} MW ({origin}); if it is right, say so with --beyond-bid (by API beyond_bid)"
        )
