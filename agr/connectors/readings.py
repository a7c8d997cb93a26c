"""Reads rows of readings, from JSON or from a CSV file with the columns `resource,at,quantity,value`."""

import csv
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from agr.connectors.tables.cells import CellError, Reader, read_instant, read_number, read_text
from agr.domain.errors import InputError
from agr.domain.faults import unreadable
from agr.domain.reading import Reported

COLUMNS: dict[str, Reader] = {
    "resource": read_text, "at": read_instant, "quantity": read_text, "value": read_number,
}  # fmt: skip
_SHOWN = 64
"""Most characters of a value that a message repeats."""


def reported(cells: Mapping[str, object]) -> Reported | str:
    """Return a row, or what is wrong with its values in words."""
    values: dict[str, Any] = {}
    faults = []
    for column, read in COLUMNS.items():
        try:
            values[column] = read(cells.get(column))
        except CellError as error:
            shown = repr(cells.get(column))
            faults.append(f"{column}: {shown if len(shown) <= _SHOWN else shown[:_SHOWN] + '…'} {error}")
    return "; ".join(faults) if faults else Reported(**values)


@dataclass(frozen=True, kw_only=True)
class ReadingFile:
    """The rows of a file, in its order, and the line of each."""

    rows: Sequence[Reported | str]
    lines: Sequence[int]


def read_readings(path: Path) -> ReadingFile:
    """Return the rows of a file; a wrong one does not affect the others. Raises InputError where it is no such file."""
    try:
        lines = path.read_text(encoding="utf-8-sig").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"{path}: {unreadable(error)}") from error
    reader = csv.DictReader(lines, restkey="", strict=True)
    rows: list[Reported | str] = []
    numbers: list[int] = []
    try:
        columns = reader.fieldnames or ()
        if sorted(columns) != sorted(COLUMNS):
            raise InputError(f"{path}: expected the columns {','.join(COLUMNS)}, found {','.join(columns)}")
        for row in reader:
            whole = "" not in row and None not in row.values()
            rows.append(reported(row) if whole else f"expected {len(COLUMNS)} values")
            numbers.append(reader.line_num)
    except csv.Error as error:
        raise InputError(f"{path}, line {reader.line_num}: is not CSV ({error}); nothing was stored") from error
    return ReadingFile(rows=rows, lines=numbers)
