"""The columns of each table, their allowed values, and suggestions for unknown columns. Pure.

Columns are the fields of the tables' rows (agr.domain.register.ROWS). A field without a default is a required column;
a field that may be None is an optional column, whose cells may be empty. Types carry bounds (agr.domain.bounds).
"""

import types
from collections.abc import Iterable
from dataclasses import MISSING, dataclass, fields
from datetime import date, datetime, time
from functools import cache
from typing import Annotated, Any, Union, get_args, get_origin, get_type_hints

from agr.connectors.tables import cells
from agr.domain.bounds import Bound, PriceMinutes, Spelling
from agr.domain.faults import meant
from agr.domain.register import ROWS


@dataclass(frozen=True, kw_only=True)
class Column:
    """One column of a table."""

    name: str
    kind: type
    read: cells.Reader
    required: bool
    default: object = None


_READERS: dict[type, cells.Reader] = {
    str: cells.read_text,
    float: cells.read_number,
    int: cells.read_whole,
    date: cells.read_day,
    time: cells.read_clock,
    datetime: cells.read_instant,
    tuple: cells.read_profile,
}
_BY_NAME: dict[str, cells.Reader] = {
    "address": cells.read_address,
    "congestion_point": cells.read_address,
    "dso": cells.read_domain,
    "series": cells.read_series,
}
_UNITS = ("_eur_per_mw_h", "_eur_per_mwh", "_eur_per_kwh", "_mwh", "_kwh", "_wh", "_mw", "_kw", "_w")


@cache
def columns_of(table: str) -> tuple[Column, ...]:
    """Return the columns of a table."""
    if table == "forecasts":
        return _FORECASTS
    row = ROWS[table]
    hints = get_type_hints(row, include_extras=True)
    return tuple(_column(f.name, hints[f.name], f.default) for f in fields(row))


def _column(name: str, hint: Any, default: object = MISSING) -> Column:
    optional = get_origin(hint) in (Union, types.UnionType)
    given = next(a for a in get_args(hint) if a is not type(None)) if optional else hint
    plain, *marks = get_args(given) if get_origin(given) is Annotated else (given,)
    kind: type = get_origin(plain) or plain
    reader = _BY_NAME.get(name, _READERS[kind])
    for mark in marks:
        reader = _marked(reader, mark)
    required = default is MISSING and not optional
    return Column(name=name, kind=kind, read=reader, required=required, default=None if default is MISSING else default)


def _marked(read: cells.Reader, mark: object) -> cells.Reader:
    """Return a reader that also checks a bound or a pattern."""
    if isinstance(mark, Spelling):
        return lambda value: cells.read_matching(value, mark.fault)
    return lambda value: cells.read_bounded(value, read, mark) if isinstance(mark, Bound) else read(value)


_FORECASTS = (
    _column("resource", str),
    _column("quantity", str),
    _column("start", datetime),
    _column("minutes", PriceMinutes, None),
    _column("value", float),
)


def header_faults(table: str, names: Iterable[str]) -> list[tuple[str, str]]:
    """Return (column, fault) for a table's header."""
    given, known = list(names), [column.name for column in columns_of(table)]
    faults = [(name, "appears twice") for name in sorted({n for n in given if given.count(n) > 1})]
    faults += [(name, f"is not a column of this table; {_meant(name, known)}") for name in given if name not in known]
    missing = [c.name for c in columns_of(table) if c.required and c.name not in given]
    return faults + [(name, "is missing; add it") for name in missing]


def _meant(name: str, known: list[str]) -> str:
    spelled = [column for column in known if column == name.strip().lower()]
    if spelled:
        return f"write {spelled[0]} in small letters"
    same = [column for column in known if _stem(column) == _stem(name)]
    if same:
        return f"{same[0]} is: convert the values to that unit and rename it"
    return meant(name, known)


def _stem(name: str) -> str:
    lower = name.lower()
    return next((lower.removesuffix(unit) for unit in _UNITS if lower.endswith(unit)), lower)
