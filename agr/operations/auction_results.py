"""Results of auctions: which of our bids were awarded. The awards are our position, and a plan follows."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date, timedelta

import structlog

from agr.domain.award import Award
from agr.domain.errors import ConflictError
from agr.domain.faults import number_of
from agr.domain.isp import Clock, Period
from agr.domain.plan import ReasonKind
from agr.domain.price import values_on
from agr.domain.register import Price
from agr.operations.accounts.roles import Principal
from agr.operations.action_base import ActionBase, Done, said_why
from agr.operations.reach import Reaches
from agr.planning.gates import FixedPosition, bid_at_gate, day_ahead_at_gate
from agr.schedule.auctions import EQUAL_MW, Auction, auction_of, require_prices, require_values, require_within
from agr.schedule.bidding import AWARD_REFUSED, as_position, end_alarms
from agr.settings import Settings
from agr.store import bids, day, plans, positions, register
from agr.store.engine import Store, Tx, alone
from agr.store.positions import StoredPosition

log = structlog.get_logger()


@dataclass(frozen=True, kw_only=True)
class AuctionStanding:
    """What is known of an auction: our bid, and the position where it is fixed; divided by `scale` both are MW."""

    auction: Auction
    bid: FixedPosition
    position: StoredPosition | None

    @property
    def count(self) -> int:
        """Number of values."""
        return self.auction.count

    @property
    def scale(self) -> float:
        """What a MW is in the unit of the values."""
        return self.auction.scale

    def place(self, period: Period, index: int) -> str:
        """Return which value it is, in words."""
        return self.auction.place(period, index)


class AuctionResults(ActionBase):
    """Enters awards, each with who, when and why; values that are there already change nothing."""

    def __init__(self, store: Store, settings: Settings, clock: Clock, wake: Callable[[], None]) -> None:
        super().__init__(store, settings, clock, wake)
        self._reaches = Reaches(store)

    def enter(
        self, by: Principal, market: str, day_: date, awarded_mw: Sequence[float], why: str, *,
        beyond_bid: bool = False, price_eur_per_mwh: Sequence[float] | None = None, seen: str | None = None,
        also: Callable[[Tx, str], None] = lambda _tx, _text: None,
    ) -> Done:  # fmt: skip
        """Fix what was awarded, keep the prices that the result has, and ask for a plan.

        `awarded_mw`: per ISP for day-ahead, bought positive; per block for a capacity product. More than was bid is
        refused unless `beyond_bid`. `seen`: the mark (`seen_of`) of the position that was looked at; refused where
        another result was entered since. `also` is called in the same transaction with what was done, in words.
        Raises InputError, and ConflictError for a Period that is over and before the gate.
        """
        why, period = said_why(why), self._open_period(day_)
        by.must_act_for((), f"the award of {market}")
        auction = self._auction(market, period)
        self._require_closed(auction, period)
        require_values(auction, period, awarded_mw)
        require_prices(auction, period, price_eur_per_mwh)
        values = tuple(auction.scale * mw for mw in awarded_mw)
        with self._store.transaction() as tx:
            alone(tx, "awards")
            before = positions.one_on(tx, period.day, market)
            if seen is not None and seen != seen_of(before):
                now = before.origin if before else "it is free"
                raise ConflictError(
                    f"the position on {market} for {period} has changed meanwhile ({now}); look, then decide again"
                )
            bid = _bid(tx, auction, period)
            bid_mw = [value / auction.scale for value in bid.values]
            if not beyond_bid:
                require_within(auction, period, awarded_mw, bid_mw, bid.origin)
            new_prices = self._put_prices(tx, period, price_eur_per_mwh)
            end_alarms(tx, self._settings, period, market, self._clock.now())
            for feed in self._settings.feeds:
                day.recover(tx, AWARD_REFUSED, refused(period, market, feed.name), self._clock.now())
            if _same(before, values, auction.scale):
                return self._already(tx, by, period, auction, before, why, new_prices, also)
            positions.fix(tx, period.day, market, values, self._clock.now(), f"{positions.AWARD} {by.name}")
            positions.fix_bid(tx, period.day, market, bid.values, self._clock.now(), bid.origin)
            differing = auction.differing(awarded_mw, bid_mw)
            found = f"{differing} differ from the bid" if differing else "as bid"
            found += _replaced(auction, before, awarded_mw) + new_prices
            entry = self._record(tx, by, "award", f"{market} {period}", why, found)
            self._ask(tx, period, f"{by.name} entered the award of {market}: {found} ({why})", _kind(by))
            text = f"the award of {market} for {period} is entered ({found}); a plan follows"
            also(tx, text)
        log.info("award.entered", period=str(period), market=market, who=by.label, found=found)
        self._wake()
        doubts = () if by.via == "feed" else self.doubts(market, day_, awarded_mw)  # for a feed, the plan says it
        return Done(text=text, entry=entry, warnings=doubts)

    def doubts(self, market: str, day_: date, awarded_mw: Sequence[float]) -> tuple[str, ...]:
        """Say what is doubtful in an award: what resources cannot do."""
        period = self.period(day_)
        blocks_h = self._auction(market, period).blocks_h
        if blocks_h is None:
            return self._reaches.doubts_about_position(period, awarded_mw)
        return self._reaches.doubts_about_capacity(period, market, blocks_h, awarded_mw)

    def standing(self, market: str, day_: date) -> AuctionStanding:
        """Return what is known about an auction. Raises InputError for a market that has none."""
        period = self.period(day_)
        auction = self._auction(market, period)
        with self._store.transaction() as tx:
            return AuctionStanding(
                auction=auction, bid=_bid(tx, auction, period), position=positions.one_on(tx, period.day, market)
            )

    def check(
        self, market: str, day_: date, awarded_mw: Sequence[float], *, beyond_bid: bool = False,
        price_eur_per_mwh: Sequence[float] | None = None,
    ) -> None:  # fmt: skip
        """Raise what `enter` would raise for these values, and enter nothing."""
        period, standing = self._open_period(day_), self.standing(market, day_)
        self._require_closed(standing.auction, period)
        require_values(standing.auction, period, awarded_mw)
        require_prices(standing.auction, period, price_eur_per_mwh)
        if not beyond_bid:
            bid_mw = [value / standing.scale for value in standing.bid.values]
            require_within(standing.auction, period, awarded_mw, bid_mw, standing.bid.origin)

    def _already(
        self, tx: Tx, by: Principal, period: Period, auction: Auction, before: StoredPosition | None, why: str,
        new_prices: str, also: Callable[[Tx, str], None],
    ) -> Done:  # fmt: skip
        """Note that a position was awarded as it stands. Nothing is planned again for that."""
        text, entry = f"this award of {auction.name} for {period} was entered already", None
        if before is None or not before.awarded:
            text = f"the award of {auction.name} for {period} is what was bid, which was entered already"
            origin, now = f"{positions.AWARD} {by.name}", self._clock.now()
            positions.confirm(tx, period.day, auction.name, now, origin)
            entry = self._record(tx, by, "award", f"{auction.name} {period}", why, "as bid")
            log.info("award.entered", period=str(period), market=auction.name, who=by.label, found="as bid")
        if new_prices:
            self._ask(tx, period, f"{by.name} entered prices with the award of {auction.name} ({why})", _kind(by))
        also(tx, text + new_prices)
        return Done(text=text + new_prices, entry=entry)

    def _put_prices(self, tx: Tx, period: Period, prices: Sequence[float] | None) -> str:
        """Keep the prices of a result; return what was new about them, in words."""
        if prices is None:
            return ""
        series = self._settings.markets.day_ahead.series
        known = values_on(register.prices(tx, period.start - timedelta(days=1), period.end), series, period)
        new = sum(a is None or abs(a - b) > 1e-9 for a, b in zip(known, prices, strict=True))
        if not new:
            return ""
        register.put_prices(
            tx,
            [
                Price(series=series, start=start, minutes=period.isp_minutes, value=value)
                for start, value in zip(period.starts(), prices, strict=True)
            ],
        )
        return f"; its prices of {number_of(new, 'ISP')} are new"

    def award(self, by: Principal, day_: date, award: Award, why: str, also: Callable[[Tx, str], None]) -> Done:
        """Enter what a feed reported; see `enter`."""
        return self.enter(
            by, award.market, day_, award.mw, why, price_eur_per_mwh=award.price_eur_per_mwh, also=also
        )  # fmt: skip

    def _require_closed(self, auction: Auction, period: Period) -> None:
        if self._clock.now() < auction.gate:
            closes = f"{auction.gate.astimezone(period.tz):%Y-%m-%d %H:%M}"
            raise ConflictError(
                f"the gate of {auction.name} for {period} closes at {closes}: nothing can have been awarded before; is "
                "this the result of another day?"
            )

    def _auction(self, market: str, period: Period) -> Auction:
        return auction_of(self._settings, period, market)


def refused(period: Period, market: str, feed: str) -> str:
    """Return the subject of the alarm about a report of a feed that was not taken."""
    return f"{period} {market} {feed}"


def seen_of(position: StoredPosition | None) -> str:
    """Return the mark of a position, by which somebody who looked at it notices that it has changed since."""
    return "" if position is None else position.at.isoformat()


def _kind(by: Principal) -> ReasonKind:
    return ReasonKind.AWARD if by.via == "feed" else ReasonKind.OPERATOR


def _bid(tx: Tx, auction: Auction, period: Period) -> FixedPosition:
    """Return what was bid: as fixed at the gate; if no daemon ran then, what the plan in force would have bid."""
    known = positions.bid_on(tx, period.day, auction.name)
    if known is not None:
        return FixedPosition(values=known[0], origin=known[1])
    sent = bids.of_period(tx, period.day, auction.name)
    if sent:
        return as_position(sent[-1])
    plan = plans.in_force(tx, period.day)
    if auction.blocks_h is None:
        return day_ahead_at_gate(plan, period)
    return bid_at_gate(plan, auction.name, auction.count)


def _same(known: StoredPosition | None, values: tuple[float, ...], scale: float) -> bool:
    return known is not None and all(
        abs(a - b) <= EQUAL_MW * scale for a, b in zip(known.values, values, strict=True)
    )  # fmt: skip


def _replaced(auction: Auction, before: StoredPosition | None, awarded_mw: Sequence[float]) -> str:
    """Return which earlier award this one replaces, in words; empty where there was none."""
    if before is None or not before.awarded:
        return ""
    where = auction.differing(awarded_mw, [value / auction.scale for value in before.values])
    return f"; replaces the {before.origin}, {where} differ from it"
