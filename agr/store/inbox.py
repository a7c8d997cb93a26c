"""The inbox: messages that were answered 200 and are never lost."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import Enum

import sqlalchemy as sa

from agr.store import tables as t
from agr.store.engine import Tx


class Arrival(Enum):
    """What storing a message found."""

    NEW = "new"
    REPEATED = "repeated"  # same MessageID, same content: not processed twice
    DUPLICATE = "duplicate"  # same MessageID, other content: to be rejected


@dataclass(frozen=True, kw_only=True)
class Received:
    """One stored message."""

    id: int
    sender_domain: str
    sender_role: str
    message_id: str
    conversation_id: str
    type: str
    received_at: datetime
    xml: bytes


def put(
    tx: Tx, *, sender_domain: str, sender_role: str, message_id: str, conversation_id: str, kind: str, xml: bytes,
    at: datetime,
) -> Arrival:  # fmt: skip
    """Store a message once; return whether it was here before."""
    digest = hashlib.sha256(xml).hexdigest()
    same = sa.and_(t.inbox.c.sender_domain == sender_domain, t.inbox.c.message_id == message_id.lower())
    known = tx.execute(sa.select(t.inbox.c.digest).where(same)).scalar()
    if known is not None:
        return Arrival.REPEATED if known == digest else Arrival.DUPLICATE
    tx.execute(
        t.inbox.insert().values(
            sender_domain=sender_domain, sender_role=sender_role, message_id=message_id.lower(),
            conversation_id=conversation_id, type=kind, received_at=at, digest=digest, xml=xml, state="received",
        )
    )  # fmt: skip
    return Arrival.NEW


def next_received(tx: Tx) -> Received | None:
    """Return the oldest message that nobody has processed."""
    return next(iter(next_few(tx, 1)), None)


def next_few(tx: Tx, most: int = 50, bytes_together: int = 2_000_000) -> list[Received]:
    """Return the oldest messages that nobody has processed: several small ones, or a large one alone."""
    c = t.inbox.c
    waiting = sa.select(c.id, sa.func.length(c.xml)).where(c.state == "received").order_by(c.id).limit(most)
    ids: list[int] = []
    total = 0
    for row_id, size in tx.execute(waiting):
        total += size
        if ids and total > bytes_together:
            break
        ids.append(row_id)
    if not ids:
        return []
    columns = tuple(c[name] for name in Received.__dataclass_fields__)
    return [Received(**row._mapping) for row in tx.execute(sa.select(*columns).where(c.id.in_(ids)).order_by(c.id))]


def finish(tx: Tx, row_id: int, state: str, reason: str | None = None) -> None:
    """Record how a message was answered: accepted, rejected or noted; failed: set aside."""
    tx.execute(t.inbox.update().where(t.inbox.c.id == row_id).values(state=state, reason=reason))


def take_up_again(tx: Tx) -> int:
    """Let messages that were set aside be processed once more; return how many."""
    mine = t.inbox.c.state == "failed"
    return tx.execute(t.inbox.update().where(mine).values(state="received", reason=None)).rowcount


def messages(tx: Tx) -> list[sa.RowMapping]:
    """Return all messages without their bodies, oldest first."""
    c = t.inbox.c
    columns = (c.id, c.sender_domain, c.sender_role, c.message_id, c.type, c.received_at, c.state, c.reason)
    return list(tx.execute(sa.select(*columns).order_by(c.id)).mappings())


@dataclass(frozen=True, kw_only=True)
class ConversationLine:
    """One message of a conversation, received or sent."""

    ours: bool
    type: str
    party: str
    message_id: str
    conversation_id: str
    at: datetime
    state: str
    detail: str
    xml: bytes


def conversation(tx: Tx, conversation_ids: Sequence[str]) -> list[ConversationLine]:
    """Return what was sent and received in some conversations, in order of time."""
    i, o = t.inbox.c, t.outbox.c
    received = tx.execute(sa.select(t.inbox).where(i.conversation_id.in_(conversation_ids)))
    sent = tx.execute(sa.select(t.outbox).where(o.conversation_id.in_(conversation_ids)))
    lines = [
        ConversationLine(
            ours=False, type=r.type, party=r.sender_domain, message_id=r.message_id,
            conversation_id=r.conversation_id, at=r.received_at, state=r.state, detail=r.reason or "", xml=r.xml,
        )
        for r in received
    ]  # fmt: skip
    lines += [
        ConversationLine(
            ours=True, type=r.type, party=r.recipient_domain, message_id=r.message_id,
            conversation_id=r.conversation_id, at=r.queued_at, state=r.state, detail=r.answer_reason or r.detail or "",
            xml=r.xml,
        )
        for r in sent
    ]  # fmt: skip
    return sorted(lines, key=lambda line: line.at)


def conversations_of(tx: Tx, message_ids: Sequence[str]) -> list[str]:
    """Return the conversations of messages of ours."""
    c = t.outbox.c
    rows = tx.execute(sa.select(c.conversation_id).where(c.message_id.in_(message_ids)).distinct())
    return list(rows.scalars())


def delete_before(tx: Tx, instant: datetime) -> int:
    """Delete processed messages received before the instant; return how many."""
    c = t.inbox.c
    return tx.execute(t.inbox.delete().where(c.received_at < instant, c.state != "received")).rowcount
