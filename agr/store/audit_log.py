"""What people did: the audit log, and requests remembered by their idempotency key."""

from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa

from agr.store import operator_tables as t
from agr.store.engine import Tx


@dataclass(frozen=True, kw_only=True)
class AuditEntry:
    """One line of the audit log."""

    id: int
    at: datetime
    who: str
    action: str
    subject: str
    why: str
    detail: str


def record(tx: Tx, *, at: datetime, who: str, action: str, subject: str, why: str, detail: str = "") -> int:
    """Write who did what to what, when and why, in the transaction that does it; return the line's number."""
    result = tx.execute(
        t.audit_log.insert().values(at=at, who=who, action=action, subject=subject[:512], why=why, detail=detail)
    )
    assert result.inserted_primary_key is not None
    return int(result.inserted_primary_key[0])


def entries(tx: Tx, *, limit: int = 100, before: int | None = None, action: str | None = None) -> list[AuditEntry]:
    """Return the newest lines, optionally those older than line `before` or of one action."""
    query = sa.select(t.audit_log).order_by(t.audit_log.c.id.desc()).limit(limit)
    if before is not None:
        query = query.where(t.audit_log.c.id < before)
    if action is not None:
        query = query.where(t.audit_log.c.action == action)
    return [AuditEntry(**row._mapping) for row in tx.execute(query)]


@dataclass(frozen=True, kw_only=True)
class Remembered:
    """An earlier request with the same key, and its answer (None: it is still under way)."""

    digest: str
    status: int | None
    body: str | None


def remember(tx: Tx, key: str, who: str, digest: str, at: datetime) -> Remembered | None:
    """Claim an idempotency key; return the earlier request, None when the key is new."""
    mine = sa.and_(t.requests.c.key == key, t.requests.c.who == who)
    row = tx.execute(sa.select(t.requests.c.digest, t.requests.c.status, t.requests.c.body).where(mine)).one_or_none()
    if row is not None:
        return Remembered(**row._mapping)
    try:
        with tx.begin_nested():  # another thread may claim it at the same time
            tx.execute(t.requests.insert().values(key=key, who=who, digest=digest, at=at))
    except sa.exc.IntegrityError:
        return Remembered(digest=digest, status=None, body=None)
    return None


def answered(tx: Tx, key: str, who: str, status: int, body: str) -> None:
    """Remember how a request was answered."""
    mine = sa.and_(t.requests.c.key == key, t.requests.c.who == who)
    tx.execute(t.requests.update().where(mine).values(status=status, body=body))


def give_up(tx: Tx, key: str, who: str) -> None:
    """Forget a request that failed for no fault of the sender's: it may be tried again."""
    tx.execute(t.requests.delete().where(t.requests.c.key == key, t.requests.c.who == who))
