"""Reads a table of one kind that stands alone: every row, or every fault with its file and line."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from agr.connectors.tables.cells import CellError
from agr.connectors.tables.grid import open_grid
from agr.connectors.tables.rows import shown
from agr.domain.errors import TableError
from agr.domain.faults import Findings

T = TypeVar("T")
Read = Callable[[Any], T]


class _RowError(Exception):
    """A cell that cannot be read; the column and the whole words."""


@dataclass(frozen=True, kw_only=True)
class Cells:
    """The cells of a row, with its line for messages."""

    line: int
    values: Mapping[str, object]

    def of(self, name: str, read: Read[T]) -> T:
        """Return what stands in a column, which must not be empty."""
        if self.values[name] is None:
            raise _RowError(name, f"{shown(None)} is empty; a value is needed")
        return self._read(name, read)

    def perhaps(self, name: str, read: Read[T]) -> T | None:
        """Return what stands in a column; None where it is empty or there is no such column."""
        return None if self.values.get(name) is None else self._read(name, read)

    def _read(self, name: str, read: Read[T]) -> T:
        try:
            return read(self.values[name])
        except CellError as error:
            raise _RowError(name, f"{shown(self.values[name])} {error}") from error


def read_plain(path: Path, columns: Sequence[str], row: Callable[[Cells], T], perhaps: Sequence[str] = ()) -> list[T]:
    """Return every row of a CSV or Parquet file with these columns, and perhaps some more.

    Raises TableError with all rows that cannot be read: nothing is taken then.
    """
    found = Findings()
    grid = open_grid(path, found)
    if grid is None:
        raise TableError(found.faults)
    missing = [name for name in columns if name not in grid.header]
    unknown = [name for name in grid.header if name not in (*columns, *perhaps)]
    if missing or unknown:
        words = f"has no column {missing[0]}" if missing else f"has a column {unknown[0]} that is not known"
        more = f" and perhaps {', '.join(perhaps)}" if perhaps else ""
        found.fault(path.name, f"{words}; expected {','.join(columns)}{more}")
        raise TableError(found.faults)
    cells = {name: grid.cells(name) for name in grid.header}
    rows = []
    for place, line in enumerate(grid.lines):
        try:
            rows.append(row(Cells(line=int(line), values={name: column[place] for name, column in cells.items()})))
        except _RowError as fault:
            name, words = fault.args
            found.faults.append(grid.finding(place, name, words))
    if found.faults:
        raise TableError(found.faults)
    return rows
