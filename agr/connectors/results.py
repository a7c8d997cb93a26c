"""Reads what an exchange awarded for a Period from CSV text: columns `start`, `mw` and perhaps `price_eur_per_mwh`."""

import csv
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from agr.connectors.tables.cells import CellError, Reader, read_instant, read_number
from agr.domain.errors import InputError
from agr.domain.faults import unreadable, verb_of
from agr.domain.isp import Period

COLUMNS, PRICE = ["start", "mw"], "price_eur_per_mwh"


@dataclass(frozen=True, kw_only=True)
class Results:
    """Awarded MW per ISP, bought positive, and prices per ISP where they were told."""

    mw: tuple[float, ...]
    price_eur_per_mwh: tuple[float, ...] | None = None


@dataclass(frozen=True, kw_only=True)
class _Row:
    line: int
    mw: float
    price: float | None


def read_results_file(path: Path, period: Period, product_minutes: int) -> Results:
    """Return what a file says; see `read_results`."""
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"{path}: {unreadable(error)}") from error
    return read_results(text, str(path), period, product_minutes)


def read_results(text: str, where: str, period: Period, product_minutes: int) -> Results:
    """Return MW and prices per ISP from text with a row per ISP or per product of the market.

    Raises InputError naming the line: for a value that cannot be read, a start that is not of the Period or appears
    twice, and a start that is missing.
    """
    rows = _rows(text, where, period)
    isps, longer = period.starts(), max(product_minutes // period.isp_minutes, 1)
    products = isps[::longer]
    strange = [start for start in rows if start not in set(isps)]
    if strange:
        first = min(strange)
        raise InputError(
            f"{where}, line {rows[first].line}: no ISP of {period} starts at {_local(first, period)}"
            f"{_of_another_day(list(rows), period)}"
        )
    by_product = longer > 1 and not rows.keys() - set(products)
    expected = products if by_product else isps
    missing = [start for start in expected if start not in rows]
    if missing:
        one = _local(missing[0], period)
        raise InputError(
            f"{where}: {len(missing)} of {len(expected)} starts {verb_of(len(missing))} missing, the first is {one}"
        )
    chosen = [rows[start] for start in expected for _ in range(longer if by_product else 1)]
    prices = tuple(row.price for row in chosen if row.price is not None)
    return Results(mw=tuple(row.mw for row in chosen), price_eur_per_mwh=prices or None)


def _local(start: datetime, period: Period) -> str:
    return start.astimezone(period.tz).isoformat()


def _of_another_day(starts: list[datetime], period: Period) -> str:
    """Return which other Period was probably meant, where every start lies in one; else nothing."""
    days = {start.astimezone(period.tz).date() for start in starts}
    if len(days) != 1 or period.day in days:
        return ""
    return f"; the whole result is of {min(days)}: did you mean --period {min(days)}?"


def _rows(text: str, where: str, period: Period) -> dict[datetime, _Row]:
    """Return start → row."""
    separator = "\t" if "\t" in text.partition("\n")[0] else ","  # pasted from a spreadsheet
    reader = csv.DictReader(text.removeprefix("\ufeff").splitlines(), restkey="", strict=True, delimiter=separator)
    found: dict[datetime, _Row] = {}
    try:
        columns = [name.strip() for name in reader.fieldnames or ()]
        if sorted(columns) not in (sorted(COLUMNS), sorted([*COLUMNS, PRICE])):
            raise InputError(
                f"{where}: expected the columns {','.join(COLUMNS)}, found {','.join(columns)}; {PRICE} may be a third"
            )
        reader.fieldnames = columns
        for row in reader:
            line = f"{where}, line {reader.line_num}"
            if "" in row or None in row.values():
                raise InputError(f"{line}: expected {'two' if PRICE not in columns else 'three'} values")
            start: datetime = _cell(row["start"], read_instant, f"{line}, column start")
            mw: float = _cell(row["mw"], read_number, f"{line}, column mw")
            price = _cell(row[PRICE], read_number, f"{line}, column {PRICE}") if PRICE in columns else None
            if start in found:
                raise InputError(f"{line}: {_local(start, period)} stands already in line {found[start].line}")
            found[start] = _Row(line=reader.line_num, mw=mw, price=price)
    except csv.Error as error:
        raise InputError(f"{where}, line {reader.line_num}: is not CSV ({error})") from error
    return found


def _cell(value: str, read: Reader, where: str) -> Any:
    try:
        return read(value)
    except CellError as error:
        raise InputError(f"{where}: {value!r} {error}") from error
