"""What became of plans, per resource and ISP; they are personal data."""

from collections.abc import Collection, Sequence
from datetime import datetime

import sqlalchemy as sa

from agr.domain.execution import Cause, Execution, Verdict
from agr.store.dispatch_tables import executions as table
from agr.store.engine import Tx

_C = table.c
_AT_ONCE = 500  # parameters of one query


def put(tx: Tx, rows: Sequence[Execution]) -> int:
    """Store what is new or has become known better since; return how many rows that were."""
    if not rows:
        return 0
    first, last = min(row.start for row in rows), max(row.start for row in rows)
    known = {
        (row.resource, row.start): row for row in between(tx, first, last, {row.resource for row in rows})
    }  # fmt: skip
    other = [row for row in rows if known.get((row.resource, row.start)) != row]
    for old in (row for row in other if (row.resource, row.start) in known):
        tx.execute(table.delete().where(_C.resource == old.resource, _C.start == old.start))
    if other:
        tx.execute(
            table.insert(), [vars(row) | {"verdict": row.verdict.value, "cause": row.cause.value} for row in other]
        )
    return len(other)


def between(tx: Tx, first: datetime, last: datetime, resources: Collection[str] | None = None) -> list[Execution]:
    """Return the rows of ISPs that begin from first to last, both included, by resource and time."""
    mine = sa.and_(_C.start >= first, _C.start <= last)
    if resources is None:
        return [_read(row) for row in tx.execute(sa.select(table).where(mine).order_by(_C.resource, _C.start))]
    ordered, found = sorted(resources), list[Execution]()
    for place in range(0, len(ordered), _AT_ONCE):
        some = sa.and_(mine, _C.resource.in_(ordered[place : place + _AT_ONCE]))
        found += [_read(row) for row in tx.execute(sa.select(table).where(some).order_by(_C.resource, _C.start))]
    return found


def _read(row: "sa.Row[tuple[object, ...]]") -> Execution:
    return Execution(**{**dict(row._mapping), "verdict": Verdict(row.verdict), "cause": Cause(row.cause)})


def counts(tx: Tx, first: datetime, last: datetime) -> dict[str, int]:
    """Return verdict → number of ISPs that begin from first to before last."""
    mine = sa.select(_C.verdict, sa.func.count()).where(_C.start >= first, _C.start < last)
    return {row[0]: row[1] for row in tx.execute(mine.group_by(_C.verdict))}


def delete_before(tx: Tx, instant: datetime) -> int:
    """Delete the rows of ISPs that began before an instant; return how many."""
    return tx.execute(table.delete().where(_C.start < instant)).rowcount
