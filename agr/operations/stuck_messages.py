"""Raises alarms for recipients whose messages do not leave, and ends them when they do again."""

from datetime import datetime, timedelta

from agr.domain.faults import number_of
from agr.settings import Settings
from agr.store import day, outbox_rows
from agr.store.engine import Store

_KIND = "outbox stuck"


def watch_outbox(store: Store, settings: Settings, now: datetime) -> None:
    """Compare the outbox with the open alarms. Idempotent."""
    with store.transaction() as tx:
        stuck = outbox_rows.stuck(tx, now - timedelta(seconds=settings.alarms.outbox_stuck_s))
        for domain, count in stuck.items():
            waiting = f"{number_of(count, 'message')} to {domain} {'has' if count == 1 else 'have'}"
            text = f"{waiting} not left; see the outbox for the reason"
            day.raise_alarm(tx, _KIND, domain, text, now)
        for alarm in day.open_alarms(tx):
            if alarm.kind == _KIND and alarm.subject not in stuck:
                day.recover(tx, alarm.kind, alarm.subject, now)
