"""What operators have switched: sending on hold, participants barred, resources unavailable."""

from dataclasses import dataclass
from datetime import date, datetime

import sqlalchemy as sa

from agr.store import input_version
from agr.store import operator_tables as t
from agr.store.engine import Tx

HOLD = "hold"


@dataclass(frozen=True, kw_only=True)
class Override:
    """The present position of a switch, with who set it, when and why."""

    name: str
    on: bool
    at: datetime
    who: str
    why: str


def turn(tx: Tx, name: str, on: bool, at: datetime, who: str, why: str) -> None:
    """Set a switch."""
    tx.execute(t.switches.delete().where(t.switches.c.name == name))
    tx.execute(t.switches.insert().values(name=name, on=on, at=at, who=who, why=why))


def switch(tx: Tx, name: str) -> Override | None:
    """Return a switch; None when nobody has set it."""
    row = tx.execute(sa.select(t.switches).where(t.switches.c.name == name)).one_or_none()
    return None if row is None else Override(**row._mapping)


def beginning(tx: Tx, text: str) -> list[Override]:
    """Return the switches whose name begins with a text."""
    mine = t.switches.c.name.startswith(text, autoescape=True)
    return [
        Override(**row._mapping) for row in tx.execute(sa.select(t.switches).where(mine).order_by(t.switches.c.name))
    ]


def held(tx: Tx) -> Override | None:
    """Return the hold on automatic sending while there is one."""
    found = switch(tx, HOLD)
    return found if found is not None and found.on else None


def barred(tx: Tx) -> dict[tuple[str, str], Override]:
    """Return (domain, role) → switch for every participant an operator has barred or let in again."""
    rows = tx.execute(sa.select(t.switches).where(t.switches.c.name.like("barred %")))
    found = (Override(**row._mapping) for row in rows)
    return {(s.name.split(" ")[1], s.name.split(" ")[2]): s for s in found}


def bar(tx: Tx, domain: str, role: str, on: bool, at: datetime, who: str, why: str) -> None:
    """Bar a participant, or let it in again."""
    turn(tx, f"barred {domain} {role}", on, at, who, why)


@dataclass(frozen=True, kw_only=True)
class Unavailable:
    """A resource or connection that cannot be steered on some days; on the first one only after `since`."""

    id: int
    name: str
    first_day: date
    last_day: date
    since: datetime
    who: str
    why: str
    ended_at: datetime | None


def mark_unavailable(tx: Tx, name: str, first_day: date, last_day: date, since: datetime, who: str, why: str) -> int:
    """Record that a resource or connection is unavailable; return the entry's number."""
    input_version.changed(tx)
    result = tx.execute(
        t.unavailable.insert().values(name=name, first_day=first_day, last_day=last_day, since=since, who=who, why=why)
    )
    assert result.inserted_primary_key is not None
    return int(result.inserted_primary_key[0])


def available_again(tx: Tx, entry: int, at: datetime) -> Unavailable | None:
    """End an entry; returns it, None when there is none to end."""
    c = t.unavailable.c
    row = tx.execute(sa.select(t.unavailable).where(c.id == entry, c.ended_at.is_(None))).one_or_none()
    if row is None:
        return None
    input_version.changed(tx)
    tx.execute(t.unavailable.update().where(c.id == entry).values(ended_at=at))
    return Unavailable(**row._mapping)


def unavailable_on(tx: Tx, period: date) -> list[Unavailable]:
    """Return what is unavailable in a Period."""
    c = t.unavailable.c
    mine = sa.and_(c.first_day <= period, c.last_day >= period, c.ended_at.is_(None))
    return [Unavailable(**row._mapping) for row in tx.execute(sa.select(t.unavailable).where(mine).order_by(c.id))]


def unavailable_from(tx: Tx, day: date) -> list[Unavailable]:
    """Return what is unavailable on a day or later."""
    c = t.unavailable.c
    mine = sa.and_(c.last_day >= day, c.ended_at.is_(None))
    return [Unavailable(**row._mapping) for row in tx.execute(sa.select(t.unavailable).where(mine).order_by(c.id))]
