"""What devices report: each value once, by resource, quantity and instant.

A reading is no input that makes a plan out of date: the next whole plan begins with what was measured by then.
"""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby

import sqlalchemy as sa

from agr.domain.reading import READ_STORED, Reading
from agr.store.engine import Tx
from agr.store.reading_tables import readings as table

_AT_ONCE = 500  # parameters of one query
_ASKED_FOR = 5000  # up to so many resources are asked for by name; for more, all readings are looked at
_KEYS_AT_ONCE = 250  # of three parameters each
_C = table.c


@dataclass(frozen=True, kw_only=True)
class StoredReading:
    """A reading, and who reported it when."""

    reading: Reading
    received_at: datetime
    by: str


def put(tx: Tx, new: Sequence[Reading], at: datetime, by: str) -> None:
    """Store readings that are not known yet."""
    rows = [vars(reading) | {"received_at": at, "by": by[:255]} for reading in new]
    if rows:
        tx.execute(table.insert(), rows)


def between(
    tx: Tx, resources: Collection[str], quantities: Collection[str], first: datetime, last: datetime
) -> dict[tuple[str, str], list[tuple[datetime, float]]]:
    """Return (resource, quantity) → (instant, value) from first to last, both included, by time."""
    found: dict[tuple[str, str], list[tuple[datetime, float]]] = {}
    for some in _chunks(resources):
        mine = sa.and_(_C.resource.in_(some), _C.quantity.in_(sorted(quantities)), _C.at >= first, _C.at <= last)
        chosen = sa.select(_C.resource, _C.quantity, _C.at, _C.value).where(mine)
        rows = tx.execute(chosen.order_by(_C.resource, _C.quantity, _C.at))
        for key, group in groupby(rows, key=lambda row: (row.resource, row.quantity)):
            found[key] = [(row.at, row.value) for row in group]
    return found


def known(tx: Tx, wanted: Sequence[Reading]) -> dict[tuple[str, str, datetime], float]:
    """Return (resource, quantity, instant) → value, for those of some readings that are stored with any value."""
    found = {}
    for first in range(0, len(wanted), _KEYS_AT_ONCE):
        keys = [(one.resource, one.quantity, one.at) for one in wanted[first : first + _KEYS_AT_ONCE]]
        mine = sa.tuple_(_C.resource, _C.quantity, _C.at).in_(keys)
        for row in tx.execute(sa.select(_C.resource, _C.quantity, _C.at, _C.value).where(mine)):
            found[row.resource, row.quantity, row.at] = row.value
    return found


def newest_stored(
    tx: Tx, resources: Collection[str], since: datetime, upto: datetime
) -> dict[str, tuple[datetime, float]]:
    """Return resource → (instant, kWh) of its newest state of charge from `since` to `upto`, both included."""
    found = {}
    wanted = set(resources)
    for some in _chunks(wanted) if len(wanted) <= _ASKED_FOR else [None]:  # else all, at once
        mine = sa.and_(_C.quantity == READ_STORED, _C.at >= since, _C.at <= upto)
        if some is not None:
            mine = sa.and_(_C.resource.in_(some), mine)
        newest = sa.select(_C.resource, sa.func.max(_C.at).label("at")).where(mine).group_by(_C.resource).subquery()
        same = sa.and_(_C.resource == newest.c.resource, _C.at == newest.c.at, _C.quantity == READ_STORED)
        for row in tx.execute(sa.select(_C.resource, _C.at, _C.value).select_from(table.join(newest, same))):
            if row.resource in wanted:
                found[row.resource] = (row.at, row.value)
    return found


def newest_instant(tx: Tx) -> datetime | None:
    """Return when the newest reading was made."""
    return tx.execute(sa.select(sa.func.max(_C.at))).scalar()


def page(tx: Tx, resource: str, first: datetime, last: datetime, limit: int, offset: int) -> list[StoredReading]:
    """Return the readings of a resource from first to before last, newest first."""
    mine = sa.and_(_C.resource == resource, _C.at >= first, _C.at < last)
    rows = tx.execute(
        sa.select(table).where(mine).order_by(_C.at.desc(), _C.quantity).limit(limit).offset(offset)
    )  # fmt: skip
    return [
        StoredReading(
            reading=Reading(resource=row.resource, at=row.at, quantity=row.quantity, value=row.value),
            received_at=row.received_at, by=row.by,
        )
        for row in rows
    ]  # fmt: skip


def received_since(tx: Tx, instant: datetime) -> tuple[datetime, datetime] | None:
    """Return when the earliest of the readings that came in since was made, and when the last came; None: none did."""
    mine = sa.select(sa.func.min(_C.at), sa.func.max(_C.received_at)).where(_C.received_at > instant)
    first, last = tx.execute(mine).one()
    return None if first is None else (first, last)


def reporting(tx: Tx, first: datetime, last: datetime) -> list[str]:
    """Return the resources that reported anything from first to before last, by name."""
    mine = sa.and_(_C.at >= first, _C.at < last)
    return list(tx.execute(sa.select(_C.resource).where(mine).distinct().order_by(_C.resource)).scalars())


def delete_before(tx: Tx, instant: datetime) -> int:
    """Delete readings made before an instant: they are personal data."""
    return tx.execute(table.delete().where(_C.at < instant)).rowcount


def _chunks(names: Iterable[str]) -> Iterable[list[str]]:
    ordered = sorted(set(names))
    return (ordered[first : first + _AT_ONCE] for first in range(0, len(ordered), _AT_ONCE))
