"""Which alarm was sent through which channel, so that it is not sent again."""

from datetime import datetime

import sqlalchemy as sa

from agr.store import operator_tables as o
from agr.store import tables as t
from agr.store.day import Alarm
from agr.store.engine import Tx

_ALARM = tuple(t.alarms.c[name] for name in Alarm.__dataclass_fields__)


def untold(tx: Tx, channel: str, raised_before: datetime, told_before: datetime) -> list[Alarm]:
    """Return open alarms to send through a channel: old enough, and the same not sent since `told_before`."""
    a, n = t.alarms.c, o.notices.c
    told = sa.select(n.alarm).where(n.channel == channel, n.event == "raised")
    earlier = t.alarms.alias("earlier")
    again = (
        sa.select(sa.literal(1))
        .select_from(earlier.join(o.notices, n.alarm == earlier.c.id))
        .where(n.channel == channel, n.event == "raised", n.at > told_before)
        .where(earlier.c.kind == a.kind, earlier.c.subject == a.subject)
        .exists()
    )
    query = sa.select(*_ALARM).where(a.recovered_at.is_(None), a.raised_at <= raised_before, a.id.not_in(told), ~again)
    return [Alarm(**row._mapping) for row in tx.execute(query.order_by(a.id))]


def recovered(tx: Tx, channel: str) -> list[Alarm]:
    """Return alarms that were sent through a channel and have ended, and whose end was not sent yet."""
    a, n = t.alarms.c, o.notices.c
    told = sa.select(n.alarm).where(n.channel == channel, n.event == "raised")
    ended = sa.select(n.alarm).where(n.channel == channel, n.event == "recovered")
    query = sa.select(*_ALARM).where(a.recovered_at.is_not(None), a.id.in_(told), a.id.not_in(ended))
    return [Alarm(**row._mapping) for row in tx.execute(query.order_by(a.id))]


def told(tx: Tx, channel: str, event: str, alarms: list[Alarm], at: datetime) -> None:
    """Record that an alarm, or its end, was sent."""
    rows = [{"alarm": alarm.id, "channel": channel, "event": event, "at": at} for alarm in alarms]
    if rows:
        tx.execute(o.notices.insert(), rows)
