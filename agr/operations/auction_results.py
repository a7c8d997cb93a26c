"""Results of auctions: what was awarded of our bids. The position is what was awarded, and a plan follows."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime

from agr.domain.errors import ConflictError, InputError
from agr.domain.faults import meant
from agr.domain.isp import Period
from agr.operations.accounts.roles import Principal
from agr.operations.action_base import ActionBase, Done, said_why
from agr.planning.case.markets import DAY_AHEAD
from agr.planning.gates import FixedPosition, bid_at_gate, day_ahead_at_gate
from agr.schedule.moments import moments_of
from agr.store import day, plans
from agr.store.engine import Tx

KW_PER_MW = 1000.0
_EQUAL_MW = 1e-6
"""A watt: what plans and results tell apart."""


@dataclass(frozen=True, kw_only=True)
class _Auction:
    """One auction of a Period; values are MW per ISP, bought positive, or per block of a capacity product."""

    name: str
    count: int
    blocks_h: int | None  # hours of a block; None: values per ISP
    gate: datetime

    def place(self, period: Period, index: int) -> str:
        """Return which value it is, in words."""
        if self.blocks_h is None:
            return f"ISP {index + 1} ({period.label(index + 1)})"
        return f"block {index + 1} (from {index * self.blocks_h:02}:00)"


class AuctionResults(ActionBase):
    """Enters awards, each with who, when and why; values that are there already change nothing."""

    def enter(
        self, by: Principal, market: str, day_: date, awarded_mw: Sequence[float], why: str, *, beyond_bid: bool = False
    ) -> Done:
        """Fix what was awarded, and ask for a plan.

        `awarded_mw`: per ISP for day-ahead, bought positive; per block for a capacity product. More than was bid is
        refused unless `beyond_bid`. Raises InputError, and ConflictError for a Period that is over and before the gate.
        """
        why, period = said_why(why), self._open_period(day_)
        auction = self._auction(market, period)
        if self._clock.now() < auction.gate:
            closes = f"{auction.gate.astimezone(period.tz):%Y-%m-%d %H:%M}"
            raise ConflictError(
                f"the gate of {market} for {period} closes at {closes}: nothing can have been awarded before; is this "
                "the result of another day?"
            )
        _check(auction, period, awarded_mw)
        scale = KW_PER_MW if auction.blocks_h is None else 1.0
        values = tuple(scale * mw for mw in awarded_mw)
        with self._store.transaction() as tx:
            bid = _bid(tx, auction, period)
            bid_mw = [value / scale for value in bid.values]
            if not beyond_bid:
                _within(auction, period, awarded_mw, bid_mw, bid.origin)
            if _same(day.positions_on(tx, period.day).get(market), values, scale):
                return Done(text=f"this award of {market} for {period} was entered already")
            day.fix_position(tx, period.day, market, values, self._clock.now(), f"award entered by {by.name}")
            day.fix_bid(tx, period.day, market, bid.values, self._clock.now(), bid.origin)
            differing = sum(abs(a - b) > _EQUAL_MW for a, b in zip(awarded_mw, bid_mw, strict=True))
            unit = "ISPs" if auction.blocks_h is None else "blocks"
            found = f"{differing} of {auction.count} {unit} differ from the bid" if differing else "as bid"
            entry = self._record(tx, by, "award", f"{market} {period}", why, found)
            self._ask(tx, period, f"{by.name} entered the award of {market}: {found} ({why})")
        self._wake()
        return Done(text=f"the award of {market} for {period} is entered ({found}); a plan follows", entry=entry)

    def _auction(self, market: str, period: Period) -> _Auction:
        moments = {moment.name: moment.at for moment in moments_of(self._settings, period)}
        if market == DAY_AHEAD:
            gate = moments["day_ahead_gate"]
            return _Auction(name=market, count=period.isp_count, blocks_h=None, gate=gate)
        hours = {product.name: product.block_hours for product in self._settings.markets.capacity}
        if market not in hours:
            raise InputError(
                f"{market!r} is not a capacity product, nor {DAY_AHEAD}; {meant(market, [DAY_AHEAD, *hours])}"
            )
        gate = moments[f"capacity_gate {market}"]
        return _Auction(name=market, count=24 // hours[market], blocks_h=hours[market], gate=gate)


def _check(auction: _Auction, period: Period, awarded_mw: Sequence[float]) -> None:
    if len(awarded_mw) != auction.count:
        raise InputError(
            f"{len(awarded_mw)} values; {auction.name} has {auction.count} of {period}, "
            + ("one per ISP" if auction.blocks_h is None else f"one per {auction.blocks_h} h")
        )
    for index, mw in enumerate(awarded_mw):
        if not abs(mw) < float("inf") or (auction.blocks_h is not None and mw < 0):
            raise InputError(f"{auction.place(period, index)}: {mw:g} MW is no award of {auction.name}")


def _bid(tx: Tx, auction: _Auction, period: Period) -> FixedPosition:
    """Return what was bid: as fixed at the gate; if no daemon ran then, what the plan in force would have bid."""
    known = day.bid_on(tx, period.day, auction.name)
    if known is not None:
        return FixedPosition(values=known[0], origin=known[1])
    plan = plans.in_force(tx, period.day)
    if auction.blocks_h is None:
        return day_ahead_at_gate(plan, period)
    return bid_at_gate(plan, auction.name, auction.count)


def _within(
    auction: _Auction, period: Period, awarded_mw: Sequence[float], bid_mw: Sequence[float], origin: str
) -> None:
    """Raise InputError where more was awarded than bid, or the other way."""
    wrong = [
        index for index, (mw, bid) in enumerate(zip(awarded_mw, bid_mw, strict=True))
        if not min(0.0, bid) - _EQUAL_MW <= mw <= max(0.0, bid) + _EQUAL_MW
    ]  # fmt: skip
    if wrong:
        first = wrong[0]
        others = f" and {len(wrong) - 1} more" if len(wrong) > 1 else ""
        raise InputError(
            f"{auction.place(period, first)}{others}: {awarded_mw[first]:g} MW does not lie between 0 and the bid of "
            f"{bid_mw[first]:g} MW ({origin}); if it is right, enter it with beyond_bid"
        )


def _same(known: tuple[float, ...] | None, values: tuple[float, ...], scale: float) -> bool:
    return known is not None and all(
        abs(a - b) <= _EQUAL_MW * scale for a, b in zip(known, values, strict=True)
    )  # fmt: skip
