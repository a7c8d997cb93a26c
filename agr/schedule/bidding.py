"""Makes bids from plans and queues them for their channels, and says which position they leave us with at the gate.

Day-ahead and each product of balancing capacity have bids of their own. Volumes are kept in kW per ISP or per block,
positions of capacity in MW.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime

import structlog

from agr.connectors.bids.layouts import render
from agr.domain.bid import DAY_AHEAD, KW_PER_MW, Bid, asked_prices, rounded_kw
from agr.domain.isp import Clock, Period
from agr.domain.moments import Handled, MomentState
from agr.domain.plan import NO_PLAN, Plan, Reason, ReasonKind
from agr.planning.gates import FixedPosition, bid_at_gate, day_ahead_at_gate
from agr.schedule.auctions import auction_of
from agr.settings import BidFiles, BidWebhook, Settings
from agr.store import bids, day, plans, positions
from agr.store.bids import StoredBid
from agr.store.engine import Tx, alone

log = structlog.get_logger()

NOT_APPROVED, NOT_SENT, NOT_DELIVERED = "bid not approved", "bid not sent", "bid not delivered"
"""Kinds of alarms."""
AWARD_LATE = "award late"
AWARD_REFUSED, TRADE_REFUSED = "award refused", "trade refused"
"""Kinds of alarms about awards and trades that feeds report."""
_OF_A_PERIOD = (NOT_APPROVED, NOT_SENT, NOT_DELIVERED, AWARD_LATE, AWARD_REFUSED)
"""Kinds of alarms about a Period; their subjects begin with its day."""
UNDELIVERED = "no bid was delivered"
"""Origin of a position that is zero because, as far as we know, the exchange has no bid of ours."""


@dataclass(frozen=True, kw_only=True)
class MadeBid:
    """A bid, and whether it was made now or the same volumes were sent before."""

    bid: StoredBid
    new: bool


def gate_of(settings: Settings, period: Period, market: str) -> datetime:
    """Return when the auction of a market closes. Raises InputError where it has none."""
    return auction_of(settings, period, market).gate


def subject(period: date | Period, market: str) -> str:
    """Return what alarms about bids on a market are about."""
    return str(period) if market == DAY_AHEAD else f"{period} {market}"


def named(market: str) -> str:
    """Return how people call a bid on a market, where day-ahead goes without saying."""
    return "bid" if market == DAY_AHEAD else f"{market} bid"


class Bidding:
    """Bids. Each step is one transaction of the caller's and may be repeated without harm."""

    def __init__(self, settings: Settings, clock: Clock) -> None:
        self._settings, self._clock = settings, clock

    def sends(self, market: str) -> bool:
        """Say whether bids on a market leave; without a channel what the plan would bid is taken as bid and awarded."""
        return bool(self._settings.bids.channels_of(market))

    def volumes_kw(self, plan: Plan, market: str) -> tuple[float, ...]:
        """Return what a plan would bid, per ISP or per block."""
        if market == DAY_AHEAD:
            return rounded_kw(plan.positions.day_ahead_kw, self._settings.bids.step_mw)
        count = auction_of(self._settings, plan.period, market).count
        return tuple(mw * KW_PER_MW for mw in bid_at_gate(plan, market, count).values)

    def prices(self, plan: Plan, market: str) -> tuple[float, ...]:
        """Return what a plan's bid for capacity asks per block, in the product's unit; empty for energy: any price."""
        product = next((one for one in self._settings.markets.capacity if one.name == market), None)
        costs, expected = plan.positions.bid_costs_eur_per_mw, plan.positions.bid_prices_eur_per_mw
        if product is None or market not in costs or market not in expected:
            return ()
        of, hours = plan.period.blocks(product.block_hours), [1.0] * len(costs[market])
        if product.price_unit == "EUR/MW/h":
            hours = [max(of.count(block), 1) * plan.period.isp_hours for block in range(len(hours))]
        return asked_prices(
            costs[market], expected[market], tuple(hours), as_bid=product.paid == "as bid", floor=product.price_floor
        )

    def send(self, tx: Tx, plan: Plan, by: str, market: str) -> MadeBid:
        """Queue a plan's bid for every channel as the next revision, unless the same was sent before.

        A channel that lacks these volumes gets them as the revision that they already have.
        """
        alone(tx, "bids")
        period, volumes, now = plan.period, self.volumes_kw(plan, market), self._clock.now()
        channels = self._settings.bids.channels_of(market)
        known = bids.of_period(tx, period.day, market)
        prices = self.prices(plan, market)
        if known and (known[-1].volumes_kw, known[-1].prices) == (volumes, prices):
            had = {d.channel for d in bids.deliveries(tx, period.day, market) if d.bid == known[-1].id}
            lacking = [channel for channel in channels if channel.name not in had]
            self._queue(tx, known[-1], period, lacking)
            return MadeBid(bid=known[-1], new=bool(lacking))
        revision = len(known) + 1
        number = bids.put(
            tx, period=period.day, market=market, revision=revision, plan=plan.id, volumes_kw=volumes, at=now, by=by,
            prices=prices,
        )  # fmt: skip
        stored = bids.get(tx, number)
        assert stored is not None
        self._queue(tx, stored, period, channels)
        for kind in (NOT_APPROVED, NOT_SENT):
            day.recover(tx, kind, subject(period, market), now)
        fields: dict[str, object] = {"period": str(period), "market": market, "revision": revision, "plan": plan.id}
        if market == DAY_AHEAD:
            log.info("bid.queued", **fields, net_mwh=round(sum(volumes) * period.isp_hours / 1000, 3))
        else:
            log.info("capacity_bid.queued", **fields, mw=[kw / KW_PER_MW for kw in volumes])
        return MadeBid(bid=stored, new=True)

    def _queue(self, tx: Tx, stored: StoredBid, period: Period, channels: Sequence[BidFiles | BidWebhook]) -> None:
        bid = Bid(
            period=period, market=stored.market, revision=stored.revision, plan=stored.plan,
            volumes_kw=stored.volumes_kw, block_hours=auction_of(self._settings, period, stored.market).blocks_h,
            direction=next((p.direction for p in self._settings.markets.capacity if p.name == stored.market), ""),
            prices=stored.prices,
            price_unit=next((p.price_unit for p in self._settings.markets.capacity if p.name == stored.market), ""),
        )  # fmt: skip
        for channel in channels:
            out = render(bid, channel, self._settings.bids, self._settings.markets.day_ahead.product_minutes)
            bids.queue(tx, stored.id, channel.name, out.file_name, out.content, out.content_type, self._clock.now())

    def at_last_safe_start(self, tx: Tx, period: Period, market: str) -> Handled | None:
        """Send the bid of the plan in force, or warn that it still needs approval; return what was done.

        None: there is no plan yet. The moment is then tried again until the gate.
        """
        plan, now = plans.in_force(tx, period.day), self._clock.now()
        known, about = bids.of_period(tx, period.day, market), subject(period, market)
        closes = gate_of(self._settings, period, market)
        gate = f"{closes.astimezone(period.tz):%H:%M}"
        if self._settings.bids.approval and (known or (plan is not None and now < closes)):
            if known:
                stands = f"revision {known[-1].revision} of plan {known[-1].plan}, approved by {known[-1].by}, stands"
                differs = plan is not None and self.volumes_kw(plan, market) != known[-1].volumes_kw
                return Handled(f"{stands}; plan {plan.id} would bid otherwise" if differs and plan else stands)
            text = (
                f"the {named(market)} for {period} waits for approval; without it nothing is bid at the gate ({gate})"
            )
            day.recover(tx, NOT_SENT, about, now)
            day.raise_alarm(tx, NOT_APPROVED, about, text, now)
            return Handled(f"the {named(market)} waits for approval", MomentState.LATE)
        if plan is None:
            text = (
                f"there is no plan for {period} to make a {named(market)} of; it is tried again each minute until "
                f"the gate ({gate}); without one nothing is bid"
            )
            day.raise_alarm(tx, NOT_SENT, about, text, now)
            return None
        if now >= closes:
            return Handled("the gate has closed; nothing is bid", MomentState.MISSED)
        made = self.send(tx, plan, "the timetable", market)
        if not made.new:
            return Handled(f"revision {made.bid.revision} of plan {made.bid.plan} was sent before")
        return Handled(f"revision {made.bid.revision} of plan {made.bid.plan} is sent")

    def at_gate(self, tx: Tx, period: Period, market: str) -> FixedPosition:
        """Return the position at the gate: the newest bid that has arrived somewhere, else zero, with an alarm."""
        plan = plans.in_force(tx, period.day)
        count = auction_of(self._settings, period, market).count
        if not self.sends(market):
            return day_ahead_at_gate(plan, period) if market == DAY_AHEAD else bid_at_gate(plan, market, count)
        known, now = bids.of_period(tx, period.day, market), self._clock.now()
        arrived, about = newest_arrived(tx, period.day, market), subject(period, market)
        if arrived is not None:
            return as_position(arrived)
        nothing = (0.0,) * count
        if known:
            whose = "the exchange" if market == DAY_AHEAD else "the grid operator"
            text = f"the gate has closed and no channel has confirmed the {named(market)} for {period}; "
            day.raise_alarm(tx, NOT_DELIVERED, about, f"{text}if {whose} has it, enter its award when it comes", now)
            return FixedPosition(values=nothing, origin=UNDELIVERED)
        if plan is None:
            return FixedPosition(values=nothing, origin=NO_PLAN)
        kind, why = (NOT_APPROVED, "approved") if self._settings.bids.approval else (NOT_SENT, "sent")
        then = "nothing is bought or sold" if market == DAY_AHEAD else "no capacity is sold"
        text = f"the gate has closed and no {named(market)} for {period} was {why}: nothing was bid, so {then}"
        day.raise_alarm(tx, kind, about, text, now)
        return FixedPosition(values=nothing, origin=f"no bid was {why}")

    def fix_at_gate(self, tx: Tx, period: Period, market: str) -> FixedPosition:
        """Fix the position, and keep the newest bid beside it, which awards are compared with.

        The caller has begun its transaction with `alone_with_bids`.
        """
        fixed, now = self.at_gate(tx, period, market), self._clock.now()
        known = bids.of_period(tx, period.day, market)
        bid = as_position(known[-1]) if known else fixed
        positions.fix(tx, period.day, market, fixed.values, now, fixed.origin)
        positions.fix_bid(tx, period.day, market, bid.values, now, bid.origin)
        return fixed

    def delivered(self, tx: Tx, bid: StoredBid) -> None:
        """Correct the position where a bid turns out to have arrived after the gate has been handled without it.

        The position is then the newest revision that has arrived, unless the award is known. The caller has begun its
        transaction with `alone_with_bids`, and recorded the delivery.
        """
        period = Period(bid.period, self._settings.time_zone, self._settings.isp_minutes)
        now, fixed = self._clock.now(), positions.one_on(tx, bid.period, bid.market)
        day.recover(tx, NOT_DELIVERED, subject(period, bid.market), now)
        newest = newest_arrived(tx, bid.period, bid.market)
        if fixed is None or fixed.awarded or newest is None:
            return
        arrived = as_position(newest)
        if fixed.origin == arrived.origin:
            return
        positions.fix(tx, bid.period, bid.market, arrived.values, now, arrived.origin)
        reason = Reason(kind=ReasonKind.RESULTS, text=f"the {bid.market} bid has arrived after all")
        day.put_trigger(tx, bid.period, reason, now)


def alone_with_bids(tx: Tx) -> None:
    """Let nobody else send a bid, take a receipt, or fix a position meanwhile; begin a transaction with it."""
    alone(tx, "bids")
    alone(tx, "awards")


def newest_arrived(tx: Tx, period: date, market: str) -> StoredBid | None:
    """Return the newest revision that some channel has delivered."""
    arrived = {delivery.bid for delivery in bids.deliveries(tx, period, market) if delivery.state == "delivered"}
    return next((bid for bid in reversed(bids.of_period(tx, period, market)) if bid.id in arrived), None)


def as_position(bid: StoredBid) -> FixedPosition:
    """Return a bid as a position: kW per ISP, of capacity MW per block."""
    unit = 1.0 if bid.market == DAY_AHEAD else KW_PER_MW
    values = tuple(kw / unit for kw in bid.volumes_kw)
    return FixedPosition(values=values, origin=f"bid revision {bid.revision} of plan {bid.plan}")


def in_words(bid: StoredBid, period: Period) -> str:
    """Return what a bid offers, in words."""
    if bid.market == DAY_AHEAD:
        return f"{sum(bid.volumes_kw) * period.isp_hours / 1000:+z.3f} MWh net"
    return f"{', '.join(f'{kw / KW_PER_MW:g}' for kw in bid.volumes_kw)} MW"


def end_alarms(tx: Tx, settings: Settings, period: Period, market: str, at: datetime) -> None:
    """End what was still open about the bid on a market in a Period: its award is known."""
    kinds = (NOT_APPROVED, NOT_SENT, NOT_DELIVERED, *((AWARD_LATE,) if market == DAY_AHEAD else ()))
    mine = subject(period, market)
    others = [subject(period, p.name) for p in settings.markets.capacity if market == DAY_AHEAD]

    def within(text: str, whole: str) -> bool:
        return text == whole or text.startswith(f"{whole} ")

    for alarm in day.open_alarms(tx):
        about = within(alarm.subject, mine) and not any(within(alarm.subject, other) for other in others)
        if alarm.kind in kinds and about:
            day.recover(tx, alarm.kind, alarm.subject, at)


def end_past_alarms(tx: Tx, period: Period, at: datetime) -> None:
    """End what is still open about the markets of Periods up to this one, which are over; history keeps it.

    A refused trade is of no Period: its alarm ends once no feed has reported it since this Period.
    """
    for alarm in day.open_alarms(tx):
        of_the_past = alarm.kind in _OF_A_PERIOD and alarm.subject.partition(" ")[0] <= str(period)
        if of_the_past or (alarm.kind == TRADE_REFUSED and alarm.last_at < period.end):
            day.recover(tx, alarm.kind, alarm.subject, at)
