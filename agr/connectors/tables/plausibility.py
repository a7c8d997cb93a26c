"""Warns of values in a folder that were probably entered in another unit, with the file, line and column of each."""

from collections import Counter
from collections.abc import Collection, Mapping

from agr.connectors.tables.grid import RawTable
from agr.connectors.tables.rows import TableRows
from agr.domain.doubt import Doubt
from agr.domain.faults import Finding, Findings
from agr.domain.plausibility import doubts, key_of
from agr.domain.register import Register

_SHOWN = 5
"""Most warnings about one column: where W were entered instead of kW, every row is wrong."""


def check_plausible(
    register: Register, tables: Mapping[str, TableRows], grids: Mapping[str, RawTable], capacity: Collection[str],
    found: Findings,
) -> None:  # fmt: skip
    """Note doubtful values of the good rows; `capacity` are series whose prices are in EUR/MW."""
    counts: Counter[tuple[str, str]] = Counter()
    places = _Places(tables, grids)
    for doubt in doubts(register, capacity):
        counts[doubt.table, doubt.column] += 1
        if counts[doubt.table, doubt.column] <= _SHOWN:
            found.warnings.append(places.finding(doubt))
    for (table, column), count in counts.items():
        if count > _SHOWN:
            words = f"{count - _SHOWN:,} more values of this column are as doubtful"
            found.warnings.append(places.whole(table, column, words))


class _Places:
    """Finds the rows of doubts; the names of a table are read when there is a doubt about it."""

    def __init__(self, tables: Mapping[str, TableRows], grids: Mapping[str, RawTable]) -> None:
        self._tables, self._grids = tables, grids
        self._rows: dict[str, dict[str, int]] = {}

    def finding(self, doubt: Doubt) -> Finding:
        """Return the doubt as a finding at its row."""
        grid = self._grids.get(doubt.table)
        if grid is None:
            return self.whole(doubt.table, doubt.column, f"{doubt.name}: {doubt.words}")
        row = self._row(doubt) if doubt.value is None else self._row_of_value(grid, doubt)
        if row is None:
            return self.whole(doubt.table, doubt.column, f"{doubt.name}: {doubt.words}")
        words = doubt.words if doubt.table == "prices" else f"{doubt.name}: {doubt.words}"
        return grid.finding(row, doubt.column, words)

    def whole(self, table: str, column: str, words: str) -> Finding:
        """Return a finding about a column as a whole."""
        grid = self._grids.get(table)
        return Finding(file=table if grid is None else grid.file, column=column, words=words)

    def _row(self, doubt: Doubt) -> int | None:
        if doubt.table not in self._rows:
            rows, column = self._tables[doubt.table], key_of(doubt.table)
            pairs = zip(rows.values, rows.at, strict=True)
            self._rows[doubt.table] = {str(getattr(value, column)): at for value, at in reversed(list(pairs))}
        return self._rows[doubt.table].get(doubt.name)

    @staticmethod
    def _row_of_value(grid: RawTable, doubt: Doubt) -> int | None:
        """Return the first row of a table with the doubt's name and value."""
        names, values = grid.cells(key_of(doubt.table)), grid.cells(doubt.column)
        for row, (name, value) in enumerate(zip(names, values, strict=True)):
            if str(name).strip() == doubt.name and _is(value, doubt.value):
                return row
        return None


def _is(cell: object, value: float | None) -> bool:
    try:
        return value is not None and abs(float(str(cell))) == abs(value)
    except ValueError:
        return False
