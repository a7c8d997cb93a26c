"""Bids, and the outbox through which they leave: one delivery per bid and channel, with its receipt."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import date, datetime

import sqlalchemy as sa

from agr.store import trade_tables as t
from agr.store.engine import Tx


@dataclass(frozen=True, kw_only=True)
class StoredBid:
    """A bid that was sent, or is being sent."""

    id: int
    period: date
    market: str
    revision: int
    plan: int
    volumes_kw: tuple[float, ...]
    at: datetime
    by: str
    prices: tuple[float, ...] = ()  # of capacity: asked per block; empty: any price


@dataclass(frozen=True, kw_only=True)
class ChannelDelivery:
    """How a bid leaves through one channel."""

    id: int
    bid: int
    channel: str
    file_name: str
    content: bytes
    content_type: str
    state: str
    attempts: int
    next_attempt_at: datetime
    delivered_at: datetime | None
    detail: str | None


def put(
    tx: Tx, *, period: date, market: str, revision: int, plan: int, volumes_kw: tuple[float, ...], at: datetime,
    by: str, prices: tuple[float, ...] = (),
) -> int:  # fmt: skip
    """Store a bid and return its number; earlier bids of the Period that still wait to leave are superseded."""
    c, d = t.bids.c, t.bid_deliveries.c
    earlier = sa.select(c.id).where(c.period == period, c.market == market)
    waiting = sa.and_(d.state == "queued", d.bid.in_(earlier))
    tx.execute(
        t.bid_deliveries.update().where(waiting).values(state="superseded", detail=f"revision {revision} follows")
    )
    row = {"period": period, "market": market, "revision": revision, "plan": plan, "volumes_kw": list(volumes_kw),
           "at": at, "by": by[:255], "prices": list(prices) or sa.null()}  # fmt: skip
    made = tx.execute(t.bids.insert().values(**row)).inserted_primary_key
    assert made is not None
    return int(made[0])


def queue(tx: Tx, bid: int, channel: str, file_name: str, content: bytes, content_type: str, at: datetime) -> None:
    """Queue a bid for a channel; it leaves once the transaction is committed."""
    tx.execute(
        t.bid_deliveries.insert().values(
            bid=bid, channel=channel, file_name=file_name, content=content, content_type=content_type, state="queued",
            attempts=0, next_attempt_at=at,
        )
    )  # fmt: skip


def of_period(tx: Tx, period: date, market: str) -> list[StoredBid]:
    """Return the bids of a Period, oldest first."""
    c = t.bids.c
    rows = tx.execute(sa.select(t.bids).where(c.period == period, c.market == market).order_by(c.revision))
    return [_bid(row._mapping) for row in rows]


def get(tx: Tx, number: int) -> StoredBid | None:
    """Return one bid."""
    row = tx.execute(sa.select(t.bids).where(t.bids.c.id == number)).one_or_none()
    return None if row is None else _bid(row._mapping)


def _bid(row: sa.RowMapping) -> StoredBid:
    return StoredBid(**(dict(row) | {"volumes_kw": tuple(row["volumes_kw"]), "prices": tuple(row["prices"] or ())}))


def deliveries(tx: Tx, period: date, market: str) -> list[ChannelDelivery]:
    """Return how the bids of a Period left, oldest first."""
    c, d = t.bids.c, t.bid_deliveries.c
    joined = t.bid_deliveries.join(t.bids, c.id == d.bid)
    rows = tx.execute(
        sa.select(*t.bid_deliveries.c).select_from(joined).where(c.period == period, c.market == market).order_by(d.id)
    )
    return [ChannelDelivery(**row._mapping) for row in rows]


def due(tx: Tx, channel: str, now: datetime) -> ChannelDelivery | None:
    """Return the oldest delivery of a channel that is due."""
    d = t.bid_deliveries.c
    mine = sa.and_(d.state == "queued", d.channel == channel, d.next_attempt_at <= now)
    row = tx.execute(sa.select(t.bid_deliveries).where(mine).order_by(d.id).limit(1)).one_or_none()
    return None if row is None else ChannelDelivery(**row._mapping)


def orphans(tx: Tx, channels: Collection[str]) -> list[ChannelDelivery]:
    """Return deliveries that wait for other channels than these."""
    d = t.bid_deliveries.c
    mine = sa.and_(d.state == "queued", d.channel.not_in(channels))
    return [
        ChannelDelivery(**row._mapping) for row in tx.execute(sa.select(t.bid_deliveries).where(mine).order_by(d.id))
    ]


def attempt(tx: Tx, delivery: int) -> bool:
    """Count an attempt before it is made: after a crash it may have arrived. False: it does not wait any more."""
    return _waiting(tx, delivery, attempts=t.bid_deliveries.c.attempts + 1)


def delivered(tx: Tx, delivery: int, at: datetime, receipt: str) -> None:
    """Record that a bid has arrived, whatever has been decided about it meanwhile."""
    mine = t.bid_deliveries.c.id == delivery
    tx.execute(t.bid_deliveries.update().where(mine).values(state="delivered", delivered_at=at, detail=receipt))


def retry(tx: Tx, delivery: int, at: datetime, why: str) -> None:
    """Record a failed attempt, and when the next one may be made."""
    _waiting(tx, delivery, next_attempt_at=at, detail=why)


def failed(tx: Tx, delivery: int, why: str) -> None:
    """Record that a bid will not be delivered any more."""
    _waiting(tx, delivery, state="failed", detail=why)


def hasten(tx: Tx, now: datetime, latest: datetime) -> int:
    """Make deliveries due whose next attempt lies beyond any pause (the clock was set back); return how many."""
    d = t.bid_deliveries.c
    mine = sa.and_(d.state == "queued", d.next_attempt_at > latest)
    return tx.execute(t.bid_deliveries.update().where(mine).values(next_attempt_at=now)).rowcount


def _waiting(tx: Tx, delivery: int, **values: object) -> bool:
    d = t.bid_deliveries.c
    mine = sa.and_(d.id == delivery, d.state == "queued")
    return tx.execute(t.bid_deliveries.update().where(mine).values(**values)).rowcount > 0


def waiting(tx: Tx) -> int:
    """Count deliveries that wait to leave."""
    query = sa.select(sa.func.count()).select_from(t.bid_deliveries).where(t.bid_deliveries.c.state == "queued")
    return tx.execute(query).scalar_one()


def delete_before(tx: Tx, day: date) -> None:
    """Delete the bids of Periods before a day, with how they left."""
    old = sa.select(t.bids.c.id).where(t.bids.c.period < day)
    tx.execute(t.bid_deliveries.delete().where(t.bid_deliveries.c.bid.in_(old)))
    tx.execute(t.bids.delete().where(t.bids.c.period < day))
