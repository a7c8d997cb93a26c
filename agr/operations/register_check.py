"""Reads what was entered for a row of the register, by the rules of `agr import`, beside what is there."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from agr.connectors.tables.columns import columns_of
from agr.connectors.tables.one_row import EnteredRow, Placed, cells_of, read_entered
from agr.domain.doubt import Doubt
from agr.domain.errors import MissingError
from agr.domain.faults import Finding, meant
from agr.domain.isp import Period
from agr.domain.kinds import BY_TABLE
from agr.domain.limit_doubts import limit_doubts
from agr.domain.plausibility import contract_doubts, doubts, rated_kw
from agr.domain.register import KEYS, register_of
from agr.operations.register_concerns import Days, dsos_at, name_of
from agr.store import register, register_rows
from agr.store.engine import Tx
from agr.store.register_rows import Stored

_BY_POWER = ("contracts", "limits")  # doubtful beside the power of all resources
_TREE = ("connections", "limit_groups", "connection_limits")  # name groups of connections


@dataclass(frozen=True, kw_only=True)
class Checked:
    """What was entered for a row, beside what is there."""

    table: str
    cells: Mapping[str, str]
    entered: EnteredRow
    old: Stored | None  # None: a new row

    @property
    def changes(self) -> dict[str, tuple[str, str]]:
        """Column → what it says now and what was entered, where they differ."""
        if self.entered.row is None:
            return {}
        before = cells_of(self.table, self.old.row) if self.old else {}
        after = cells_of(self.table, self.entered.row)
        return {name: (before.get(name, ""), text) for name, text in after.items() if before.get(name, "") != text}


def table_named(name: str) -> str:
    """Return a table of the register. Raises MissingError."""
    if name not in register_rows.TABLES:
        raise MissingError(f"there is no table {name!r} in the register; {meant(name, register_rows.TABLES)}")
    return name


def read_checked(
    tx: Tx, table: str, old: Stored | None, cells: Mapping[str, str], brps: Sequence[str], days: Days
) -> Checked:
    """Read what was entered for a row, None: for a new one; `brps`: those of the settings."""
    given = {} if old is None else cells_of(table, old.row)  # what is left out stays
    given |= {name: text.strip() for name, text in cells.items()}
    entered = read_entered(table, given, _beside(tx, table, old, given), brps=brps)
    if old is not None and table in KEYS and entered.row is not None and name_of(table, entered.row) != old.key:
        words = f"{old.key!r} names the row and stays; add a row with the new name, then remove this one"
        fault = Finding(file=table, column=KEYS[table], words=words)
        entered = replace(entered, row=None, faults=(*entered.faults, fault))
    if entered.row is not None and (wrong := _beside_the_rest(tx, table, entered.row, days)):
        entered = replace(entered, row=None, faults=(*entered.faults, wrong))
    return Checked(table=table, cells=given, entered=entered, old=old)


def _beside_the_rest(tx: Tx, table: str, row: Any, days: Days) -> Finding | None:
    """Return what is wrong with a row that neither its table nor what it refers to shows."""
    if table == "connections" and register_rows.get(tx, "limit_groups", row.address) is not None:
        words = f"{row.address} is a group of limits too; a limit would not know which one it is of"
        return Finding(file=table, column="address", words=words)
    here = dsos_at(tx, row.congestion_point, days) if table == "contracts" else set()
    if here and row.dso not in here:
        words = f"{row.dso!r} is not the DSO of {row.congestion_point}: {', '.join(sorted(here))} is"
        return Finding(file=table, column="dso", words=words)
    return None


def around(tx: Tx, table: str, old: Stored | None, row: Any, period: Period) -> Callable[[], Iterable[Doubt]]:
    """Return what finds doubts about the entered row, beside all resources or those behind its connection.

    It is called when the transaction has ended.
    """
    if table in _BY_POWER:
        found = register_rows.raw(tx, BY_TABLE)
        alone = register_of({table: [row]})
        of_power = contract_doubts if table == "contracts" else limit_doubts
        return lambda: of_power(alone, rated_kw(register_of(register_rows.parsed(found, BY_TABLE))))
    if table not in BY_TABLE and table != "connection_limits":
        return lambda: doubts(register_of({table: [row]}))
    rows: dict[str, list[Any]] = {table: [row]}
    if table == "connection_limits" and register_rows.get(tx, "limit_groups", row.at) is not None:
        every = register_rows.raw(tx, BY_TABLE)
        group = {**register_rows.every(tx, ("limit_groups", "connections")), **rows}
        return lambda: doubts(register_of({**register_rows.parsed(every, BY_TABLE), **group}))
    for one in register_rows.about_connection(tx, row.at if table == "connection_limits" else row.connection):
        if one.table in BY_TABLE and (old is None or (one.table, one.key) != (old.table, old.key)):
            rows.setdefault(one.table, []).append(one.row)
    names = [one.resource for name, mine in rows.items() if name in BY_TABLE for one in mine]
    forecasts = register.forecasts_of(tx, period, names)
    return lambda: doubts(register_of({**rows, "forecasts": forecasts}))


def doubts_about(table: str, row: Any, found: Iterable[Doubt]) -> Iterator[Finding]:
    """Yield the doubts about a row, not about those around it."""
    by_column = {"connection_limits": "at", "connection_tariffs": "connection"}
    column = by_column.get(table, "congestion_point")
    name = name_of(table, row) if table in KEYS else getattr(row, column)
    for doubt in found:
        if doubt.table == table and doubt.name == name:
            yield Finding(file=table, column=doubt.column, words=doubt.words)


def in_words(fault: Finding) -> str:
    """Return a fault of an entered row, which has no file and line."""
    return f"{fault.column}: {fault.words}" if fault.column else fault.words


def _beside(tx: Tx, table: str, old: Stored | None, cells: Mapping[str, str]) -> dict[str, list[Placed]]:
    """Return the rows to which an entered one must fit."""
    found: list[Stored] = []
    if "connection" in {column.name for column in columns_of(table)}:
        known = register_rows.get(tx, "connections", cells.get("connection", ""))
        found += [known] if known else []
    if table in BY_TABLE:
        found += register_rows.named(tx, cells.get("resource", ""))
        if table == "ev_sessions":
            mine = register_rows.about_connection(tx, cells.get("connection", ""))
            found += [one for one in mine if one.table == "charge_points"]
    elif table == "charge_points":
        found += register_rows.of_table(tx, table)
    elif table in KEYS and table != "limit_groups":
        known = register_rows.get(tx, table, cells.get(KEYS[table], ""))
        found += [known] if known else []
    elif table == "connection_tariffs":
        found += [one for one in register_rows.about_connection(tx, cells.get("connection", "")) if one.table == table]
    elif table == "congestion_points":
        mine = register_rows.about_connection(tx, cells.get("connection", ""))
        found += [one for one in mine if one.table == table]
        point = register_rows.about_point(tx, table, cells.get("congestion_point", ""), limit=2)
        found += [one for one in point if one.key not in {other.key for other in found}]
    if table in _TREE:
        found += register_rows.of_table(tx, "limit_groups")
    if table in ("limit_groups", "connection_limits"):
        named = cells.get("group" if table == "limit_groups" else "at", "")
        known = register_rows.get(tx, "connections", named)
        found += [known] if known else []
        found += [one for one in register_rows.about_connection(tx, named) if one.table == table]
    beside: dict[str, list[Placed]] = {"connections": []} if table != "connections" else {}
    for one in found:
        if old is None or (one.table, one.key) != (old.table, old.key):
            beside.setdefault(one.table, []).append((one.position + 1, one.row))
    return beside
