"""What happened on a market day: moments done, triggers, reservations, fixed positions, alarms."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import date, datetime

import sqlalchemy as sa

from agr.domain.moments import Handled, MomentState
from agr.domain.plan import Reason, ReasonKind
from agr.store import tables as t
from agr.store.engine import Tx

PUBLICATION_OPEN = "publication_open"
"""Name of the moment from which a Period's plans are sent: at the day-ahead results, or at the last safe start."""


def handled_moments(tx: Tx, period: date) -> dict[str, Handled]:
    """Return name → what came of the Period's moments that were handled and need not run again."""
    c = t.moments.c
    rows = tx.execute(sa.select(c.name, c.result, c.state).where(c.period == period))
    return {row.name: Handled(row.result, MomentState(row.state)) for row in rows}


def done_moments(tx: Tx, period: date) -> dict[str, str]:
    """Return name → result of the Period's moments that were handled, in words."""
    return {name: handled.result for name, handled in handled_moments(tx, period).items()}


def was_done(tx: Tx, period: date, name: str) -> bool:
    """Say whether a moment was handled and did what it is for."""
    handled = handled_moments(tx, period).get(name)
    return handled is not None and handled.state is not MomentState.MISSED


def first_handled(tx: Tx) -> datetime | None:
    """Return when this store's first moment was handled: about when its daemon was first started."""
    return tx.execute(sa.select(t.moments.c.done_at).order_by(t.moments.c.done_at).limit(1)).scalar()


def moment_done(
    tx: Tx, period: date, name: str, at: datetime, result: str, state: MomentState = MomentState.DONE
) -> None:
    """Record that a moment of a Period was handled, and what came of it; the first record stays."""
    try:
        with tx.begin_nested():  # another thread may record it at the same time
            row = {"period": period, "name": name, "done_at": at, "result": result, "state": state.value}
            tx.execute(t.moments.insert().values(**row))
    except sa.exc.IntegrityError:
        return


@dataclass(frozen=True, kw_only=True)
class Trigger:
    """A request for a plan, with its reason."""

    id: int
    period: date
    reason: Reason
    at: datetime
    preview: bool = False  # the plan is shown first and sent when an operator says so
    points: tuple[str, ...] = ()  # only these congestion points may move; empty: all


def put_trigger(
    tx: Tx, period: date, reason: Reason, at: datetime, *, preview: bool = False, points: tuple[str, ...] = ()
) -> int:
    """Ask for a plan; several triggers of a Period are answered by one, each preview by a plan of its own."""
    result = tx.execute(
        t.triggers.insert().values(
            period=period, kind=reason.kind.value, reference=reason.reference, text=reason.text, at=at,
            preview=preview, points=list(points) or None,
        )
    )  # fmt: skip
    return int(result.inserted_primary_key[0]) if result.inserted_primary_key else 0


def open_triggers(tx: Tx) -> list[Trigger]:
    """Return triggers that no plan has answered, oldest first."""
    c = t.triggers.c
    return [
        Trigger(
            id=r.id,
            period=r.period,
            reason=Reason(kind=ReasonKind(r.kind), reference=r.reference, text=r.text),
            at=r.at,
            preview=r.preview,
            points=tuple(r.points or ()),
        )
        for r in tx.execute(sa.select(t.triggers).where(c.plan.is_(None)).order_by(c.id))
    ]


def last_asked(tx: Tx, period: date, kinds: Collection[ReasonKind], since: datetime) -> datetime | None:
    """Return when a plan of a Period was last asked for with one of some kinds of reasons; None: not since then."""
    c = t.triggers.c
    mine = sa.and_(c.period == period, c.kind.in_([kind.value for kind in kinds]), c.at >= since)
    return tx.execute(sa.select(sa.func.max(c.at)).where(mine)).scalar()


def close_triggers(tx: Tx, ids: list[int], plan: int | None, outcome: str) -> None:
    """Record which plan answered the triggers, or why none did."""
    tx.execute(
        t.triggers.update().where(t.triggers.c.id.in_(ids)).values(plan=-1 if plan is None else plan, outcome=outcome)
    )


def trigger_outcome(tx: Tx, trigger: int) -> tuple[int, str] | None:
    """Return (plan or −1, outcome) once a trigger was answered."""
    row = tx.execute(sa.select(t.triggers.c.plan, t.triggers.c.outcome).where(t.triggers.c.id == trigger)).one_or_none()
    return None if row is None or row.plan is None else (row.plan, row.outcome)


def trigger(tx: Tx, trigger_id: int) -> Trigger | None:
    """Return one trigger, answered or not."""
    r = tx.execute(sa.select(t.triggers).where(t.triggers.c.id == trigger_id)).one_or_none()
    if r is None:
        return None
    reason = Reason(kind=ReasonKind(r.kind), reference=r.reference, text=r.text)
    return Trigger(id=r.id, period=r.period, reason=reason, at=r.at, preview=r.preview, points=tuple(r.points or ()))


def put_reservation(
    tx: Tx, contract: str, period: date, power_w: tuple[int, ...], message_id: str, at: datetime
) -> None:
    """Store what is still reserved. `at` is the message's TimeStamp: an older update that is retried does not count."""
    tx.execute(
        t.reservations.insert().values(
            contract=contract, period=period, power_w=list(power_w), message_id=message_id, at=at
        )
    )


def reservations_on(tx: Tx, period: date) -> dict[str, tuple[int, ...]]:
    """Return contract → power per ISP of the update with the newest TimeStamp; contracts without one are absent."""
    c = t.reservations.c
    rows = tx.execute(sa.select(c.contract, c.power_w).where(c.period == period).order_by(c.at, c.id))
    return {row.contract: tuple(row.power_w) for row in rows}


@dataclass(frozen=True, kw_only=True)
class ReservedStatement:
    """One statement of what is still reserved: a DSO's message, or an operator's entry (whose MessageID is made up)."""

    contract: str
    power_w: tuple[int, ...]
    message_id: str
    at: datetime


def reservation_history(tx: Tx, period: date) -> list[ReservedStatement]:
    """Return every statement about a Period's reservations, newest first; the newest of a contract counts."""
    c = t.reservations.c
    rows = tx.execute(
        sa.select(c.contract, c.power_w, c.message_id, c.at)
        .where(c.period == period)
        .order_by(c.at.desc(), c.id.desc())
    )
    return [ReservedStatement(**(dict(r._mapping) | {"power_w": tuple(r.power_w)})) for r in rows]


@dataclass(frozen=True, kw_only=True)
class Alarm:
    """Something that needs attention."""

    id: int
    kind: str
    subject: str
    text: str
    raised_at: datetime
    last_at: datetime
    times: int
    recovered_at: datetime | None
    acknowledged_at: datetime | None
    acknowledged_by: str | None


def raise_alarm(tx: Tx, kind: str, subject: str, text: str, at: datetime) -> bool:
    """Raise or renew an alarm; True when it is new."""
    c = t.alarms.c
    same = sa.and_(c.kind == kind, c.subject == subject, c.recovered_at.is_(None))
    renewed = tx.execute(t.alarms.update().where(same).values(text=text, last_at=at, times=c.times + 1)).rowcount
    if not renewed:
        tx.execute(t.alarms.insert().values(kind=kind, subject=subject, text=text, raised_at=at, last_at=at, times=1))
    return not renewed


def latest(tx: Tx) -> datetime | None:
    """Return the latest instant that the store knows: of the newest message, or of an open alarm's renewal."""
    moments = [
        tx.execute(sa.select(column).order_by(column.table.c.id.desc()).limit(1)).scalar()
        for column in (t.inbox.c.received_at, t.outbox.c.queued_at)
    ]
    moments.append(
        tx.execute(sa.select(sa.func.max(t.alarms.c.last_at)).where(t.alarms.c.recovered_at.is_(None))).scalar()
    )
    return max((moment for moment in moments if moment is not None), default=None)


def recover(tx: Tx, kind: str, subject: str, at: datetime) -> bool:
    """End an alarm whose cause is gone; True when there was one."""
    c = t.alarms.c
    same = sa.and_(c.kind == kind, c.subject == subject, c.recovered_at.is_(None))
    return bool(tx.execute(t.alarms.update().where(same).values(recovered_at=at)).rowcount)


def recover_all(tx: Tx, kind: str, subject_begins: str, at: datetime) -> int:
    """End every alarm of a kind whose subject begins like this; return how many."""
    c = t.alarms.c
    mine = sa.and_(c.kind == kind, c.subject.startswith(subject_begins, autoescape=True), c.recovered_at.is_(None))
    return tx.execute(t.alarms.update().where(mine).values(recovered_at=at)).rowcount


_ALARM = tuple(t.alarms.c[name] for name in Alarm.__dataclass_fields__)


def open_alarms(tx: Tx) -> list[Alarm]:
    """Return alarms that have not recovered, newest first."""
    c = t.alarms.c
    rows = tx.execute(sa.select(*_ALARM).where(c.recovered_at.is_(None)).order_by(c.last_at.desc()))
    return [Alarm(**row._mapping) for row in rows]


def recovered_alarms(tx: Tx, since: datetime, limit: int = 200) -> list[Alarm]:
    """Return alarms that recovered after an instant, newest first."""
    c = t.alarms.c
    rows = tx.execute(sa.select(*_ALARM).where(c.recovered_at > since).order_by(c.recovered_at.desc()).limit(limit))
    return [Alarm(**row._mapping) for row in rows]


def acknowledge(tx: Tx, alarm_id: int, who: str, at: datetime) -> Alarm | None:
    """Note that somebody has acknowledged an open alarm; return it, None when there is none to acknowledge."""
    c = t.alarms.c
    mine = sa.and_(c.id == alarm_id, c.recovered_at.is_(None), c.acknowledged_at.is_(None))
    if not tx.execute(t.alarms.update().where(mine).values(acknowledged_at=at, acknowledged_by=who)).rowcount:
        return None
    return Alarm(**tx.execute(sa.select(*_ALARM).where(c.id == alarm_id)).one()._mapping)
