"""What must hold within a row of the register and between its tables."""

from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime, time, timedelta
from typing import Any

from agr.connectors.tables.cells import CellError, ean_is_consistent
from agr.connectors.tables.columns import columns_of
from agr.connectors.tables.rows import TableRows, shown
from agr.domain import register as p
from agr.domain.faults import Findings

Remark = tuple[str, str]
"""(column, what is wrong)."""

_QUARTER = timedelta(minutes=15)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_KEYS = {"connections": "address", "contracts": "contract"}
RESOURCES = ("fixed_loads", "generators", "batteries", "ev_sessions", "heat_pumps", "shiftable_runs", "switched_loads")


def _days(row: Any) -> Iterator[Remark]:
    if row.last_day is not None and row.last_day < row.first_day:
        yield "last_day", f"{row.last_day} is before first_day {row.first_day}"


def _window(row: p.Contract | p.PointLimit) -> Iterator[Remark]:
    if row.window_start == row.window_end != time(0):
        yield "window_end", f"{row.window_end} equals window_start: no window; the whole day is 00:00 to 24:00"


def _reserve(row: Any, power_kw: float) -> Iterator[Remark]:
    if row.reserve_kw > power_kw:
        yield "reserve_kw", f"{row.reserve_kw:g} is more than the device's power, {power_kw:g} kW"


def _battery(row: p.Battery) -> Iterator[Remark]:
    if row.minimum_kwh > row.capacity_kwh:
        yield "minimum_kwh", f"{row.minimum_kwh:g} is more than capacity_kwh {row.capacity_kwh:g}"
    for name in ("initial_kwh", "end_kwh"):
        value = getattr(row, name)
        if value > row.capacity_kwh:
            yield name, f"{value:g} is more than capacity_kwh {row.capacity_kwh:g}"
        if value < row.minimum_kwh:
            yield name, f"{value:g} is less than minimum_kwh {row.minimum_kwh:g}"
    yield from _reserve(row, max(row.charge_kw, row.discharge_kw))


def _ev_session(row: p.EvSession) -> Iterator[Remark]:
    if row.departure <= row.arrival:
        yield "departure", f"{row.departure.isoformat()} is not after arrival {row.arrival.isoformat()}"
    if row.capacity_kwh is not None and row.initial_kwh + row.energy_kwh > row.capacity_kwh * (1 + 1e-9):
        yield (
            "capacity_kwh",
            f"{row.capacity_kwh:g} is less than initial_kwh {row.initial_kwh:g} plus energy_kwh {row.energy_kwh:g}",
        )
    if row.charge_min_kw > row.charge_kw:
        yield "charge_min_kw", f"{row.charge_min_kw:g} is more than charge_kw {row.charge_kw:g}"
    yield from _reserve(row, max(row.charge_kw, row.discharge_kw))


def _heat_pump(row: p.HeatPump) -> Iterator[Remark]:
    for name in ("initial_kwh", "end_kwh"):
        if getattr(row, name) > row.buffer_kwh:
            yield name, f"{getattr(row, name):g} is more than buffer_kwh {row.buffer_kwh:g}"
    yield from _reserve(row, row.power_kw)


def _shiftable_run(row: p.ShiftableRun) -> Iterator[Remark]:
    """A run starts with a quarter of an hour, so parts of quarters at both ends are of no use."""
    first, last = -((_EPOCH - row.earliest_start) // _QUARTER), (row.latest_end - _EPOCH) // _QUARTER
    room, needed = max(last - first, 0), len(row.profile_kw)
    if room < needed:
        yield "latest_end", f"leaves {room} whole quarters of an hour after earliest_start, the profile takes {needed}"


def _limit(row: p.PointLimit) -> Iterator[Remark]:
    yield from _days(row)
    yield from _window(row)
    if row.import_kw is None and row.export_kw is None:
        yield "import_kw", "and export_kw are both empty; give at least one bound"


def _contract(row: p.Contract) -> Iterator[Remark]:
    yield from _days(row)
    yield from _window(row)


_FAULTS: dict[str, Callable[[Any], Iterator[Remark]]] = {
    "connections": _days,
    "batteries": _battery,
    "ev_sessions": _ev_session,
    "heat_pumps": _heat_pump,
    "shiftable_runs": _shiftable_run,
    "contracts": _contract,
    "limits": _limit,
}


def _doubtful_session(row: p.EvSession) -> Iterator[Remark]:
    hours = (row.departure - row.arrival) / timedelta(hours=1)
    possible = row.charge_kw * hours * row.charge_efficiency
    if row.energy_kwh > possible * (1 + 1e-9):
        yield (
            "energy_kwh",
            f"{row.energy_kwh:g} cannot be charged: {row.charge_kw:g} kW for {hours:.2f} h gives {possible:.3g} kWh; "
            "the rest will be reported as a shortfall",
        )


def _doubtful_switched_load(row: p.SwitchedLoad) -> Iterator[Remark]:
    for need in p.needs_of(row.needs):
        end = 24 * 60 if need.end == time(0) else need.end.hour * 60 + need.end.minute
        hours = (end - need.start.hour * 60 - need.start.minute) / 60
        if need.hours > hours:
            yield (
                "needs",
                f"{need.hours:g} hours do not fit into the {hours:g} of the window from {need.start:%H:%M}; the rest "
                "will be reported as a shortfall",
            )


def _doubtful_contract(row: p.Contract) -> Iterator[Remark]:
    if row.power_w == 0:
        yield "power_w", "0 reserves nothing"
    yield from _doubtful_address(row.congestion_point, "congestion_point")


def _doubtful_address(address: str, column: str) -> Iterator[Remark]:
    if not ean_is_consistent(address):
        yield column, f"{address} has a wrong check digit; compare it with the grid operator's list"


_WARNINGS: dict[str, Callable[[Any], Iterator[Remark]]] = {
    "connections": lambda row: _doubtful_address(row.address, "address"),
    "ev_sessions": _doubtful_session,
    "switched_loads": _doubtful_switched_load,
    "contracts": _doubtful_contract,
    "limits": lambda row: _doubtful_address(row.congestion_point, "congestion_point"),
}


def _nothing(_row: object) -> Iterator[Remark]:
    yield from ()


def row_faults(table: str, row: Any) -> list[str]:
    """Return what is wrong with a row that was not read from a table: bounds of its columns, and contradictions."""
    found = []
    for column in columns_of(table):
        value = getattr(row, column.name)
        if isinstance(value, int | float):
            try:
                column.read(value)
            except CellError as error:
                found.append(f"{column.name} {value:g} {error}")
    return found or [f"{column} {words}" for column, words in _FAULTS.get(table, _nothing)(row)]


def check_rows(rows: TableRows, found: Findings) -> None:
    """Note what contradicts itself within a row, and what is doubtful in a row without faults."""
    if rows.grid is None:
        return
    faulty, doubtful = (checks.get(rows.grid.table, _nothing) for checks in (_FAULTS, _WARNINGS))
    for at, row in zip(rows.at, rows.values, strict=True):
        faults = [rows.grid.finding(at, column, words) for column, words in faulty(row)]
        found.faults += faults
        if not faults:
            found.warnings += [rows.grid.finding(at, column, words) for column, words in doubtful(row)]


def check_references(tables: Mapping[str, TableRows], found: Findings) -> None:
    """Note connections nobody declared, and names that are there twice; resources share one set of names.

    A table that could not be read has no grid: nothing is said about it, nor about references to it.
    """
    connections = _addresses(tables.get("connections"))
    resources: dict[str, str] = {}
    for table, rows in tables.items():
        if rows.grid is None:
            continue
        if table in _KEYS:
            _unique(rows, _KEYS[table], {}, found)
        if table in RESOURCES:
            _unique(rows, "resource", resources, found)
            if connections is not None:
                _declared(rows, connections, found)


def _addresses(rows: TableRows | None) -> set[object] | None:
    """Return what the table of connections says, in good rows and bad ones; None when it cannot be read."""
    if rows is None:
        return set()
    if rows.grid is None:
        return None
    return {cell.strip() if isinstance(cell, str) else cell for cell in rows.grid.cells("address")}


def _unique(rows: TableRows, column: str, seen: dict[str, str], found: Findings) -> None:
    grid = rows.grid
    assert grid is not None
    for at, row in zip(rows.at, rows.values, strict=True):
        key = getattr(row, column)
        if key in seen:
            words = f"{shown(key)} is there twice, first in {seen[key]}; every one needs its own name"
            found.faults.append(grid.finding(at, column, words))
        else:
            seen[key] = f"{grid.file}, {grid.place} {grid.lines[at]}"


def _declared(rows: TableRows, connections: set[object], found: Findings) -> None:
    assert rows.grid is not None
    for at, row in zip(rows.at, rows.values, strict=True):
        if row.connection not in connections:
            words = f"{shown(row.connection)} is not in the table of connections; add it there or correct it"
            found.faults.append(rows.grid.finding(at, "connection", words))
