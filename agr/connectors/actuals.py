"""Reads a table of what happened: CSV or Parquet, series,start,minutes,value and, if known, received_at."""

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from agr.connectors.tables.cells import CellError, read_instant, read_number, read_text, read_whole
from agr.connectors.tables.plain import Cells, read_plain
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
    return read_plain(path, COLUMNS, _row, perhaps=(RECEIVED,))


def _row(cells: Cells) -> ActualRow:
    observed = Observed(
        start=cells.of("start", read_instant), minutes=cells.of("minutes", _read_minutes),
        value=cells.of("value", read_number),
    )  # fmt: skip
    return ActualRow(
        line=cells.line, series=cells.of("series", read_text), observed=observed,
        received_at=cells.perhaps(RECEIVED, read_instant),
    )  # fmt: skip


def _read_minutes(cell: object) -> int:
    minutes = read_whole(cell)
    if minutes not in _LENGTHS:
        raise CellError(f"is not one of {', '.join(map(str, _LENGTHS))} minutes")
    return minutes
