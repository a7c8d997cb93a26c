"""Which columns each table has, what they may hold, and what was probably meant by an unknown one. Pure.

Tables and columns are the fields of `agr.domain.register`; a field without default is a required column, and one that
may be None may be left out or empty.
"""

import types
from collections.abc import Callable, Iterable
from dataclasses import MISSING, dataclass, fields
from datetime import date, datetime, time
from typing import Any, Union, get_args, get_origin, get_type_hints

from agr.connectors.tables import cells
from agr.domain.faults import meant
from agr.domain.register import Register


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
    "needs": cells.read_needs,
    "series": cells.read_series,
}
_NOT_NEGATIVE = {
    "curtailment_eur_per_mwh", "reserve_kw", "charge_kw", "charge_min_kw", "discharge_kw", "initial_kwh", "end_kwh",
    "minimum_kwh", "capacity_kwh", "wear_eur_per_mwh", "energy_kwh", "power_kw", "buffer_kwh", "import_kw", "export_kw",
    "availability_eur_per_mw_h", "penalty_eur_per_mwh", "min_run_minutes", "min_rest_minutes", "start_eur",
}  # fmt: skip
_BOUNDS: dict[str, tuple[Callable[[float], bool], str]] = {
    **{name: (lambda value: value >= 0, "must not be negative") for name in _NOT_NEGATIVE},
    "charge_efficiency": (lambda value: 0 < value <= 1, "must be above 0 and at most 1"),
    "discharge_efficiency": (lambda value: 0 < value <= 1, "must be above 0 and at most 1"),
    "loss_per_day": (lambda value: 0 <= value < 1, "is the share lost in 24 hours: at least 0, below 1"),
    "initial_minutes": (lambda value: value != 0, "is how long it has been on (above 0) or off (below 0); not 0"),
    "minutes": (lambda value: 1 <= value <= 7 * 1440, "must be 1 to 10080 (7 days)"),
}
_UNITS = ("_eur_per_mw_h", "_eur_per_mwh", "_eur_per_kwh", "_mwh", "_kwh", "_wh", "_mw", "_kw", "_w")


def tables() -> dict[str, type[Any]]:
    """Return table → the class of its rows, in the order of the register."""
    hints = get_type_hints(Register)
    return {field.name: get_args(hints[field.name])[0] for field in fields(Register)}


def columns_of(table: str) -> tuple[Column, ...]:
    """Return the columns of a table."""
    if table == "forecasts":
        return _FORECASTS
    row = tables()[table]
    hints = get_type_hints(row)
    return tuple(_column(f.name, hints[f.name], f.default) for f in fields(row))


def _column(name: str, hint: Any, default: object = MISSING) -> Column:
    optional = get_origin(hint) in (Union, types.UnionType)
    kind: type = next(a for a in get_args(hint) if a is not type(None)) if optional else get_origin(hint) or hint
    reader = _BY_NAME.get(name, _READERS[kind])
    if name in _BOUNDS:
        reader = _bounded(reader, *_BOUNDS[name])
    required = default is MISSING and not optional
    return Column(name=name, kind=kind, read=reader, required=required, default=None if default is MISSING else default)


def _bounded(read: cells.Reader, holds: Callable[[float], bool], words: str) -> cells.Reader:
    def bounded(value: object) -> Any:
        number = read(value)
        if not holds(number):
            raise cells.CellError(words)
        return number

    return bounded


_FORECASTS = (
    _column("resource", str),
    _column("quantity", str),
    _column("start", datetime),
    _column("minutes", int, None),
    _column("value", float),
)


def header_faults(table: str, names: Iterable[str]) -> list[tuple[str, str]]:
    """Return (column, what is wrong with it) for a table's header."""
    given, known = list(names), [column.name for column in columns_of(table)]
    faults = [(name, "is there twice") for name in sorted({n for n in given if given.count(n) > 1})]
    faults += [(name, f"is not a column of this table; {_meant(name, known)}") for name in given if name not in known]
    missing = [c.name for c in columns_of(table) if c.required and c.name not in given]
    return faults + [(name, "is missing; add it") for name in missing]


def _meant(name: str, known: list[str]) -> str:
    same = [column for column in known if _stem(column) == _stem(name)]
    if same:
        return f"{same[0]} is: convert the values to that unit and rename it"
    return meant(name, known)


def _stem(name: str) -> str:
    lower = name.lower()
    return next((lower.removesuffix(unit) for unit in _UNITS if lower.endswith(unit)), lower)
