"""E-programs nominated to balance responsible parties: their revisions, deliveries and answers."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime

import sqlalchemy as sa

from agr.domain.e_program import EProgram
from agr.store import tables as t
from agr.store.engine import Tx


@dataclass(frozen=True, kw_only=True)
class Nomination:
    """One revision of a BRP's e-program, and what became of it."""

    id: int
    period: date
    brp: str
    revision: int
    plan: int
    message_id: str
    content: EProgram
    queued_at: datetime
    state: str  # queued | sent | superseded | failed
    attempts: int
    next_attempt_at: datetime
    sent_at: datetime | None
    detail: str | None
    answer_due_at: datetime | None
    answered_at: datetime | None
    answer: str | None  # accepted | rejected
    answer_reason: str | None

    @property
    def shown_state(self) -> str:
        """Its answer, or its state while there is none."""
        return self.answer or self.state


_COLUMNS = tuple(t.nominations.c[name] for name in Nomination.__dataclass_fields__)


def _read(row: sa.Row[tuple[object, ...]]) -> Nomination:
    values = dict(row._mapping)
    content: Mapping[str, Sequence[int]] = values["content"]
    return Nomination(**(values | {"content": EProgram(**{part: tuple(w) for part, w in content.items()})}))


def put(
    tx: Tx, period: date, brp: str, *, revision: int, plan: int, message_id: str, content: EProgram, at: datetime,
    answer_due_at: datetime,
) -> None:  # fmt: skip
    """Queue a revision; it takes back earlier ones that have not left, and no answer to earlier ones is waited for."""
    c = t.nominations.c
    mine = sa.and_(c.period == period, c.brp == brp)
    tx.execute(t.nominations.update().where(mine, c.state == "queued").values(state="superseded"))
    tx.execute(t.nominations.update().where(mine).values(answer_due_at=None))
    tx.execute(
        t.nominations.insert().values(
            period=period, brp=brp, revision=revision, plan=plan, message_id=message_id,
            content={part: list(w) for part, w in vars(content).items()}, queued_at=at, state="queued", attempts=0,
            next_attempt_at=at, answer_due_at=answer_due_at,
        )
    )  # fmt: skip


def history(tx: Tx, period: date, brp: str | None = None) -> list[Nomination]:
    """Return the revisions of a Period, of one BRP or of all, oldest first."""
    c = t.nominations.c
    mine = c.period == period if brp is None else sa.and_(c.period == period, c.brp == brp)
    return [_read(row) for row in tx.execute(sa.select(*_COLUMNS).where(mine).order_by(c.brp, c.revision))]


def newest(tx: Tx, period: date, brp: str) -> Nomination | None:
    """Return the newest revision of a BRP's e-program."""
    c = t.nominations.c
    mine = sa.and_(c.period == period, c.brp == brp)
    row = tx.execute(sa.select(*_COLUMNS).where(mine).order_by(c.revision.desc()).limit(1)).one_or_none()
    return None if row is None else _read(row)


def by_message(tx: Tx, message_id: str) -> Nomination | None:
    """Return the revision with this message id."""
    row = tx.execute(sa.select(*_COLUMNS).where(t.nominations.c.message_id == message_id.lower())).one_or_none()
    return None if row is None else _read(row)


def due(tx: Tx, now: datetime, brp: str | None = None) -> list[Nomination]:
    """Return revisions that are to leave now, of one BRP or of all, oldest first."""
    c = t.nominations.c
    waiting = sa.and_(c.state == "queued", c.next_attempt_at <= now, sa.true() if brp is None else c.brp == brp)
    return [_read(row) for row in tx.execute(sa.select(*_COLUMNS).where(waiting).order_by(c.id))]


def attempt(tx: Tx, number: int) -> bool:
    """Count an attempt before it is made; False where nothing is to be delivered any more."""
    return _set(tx, number, attempts=t.nominations.c.attempts + 1)


def sent(tx: Tx, number: int, at: datetime, detail: str) -> None:
    """Record that a revision has left, even where a newer one follows it by now."""
    tx.execute(t.nominations.update().where(t.nominations.c.id == number).values(sent_at=at, detail=detail))
    _set(tx, number, state="sent")


def retry(tx: Tx, number: int, at: datetime, detail: str) -> bool:
    """Record a failed attempt and when to try again; False where nothing is to be delivered any more."""
    return _set(tx, number, next_attempt_at=at, detail=detail)


def failed(tx: Tx, number: int, detail: str) -> bool:
    """Record that a revision will not be delivered; False where nothing was to be delivered any more."""
    return _set(tx, number, state="failed", detail=detail, answer_due_at=None)


def _set(tx: Tx, number: int, **values: object) -> bool:
    mine = sa.and_(t.nominations.c.id == number, t.nominations.c.state == "queued")
    return tx.execute(t.nominations.update().where(mine).values(**values)).rowcount > 0


def answered(tx: Tx, number: int, at: datetime, answer: str, reason: str | None) -> None:
    """Record a BRP's answer; whoever answers has the e-program, whatever delivery knows."""
    mine = t.nominations.c.id == number
    values = {"answered_at": at, "answer": answer, "answer_reason": reason, "answer_due_at": None}
    tx.execute(t.nominations.update().where(mine).values(**values))
    waiting = sa.and_(mine, t.nominations.c.state == "queued")
    tx.execute(t.nominations.update().where(waiting).values(state="sent", sent_at=at, detail="answered"))


def overdue(tx: Tx, now: datetime) -> list[Nomination]:
    """Return revisions whose answer is overdue."""
    due_at = t.nominations.c.answer_due_at
    return [_read(row) for row in tx.execute(sa.select(*_COLUMNS).where(due_at < now))]


def no_longer_waiting(tx: Tx, number: int) -> None:
    """Stop waiting for an answer: its lack was reported."""
    tx.execute(t.nominations.update().where(t.nominations.c.id == number).values(answer_due_at=None))


def open_count(tx: Tx) -> int:
    """Count revisions that wait to leave, or for an answer."""
    c = t.nominations.c
    waiting = sa.or_(c.state == "queued", sa.and_(c.state == "sent", c.answer_due_at.is_not(None)))
    return tx.execute(sa.select(sa.func.count()).select_from(t.nominations).where(waiting)).scalar_one()


def hasten(tx: Tx, now: datetime, latest: datetime) -> int:
    """Make due what would wait beyond any pause (the clock was set back); return how many."""
    c = t.nominations.c
    mine = sa.and_(c.state == "queued", c.next_attempt_at > latest)
    return tx.execute(t.nominations.update().where(mine).values(next_attempt_at=now)).rowcount


def delete_before(tx: Tx, day: date) -> int:
    """Delete nominations of Periods before the day; return how many."""
    return tx.execute(t.nominations.delete().where(t.nominations.c.period < day)).rowcount
