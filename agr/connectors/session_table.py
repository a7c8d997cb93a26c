"""Reads a table of past charging sessions: CSV or Parquet, group,arrival,departure,energy_kwh."""

from dataclasses import dataclass
from pathlib import Path

from agr.connectors.tables.cells import CellError, read_instant, read_number, read_text
from agr.connectors.tables.grid import Grid, open_grid
from agr.connectors.tables.rows import shown
from agr.domain.errors import TableError
from agr.domain.faults import Findings
from agr.forecasting.sessions import Session

COLUMNS = ("group", "arrival", "departure", "energy_kwh")


@dataclass(frozen=True, kw_only=True)
class SessionRow:
    """A row, with its line for messages."""

    line: int
    group: str
    session: Session


def read_sessions(path: Path) -> list[SessionRow]:
    """Return every row. Raises TableError with all rows that cannot be read: nothing is taken then."""
    found = Findings()
    grid = open_grid(path, found)
    if grid is None:
        raise TableError(found.faults)
    missing = [name for name in COLUMNS if name not in grid.header]
    unknown = [name for name in grid.header if name not in COLUMNS]
    if missing or unknown:
        words = f"has no column {missing[0]}" if missing else f"has a column {unknown[0]} that is not known"
        found.fault(path.name, f"{words}; expected {','.join(COLUMNS)}")
        raise TableError(found.faults)
    columns = {name: grid.cells(name) for name in grid.header}
    rows = [_row(grid, columns, place, found) for place in range(len(grid.lines))]
    if found.faults:
        raise TableError(found.faults)
    return [row for row in rows if row is not None]


def _row(grid: Grid, columns: dict[str, list[object]], place: int, found: Findings) -> SessionRow | None:
    cells = {name: column[place] for name, column in columns.items()}
    name = "group"
    try:
        if cells[name] is None:
            raise CellError("is empty; a value is needed")
        group = read_text(cells[name])
        name = "arrival"
        arrival = read_instant(cells[name])
        name = "departure"
        departure = read_instant(cells[name])
        name = "energy_kwh"
        energy = None if cells[name] is None else read_number(cells[name])
    except CellError as error:
        found.faults.append(grid.finding(place, name, f"{shown(cells[name])} {error}"))
        return None
    session = Session(arrival=arrival, departure=departure, energy_kwh=energy)
    return SessionRow(line=int(grid.lines[place]), group=group, session=session)
