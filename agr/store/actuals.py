"""What happened, with the moment it was known. Every query names `as_of`; a correction is one more row."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa

from agr.domain.register import Price
from agr.forecasting.days import Observed
from agr.store.engine import Tx
from agr.store.forecast_tables import actuals as table
from agr.store.tables import prices

_C = table.c
_AT_ONCE = 400


@dataclass(frozen=True, kw_only=True)
class Actual:
    """A value of a series, and when it was known."""

    series: str
    observed: Observed
    received_at: datetime


def known(
    tx: Tx, series: str, as_of: datetime, first: datetime | None = None, last: datetime | None = None
) -> list[Observed]:
    """Return what was known by then of a series in [first, last), by time; of corrected values the newest."""
    mine = [_C.series == series, _C.received_at <= as_of]
    if first is not None:
        mine.append(_C.start >= first)
    if last is not None:
        mine.append(_C.start < last)
    rows = tx.execute(
        sa.select(_C.start, _C.minutes, _C.value).where(*mine).order_by(_C.start, _C.received_at)
    )  # fmt: skip
    found = {row.start: Observed(start=row.start, minutes=row.minutes, value=row.value) for row in rows}
    return list(found.values())


def put(tx: Tx, new: Sequence[Actual]) -> int:
    """Store what is not known yet with the same value; return how many rows were new."""
    stored = 0
    for first in range(0, len(new), _AT_ONCE):
        part = new[first : first + _AT_ONCE]
        keys = [(one.series, one.observed.start) for one in part]
        rows = tx.execute(
            sa.select(_C.series, _C.start, _C.received_at, _C.value)
            .where(sa.tuple_(_C.series, _C.start).in_(keys)).order_by(_C.received_at)
        ).all()  # fmt: skip
        newest = {(row.series, row.start): row.value for row in rows}
        taken = {(row.series, row.start, row.received_at) for row in rows}
        fresh = {}
        for one in part:
            key = (one.series, one.observed.start)
            if newest.get(key) != one.observed.value and (*key, one.received_at) not in taken:
                fresh[(*key, one.received_at)] = one
        if fresh:
            tx.execute(table.insert(), [
                {"series": one.series, "start": one.observed.start, "minutes": one.observed.minutes,
                 "value": one.observed.value, "received_at": one.received_at}
                for one in fresh.values()
            ])  # fmt: skip
        stored += len(fresh)
    return stored


def prices_not_taken(tx: Tx, series: str) -> list[Price]:
    """Return the prices of a series that are not among what happened, by time; a corrected price is one of them."""
    p = prices.c
    same = sa.select(_C.start).where(_C.series == p.series, _C.start == p.start, _C.value == p.value).exists()
    rows = tx.execute(sa.select(prices).where(p.series == series, ~same).order_by(p.start))
    return [Price(**row._mapping) for row in rows]


def newest_starts(tx: Tx, series: Sequence[str]) -> dict[str, datetime]:
    """Return series → the start of its newest value, of some series."""
    found: dict[str, datetime] = {}
    for first in range(0, len(series), _AT_ONCE):
        mine = _C.series.in_(series[first : first + _AT_ONCE])
        newest = sa.select(_C.series, sa.func.max(_C.start).label("start")).where(mine).group_by(_C.series)
        found |= {row.series: row.start for row in tx.execute(newest)}
    return found


def levels(tx: Tx, begins: str, as_of: datetime, first: datetime) -> dict[str, tuple[float, float]]:
    """Return series → its mean value since an instant, and on how many days it has values; corrections count too."""
    mine = sa.and_(_C.series.startswith(begins, autoescape=True), _C.received_at <= as_of, _C.start >= first)
    minutes, total = sa.func.sum(_C.minutes), sa.func.sum(_C.minutes * _C.value)
    rows = tx.execute(sa.select(_C.series, minutes, total).where(mine).group_by(_C.series))
    return {series: (float(summed) / float(count), float(count) / 1440.0) for series, count, summed in rows if count}


def series_known(tx: Tx, as_of: datetime) -> list[str]:
    """Return the series of which something was known by then, by name."""
    mine = sa.select(_C.series).where(_C.received_at <= as_of)
    return list(tx.execute(mine.distinct().order_by(_C.series)).scalars())


def delete_before(tx: Tx, instant: datetime, begins: str = "") -> int:
    """Delete what happened before an instant, of series whose name begins so."""
    mine = sa.and_(_C.start < instant, _C.series.startswith(begins, autoescape=True))
    return tx.execute(table.delete().where(mine)).rowcount
