"""What can be said of the register without reading its resources."""

import json
from functools import cache

import sqlalchemy as sa
from pydantic import TypeAdapter

from agr.domain.register import Contract, PointMember
from agr.store import tables as t
from agr.store.engine import Tx


@cache
def _adapter() -> TypeAdapter[Contract]:
    return TypeAdapter(Contract)


@cache
def _members() -> TypeAdapter[PointMember]:
    return TypeAdapter(PointMember)


def has_connections(tx: Tx) -> bool:
    """Say whether there is any connection."""
    c = t.register.c
    return tx.execute(sa.select(c.key).where(c.kind == "connections").limit(1)).first() is not None


def contracts(tx: Tx) -> tuple[Contract, ...]:
    """Return the contracts, in the order of their table."""
    c = t.register.c
    found = tx.execute(sa.select(c.data).where(c.kind == "contracts").order_by(c.position)).scalars()
    return tuple(_adapter().validate_json(data) for data in found)


def point_members(tx: Tx) -> tuple[PointMember, ...]:
    """Return our own table of congestion points, in its order."""
    c = t.register.c
    found = tx.execute(sa.select(c.data).where(c.kind == "congestion_points").order_by(c.position)).scalars()
    return tuple(_members().validate_json(data) for data in found)


def repeated_limits(tx: Tx) -> list[tuple[str, str, int]]:
    """Return (table, what it limits, how often) of limits that appear several times, word for word."""
    c = t.register.c
    limits = c.kind.in_(("limits", "connection_limits"))
    rows = sa.select(c.kind, c.data, sa.func.count()).where(limits).group_by(c.kind, c.data)
    found = tx.execute(rows.having(sa.func.count() > 1).order_by(c.kind, c.data))
    return [(kind, _limited(json.loads(data)), count) for kind, data, count in found]


def _limited(row: dict[str, object]) -> str:
    return str(row.get("at") or row["congestion_point"])


def price_series(tx: Tx) -> set[str]:
    """Return the names of all price series that have any values."""
    return set(tx.execute(sa.select(t.prices.c.series).distinct()).scalars())


def brps(tx: Tx) -> set[str]:
    """Return the balance responsible parties that connections name."""
    c = t.register.c
    named = sa.and_(c.kind == "connections", c.data.like('%"brp":"%'))
    return {str(json.loads(data)["brp"]) for data in tx.execute(sa.select(c.data).where(named)).scalars()}
