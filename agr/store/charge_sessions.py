"""Sessions at charge points, as back-ends tell them; they are personal data."""

from dataclasses import dataclass, fields
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from agr.dispatch.unplanned import PREFIX
from agr.domain.dispatch import SessionState
from agr.store import register_rows
from agr.store.dispatch_tables import charge_session_states as states
from agr.store.dispatch_tables import charge_sessions as table
from agr.store.engine import Tx

_C = table.c


@dataclass(frozen=True, kw_only=True)
class ChargeSession:
    """A session at a charge point; `resource` names the planned session that this is; None: it came unplanned."""

    road: str
    station: str
    transaction: str
    charge_point: str
    resource: str | None
    began_at: datetime
    ended_at: datetime | None
    seen_at: datetime
    state: SessionState
    departure: datetime | None = None
    needed_wh: float | None = None
    first_register_wh: float | None = None
    last_register_wh: float | None = None

    @property
    def delivered_kwh(self) -> float | None:
        """Energy by its registers; None: they did not report."""
        if self.first_register_wh is None or self.last_register_wh is None:
            return None
        return (self.last_register_wh - self.first_register_wh) / 1000


def _read(row: Any) -> ChargeSession:
    return ChargeSession(**{**dict(row._mapping), "state": SessionState(row.state)})


def put(tx: Tx, session: ChargeSession) -> None:
    """Store a session, or newer facts about it."""
    values = {field.name: getattr(session, field.name) for field in fields(session)} | {"state": session.state.value}
    mine = sa.and_(
        _C.road == session.road, _C.station == session.station, _C.transaction == session.transaction
    )  # fmt: skip
    if not tx.execute(table.update().where(mine).values(**values)).rowcount:
        tx.execute(table.insert().values(**values))


def get(tx: Tx, road: str, station: str, transaction: str) -> ChargeSession | None:
    """Return one session."""
    mine = sa.and_(_C.road == road, _C.station == station, _C.transaction == transaction)
    found = tx.execute(sa.select(table).where(mine)).one_or_none()
    return None if found is None else _read(found)


def running(tx: Tx) -> dict[str, ChargeSession]:
    """Return charge point → the session that runs there; of several the one that began last."""
    rows = tx.execute(sa.select(table).where(_C.ended_at.is_(None)).order_by(_C.began_at))
    return {row.charge_point: _read(row) for row in rows}


def overlapping(tx: Tx, first: datetime, last: datetime) -> list[ChargeSession]:
    """Return the sessions that ran at any time in [first, last), by their beginning."""
    mine = sa.and_(_C.began_at < last, sa.or_(_C.ended_at.is_(None), _C.ended_at > first))
    return [_read(row) for row in tx.execute(sa.select(table).where(mine).order_by(_C.began_at))]


def ended(tx: Tx, first: datetime, last: datetime) -> list[ChargeSession]:
    """Return the sessions that ended in [first, last), by their beginning."""
    mine = sa.and_(_C.ended_at >= first, _C.ended_at < last)
    return [_read(row) for row in tx.execute(sa.select(table).where(mine).order_by(_C.began_at))]


def newest_seen(tx: Tx) -> datetime | None:
    """Return when a session was last reported."""
    found: datetime | None = tx.execute(sa.select(sa.func.max(_C.seen_at))).scalar()
    return found


def delete_before(tx: Tx, instant: datetime) -> int:
    """Delete sessions that ended before an instant, how they went, and the register's rows of unplanned cars."""
    tx.execute(states.delete().where(states.c.at < instant))
    for one in register_rows.of_table(tx, "ev_sessions"):
        if one.row.resource.startswith(PREFIX) and one.row.departure < instant:
            register_rows.remove(tx, one)
    return tx.execute(table.delete().where(_C.ended_at < instant)).rowcount


@dataclass(frozen=True, kw_only=True)
class Told:
    """A change in how a session goes, or a register of one that came unplanned."""

    at: datetime
    state: SessionState | None  # None: not told
    offered_w: float | None  # what the station offers the car; None: not told
    register_wh: float | None = None


def put_told(tx: Tx, session: ChargeSession, told: Told) -> None:
    """Store what was told if it changes anything, and every register; of several at one instant the last."""
    mine = _states_of(session)
    same = sa.and_(mine, states.c.at == told.at)
    state = None if told.state is None else told.state.value
    kinds = {"state": state, "offered_w": told.offered_w, "register_wh": told.register_wh}
    known = {name: value for name, value in kinds.items() if value is not None}
    changes = {name: value for name, value in known.items() if name != "register_wh"}
    if told.register_wh is None and all(_last(tx, session, name, told.at) == value for name, value in changes.items()):
        return
    if not tx.execute(states.update().where(same).values(**known)).rowcount:
        keys = {"road": session.road, "station": session.station, "transaction": session.transaction, "at": told.at}
        tx.execute(states.insert().values(**keys, **kinds))


def _last(tx: Tx, session: ChargeSession, name: str, at: datetime) -> object:
    column = states.c[name]
    mine = sa.and_(_states_of(session), states.c.at <= at, column.is_not(None))
    return tx.execute(sa.select(column).where(mine).order_by(states.c.at.desc()).limit(1)).scalar()


def told_of(tx: Tx, session: ChargeSession) -> list[Told]:
    """Return how a session went, by time."""
    rows = tx.execute(sa.select(states).where(_states_of(session)).order_by(states.c.at))
    return [
        Told(
            at=row.at, state=None if row.state is None else SessionState(row.state), offered_w=row.offered_w,
            register_wh=row.register_wh,
        )
        for row in rows
    ]  # fmt: skip


def _states_of(session: ChargeSession) -> sa.ColumnElement[bool]:
    c = states.c
    return sa.and_(c.road == session.road, c.station == session.station, c.transaction == session.transaction)
