"""Tells cheaply what has changed, by a few indexed maxima and counts per topic."""

from datetime import datetime

import sqlalchemy as sa

from agr.store import operator_tables as o
from agr.store import tables as t
from agr.store.dispatch_tables import charge_sessions, dispatches, executions
from agr.store.engine import Tx
from agr.store.reading_tables import readings


def beat(tx: Tx) -> dict[str, object]:
    """Return topic → a value that changes whenever something of that topic does."""
    day = tx.execute(sa.select(sa.func.count(), sa.func.max(t.moments.c.done_at)).select_from(t.moments)).one()
    asked = tx.execute(sa.select(sa.func.max(t.portfolio_answers.c.at))).scalar()
    plans = tx.execute(
        sa.select(
            sa.select(sa.func.max(t.plans.c.id)).scalar_subquery(),
            sa.select(sa.func.max(t.triggers.c.id)).scalar_subquery(),
            sa.select(sa.func.count()).select_from(t.triggers).where(t.triggers.c.plan.is_(None)).scalar_subquery(),
        )
    ).one()
    newest = tx.execute(sa.select(sa.func.max(t.prognoses.c.period))).scalar()
    states = sa.select(t.prognoses.c.state, sa.func.count()).where(t.prognoses.c.period == newest)
    prognoses = sorted(tuple(r) for r in tx.execute(states.group_by(t.prognoses.c.state)))
    messages = tx.execute(
        sa.select(
            sa.select(sa.func.max(t.outbox.c.id)).scalar_subquery(),
            sa.select(sa.func.max(t.inbox.c.id)).scalar_subquery(),
            *(
                sa.select(sa.func.count()).select_from(t.outbox).where(t.outbox.c.state == state).scalar_subquery()
                for state in ("queued", "failed", "cancelled")
            ),
        )
    ).one()
    n = t.nominations.c
    nominated = tx.execute(sa.select(sa.func.max(n.id), sa.func.max(n.sent_at), sa.func.max(n.answered_at))).one()
    a = t.alarms.c
    alarms = tx.execute(
        sa.select(
            sa.func.max(a.id), sa.func.max(a.last_at), sa.func.max(a.recovered_at), sa.func.max(a.acknowledged_at)
        )
    ).one()
    done = tx.execute(sa.select(sa.func.max(o.audit_log.c.id))).scalar()
    carried_out = tx.execute(
        sa.select(
            sa.select(sa.func.max(readings.c.received_at)).scalar_subquery(),
            sa.select(sa.func.max(executions.c.start)).scalar_subquery(),
            sa.select(sa.func.max(charge_sessions.c.seen_at)).scalar_subquery(),
            sa.select(sa.func.max(dispatches.c.answered_at)).scalar_subquery(),
        )
    ).one()
    return {
        "day": (tuple(day), asked), "plans": tuple(plans),
        "messages": (tuple(messages), prognoses, newest, tuple(nominated)),
        "alarms": tuple(alarms), "audit log": done, "execution": tuple(carried_out),
    }  # fmt: skip


def answers(tx: Tx) -> datetime | None:
    """Return when the newest moment was handled; also shows that the store answers."""
    return tx.execute(sa.select(sa.func.max(t.moments.c.done_at))).scalar()


def depths(tx: Tx) -> dict[str, int]:
    """Return queue → number of waiting rows, for the queues that the daemon works off."""
    inbox = sa.select(sa.func.count()).select_from(t.inbox).where(t.inbox.c.state == "received")
    triggers = sa.select(sa.func.count()).select_from(t.triggers).where(t.triggers.c.plan.is_(None))
    return {"inbox": tx.execute(inbox).scalar_one(), "triggers": tx.execute(triggers).scalar_one()}
