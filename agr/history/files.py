"""History as files: CSV and Parquet of one table, and a page of all that can be mailed."""

import csv
import io
import os
from pathlib import Path
from typing import TYPE_CHECKING

from agr.domain.errors import InputError
from agr.domain.foreign_text import not_a_formula
from agr.history.tables import Cell, Table

if TYPE_CHECKING:  # takes 40 MB, which those who write no Parquet need not load
    import pyarrow as pa


def csv_text(table: Table) -> str:
    """Return a CSV file; what is not known is empty, numbers are written in full, and no text is a formula."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(table.columns)
    writer.writerows([_text(cell) for cell in row] for row in table.rows)
    return text.getvalue()


def _text(cell: Cell) -> str:
    if isinstance(cell, str):
        return not_a_formula(cell)
    return "" if cell is None else repr(cell) if isinstance(cell, float) else str(cell)


def parquet_table(table: Table) -> "pa.Table":
    """Return the columns with their types; what is not known is null."""
    import pyarrow as pa

    columns = {name: [row[place] for row in table.rows] for place, name in enumerate(table.columns)}
    return pa.table({name: pa.array(values, _type(name)) for name, values in columns.items()})


def _type(column: str) -> "pa.DataType":
    import pyarrow as pa

    if column.endswith(("_eur", "_mwh", "_kwh")):
        return pa.float64()
    return (
        pa.int64() if column.startswith(("promises_", "prognoses_")) or column in ("plans", "orders") else pa.string()
    )


def parquet_bytes(table: Table) -> bytes:
    """Return a Parquet file."""
    import pyarrow.parquet as pq

    sink = io.BytesIO()
    pq.write_table(parquet_table(table), sink)
    return sink.getvalue()


def write(content: bytes, path: Path) -> None:
    """Write a file as a whole or not at all. Raises InputError."""
    partial = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            partial.write_bytes(content)
            partial.replace(path)
        finally:
            partial.unlink(missing_ok=True)
    except OSError as error:
        raise InputError(f"{path}: cannot be written ({error.strerror})") from error
