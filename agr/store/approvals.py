"""Actions that wait for a second person, and how they were decided."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from agr.store import operator_tables as t
from agr.store.engine import Tx

WAITING, APPROVED = "waiting", "approved"


@dataclass(frozen=True, kw_only=True)
class Approval:
    """One action that somebody asked for."""

    id: int
    action: str
    given: Mapping[str, Any]  # the request's fields, as JSON
    names: Mapping[str, Any]  # what its path names
    asked_by: str
    asked_at: datetime
    expires_at: datetime
    state: str  # waiting | approved | done | failed | refused | expired
    decided_by: str | None
    decided_at: datetime | None
    result: str | None
    words: str | None = None  # what it would do, as seen when it was asked for


_C = t.approvals.c


def put(
    tx: Tx,
    action: str,
    given: Mapping[str, Any],
    names: Mapping[str, Any],
    by: str,
    at: datetime,
    until: datetime,
    words: str | None = None,
) -> int:
    """Let an action wait; return its number."""
    made = tx.execute(
        t.approvals.insert().values(
            action=action, given=dict(given), names=dict(names), asked_by=by, asked_at=at, expires_at=until,
            state=WAITING, words=words,
        )
    )  # fmt: skip
    assert made.inserted_primary_key is not None
    return int(made.inserted_primary_key[0])


def get(tx: Tx, number: int) -> Approval | None:
    """Return one action that waits or waited."""
    row = tx.execute(sa.select(t.approvals).where(_C.id == number)).one_or_none()
    return None if row is None else Approval(**row._mapping)


def waiting(tx: Tx) -> list[Approval]:
    """Return what waits, the oldest first, also what nobody has marked as expired yet."""
    rows = tx.execute(sa.select(t.approvals).where(_C.state == WAITING).order_by(_C.id))
    return [Approval(**row._mapping) for row in rows]


def decided(tx: Tx, limit: int) -> list[Approval]:
    """Return what was decided or expired, the newest first."""
    rows = tx.execute(sa.select(t.approvals).where(_C.state != WAITING).order_by(_C.id.desc()).limit(limit))
    return [Approval(**row._mapping) for row in rows]


def decide(tx: Tx, number: int, state: str, by: str, at: datetime, result: str | None = None) -> bool:
    """Decide what waits; False where somebody has done so before."""
    mine = sa.and_(_C.id == number, _C.state == WAITING)
    values = {"state": state, "decided_by": by, "decided_at": at, "result": result}
    return bool(tx.execute(t.approvals.update().where(mine).values(**values)).rowcount)


def approved(tx: Tx) -> list[Approval]:
    """Return what was approved and has not ended: under way, or broken off."""
    rows = tx.execute(sa.select(t.approvals).where(_C.state == APPROVED).order_by(_C.id))
    return [Approval(**row._mapping) for row in rows]


def wait_again(tx: Tx, number: int, until: datetime, result: str) -> bool:
    """Let an approved action that was not done wait again; False where it has ended."""
    mine = sa.and_(_C.id == number, _C.state == APPROVED)
    values = {"state": WAITING, "expires_at": until, "decided_by": None, "decided_at": None, "result": result}
    return bool(tx.execute(t.approvals.update().where(mine).values(**values)).rowcount)


def delete_before(tx: Tx, at: datetime) -> int:
    """Delete what was asked for before an instant and waits no more; return how many."""
    old = sa.and_(_C.asked_at < at, _C.state != WAITING)
    return tx.execute(t.approvals.delete().where(old)).rowcount


def ended(tx: Tx, number: int, state: str, result: str) -> bool:
    """Record what came of an approved action; False where it is not under way any more."""
    mine = sa.and_(_C.id == number, _C.state == APPROVED)
    return bool(tx.execute(t.approvals.update().where(mine).values(state=state, result=result)).rowcount)
