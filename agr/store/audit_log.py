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


@dataclass(frozen=True, kw_only=True)
class Chosen:
    """Which lines of the audit log to return; a field that is empty or None excludes nothing."""

    who: str = ""  # begins with
    action: str = ""
    text: str = ""  # anywhere in subject, reason or detail
    since: datetime | None = None
    until: datetime | None = None  # before


EVERYTHING = Chosen()


def entries(
    tx: Tx, *, limit: int = 100, before: int | None = None, after: int | None = None, chosen: Chosen = EVERYTHING
) -> list[AuditEntry]:
    """Return the newest of the chosen lines, optionally those older than line `before`.

    With `after`, the oldest ones that are newer than that line, oldest first.
    """
    c = t.audit_log.c
    query = sa.select(t.audit_log).order_by(c.id.desc() if after is None else c.id).limit(limit)
    if before is not None:
        query = query.where(c.id < before)
    if after is not None:
        query = query.where(c.id > after)
    return [AuditEntry(**row._mapping) for row in tx.execute(query.where(*_conditions(chosen)))]


def _conditions(chosen: Chosen) -> list[sa.ColumnElement[bool]]:
    c = t.audit_log.c
    found: list[sa.ColumnElement[bool]] = []
    if chosen.who:
        found.append(c.who.istartswith(chosen.who, autoescape=True))
    if chosen.action:
        found.append(c.action == chosen.action)
    if chosen.text:
        found.append(sa.or_(*(col.icontains(chosen.text, autoescape=True) for col in (c.subject, c.why, c.detail))))
    if chosen.since is not None:
        found.append(c.at >= chosen.since)
    if chosen.until is not None:
        found.append(c.at < chosen.until)
    return found


def actions(tx: Tx) -> list[str]:
    """Return every action that occurs in the log, in alphabetical order."""
    return sorted(tx.execute(sa.select(t.audit_log.c.action).distinct()).scalars())


_OF_ROWS = ("add row", "edit row", "remove row")
_ASKED_OF_ROWS = ("add row to ", "edit row of ", "remove row from ", "enter row", "remove row")
"""First words of the text that describes an action on the register for approval."""
FORGOTTEN = "(the values were deleted after the time for personal data)"


def forget_values(tx: Tx, before: datetime) -> int:
    """Delete the values of customers' data in old lines; that something was changed, by whom and why, stays."""
    c = t.audit_log.c
    asked = sa.and_(c.action == "ask for approval", sa.or_(*(c.detail.startswith(words) for words in _ASKED_OF_ROWS)))
    old = sa.and_(c.at < before, sa.or_(c.action.in_(_OF_ROWS), asked), c.detail.not_in(["", FORGOTTEN]))
    return tx.execute(t.audit_log.update().where(old).values(detail=FORGOTTEN)).rowcount


def about(tx: Tx, subject: str, limit: int) -> list[AuditEntry]:
    """Return the newest lines about rows of the register with this name, newest first."""
    c = t.audit_log.c
    mine = sa.and_(c.action.in_(_OF_ROWS), c.subject == subject[:512])
    return [
        AuditEntry(**row._mapping)
        for row in tx.execute(sa.select(t.audit_log).where(mine).order_by(c.id.desc()).limit(limit))
    ]


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
