"""The outbox: messages that have to leave or have left, and the responses to them."""

from dataclasses import dataclass
from datetime import date, datetime

import sqlalchemy as sa

from agr.store import tables as t
from agr.store.engine import Tx


@dataclass(frozen=True, kw_only=True)
class Queued:
    """A message to be sent."""

    id: int
    message_id: str
    conversation_id: str
    type: str
    recipient_domain: str
    recipient_role: str
    period: date | None
    subject: str
    xml: bytes
    queued_at: datetime
    attempts: int


@dataclass(frozen=True, kw_only=True)
class SentRequest:
    """An outgoing request and its response."""

    message_id: str
    conversation_id: str
    type: str
    recipient_domain: str
    period: date | None
    subject: str
    state: str
    queued_at: datetime
    answer_due_at: datetime | None
    answered_at: datetime | None
    answer: str | None
    answer_reason: str | None


def put(
    tx: Tx, *, message_id: str, conversation_id: str, kind: str, recipient_domain: str, recipient_role: str,
    xml: bytes, at: datetime, period: date | None = None, subject: str = "", answer_due_at: datetime | None = None,
) -> None:  # fmt: skip
    """Queue a message; it leaves once the transaction is committed."""
    tx.execute(
        t.outbox.insert().values(
            message_id=message_id, conversation_id=conversation_id, type=kind, recipient_domain=recipient_domain,
            recipient_role=recipient_role, period=period, subject=subject, xml=xml, queued_at=at, state="queued",
            attempts=0, next_attempt_at=at, answer_due_at=answer_due_at,
        )
    )  # fmt: skip


def due(tx: Tx, now: datetime, busy: frozenset[str] = frozenset()) -> list[Queued]:
    """Return the oldest due message per recipient that is not busy: one slow recipient blocks no other."""
    c = t.outbox.c
    waiting = sa.select(c.recipient_domain).distinct().where(c.state == "queued", c.recipient_domain.not_in(busy))
    found = [next_to(tx, recipient, now) for recipient in tx.execute(waiting).scalars().all()]
    return sorted((queued for queued in found if queued is not None), key=lambda queued: queued.id)


def next_to(tx: Tx, recipient: str, now: datetime) -> Queued | None:
    """Return the oldest due message to one recipient."""
    c = t.outbox.c
    mine = sa.and_(c.state == "queued", c.recipient_domain == recipient, c.next_attempt_at <= now)
    row = tx.execute(sa.select(*_QUEUED).where(mine, c.answered_at.is_(None)).order_by(c.id).limit(1)).one_or_none()
    return None if row is None else Queued(**row._mapping)


def attempt(tx: Tx, row_id: int) -> None:
    """Count an attempt before it is made: after a crash the next one knows that the message may have arrived."""
    _set(tx, row_id, attempts=t.outbox.c.attempts + 1)


def delivered(tx: Tx, row_id: int, at: datetime, detail: str) -> None:
    """Record that the recipient has the message."""
    _set(tx, row_id, state="delivered", delivered_at=at, detail=detail)


def retry(tx: Tx, row_id: int, at: datetime, detail: str) -> bool:
    """Record a failed attempt and when to try again; False where the recipient has answered meanwhile."""
    return _set(tx, row_id, next_attempt_at=at, detail=detail)


def hasten(tx: Tx, now: datetime, latest: datetime) -> int:
    """Make messages due whose next attempt lies beyond any pause (the clock was set back); return how many."""
    c = t.outbox.c
    mine = sa.and_(c.state == "queued", c.next_attempt_at > latest)
    return tx.execute(t.outbox.update().where(mine).values(next_attempt_at=now)).rowcount


def hasten_to(tx: Tx, recipient: str, role: str, now: datetime) -> int:
    """Make everything due that waits for one recipient; return how many."""
    c = t.outbox.c
    mine = sa.and_(
        c.state == "queued", c.recipient_domain == recipient, c.recipient_role == role, c.next_attempt_at > now
    )
    return tx.execute(t.outbox.update().where(mine).values(next_attempt_at=now)).rowcount


def failed(tx: Tx, row_id: int, detail: str) -> bool:
    """Record that the message will not be delivered; False where the recipient has answered meanwhile."""
    return _set(tx, row_id, state="failed", detail=detail)


def _set(tx: Tx, row_id: int, **values: object) -> bool:
    still = sa.and_(t.outbox.c.id == row_id, t.outbox.c.state.in_(("queued", "superseded", "cancelled")))
    return tx.execute(t.outbox.update().where(still).values(**values)).rowcount > 0


def supersede(tx: Tx, kind: str, period: date, subject: str) -> int:
    """Take back unsent messages of a kind for a Period and subject; a newer one follows."""
    c = t.outbox.c
    mine = sa.and_(c.type == kind, c.period == period, c.subject == subject, c.state == "queued")
    return tx.execute(
        t.outbox.update().where(mine).values(state="superseded", detail="a newer revision follows")
    ).rowcount


def waits_in(tx: Tx, conversation_id: str, kind: str) -> bool:
    """Say whether a message of a kind waits to leave in a conversation."""
    c = t.outbox.c
    mine = sa.and_(c.conversation_id == conversation_id, c.type == kind, c.state == "queued")
    return tx.execute(sa.select(c.id).where(mine).limit(1)).first() is not None


def waiting_subjects(tx: Tx, recipient: str, kind: str) -> list[str]:
    """Return the congestion points of a kind of message that waits to leave to a recipient, in order."""
    c = t.outbox.c
    mine = sa.and_(c.state == "queued", c.recipient_domain == recipient, c.type == kind, c.subject != "")
    return list(dict.fromkeys(tx.execute(sa.select(c.subject).where(mine).order_by(c.id)).scalars()))


def resend(tx: Tx, message_id: str, now: datetime, answer_due_at: datetime | None) -> bool:
    """Send a queued or failed message now, with its full time for retries; False when it is neither."""
    c = t.outbox.c
    mine = sa.and_(c.message_id == message_id.lower(), c.state.in_(("queued", "failed")))
    values = {"state": "queued", "next_attempt_at": now, "queued_at": now, "answer_due_at": answer_due_at}
    return bool(tx.execute(t.outbox.update().where(mine).values(**values)).rowcount)


def cancel(tx: Tx, message_id: str, detail: str) -> bool:
    """Take a queued message back; False when it has left or failed."""
    c = t.outbox.c
    mine = sa.and_(c.message_id == message_id.lower(), c.state == "queued")
    return bool(tx.execute(t.outbox.update().where(mine).values(state="cancelled", detail=detail)).rowcount)


def asked(tx: Tx, message_id: str) -> SentRequest | None:
    """Return the outgoing request with this MessageID."""
    row = tx.execute(sa.select(*_ASKED).where(t.outbox.c.message_id == message_id.lower())).one_or_none()
    return None if row is None else SentRequest(**row._mapping)


def requests(tx: Tx, kind: str, period: date) -> list[SentRequest]:
    """Return all requests of a kind for a Period, oldest first."""
    c = t.outbox.c
    rows = tx.execute(sa.select(*_ASKED).where(c.type == kind, c.period == period).order_by(c.id))
    return [SentRequest(**row._mapping) for row in rows]


@dataclass(frozen=True, kw_only=True)
class NewestMessage:
    """The newest message of a kind to a recipient about a subject."""

    xml: bytes
    queued_at: datetime
    state: str
    answer: str | None
    answer_reason: str | None


def newest(tx: Tx, kind: str, period: date) -> dict[tuple[str, str], NewestMessage]:
    """Return (recipient, subject) → the newest message of a kind about a Period."""
    c = t.outbox.c
    last = sa.select(sa.func.max(c.id)).where(c.type == kind, c.period == period)
    fields = (c.xml, c.queued_at, c.state, c.answer, c.answer_reason)
    rows = tx.execute(
        sa.select(c.recipient_domain, c.subject, *fields).where(c.id.in_(last.group_by(c.recipient_domain, c.subject)))
    )
    return {
        (to, subject): NewestMessage(xml=xml, queued_at=at, state=state, answer=answer, answer_reason=reason)
        for to, subject, xml, at, state, answer, reason in rows
    }


def unanswered(tx: Tx, now: datetime) -> list[SentRequest]:
    """Return requests whose response is overdue."""
    c = t.outbox.c
    waiting = sa.and_(c.answered_at.is_(None), c.answer_due_at < now, c.state.not_in(("superseded", "cancelled")))
    return [SentRequest(**row._mapping) for row in tx.execute(sa.select(*_ASKED).where(waiting).order_by(c.id))]


def open_count(tx: Tx) -> int:
    """Count messages that wait to leave or wait for an answer."""
    c = t.outbox.c
    waiting = sa.or_(
        c.state == "queued", sa.and_(c.state == "delivered", c.answer_due_at.is_not(None), c.answered_at.is_(None))
    )
    return tx.execute(sa.select(sa.func.count()).select_from(t.outbox).where(waiting)).scalar_one()


def waiting(tx: Tx) -> int:
    """Count messages that wait to leave."""
    return tx.execute(sa.select(sa.func.count()).select_from(t.outbox).where(t.outbox.c.state == "queued")).scalar_one()


def answered(tx: Tx, message_id: str, at: datetime, answer: str, reason: str | None) -> None:
    """Record the response to a request; whoever responded has received it, whatever delivery knows."""
    mine = t.outbox.c.message_id == message_id.lower()
    tx.execute(t.outbox.update().where(mine).values(answered_at=at, answer=answer, answer_reason=reason))
    waiting = sa.and_(mine, t.outbox.c.state == "queued")
    tx.execute(t.outbox.update().where(waiting).values(state="delivered", delivered_at=at, detail="answered"))


def no_longer_waiting(tx: Tx, message_id: str) -> None:
    """Stop waiting for the response to a request (it was sent again or reported)."""
    tx.execute(t.outbox.update().where(t.outbox.c.message_id == message_id).values(answer_due_at=None))


def delete_before(tx: Tx, instant: datetime) -> int:
    """Delete finished messages queued before the instant; return how many."""
    c = t.outbox.c
    return tx.execute(t.outbox.delete().where(c.queued_at < instant, c.state != "queued")).rowcount


_QUEUED = tuple(t.outbox.c[name] for name in Queued.__dataclass_fields__)
_ASKED = tuple(
    t.outbox.c[name]
    for name in (
        "message_id", "conversation_id", "type", "recipient_domain", "period", "subject", "state", "queued_at",
        "answer_due_at", "answered_at", "answer", "answer_reason",
    )
)  # fmt: skip
