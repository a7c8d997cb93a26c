"""The outbox as operators see it: pages of messages, how many wait or have failed, and for whom they are stuck."""

from dataclasses import dataclass
from datetime import date, datetime

import sqlalchemy as sa

from agr.store import tables as t
from agr.store.engine import Tx


@dataclass(frozen=True, kw_only=True)
class OutboxRow:
    """A message as operators see it."""

    message_id: str
    conversation_id: str
    type: str
    recipient_domain: str
    recipient_role: str
    period: date | None
    subject: str
    queued_at: datetime
    state: str
    attempts: int
    next_attempt_at: datetime
    delivered_at: datetime | None
    detail: str | None
    answer_due_at: datetime | None
    answered_at: datetime | None
    answer: str | None
    answer_reason: str | None


_ROW = tuple(t.outbox.c[name] for name in OutboxRow.__dataclass_fields__)


def rows(
    tx: Tx, *, state: str | None = None, search: str = "", limit: int = 100, offset: int = 0
) -> tuple[list[OutboxRow], int]:
    """Return a page of messages, newest first, and how many there are in all."""
    c = t.outbox.c
    chosen: sa.ColumnElement[bool] = sa.true() if state is None else c.state == state
    if search:
        pattern = "%" + search.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_") + "%"
        fields = (c.recipient_domain, c.subject, c.type, c.message_id, c.conversation_id)
        chosen = sa.and_(chosen, sa.or_(*(f.ilike(pattern, escape="\\") for f in fields)))
    count = tx.execute(sa.select(sa.func.count()).select_from(t.outbox).where(chosen)).scalar_one()
    page = tx.execute(sa.select(*_ROW).where(chosen).order_by(c.id.desc()).limit(limit).offset(offset))
    return [OutboxRow(**row._mapping) for row in page], count


def row(tx: Tx, message_id: str) -> OutboxRow | None:
    """Return one message."""
    found = tx.execute(sa.select(*_ROW).where(t.outbox.c.message_id == message_id.lower())).one_or_none()
    return None if found is None else OutboxRow(**found._mapping)


def counts(tx: Tx) -> dict[str, int]:
    """Return state → number of messages, for the states in which something must still happen."""
    c = t.outbox.c
    return {
        state: tx.execute(sa.select(sa.func.count()).select_from(t.outbox).where(c.state == state)).scalar_one()
        for state in ("queued", "failed")
    }


def stuck(tx: Tx, before: datetime) -> dict[str, int]:
    """Return recipient → number of messages that have waited to leave since before an instant."""
    c = t.outbox.c
    late = sa.and_(c.state == "queued", c.queued_at < before)
    counted = sa.select(c.recipient_domain, sa.func.count()).where(late).group_by(c.recipient_domain)
    return {row[0]: row[1] for row in tx.execute(counted)}
