"""Reads the volumes that an exchange awarded for a Period from a CSV file: columns `start` and `mw`."""

import csv
from datetime import datetime
from pathlib import Path
from typing import Any

from agr.connectors.tables.cells import CellError, Reader, read_instant, read_number
from agr.domain.errors import InputError
from agr.domain.isp import Period

COLUMNS = {"start", "mw"}


def read_volumes_mw(path: Path, period: Period, product_minutes: int) -> tuple[float, ...]:
    """Return MW per ISP, bought positive, from a file with a row per ISP or per product of the market.

    Raises InputError naming the line: for a value that cannot be read, a start that is not of the Period or appears
    twice, and a start that is missing.
    """
    rows = _rows(path)
    isps, longer = period.starts(), max(product_minutes // period.isp_minutes, 1)
    products = isps[::longer]
    strange = [start for start in rows if start not in set(isps)]
    if strange:
        first = min(strange)
        raise InputError(f"{path}, line {rows[first][1]}: no ISP of {period} starts at {first.isoformat()}")
    by_product = longer > 1 and not rows.keys() - set(products)
    expected = products if by_product else isps
    missing = [start for start in expected if start not in rows]
    if missing:
        one = missing[0].astimezone(period.tz).isoformat()
        raise InputError(f"{path}: {len(missing)} of {len(expected)} starts are missing, the first is {one}")
    repeat = longer if by_product else 1
    return tuple(rows[start][0] for start in expected for _ in range(repeat))


def _rows(path: Path) -> dict[datetime, tuple[float, int]]:
    """Return start → (MW, line)."""
    try:
        lines = path.read_text(encoding="utf-8-sig").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"{path}: cannot be read ({error}); expected UTF-8 text") from error
    reader = csv.DictReader(lines, restkey="", strict=True)
    if set(reader.fieldnames or ()) != COLUMNS:
        raise InputError(f"{path}: expected the columns start,mw, found {','.join(reader.fieldnames or ())}")
    found: dict[datetime, tuple[float, int]] = {}
    for row in reader:
        where = f"{path}, line {reader.line_num}"
        if "" in row or None in row.values():
            raise InputError(f"{where}: expected two values")
        start: datetime = _cell(row["start"], read_instant, f"{where}, column start")
        mw: float = _cell(row["mw"], read_number, f"{where}, column mw")
        if start in found:
            raise InputError(f"{where}: {start.isoformat()} stands already in line {found[start][1]}")
        found[start] = (mw, reader.line_num)
    return found


def _cell(value: str, read: Reader, where: str) -> Any:
    try:
        return read(value)
    except CellError as error:
        raise InputError(f"{where}: {value!r} {error}") from error
