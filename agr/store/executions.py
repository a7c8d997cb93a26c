"""What became of plans, per resource and ISP; they are personal data."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import numpy as np
import sqlalchemy as sa
from numpy.typing import NDArray

from agr.domain.execution import WHOLE, DeviationCause, Execution, Verdict
from agr.store.dispatch_tables import executions as table
from agr.store.engine import Tx

_C = table.c
_AT_ONCE = 500  # parameters of one query
_MANY = 50_000
_JUDGED = (Verdict.EXECUTED.value, Verdict.DEVIATED.value)


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


def beginning(tx: Tx, prefix: str, first: datetime, last: datetime) -> list[Execution]:
    """Return the rows of resources whose names begin with a text; ISPs begin from first to last, both included."""
    mine = sa.and_(_C.start >= first, _C.start <= last, _C.resource.startswith(prefix, autoescape=True))
    return [_read(row) for row in tx.execute(sa.select(table).where(mine).order_by(_C.resource, _C.start))]


@dataclass(frozen=True, kw_only=True, eq=False)
class ExecutionColumns:
    """Many rows as arrays (N,), by resource and time; `names` (R,) are the resources, by name."""

    names: list[str]
    resource: NDArray[np.int64]  # place in `names`
    isp: NDArray[np.int64]  # place in the instants that were asked for
    planned_kwh: NDArray[np.float64]
    measured_kwh: NDArray[np.float64]  # NaN: nothing was measured
    verdict: NDArray[np.int64]  # place in VERDICTS
    cause: NDArray[np.int64]  # place in CAUSES
    whole: NDArray[np.bool_]  # measured as a whole: it has a deviation
    last: list[Execution]  # (R,) the newest row of each resource


VERDICTS, CAUSES = tuple(Verdict), tuple(DeviationCause)


def columns(tx: Tx, starts: Sequence[datetime]) -> ExecutionColumns:
    """Return the rows of the ISPs that begin at some instants, in order of time, without an object for each."""
    places, mine = {start: i for i, start in enumerate(starts)}, sa.and_(_C.start >= starts[0], _C.start <= starts[-1])
    verdicts, causes = ({one.value: i for i, one in enumerate(all_)} for all_ in (VERDICTS, CAUSES))
    names, last = list[str](), list[Execution]()
    found: list[list[Any]] = [[] for _ in range(7)]
    newest: Any = None
    chosen = (_C.resource, _C.start, _C.planned_kwh, _C.measured_kwh, _C.quality, _C.verdict, _C.cause, _C.plan)
    for part in tx.execute(sa.select(*chosen).where(mine).order_by(_C.resource, _C.start)).partitions(_MANY):
        owner = []
        for row in part:
            if newest is None or row[0] != newest[0]:
                if newest is not None:
                    last.append(_read(newest))
                names.append(row[0])
            newest = row
            owner.append(len(names) - 1)
        _, start, planned, measured, quality, verdict, cause, _ = zip(*part, strict=True)
        judged = [v in _JUDGED or q in WHOLE for v, q in zip(verdict, quality, strict=True)]
        columns_of = (
            np.array(owner), np.array([places.get(at, -1) for at in start]), np.array(planned, dtype=np.float64),
            np.array(measured, dtype=np.float64), np.array([verdicts[v] for v in verdict]),
            np.array([causes[c] for c in cause]), np.array(judged, dtype=np.bool_),
        )  # fmt: skip
        for into, values in zip(found, columns_of, strict=True):
            into.append(values)
    if newest is not None:
        last.append(_read(newest))
    resource, isp, planned_kwh, measured_kwh, verdict_of, cause_of, whole = (
        np.concatenate(parts) if parts else np.zeros(0) for parts in found
    )
    there = isp >= 0
    return ExecutionColumns(
        names=names, resource=resource[there].astype(np.int64), isp=isp[there].astype(np.int64),
        planned_kwh=planned_kwh[there], measured_kwh=measured_kwh[there], verdict=verdict_of[there].astype(np.int64),
        cause=cause_of[there].astype(np.int64), whole=whole[there].astype(bool) & ~np.isnan(measured_kwh[there]),
        last=last,
    )  # fmt: skip


def _read(row: "sa.Row[tuple[object, ...]]") -> Execution:
    return Execution(**{**dict(row._mapping), "verdict": Verdict(row.verdict), "cause": DeviationCause(row.cause)})


def whole_sums(tx: Tx, first: datetime, last: datetime) -> dict[datetime, tuple[float, float, float]]:
    """Return start of ISP → kWh planned, kWh measured, and the sum of the resources' absolute deviations in kWh.

    Covers ISPs that begin from first to last, both included, and only what was measured as a whole.
    """
    whole = sa.or_(_C.verdict.in_(_JUDGED), _C.quality.in_(WHOLE))
    mine = sa.and_(_C.start >= first, _C.start <= last, whole, _C.measured_kwh.is_not(None))
    off = sa.func.abs(_C.measured_kwh - _C.planned_kwh)
    sums = (sa.func.sum(one) for one in (_C.planned_kwh, _C.measured_kwh, off))
    rows = tx.execute(sa.select(_C.start, *sums).where(mine).group_by(_C.start))
    return {row[0]: (row[1], row[2], row[3]) for row in rows}


def counts(tx: Tx, first: datetime, last: datetime) -> dict[str, int]:
    """Return verdict → number of ISPs that begin from first to before last."""
    mine = sa.select(_C.verdict, sa.func.count()).where(_C.start >= first, _C.start < last)
    return {row[0]: row[1] for row in tx.execute(mine.group_by(_C.verdict))}


def delete_before(tx: Tx, instant: datetime) -> int:
    """Delete the rows of ISPs that began before an instant; return how many."""
    return tx.execute(table.delete().where(_C.start < instant)).rowcount
