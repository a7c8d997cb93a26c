"""What is fixed on each market of a Period: its position, which is what was awarded, and beside it what was bid.

Both are rows of one table: the bid on market M stands under the name bid/M, which no product may have.
"""

from dataclasses import dataclass
from datetime import date, datetime

import sqlalchemy as sa

from agr.store import input_version
from agr.store import tables as t
from agr.store.engine import Tx

_BID = "bid/"


def _of_bid(market: str) -> str:
    """Return the name under which the bid on a market is kept."""
    return _BID + market


def fix(tx: Tx, period: date, market: str, values: tuple[float, ...], at: datetime, origin: str) -> None:
    """Fix a market position (kW per ISP) or award (MW per block); replaces an earlier one."""
    input_version.changed(tx)
    tx.execute(t.positions.delete().where(t.positions.c.period == period, t.positions.c.market == market))
    tx.execute(t.positions.insert().values(period=period, market=market, values=list(values), at=at, origin=origin))


def all_on(tx: Tx, period: date) -> dict[str, tuple[float, ...]]:
    """Return market → fixed values."""
    rows = tx.execute(sa.select(t.positions.c.market, t.positions.c["values"]).where(t.positions.c.period == period))
    return {market: tuple(values) for market, values in rows if not market.startswith(_BID)}


@dataclass(frozen=True, kw_only=True)
class StoredPosition:
    """A fixed position, since when, and where it comes from."""

    values: tuple[float, ...]
    at: datetime
    origin: str

    @property
    def awarded(self) -> bool:
        """Whether it was awarded, and not only bid."""
        return self.origin.startswith(AWARD)


AWARD = "award entered by"
"""First words of the origin of a position that an auction awarded."""


def one_on(tx: Tx, period: date, market: str) -> StoredPosition | None:
    """Return one fixed position; None while it is free."""
    c = t.positions.c
    mine = sa.and_(c.period == period, c.market == market)
    row = tx.execute(sa.select(c["values"], c.at, c.origin).where(mine)).one_or_none()
    return None if row is None else StoredPosition(values=tuple(row[0]), at=row[1], origin=row[2])


def confirm(tx: Tx, period: date, market: str, at: datetime, origin: str) -> None:
    """Note that a fixed position holds as it is: plans are made from the same values as before."""
    mine = sa.and_(t.positions.c.period == period, t.positions.c.market == market)
    tx.execute(t.positions.update().where(mine).values(at=at, origin=origin))


def fix_bid(tx: Tx, period: date, market: str, values: tuple[float, ...], at: datetime, origin: str) -> None:
    """Keep what was bid, in the units of the position; the first one stays."""
    if bid_on(tx, period, market) is None:
        row = {"period": period, "market": _of_bid(market), "values": list(values), "at": at, "origin": origin}
        tx.execute(t.positions.insert().values(**row))


def bid_on(tx: Tx, period: date, market: str) -> tuple[tuple[float, ...], str] | None:
    """Return what was bid on a market, and where that came from; None before the gate."""
    mine = sa.and_(t.positions.c.period == period, t.positions.c.market == _of_bid(market))
    row = tx.execute(sa.select(t.positions.c["values"], t.positions.c.origin).where(mine)).one_or_none()
    return None if row is None else (tuple(row[0]), row[1])
