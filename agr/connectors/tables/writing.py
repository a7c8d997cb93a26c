"""Writes a register as a folder of tables; reading the folder gives the same register."""

import csv
import io
from collections.abc import Iterator, Sequence
from datetime import UTC, date, datetime, time
from pathlib import Path
from typing import Any, Literal

import pyarrow as pa
import pyarrow.parquet

from agr.connectors.tables.columns import Column, columns_of
from agr.domain.errors import TableError
from agr.domain.isp import Period
from agr.domain.register import ROWS, Forecast, Register

_INSTANT = pa.timestamp("us", tz="UTC")
_PARQUET: dict[type, pa.DataType] = {
    str: pa.string(), float: pa.float64(), int: pa.int64(), date: pa.date32(),
    time: pa.time64("us"), datetime: _INSTANT, tuple: pa.list_(pa.float64()),
}  # fmt: skip
_AT_ONCE = 500


def write_folder(register: Register, folder: Path, format: Literal["csv", "parquet"] = "csv") -> None:  # noqa: A002
    """Write every table that has rows, and connections in any case. Raises TableError if the folder has tables."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        present = sorted(path.name for path in folder.iterdir() if path.stem in ROWS)
        if present:
            there = [f"{folder / name}: already exists; choose an empty folder" for name in present]
            raise TableError(there, so="nothing was written")
        for table, rows in register.tables().items():
            if table == "connections" or rows:
                _write(table, rows, folder / f"{table}.{format}")
    except OSError as error:
        raise TableError([f"{folder}: cannot be written ({error.strerror})"], so="the folder is incomplete") from error


def csv_lines(table: str, values: Sequence[Any]) -> Iterator[str]:
    """Yield the text of a CSV table in parts: its header, then some hundred rows each."""
    names = [column.name for column in _columns(table, values)]
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(names)
    for place, row in enumerate(_cells(table, names, values)):
        writer.writerow([cell_text(cell) for cell in row])
        if place % _AT_ONCE == _AT_ONCE - 1:
            yield text.getvalue()
            text.seek(0)
            text.truncate()
    yield text.getvalue()


def _columns(table: str, values: Sequence[Any]) -> list[Column]:
    return [column for column in columns_of(table) if not _left_out(table, column.name, values)]


def _cells(table: str, names: Sequence[str], values: Sequence[Any]) -> Iterator[tuple[object, ...]]:
    return _forecast_rows(values) if table == "forecasts" else _rows(names, values)


def _write(table: str, values: Sequence[Any], path: Path) -> None:
    columns = _columns(table, values)
    names = [column.name for column in columns]
    if path.suffix == ".csv":
        with path.open("w", encoding="utf-8", newline="") as file:
            file.writelines(csv_lines(table, values))
    else:
        rows = _cells(table, names, values)
        cells = list(zip(*rows, strict=True)) or [()] * len(names)
        data = {c.name: pa.array(part, _PARQUET[c.kind]) for c, part in zip(columns, cells, strict=True)}
        pa.parquet.write_table(pa.table(data), path)


def _left_out(table: str, column: str, values: Sequence[Any]) -> bool:
    """Say whether a column is not written: forecasts have the ISP's length, and most portfolios have only one BRP."""
    if table == "connections" and column == "brp":
        return all(row.brp is None for row in values)
    return (table, column) == ("forecasts", "minutes")


def _rows(names: Sequence[str], values: Sequence[Any]) -> Iterator[tuple[object, ...]]:
    for value in values:
        yield tuple(getattr(value, name) for name in names)


def _forecast_rows(forecasts: Sequence[Forecast]) -> Iterator[tuple[object, ...]]:
    starts: dict[Period, list[datetime]] = {}  # of a day, whatever the number of its forecasts
    for forecast in forecasts:
        if forecast.period not in starts:
            starts[forecast.period] = forecast.period.starts()
        for start, value in zip(starts[forecast.period], forecast.values, strict=True):
            yield forecast.resource, forecast.quantity, start, value


def cell_text(cell: object) -> str:
    """Return a value as it is written in a CSV table; None is empty."""
    if isinstance(cell, str):
        return cell
    if isinstance(cell, float):
        return repr(cell)
    if cell is None:
        return ""
    if isinstance(cell, tuple):
        return " ".join(repr(float(number)) for number in cell)
    if isinstance(cell, datetime):
        return cell.astimezone(UTC).isoformat()
    if isinstance(cell, date | time):
        return cell.isoformat()
    return str(cell)
