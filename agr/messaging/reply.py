"""Queues the response that belongs to a request."""

import uuid
from collections.abc import Sequence
from datetime import datetime

from agr.store import outbox
from agr.store.engine import Tx
from agr.uftp import messages as m
from agr.uftp.codec import encode, respond


def reply(
    tx: Tx, message: m.Message, role: str, result: str, reason: str | None = None, *, domain: str, now: datetime,
    orders: Sequence[m.OrderSettlementStatus] = (),
) -> None:  # fmt: skip
    """Queue our response to a message of a sender in a role; responses get none. `domain`: our own."""
    made = respond(
        message, result=result, reason=reason, sender_domain=domain, now=now, message_id=str(uuid.uuid4()),
        orders=orders,
    )  # fmt: skip
    if made is None:
        return
    outbox.put(
        tx, message_id=made.message_id, conversation_id=made.conversation_id, kind=made.type_name,
        recipient_domain=message.sender_domain, recipient_role=role, xml=encode(made), at=now,
    )  # fmt: skip
