"""Intraday trades: each once, by the exchange's identifier; a cancelled one stays, but no longer counts."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import date, datetime

import sqlalchemy as sa

from agr.domain.award import Trade
from agr.store import input_version
from agr.store import trade_tables as t
from agr.store.engine import Tx

_AT_ONCE = 500  # parameters of one query


@dataclass(frozen=True, kw_only=True)
class StoredTrade:
    """A trade, who entered it, and who cancelled it."""

    trade: Trade
    period: date
    at: datetime
    by: str
    cancelled_at: datetime | None
    cancelled_by: str | None


def put(tx: Tx, trade: Trade, period: date, at: datetime, by: str) -> None:
    """Store a trade that is not known yet."""
    input_version.changed(tx)
    tx.execute(t.trades.insert().values(**vars(trade), period=period, at=at, by=by[:255]))


def cancel(tx: Tx, name: str, at: datetime, by: str) -> bool:
    """Let a trade count no longer; False when there is none that counts."""
    input_version.changed(tx)
    mine = sa.and_(t.trades.c.trade == name, t.trades.c.cancelled_at.is_(None))
    return bool(tx.execute(t.trades.update().where(mine).values(cancelled_at=at, cancelled_by=by[:255])).rowcount)


def known(tx: Tx, names: Collection[str]) -> dict[str, StoredTrade]:
    """Return those of some trades that are known, cancelled ones included."""
    found: dict[str, StoredTrade] = {}
    ordered = list(names)
    for first in range(0, len(ordered), _AT_ONCE):
        mine = t.trades.c.trade.in_(ordered[first : first + _AT_ONCE])
        found |= {row.trade: _stored(row._mapping) for row in tx.execute(sa.select(t.trades).where(mine))}
    return found


def of_period(tx: Tx, period: date) -> list[StoredTrade]:
    """Return all trades of a Period in the order of their delivery, cancelled ones included."""
    c = t.trades.c
    rows = tx.execute(sa.select(t.trades).where(c.period == period).order_by(c.start, c.trade))
    return [_stored(row._mapping) for row in rows]


def counting(tx: Tx, period: date) -> tuple[Trade, ...]:
    """Return the trades of a Period that count."""
    return tuple(stored.trade for stored in of_period(tx, period) if stored.cancelled_at is None)


def delete_before(tx: Tx, day: date) -> None:
    """Delete the trades of Periods before a day."""
    tx.execute(t.trades.delete().where(t.trades.c.period < day))


_OF_TRADE = tuple(Trade.__dataclass_fields__)


def _stored(row: sa.RowMapping) -> StoredTrade:
    rest = {name: value for name, value in row.items() if name not in _OF_TRADE}
    return StoredTrade(trade=Trade(**{name: row[name] for name in _OF_TRADE}), **rest)
