"""Reads intraday trades from a CSV file: columns `trade,start,minutes,mw,price_eur_per_mwh`, bought positive.

A column `brp` may say which balance responsible party each was made for.
"""

import csv
from pathlib import Path
from typing import Any

from agr.connectors.tables.cells import CellError, Reader, read_instant, read_number, read_text, read_whole
from agr.domain.award import Trade
from agr.domain.errors import InputError
from agr.domain.faults import number_of, unreadable

_READERS: dict[str, Reader] = {
    "trade": read_text, "start": read_instant, "minutes": read_whole, "mw": read_number,
    "price_eur_per_mwh": read_number,
}  # fmt: skip

_BRP = "brp"

MOST_BYTES = 20_000_000
MOST_TRADES = 100_000
"""Most trades in one file; a trading desk makes far fewer in a year."""


def read_trades(path: Path) -> dict[int, Trade]:
    """Return line → trade of a file, in its order. Raises InputError that lists every fault with its line."""
    try:
        if (size := path.stat().st_size) > MOST_BYTES:
            raise InputError(f"{path}: has {size:,} bytes, more than {MOST_BYTES:,}; split it")
        lines = path.read_text(encoding="utf-8-sig").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"{path}: {unreadable(error)}") from error
    if len(lines) > MOST_TRADES + 1:
        raise InputError(f"{path}: has {len(lines) - 1:,} trades, more than {MOST_TRADES:,}; split it")
    reader = csv.DictReader(lines, restkey="", strict=True)
    trades: dict[int, Trade] = {}
    faults: list[str] = []
    try:
        columns = reader.fieldnames or ()
        if sorted(column for column in columns if column != _BRP) != sorted(_READERS):
            found = f"found {','.join(columns)}; {_BRP} may be added"
            raise InputError(f"{path}: expected the columns {','.join(_READERS)}, {found}")
        for row in reader:
            if "" in row or None in row.values():
                faults.append(f"line {reader.line_num}: expected {number_of(len(columns), 'value')}")
                continue
            values: dict[str, Any] = {}
            for column, read in _READERS.items():
                try:
                    values[column] = read(row[column])
                except CellError as error:
                    faults.append(f"line {reader.line_num}, column {column}: {row[column]!r} {error}")
            if len(values) == len(_READERS):
                trades[reader.line_num] = Trade(**values, brp=(row.get(_BRP) or "").strip())
    except csv.Error as error:
        faults.append(f"line {reader.line_num}: is not CSV ({error})")
    if faults:
        raise InputError(f"{path}: nothing was entered:\n" + "\n".join(faults))
    return trades
