"""Reads a table of what happened: CSV or Parquet, series,start,minutes,value and, if known, received_at."""

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from agr.connectors.tables.cells import CellError, read_instant, read_number, read_text, read_whole
from agr.connectors.tables.grid import Grid, open_grid
from agr.connectors.tables.rows import shown
from agr.domain.errors import TableError
from agr.domain.faults import Findings
from agr.forecasting.days import Observed

COLUMNS = ("series", "start", "minutes", "value")
RECEIVED = "received_at"
_LENGTHS = (5, 10, 15, 20, 30, 60)


@dataclass(frozen=True, kw_only=True)
class ActualRow:
    """A row, with its line for messages; `received_at` is None where the table does not say."""

    line: int
    series: str
    observed: Observed
    received_at: datetime | None


def read_actuals(path: Path) -> list[ActualRow]:
    """Return every row. Raises TableError with all rows that cannot be read: nothing is taken then."""
    found = Findings()
    grid = open_grid(path, found)
    if grid is None:
        raise TableError(found.faults)
    missing = [name for name in COLUMNS if name not in grid.header]
    unknown = [name for name in grid.header if name not in (*COLUMNS, RECEIVED)]
    if missing or unknown:
        words = f"has no column {missing[0]}" if missing else f"has a column {unknown[0]} that is not known"
        found.fault(path.name, f"{words}; expected {','.join(COLUMNS)} and perhaps {RECEIVED}")
        raise TableError(found.faults)
    columns = {name: grid.cells(name) for name in grid.header}
    rows = [_row(grid, columns, place, found) for place in range(len(grid.lines))]
    if found.faults:
        raise TableError(found.faults)
    return [row for row in rows if row is not None]


def _row(grid: Grid, columns: dict[str, list[object]], place: int, found: Findings) -> ActualRow | None:
    cells = {name: column[place] for name, column in columns.items()}
    name = "series"
    try:
        if cells[name] is None:
            raise CellError("is empty; a value is needed")
        series = read_text(cells[name])
        name = "start"
        start = read_instant(cells[name])
        name = "minutes"
        minutes = read_whole(cells[name])
        if minutes not in _LENGTHS:
            raise CellError(f"is not one of {', '.join(map(str, _LENGTHS))} minutes")
        name = "value"
        value = read_number(cells[name])
        name = RECEIVED
        received = None if cells.get(name) is None else read_instant(cells[name])
    except CellError as error:
        found.faults.append(grid.finding(place, name, f"{shown(cells[name])} {error}"))
        return None
    return ActualRow(
        line=int(grid.lines[place]), series=series, received_at=received,
        observed=Observed(start=start, minutes=minutes, value=value),
    )  # fmt: skip
