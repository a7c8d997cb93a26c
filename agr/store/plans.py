"""Plans with their outcomes and cases, and the D-Prognoses made from them."""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from functools import cache
from typing import Any

import sqlalchemy as sa
from pydantic import TypeAdapter
from pydantic_core import to_json

from agr.domain.errors import InputError
from agr.domain.plan import Plan, PlanState, ReasonKind
from agr.store import day
from agr.store import operator_tables as o
from agr.store import tables as t
from agr.store.engine import Tx

_AT_ONCE = 500  # parameters of one query


def put(tx: Tx, plan: Plan, outcome: bytes, case: bytes) -> Plan:
    """Store a plan with the archives of its outcome and case; return it with its id."""
    if not tx.execute(sa.select(t.cases.c.digest).where(t.cases.c.digest == plan.case_digest)).scalar():
        tx.execute(t.cases.insert().values(digest=plan.case_digest, case=case))
    result = tx.execute(
        t.plans.insert().values(
            period=plan.period.day, created_at=plan.created_at, state=plan.state.value, predecessor=plan.predecessor,
            case_digest=plan.case_digest, summary=_written(plan), outcome=outcome,
        )
    )  # fmt: skip
    assert result.inserted_primary_key is not None
    return replace(plan, id=int(result.inserted_primary_key[0]))


def _written(plan: Plan) -> str:
    """Return a plan as JSON; an infinite gap (no bound was proven) is text, because null could not be read back."""
    return to_json(plan, inf_nan_mode="strings").decode()


@cache
def _adapter() -> TypeAdapter[Plan]:
    return TypeAdapter(Plan)  # built by the first plan that is read: it takes longer than a command without plans may


def _plan(row: Any) -> Plan:
    return replace(_adapter().validate_json(row.summary), id=row.id, state=PlanState(row.state))


_COLUMNS = (t.plans.c.id, t.plans.c.summary, t.plans.c.state)


def get(tx: Tx, plan_id: int) -> Plan | None:
    """Return one plan."""
    row = tx.execute(sa.select(*_COLUMNS).where(t.plans.c.id == plan_id)).one_or_none()
    return None if row is None else _plan(row)


def states(tx: Tx, period: date) -> dict[int, PlanState]:
    """Return plan → state for a Period, oldest first, without reading what is in the plans."""
    rows = tx.execute(sa.select(t.plans.c.id, t.plans.c.state).where(t.plans.c.period == period).order_by(t.plans.c.id))
    return {row.id: PlanState(row.state) for row in rows}


def wanted(tx: Tx, period: date) -> bool:
    """Say whether a change asks for a plan of a Period: one is in force, or the first one was asked for in time."""
    return newest_audited(tx, period) is not None or day.was_done(tx, period, "first_plan")


def in_force(tx: Tx, period: date) -> Plan | None:
    """Return the newest audited plan of a Period."""
    mine = sa.and_(t.plans.c.period == period, t.plans.c.state == PlanState.AUDITED.value)
    row = tx.execute(sa.select(*_COLUMNS).where(mine).order_by(t.plans.c.id.desc()).limit(1)).one_or_none()
    return None if row is None else _plan(row)


def newest_audited(tx: Tx, period: date) -> int | None:
    """Return the number of the newest audited plan of a Period."""
    mine = sa.and_(t.plans.c.period == period, t.plans.c.state == PlanState.AUDITED.value)
    return tx.execute(sa.select(sa.func.max(t.plans.c.id)).where(mine)).scalar()


def audited_made(tx: Tx, period: date) -> dict[int, datetime]:
    """Return plan → when it was made, for the audited plans of a Period, oldest first."""
    c = t.plans.c
    mine = sa.and_(c.period == period, c.state == PlanState.AUDITED.value)
    return {row.id: row.created_at for row in tx.execute(sa.select(c.id, c.created_at).where(mine).order_by(c.id))}


def newest_made(tx: Tx, period: date) -> tuple[int, datetime] | None:
    """Return the newest audited plan of a Period, and when it was made."""
    made = audited_made(tx, period)
    return next(reversed(made.items()), None)


def audited_at(tx: Tx, period: date, instant: datetime) -> int | None:
    """Return the plan that was in force at an instant; a preview came into force only when it was sent."""
    log = o.audit_log.c
    late = sa.select(log.subject).where(log.action == "send", log.subject.startswith("plan "), log.at > instant)
    sent = {int(subject.removeprefix("plan ")) for subject in tx.execute(late).scalars()}
    known = [plan for plan, at in audited_made(tx, period).items() if at <= instant and plan not in sent]
    return max(known, default=None)


def history(tx: Tx, period: date) -> list[Plan]:
    """Return all plans of a Period, oldest first."""
    rows = tx.execute(sa.select(*_COLUMNS).where(t.plans.c.period == period).order_by(t.plans.c.id))
    return [_plan(row) for row in rows]


def decide(tx: Tx, plan_id: int, state: PlanState) -> bool:
    """Turn a preview into an audited or a discarded plan; False when it is not a preview (any more)."""
    mine = sa.and_(t.plans.c.id == plan_id, t.plans.c.state == PlanState.PREVIEW.value)
    return bool(tx.execute(t.plans.update().where(mine).values(state=state.value)).rowcount)


def archives(tx: Tx, plan_id: int) -> tuple[bytes, bytes]:
    """Return (case, outcome) archives of a plan. Raises InputError when retention has deleted them."""
    joined = t.plans.join(t.cases, t.cases.c.digest == t.plans.c.case_digest)
    row = tx.execute(
        sa.select(t.cases.c.case, t.plans.c.outcome).select_from(joined).where(t.plans.c.id == plan_id)
    ).one_or_none()
    if row is None or not row.outcome:
        raise InputError(
            f"the programs of plan {plan_id} are no longer kept: they are personal data and older than "
            "retention.personal_days, or a later plan of the same running day took their place; its summary is"
        )
    return row[0], row[1]


def forget_programs(tx: Tx, day: date) -> int:
    """Delete the programs of single resources of Periods before the day; summaries stay. Return how many plans."""
    mine = sa.and_(t.plans.c.period < day, t.plans.c.outcome != b"")
    gone = tx.execute(t.plans.update().where(mine).values(outcome=b"")).rowcount
    needed = sa.select(t.plans.c.case_digest).where(t.plans.c.outcome != b"")
    tx.execute(t.cases.delete().where(t.cases.c.digest.not_in(needed)))
    return gone


def forget_superseded(tx: Tx, day: date, kinds: Collection[ReasonKind]) -> int:
    """Delete the programs of single resources of superseded plans of Periods before the day; return how many plans.

    Only plans whose reasons are all of some kinds are affected. The plan in force of each Period stays whole.
    """
    c, chosen = t.triggers.c, [kind.value for kind in kinds]
    asked = sa.select(c.plan).where(c.period < day, c.plan > 0, c.kind.in_(chosen))
    otherwise = sa.select(c.plan).where(c.period < day, c.plan > 0, c.kind.not_in(chosen))
    audited = t.plans.c.state == PlanState.AUDITED.value
    newest = sa.select(sa.func.max(t.plans.c.id)).where(t.plans.c.period < day, audited).group_by(t.plans.c.period)
    mine = sa.and_(
        t.plans.c.id.in_(asked), t.plans.c.id.not_in(otherwise), t.plans.c.id.not_in(newest), t.plans.c.outcome != b""
    )  # fmt: skip
    gone = tx.execute(t.plans.update().where(mine).values(outcome=b"")).rowcount
    if gone:
        needed = sa.select(t.plans.c.case_digest).where(t.plans.c.outcome != b"")
        tx.execute(t.cases.delete().where(t.cases.c.digest.not_in(needed)))
    return gone


def delete_before(tx: Tx, day: date) -> int:
    """Delete plans and prognoses of Periods before the day, and cases that no plan needs any more."""
    tx.execute(t.prognoses.delete().where(t.prognoses.c.period < day))
    gone = tx.execute(t.plans.delete().where(t.plans.c.period < day)).rowcount
    tx.execute(t.cases.delete().where(t.cases.c.digest.not_in(sa.select(t.plans.c.case_digest))))
    return gone


@dataclass(frozen=True, kw_only=True)
class Sent:
    """One D-Prognosis revision and what became of it."""

    congestion_point: str
    dso: str
    revision: int
    plan: int
    message_id: str
    power_w: tuple[int, ...]
    at: datetime
    state: str  # sent | accepted | rejected | failed | cancelled | superseded
    reason: str | None


def put_prognosis(tx: Tx, period: date, sent: Sent) -> None:
    """Record a D-Prognosis in the transaction that queues it."""
    values = {name: getattr(sent, name) for name in Sent.__dataclass_fields__}
    tx.execute(t.prognoses.insert().values(period=period, **(values | {"power_w": list(sent.power_w)})))


def has_prognoses(tx: Tx, period: date) -> bool:
    """Say whether anything was announced for a Period."""
    return tx.execute(sa.select(t.prognoses.c.id).where(t.prognoses.c.period == period).limit(1)).first() is not None


def newest_prognosis(tx: Tx, period: date) -> int:
    """Return a number that grows whenever a D-Prognosis of a Period is sent; 0 before the first."""
    newest = tx.execute(sa.select(sa.func.max(t.prognoses.c.id)).where(t.prognoses.c.period == period)).scalar()
    return newest or 0


def prognoses(tx: Tx, period: date) -> list[Sent]:
    """Return all revisions of a Period, oldest first."""
    columns = [t.prognoses.c[name] for name in Sent.__dataclass_fields__]
    rows = tx.execute(sa.select(*columns).where(t.prognoses.c.period == period).order_by(t.prognoses.c.id))
    return [Sent(**(dict(row._mapping) | {"power_w": tuple(row.power_w)})) for row in rows]


def prognoses_of(tx: Tx, period: date, congestion_point: str) -> list[Sent]:
    """Return the revisions of one congestion point, oldest first."""
    columns = [t.prognoses.c[name] for name in Sent.__dataclass_fields__]
    mine = sa.and_(t.prognoses.c.period == period, t.prognoses.c.congestion_point == congestion_point)
    rows = tx.execute(sa.select(*columns).where(mine).order_by(t.prognoses.c.id))
    return [Sent(**(dict(row._mapping) | {"power_w": tuple(row.power_w)})) for row in rows]


def newest_revisions(tx: Tx, period: date, congestion_points: Iterable[str]) -> dict[str, int]:
    """Return congestion point → newest revision that was sent, for some congestion points."""
    c = t.prognoses.c
    mine = sa.and_(c.period == period, c.congestion_point.in_(sorted(set(congestion_points))))
    newest = sa.select(c.congestion_point, sa.func.max(c.revision)).where(mine).group_by(c.congestion_point)
    return {row[0]: row[1] for row in tx.execute(newest)}


def revisions_on(tx: Tx, period: date) -> dict[str, int]:
    """Return congestion point → newest revision that was sent, of a whole Period."""
    c = t.prognoses.c
    newest = sa.select(c.congestion_point, sa.func.max(c.revision)).where(c.period == period)
    return {row[0]: row[1] for row in tx.execute(newest.group_by(c.congestion_point))}


def prognosis_states(tx: Tx, period: date) -> dict[int, str]:
    """Return row → state of a Period's prognoses, from the index alone."""
    c = t.prognoses.c
    return {row[0]: row[1] for row in tx.execute(sa.select(c.id, c.state).where(c.period == period))}


def prognosis_heads(tx: Tx, rows: Sequence[int]) -> list[tuple[int, str, int, str, str | None]]:
    """Return (row, congestion point, revision, state, reason) of some prognoses, oldest first; not their programs."""
    c = t.prognoses.c
    found: list[tuple[int, str, int, str, str | None]] = []
    for first in range(0, len(rows), _AT_ONCE):
        chosen = c.id.in_(rows[first : first + _AT_ONCE])
        query = sa.select(c.id, c.congestion_point, c.revision, c.state, c.reason).where(chosen)
        found += [(r[0], r[1], r[2], r[3], r[4]) for r in tx.execute(query)]
    return sorted(found)


def prognosis_counts(tx: Tx, period: date) -> dict[str, tuple[int, int]]:
    """Return state → (number, newest row) of a Period's prognoses: it changes whenever any of them does."""
    c = t.prognoses.c
    counted = sa.select(c.state, sa.func.count(), sa.func.max(c.id)).where(c.period == period).group_by(c.state)
    return {row[0]: (row[1], row[2]) for row in tx.execute(counted)}


def answer_prognosis(tx: Tx, message_id: str, state: str, reason: str | None) -> None:
    """Record what became of a revision: accepted, rejected, failed, cancelled; no-op for other messages."""
    mine = t.prognoses.c.message_id == message_id.lower()
    if state in ("failed", "cancelled"):  # a DSO that has answered has it
        mine = sa.and_(mine, t.prognoses.c.state == "sent")
    tx.execute(t.prognoses.update().where(mine).values(state=state, reason=reason))


def reopen(tx: Tx, message_id: str) -> None:
    """Record that a revision that was given up is under way again."""
    mine = sa.and_(t.prognoses.c.message_id == message_id.lower(), t.prognoses.c.state.in_(("failed", "cancelled")))
    tx.execute(t.prognoses.update().where(mine).values(state="sent", reason=None))


def supersede_unsent(tx: Tx, period: date, congestion_point: str) -> None:
    """Mark revisions whose message was taken back before it left."""
    unsent = sa.select(t.outbox.c.message_id).where(t.outbox.c.state == "superseded", t.outbox.c.period == period)
    mine = sa.and_(
        t.prognoses.c.period == period,
        t.prognoses.c.congestion_point == congestion_point,
        t.prognoses.c.state == "sent",
        t.prognoses.c.message_id.in_(unsent),
    )
    tx.execute(t.prognoses.update().where(mine).values(state="superseded"))
