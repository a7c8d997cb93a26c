"""Reads a single row that somebody enters, by the rules of whole tables."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pyarrow as pa

from agr.connectors.tables.checks import check_brps, check_references, check_rows
from agr.connectors.tables.columns import columns_of
from agr.connectors.tables.grid import RawTable
from agr.connectors.tables.rows import TableRows, read_rows, usable
from agr.connectors.tables.writing import cell_text
from agr.domain.faults import Finding, Findings

Placed = tuple[int, Any]
"""A row of the register with its number in its table, from 1."""
_ENTERED = 0  # the number of the entered row


@dataclass(frozen=True, kw_only=True)
class EnteredRow:
    """What was entered, read. `row` is None where it has faults; `own` are those that no other row can make right."""

    row: Any | None
    faults: tuple[Finding, ...]
    warnings: tuple[Finding, ...]
    own: tuple[Finding, ...] = ()


def cells_of(table: str, row: Any) -> dict[str, str]:
    """Return column → what a table has there for a row."""
    return {column.name: cell_text(getattr(row, column.name)) for column in columns_of(table)}


def read_entered(
    table: str, cells: Mapping[str, str], beside: Mapping[str, Sequence[Placed]], *, brps: Collection[str] = ()
) -> EnteredRow:
    """Read a row of a table from its cells; cells that are left out or empty have their defaults.

    `beside`: table → the rows of the register to which the entered one must fit: the connection that it names, rows of
    the same name, for a place at a congestion point those of the connection and of the point, and all groups of limits
    for what names one. `brps` are the balance responsible parties of the settings.
    """
    found = Findings()
    entered = [(_ENTERED, {name: text for name, text in cells.items() if text.strip()})]
    others = {name: [(n, cells_of(name, row)) for n, row in rows] for name, rows in beside.items() if name != table}
    same = [(n, cells_of(table, row)) for n, row in beside.get(table, ())]
    grids = {name: _grid(name, rows) for name, rows in (others | {table: same + entered}).items()}
    if not usable(grids[table], found):  # it has columns that the table does not know
        return EnteredRow(row=None, faults=tuple(found.faults), warnings=(), own=tuple(found.faults))
    rows = {name: read_rows(grid, found) for name, grid in grids.items()}
    check_rows(rows[table], found)
    own = len(found.faults)
    check_references(rows, found)
    if brps and table == "connections":
        check_brps(rows[table], brps, found)
    mine = grids[table].file
    places = [n for n, fault in enumerate(found.faults) if fault.file == mine and fault.line == _ENTERED]
    faults = tuple(found.faults[n] for n in places)
    warnings = tuple(doubt for doubt in found.warnings if doubt.file == mine and doubt.line == _ENTERED)
    return EnteredRow(
        row=None if faults else _entered(rows[table]), faults=faults, warnings=warnings,
        own=tuple(found.faults[n] for n in places if n < own),
    )  # fmt: skip


def _grid(table: str, rows: Sequence[tuple[int, Mapping[str, str]]]) -> RawTable:
    names = [column.name for column in columns_of(table)]
    names += sorted({name for _, cells in rows for name in cells} - set(names))
    data = {name: pa.array([cells.get(name) or None for _, cells in rows], pa.string()) for name in names}
    return RawTable(table=table, file=table, place="row", lines=[number for number, _ in rows], data=pa.table(data))


def _entered(rows: TableRows) -> Any:
    assert rows.grid is not None
    return rows.values[rows.at.index(len(rows.grid.lines) - 1)]
