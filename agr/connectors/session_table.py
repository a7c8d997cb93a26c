"""Reads a table of past charging sessions: CSV or Parquet, group,arrival,departure,energy_kwh."""

from dataclasses import dataclass
from pathlib import Path

from agr.connectors.tables.cells import read_instant, read_number, read_text
from agr.connectors.tables.plain import Cells, read_plain
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
    return read_plain(path, COLUMNS, _row)


def _row(cells: Cells) -> SessionRow:
    session = Session(
        arrival=cells.of("arrival", read_instant), departure=cells.of("departure", read_instant),
        energy_kwh=cells.perhaps("energy_kwh", read_number),
    )  # fmt: skip
    return SessionRow(line=cells.line, group=cells.of("group", read_text), session=session)
