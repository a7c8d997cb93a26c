"""Congestion points and connections per Period, as the CROs list them, and which CRO was asked."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import date, datetime
from itertools import chain, islice

import sqlalchemy as sa

from agr.domain.isp import Period
from agr.domain.register import CongestionPoint, Portfolio
from agr.store import input_version
from agr.store import tables as t
from agr.store.engine import Tx

_ROWS_AT_ONCE = 20_000
_NAMED_AT_ONCE = 500  # parameters of one query


@dataclass(frozen=True, kw_only=True)
class CroAnswer:
    """Whether a CRO was asked about a Period, and has answered."""

    cro: str
    state: str  # asked | answered | rejected
    at: datetime
    detail: str | None


def set_answer(tx: Tx, period: date, cro: str, state: str, at: datetime, detail: str | None = None) -> None:
    """Record that a CRO was asked about a Period, or has answered."""
    input_version.changed(tx)
    mine = sa.and_(t.portfolio_answers.c.period == period, t.portfolio_answers.c.cro == cro)
    tx.execute(t.portfolio_answers.delete().where(mine))
    tx.execute(t.portfolio_answers.insert().values(period=period, cro=cro, state=state, at=at, detail=detail))


def answers(tx: Tx, period: date) -> dict[str, CroAnswer]:
    """Return CRO → whether it was asked, and has answered."""
    c = t.portfolio_answers.c
    rows = tx.execute(sa.select(c.cro, c.state, c.at, c.detail).where(c.period == period))
    return {row.cro: CroAnswer(**row._mapping) for row in rows}


def replace(
    tx: Tx, period: date, cro: str, points: tuple[CongestionPoint, ...], free: tuple[str, ...]
) -> tuple[str, ...]:
    """Store a CRO's list in place of its former one; return connections that another CRO claims (they stay there)."""
    input_version.changed(tx)
    for table in (t.points, t.point_connections):
        tx.execute(table.delete().where(table.c.period == period, table.c.cro == cro))
    taken = set(
        tx.execute(sa.select(t.point_connections.c.connection).where(t.point_connections.c.period == period)).scalars()
    )
    others = set(tx.execute(sa.select(t.points.c.address).where(t.points.c.period == period)).scalars())
    heads = [_head(period, cro, p) for p in points if p.address not in others]
    claimed = chain(((c, p.address) for p in points for c in p.connections), ((c, "") for c in free))
    rows: dict[str, str] = {}
    clashes: list[str] = []
    for connection, point in claimed:
        if connection in taken or rows.get(connection, point) != point:
            clashes.append(connection)
        else:
            rows[connection] = point
    if heads:
        tx.execute(t.points.insert(), heads)
    items = iter(rows.items())
    while some := list(islice(items, _ROWS_AT_ONCE)):
        tx.execute(
            t.point_connections.insert(),
            [{"period": period, "connection": c, "cro": cro, "point": p} for c, p in some],
        )
    return tuple(clashes)


def _head(period: date, cro: str, point: CongestionPoint) -> dict[str, object]:
    return {
        "period": period, "address": point.address, "cro": cro, "dso": point.dso, "mutex_offers": point.mutex_offers,
        "day_ahead_redispatch_by": point.day_ahead_redispatch_by,
        "intraday_redispatch_by": point.intraday_redispatch_by,
    }  # fmt: skip


def place_of(tx: Tx, period: date, connection: str) -> tuple[str, str] | None:
    """Return (CRO, congestion point or empty) of a connection; None where no list has it."""
    c = t.point_connections.c
    row = tx.execute(sa.select(c.cro, c.point).where(c.period == period, c.connection == connection)).one_or_none()
    return None if row is None else (row.cro, row.point)


def head_of(tx: Tx, period: date, address: str) -> tuple[str, CongestionPoint] | None:
    """Return (CRO, congestion point without its connections); None where no list has it."""
    c = t.points.c
    row = tx.execute(sa.select(t.points).where(c.period == period, c.address == address)).mappings().one_or_none()
    if row is None:
        return None
    return row["cro"], CongestionPoint(
        address=row["address"], dso=row["dso"], connections=(), mutex_offers=row["mutex_offers"],
        day_ahead_redispatch_by=row["day_ahead_redispatch_by"], intraday_redispatch_by=row["intraday_redispatch_by"],
    )  # fmt: skip


def move(tx: Tx, period: date, cro: str, connection: str, point: str | None) -> None:
    """Put a connection of a list at a congestion point, in none (empty), or out of the list (None)."""
    input_version.changed(tx)
    c = t.point_connections.c
    tx.execute(t.point_connections.delete().where(c.period == period, c.connection == connection, c.cro == cro))
    if point is not None:
        row = {"period": period, "connection": connection, "cro": cro, "point": point}
        tx.execute(t.point_connections.insert().values(**row))


def put_head(tx: Tx, period: date, cro: str, address: str, point: CongestionPoint | None) -> None:
    """Put a congestion point into a list in place of what was there; None: take it out. Its connections stay."""
    input_version.changed(tx)
    c = t.points.c
    tx.execute(t.points.delete().where(c.period == period, c.address == address, c.cro == cro))
    if point is not None:
        tx.execute(t.points.insert().values(**_head(period, cro, point)))


def counts(tx: Tx, period: date, cro: str) -> tuple[int, int, int]:
    """Return how many connections a list has in congestion points, in how many points, and how many in none.

    A point counts also where another list has named it first.
    """
    c = t.point_connections.c
    point = sa.case((c.point != "", c.point))
    inside, points, every = tx.execute(
        sa.select(sa.func.count(point), sa.func.count(point.distinct()), sa.func.count()).where(
            c.period == period, c.cro == cro
        )
    ).one()
    return inside, points, every - inside


def has_point(tx: Tx, period: date, dso: str | None, address: str) -> bool:
    """Say whether a DSO has a congestion point in a Period; None: any DSO."""
    mine = sa.and_(t.points.c.period == period, t.points.c.address == address)
    if dso is not None:
        mine = sa.and_(mine, t.points.c.dso == dso)
    return tx.execute(sa.select(t.points.c.address).where(mine)).first() is not None


def redispatched_intraday(tx: Tx, period: date, address: str) -> bool:
    """Say whether somebody redispatches at a congestion point during the day."""
    c = t.points.c
    mine = sa.and_(c.period == period, c.address == address, c.intraday_redispatch_by.is_not(None))
    return tx.execute(sa.select(c.address).where(mine)).first() is not None


def load(tx: Tx, period: Period) -> Portfolio:
    """Return the Period's portfolio from all CROs; empty when none has answered."""
    c = t.point_connections.c
    members: dict[str, list[str]] = {}
    for connection, point in tx.execute(
        sa.select(c.connection, c.point).where(c.period == period.day).order_by(c.connection)
    ):
        members.setdefault(point, []).append(connection)
    rows = tx.execute(
        sa.select(t.points).where(t.points.c.period == period.day).order_by(t.points.c.address)
    ).mappings()
    points = tuple(
        CongestionPoint(
            address=row["address"], dso=row["dso"], connections=tuple(members.get(row["address"], ())),
            mutex_offers=row["mutex_offers"], day_ahead_redispatch_by=row["day_ahead_redispatch_by"],
            intraday_redispatch_by=row["intraday_redispatch_by"],
        )
        for row in rows
    )  # fmt: skip
    return Portfolio(period=period, points=points, free_connections=tuple(members.get("", ())))


def members(tx: Tx, period: date) -> list[tuple[str, str, tuple[str, ...]]]:
    """Return (congestion point, DSO, our connections in it), in no order."""
    c, p = t.point_connections.c, t.points.c
    inside: dict[str, list[str]] = {}
    for connection, point in tx.execute(sa.select(c.connection, c.point).where(c.period == period)):
        inside.setdefault(point, []).append(connection)
    rows = tx.execute(sa.select(p.address, p.dso).where(p.period == period))
    return [(row.address, row.dso, tuple(inside.get(row.address, ()))) for row in rows]


def connections_at(tx: Tx, period: date, points: Collection[str]) -> list[str]:
    """Return the connections at some congestion points."""
    c, ordered = t.point_connections.c, list(points)
    found: list[str] = []
    for first in range(0, len(ordered), _NAMED_AT_ONCE):
        mine = sa.and_(c.period == period, c.point.in_(ordered[first : first + _NAMED_AT_ONCE]))
        found += tx.execute(sa.select(c.connection).where(mine)).scalars()
    return found


def dso_of(tx: Tx, period: date, connection: str) -> str | None:
    """Return the DSO of a connection's congestion point; None where it lies in none."""
    c, p = t.point_connections.c, t.points.c
    mine = sa.and_(c.period == period, c.connection == connection, p.period == period, p.address == c.point)
    return tx.execute(sa.select(p.dso).where(mine)).scalar()


def dso_of_point(tx: Tx, period: date, address: str) -> str | None:
    """Return the DSO of a congestion point; None where it is not known."""
    p = t.points.c
    return tx.execute(sa.select(p.dso).where(p.period == period, p.address == address)).scalar()


def heads(tx: Tx, period: date) -> list[tuple[str, str, int]]:
    """Return (congestion point, DSO, number of our connections) by address, without reading connections."""
    c = t.point_connections.c
    counted = sa.select(c.point, sa.func.count()).where(c.period == period).group_by(c.point)
    members = {row[0]: row[1] for row in tx.execute(counted)}
    p = t.points.c
    rows = tx.execute(sa.select(p.address, p.dso).where(p.period == period).order_by(p.address))
    return [(row.address, row.dso, members.get(row.address, 0)) for row in rows]


def free_connections(tx: Tx, period: date) -> int:
    """Return how many connections lie in no congestion point."""
    c = t.point_connections.c
    mine = sa.and_(c.period == period, c.point == "")
    return tx.execute(sa.select(sa.func.count()).select_from(t.point_connections).where(mine)).scalar_one()


@dataclass(frozen=True, kw_only=True)
class Difference:
    """How many connections joined, left or moved to another congestion point since the Period before."""

    joined: int
    left: int
    moved: int


def difference(tx: Tx, period: Period) -> Difference:
    """Compare a Period's congestion points with those of the Period before; a million connections stay in the store."""
    today, before = t.point_connections.alias("today"), t.point_connections.alias("before")

    def count(
        one: sa.FromClause, day: date, other: sa.FromClause, other_day: date, condition: sa.ColumnElement[bool]
    ) -> int:
        same = sa.and_(other.c.period == other_day, other.c.connection == one.c.connection, other.c.point != "")
        query = sa.select(sa.func.count()).select_from(one.outerjoin(other, same))
        return tx.execute(query.where(one.c.period == day, one.c.point != "", condition)).scalar_one()

    now, then = period.day, period.previous().day
    return Difference(
        joined=count(today, now, before, then, before.c.connection.is_(None)),
        left=count(before, then, today, now, today.c.connection.is_(None)),
        moved=count(today, now, before, then, before.c.point != today.c.point),
    )


@dataclass(frozen=True, kw_only=True)
class Size:
    """How many connections lie in how many congestion points."""

    connections: int
    points: int


def size(tx: Tx, period: Period) -> Size:
    """Count the Period's connections in congestion points, and those points."""
    c = t.point_connections.c
    row = tx.execute(
        sa.select(sa.func.count(), sa.func.count(c.point.distinct())).where(c.period == period.day, c.point != "")
    ).one()
    return Size(connections=row[0], points=row[1])


def delete_before(tx: Tx, day: date) -> int:
    """Delete the lists of Periods before the day; return how many connections."""
    tx.execute(t.points.delete().where(t.points.c.period < day))
    return tx.execute(t.point_connections.delete().where(t.point_connections.c.period < day)).rowcount
