"""Single rows of the register: found by search, in pages, by their connection or congestion point; put and removed.

`fields_of` says how a row is stored, also to whoever replaces the register as a whole.
"""

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from typing import Any

import sqlalchemy as sa
from pydantic import TypeAdapter

from agr.domain.kinds import BY_TABLE
from agr.domain.register import KEYS, ROWS, ConnectionLimit, ConnectionTariff
from agr.store import input_version
from agr.store import tables as t
from agr.store.engine import Tx

_SERIES = ("forecasts", "prices")  # have tables of their own in the store
TABLES = tuple(table for table in ROWS if table not in _SERIES)
"""The tables whose rows are kept here, in the order of the register's tables."""


_AT_ONCE = 500  # parameters of one query
_FOUND_BY = (
    "resource",
    "address",
    "contract",
    "connection",
    "congestion_point",
    "dso",
    "brp",
    "at",
    "group",
    "charge_point",
    "station",
    "road",
)
"""Columns in whose text a search looks; the migration that added the column `search` lists those of its time."""


@cache
def adapters() -> dict[str, TypeAdapter[Any]]:
    """Return table → what reads and writes its rows as JSON."""
    return {table: TypeAdapter(ROWS[table]) for table in TABLES}


def key_of(table: str, position: int, row: Any) -> str:
    """Return the key that identifies a row within its table."""
    if table in KEYS:
        return str(getattr(row, KEYS[table]))
    if isinstance(row, ConnectionTariff):
        return f"{position}:{row.connection}"
    return f"{position}:{row.at if isinstance(row, ConnectionLimit) else row.congestion_point}"


def fields_of(table: str, position: int, row: Any) -> dict[str, Any]:
    """Return a row as it is stored."""
    texts = [str(getattr(row, name)) for name in _FOUND_BY if getattr(row, name, None)]
    return {
        "kind": table, "key": key_of(table, position, row), "position": position,
        "data": adapters()[table].dump_json(row).decode(), "search": "\n".join(texts).lower(),
        "connection": _connection_of(table, row),
        "point": getattr(row, "congestion_point", None),
    }  # fmt: skip


def _connection_of(table: str, row: Any) -> str | None:
    """Return the connection that a row is about; that of a limit may be a group, whose name no connection has."""
    if table == "connections":
        return str(row.address)
    return row.at if isinstance(row, ConnectionLimit) else getattr(row, "connection", None)


@dataclass(frozen=True, kw_only=True)
class Stored:
    """A row with its place; `seen` changes whenever the row does."""

    table: str
    key: str
    position: int
    row: Any
    seen: str


@dataclass(frozen=True, kw_only=True)
class RowPage:
    """Some rows of a table, in its order."""

    rows: tuple[Stored, ...]
    matching: int  # on all pages


_C = t.register.c
_READ = (_C.kind, _C.key, _C.position, _C.data)


def _stored(found: Any) -> Stored:
    return Stored(
        table=found.kind, key=found.key, position=found.position, row=adapters()[found.kind].validate_json(found.data),
        seen=hashlib.sha256(found.data.encode()).hexdigest()[:32],
    )  # fmt: skip


def counts(tx: Tx) -> dict[str, int]:
    """Return table → its number of rows, empty tables included."""
    found = tx.execute(sa.select(_C.kind, sa.func.count()).group_by(_C.kind)).all()
    known = {row[0]: row[1] for row in found}
    return {table: known.get(table, 0) for table in TABLES}


def page(tx: Tx, table: str, *, search: str = "", limit: int | None = 50, offset: int = 0) -> RowPage:
    """Return the rows of a table that contain a text anywhere in their names, in pages; no limit: all rows."""
    text = search.strip().lower()
    mine = _C.kind == table
    if text:
        mine = sa.and_(mine, _C.search.contains(text, autoescape=True))
    counted = sa.select(sa.func.count()).select_from(t.register).where(mine)
    chosen = sa.select(*_READ, sa.func.count().over() if text else sa.null()).where(mine)  # a search reads rows once
    rows = tx.execute(chosen.order_by(_C.position).limit(limit).offset(offset)).all()
    known = rows[0][-1] if text and rows else 0 if text and not offset else None
    matching = tx.execute(counted).scalar_one() if known is None else known
    return RowPage(rows=tuple(_stored(row) for row in rows), matching=matching)


def get(tx: Tx, table: str, key: str) -> Stored | None:
    """Return one row."""
    found = tx.execute(sa.select(*_READ).where(_C.kind == table, _C.key == key)).one_or_none()
    return None if found is None else _stored(found)


def named(tx: Tx, name: str) -> list[Stored]:
    """Return the resources of a name, of whatever kind; there is at most one unless a table is wrong."""
    found = tx.execute(sa.select(*_READ).where(_C.kind.in_(list(BY_TABLE)), _C.key == name))
    return [_stored(row) for row in found]


def resources_named(tx: Tx, names: Iterable[str]) -> dict[str, Stored]:
    """Return name → its resource, for those of some names that belong to one."""
    found: dict[str, Stored] = {}
    ordered = sorted(set(names))
    for first in range(0, len(ordered), _AT_ONCE):
        mine = sa.and_(_C.kind.in_(list(BY_TABLE)), _C.key.in_(ordered[first : first + _AT_ONCE]))
        found |= {row.key: _stored(row) for row in tx.execute(sa.select(*_READ).where(mine))}
    return found


def about_connection(tx: Tx, address: str) -> list[Stored]:
    """Return the resources behind a connection, its places at congestion points and its limits, table by table."""
    found = tx.execute(sa.select(*_READ).where(_C.connection == address, _C.kind != "connections"))
    order = {table: place for place, table in enumerate(TABLES)}
    return sorted((_stored(row) for row in found), key=lambda one: (order[one.table], one.position))


def at_point(tx: Tx, address: str, connections: Iterable[str]) -> dict[str, list[Any]]:
    """Return table → its rows about a congestion point or some connections, in order; tables without one are left out.

    A limit of a group of connections is about none of them.
    """
    found: dict[tuple[str, int, str], Any] = {}
    ordered = sorted(set(connections))
    mine = [_C.connection.in_(ordered[first : first + _AT_ONCE]) for first in range(0, len(ordered), _AT_ONCE)]
    for chosen in (_C.point == address, *mine):
        for row in tx.execute(sa.select(*_READ).where(chosen)):
            found[row.kind, row.position, row.key] = row
    tables: dict[str, list[Any]] = {}
    for (table, *_), row in sorted(found.items()):
        tables.setdefault(table, []).append(adapters()[table].validate_json(row.data))
    return tables


def of_table(tx: Tx, table: str) -> list[Stored]:
    """Return all rows of a table, in order."""
    return [_stored(row) for row in tx.execute(sa.select(*_READ).where(_C.kind == table).order_by(_C.position))]


def rows_named(tx: Tx, table: str, keys: Iterable[str]) -> dict[str, Stored]:
    """Return key → row, for those of some keys that a table has."""
    found: dict[str, Stored] = {}
    ordered = sorted(set(keys))
    for first in range(0, len(ordered), _AT_ONCE):
        mine = sa.and_(_C.kind == table, _C.key.in_(ordered[first : first + _AT_ONCE]))
        found |= {row.key: _stored(row) for row in tx.execute(sa.select(*_READ).where(mine))}
    return found


def about_point(tx: Tx, table: str, address: str, limit: int | None) -> list[Stored]:
    """Return the first rows of a table that are about a congestion point; None: all."""
    mine = sa.and_(_C.point == address, _C.kind == table)
    return [_stored(row) for row in tx.execute(sa.select(*_READ).where(mine).order_by(_C.position).limit(limit))]


def begin_change(tx: Tx) -> None:
    """Begin a change of single rows: others wait until it is committed, so that what was checked stays true."""
    input_version.changed(tx)


def add(tx: Tx, table: str, row: Any) -> Stored:
    """Add a row at the end of its table. The caller has checked that its name is free."""
    last = tx.execute(sa.select(sa.func.max(_C.position)).where(_C.kind == table)).scalar()
    fields = fields_of(table, 0 if last is None else last + 1, row)
    tx.execute(t.register.insert().values(**fields))
    return _read_back(tx, table, fields["key"])


def change(tx: Tx, old: Stored, row: Any) -> Stored:
    """Put another row in the place of one."""
    fields = fields_of(old.table, old.position, row)
    tx.execute(t.register.update().where(_C.kind == old.table, _C.key == old.key).values(**fields))
    return _read_back(tx, old.table, fields["key"])


def remove(tx: Tx, old: Stored) -> None:
    """Remove a row; the others keep their places."""
    tx.execute(t.register.delete().where(_C.kind == old.table, _C.key == old.key))


def _read_back(tx: Tx, table: str, key: str) -> Stored:
    found = get(tx, table, key)
    assert found is not None
    return found


def raw(tx: Tx, tables: Iterable[str]) -> list[tuple[str, str]]:
    """Return (table, row as JSON) of some tables, to be parsed when the transaction has ended."""
    names = list(tables)
    rows = tx.execute(sa.select(_C.kind, _C.data).where(_C.kind.in_(names)).order_by(_C.kind, _C.position))
    return [(row[0], row[1]) for row in rows]


def parsed(found: Iterable[tuple[str, str]], tables: Iterable[str]) -> dict[str, list[Any]]:
    """Return table → its rows, for each of the tables."""
    rows: dict[str, list[Any]] = {table: [] for table in tables}
    for table, data in found:
        rows[table].append(adapters()[table].validate_json(data))
    return rows


def every(tx: Tx, tables: Iterable[str]) -> dict[str, list[Any]]:
    """Return table → all its rows, for some tables."""
    names = list(tables)
    return parsed(raw(tx, names), names)
