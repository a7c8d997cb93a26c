"""Turns a grid into the frozen values of one table, cell by cell; every bad cell is a fault."""

from dataclasses import dataclass, field
from typing import Any

from agr.connectors.tables import cells, columns
from agr.connectors.tables.grid import RawTable
from agr.domain.faults import Findings
from agr.domain.register import ROWS


@dataclass(kw_only=True)
class TableRows:
    """The values read from one table, with their rows in the grid."""

    grid: RawTable | None = None
    at: list[int] = field(default_factory=list)
    values: list[Any] = field(default_factory=list)


def cells_in(rows: TableRows | None, column: str) -> set[object] | None:
    """Return what a column holds in good and bad rows; nothing without the table, None where it cannot be read."""
    if rows is None:
        return set()
    if rows.grid is None:
        return None
    return {cell.strip() if isinstance(cell, str) else cell for cell in rows.grid.cells(column)}


def usable(grid: RawTable, found: Findings) -> bool:
    """Note faults of the header; return whether the rows can be read at all."""
    faults = columns.header_faults(grid.table, grid.header)
    for name, words in faults:
        found.fault(grid.file, f"column {name} {words}")
    return not faults


def read_rows(grid: RawTable, found: Findings) -> TableRows:
    """Return the table's good rows; the others are noted as faults."""
    bad: set[int] = set()
    read: dict[str, list[object]] = {}
    for column in columns.columns_of(grid.table):
        present = column.name in grid.header
        read[column.name] = _read_column(grid, column, bad, found) if present else [column.default] * len(grid.lines)
    row_class = ROWS[grid.table]
    good = [row for row in range(len(grid.lines)) if row not in bad]
    names = list(read)
    stacked = list(zip(*read.values(), strict=True))
    return TableRows(
        grid=grid, at=good, values=[row_class(**dict(zip(names, stacked[row], strict=True))) for row in good]
    )


def _read_column(grid: RawTable, column: columns.Column, bad: set[int], found: Findings) -> list[object]:
    values: list[object] = []
    for row, cell in enumerate(grid.cells(column.name)):
        if cell is None:
            values.append(column.default)
            if column.required:
                bad.add(row)
                found.faults.append(grid.finding(row, column.name, "is empty; a value is needed"))
            continue
        try:
            values.append(column.read(cell))
        except cells.CellError as error:
            values.append(None)
            bad.add(row)
            found.faults.append(grid.finding(row, column.name, f"{shown(cell)} {error}"))
    return values


def shown(cell: object) -> str:
    """Return a cell's value as quoted in a fault."""
    text = repr(cell) if isinstance(cell, str) else str(cell)
    return text if len(text) <= 80 else text[:77] + "…"
