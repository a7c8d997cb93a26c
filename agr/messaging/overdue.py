"""Reports requests of ours whose responses are overdue."""

from datetime import datetime, timedelta

import structlog

from agr.domain.faults import number_of
from agr.store import day, outbox
from agr.store.engine import Store

log = structlog.get_logger()


def report_overdue(store: Store, now: datetime) -> int:
    """Raise an alarm about each overdue response, once; return how many."""
    with store.transaction() as tx:
        overdue = outbox.unanswered(tx, now)
        for late in overdue:
            outbox.no_longer_waiting(tx, late.message_id)
            waited = number_of(round((now - late.queued_at) / timedelta(minutes=1)), "minute")
            text = f"{late.recipient_domain} has not answered {late.type} {late.message_id} for {waited}"
            day.raise_alarm(tx, "answer overdue", f"{late.recipient_domain} {late.subject}".strip(), text, now)
            log.warning("answer.overdue", type=late.type, recipient=late.recipient_domain, message_id=late.message_id)
    return len(overdue)
