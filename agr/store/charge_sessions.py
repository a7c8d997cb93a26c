"""Sessions at charge points, as back-ends tell them; they are personal data."""

from dataclasses import dataclass, fields
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from agr.domain.dispatch import SessionState
from agr.store.dispatch_tables import charge_sessions as table
from agr.store.engine import Tx

_C = table.c


@dataclass(frozen=True, kw_only=True)
class ChargeSession:
    """A session at a charge point; `resource` is the planned session that it is, None: it came unplanned."""

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
    """Store a session, or what is newer of it."""
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


def newest_seen(tx: Tx) -> datetime | None:
    """Return when a session was last told of."""
    found: datetime | None = tx.execute(sa.select(sa.func.max(_C.seen_at))).scalar()
    return found


def delete_before(tx: Tx, instant: datetime) -> int:
    """Delete sessions that ended before an instant; return how many."""
    return tx.execute(table.delete().where(_C.ended_at < instant)).rowcount
