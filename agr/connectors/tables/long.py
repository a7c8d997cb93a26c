"""Reads columns with very many rows: every distinct cell is read once."""

from contextlib import suppress
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from agr.connectors.tables.cells import CellError, read_number
from agr.connectors.tables.columns import Column, columns_of
from agr.connectors.tables.grid import RawTable
from agr.connectors.tables.rows import shown
from agr.domain.faults import Findings


@dataclass(frozen=True, kw_only=True, eq=False)
class Coded:
    """A column as indices into its distinct values; bad cells have the value None."""

    codes: NDArray[np.int64]  # (rows,)
    values: list[object]

    @property
    def good(self) -> NDArray[np.bool_]:
        """Which rows have a value, (rows,)."""
        known = np.array([value is not None for value in self.values], dtype=bool)
        return known[self.codes] if len(known) else np.zeros(len(self.codes), dtype=bool)

    def value(self, row: int) -> object:
        """Return a row's value."""
        return self.values[int(self.codes[row])]


def read_coded(grid: RawTable, name: str, found: Findings, default: object = None) -> Coded:
    """Read a column of a long table; an empty cell or absent column has the default."""
    column = next(c for c in columns_of(grid.table) if c.name == name)
    if name not in grid.header:
        return Coded(codes=np.zeros(len(grid.lines), dtype=np.int64), values=[default])
    codes, cells = grid.coded(name)
    codes = np.where(codes == -1, len(cells), codes)
    read, words = zip(*(_read(column, cell, default) for cell in (*cells, None)), strict=True)
    faulty = np.array([bool(fault) for fault in words])
    found.faults += [grid.finding(int(row), name, words[codes[row]]) for row in np.flatnonzero(faulty[codes])]
    return _merged(codes, list(read))


def _read(column: Column, cell: object, default: object) -> tuple[object, str]:
    if cell is None or (isinstance(cell, str) and not cell.strip()):
        return default, "is empty; a value is needed" if default is None else ""
    try:
        return column.read(cell), ""
    except CellError as error:
        return None, f"{shown(cell)} {error}"


def _merged(codes: NDArray[np.int64], values: list[object]) -> Coded:
    """Give equal values that are written differently the same code."""
    position: dict[object, int] = {}
    renumbered = np.array([position.setdefault(value, len(position)) for value in values], dtype=np.int64)
    return Coded(codes=renumbered[codes] if len(values) else codes, values=list(position))


def numbers(grid: RawTable, name: str, found: Findings) -> NDArray[np.float64]:
    """Read a column of numbers, (rows,); NaN where the cell is bad, which is noted."""
    column = grid.data.column(name).combine_chunks()
    fast = np.full(len(grid.lines), np.nan)
    if pa.types.is_floating(column.type) or pa.types.is_integer(column.type) or pa.types.is_string(column.type):
        with suppress(pa.ArrowInvalid):  # if a cell is not a number, cells are read one by one
            fast = np.array(pc.cast(column, pa.float64()).to_numpy(zero_copy_only=False), dtype=np.float64)
    if np.isfinite(fast).all():
        return fast
    cells = grid.cells(name)
    for row in np.flatnonzero(~np.isfinite(fast)):
        fast[row] = np.nan
        try:
            if cells[row] is None:
                raise CellError("is empty; a value is needed")
            fast[row] = read_number(cells[row])
        except CellError as error:
            text = "" if cells[row] is None else f"{shown(cells[row])} "
            found.faults.append(grid.finding(int(row), name, f"{text}{error}"))
    return fast
