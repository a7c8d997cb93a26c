"""Checks within a row of the register and between its tables."""

from collections.abc import Callable, Collection, Iterator, Mapping
from datetime import time
from typing import Any

from agr.connectors.tables.cells import CellError, ean_is_consistent
from agr.connectors.tables.charge_points import check_charge_points
from agr.connectors.tables.columns import columns_of
from agr.connectors.tables.limits import check_limits
from agr.connectors.tables.rows import TableRows, cells_in, shown
from agr.connectors.tables.tariffs import check_tariffs
from agr.domain.charge_point import doubts_of, faults_of
from agr.domain.faults import Findings, meant
from agr.domain.kinds import BY_TABLE, KINDS
from agr.domain.kinds.kind import Kind, Remark
from agr.domain.register import KEYS, ConnectionLimit, ConnectionTariff, Contract, PointLimit, PointMember


def _days(row: Any) -> Iterator[Remark]:
    if row.last_day is not None and row.last_day < row.first_day:
        yield "last_day", f"{row.last_day} is before first_day {row.first_day}"


def _window(row: Contract | PointLimit | ConnectionLimit | ConnectionTariff) -> Iterator[Remark]:
    if row.window_start == row.window_end != time(0):
        yield "window_end", f"{row.window_end} equals window_start: no window; the whole day is 00:00 to 24:00"


def _limit(row: PointLimit | ConnectionLimit) -> Iterator[Remark]:
    yield from _days(row)
    yield from _window(row)
    if row.import_kw is None and row.export_kw is None:
        yield "import_kw", "and export_kw are both empty; give at least one bound"


def _tariff(row: ConnectionTariff) -> Iterator[Remark]:
    yield from _days(row)
    yield from _window(row)


def _contract(row: Contract) -> Iterator[Remark]:
    yield from _days(row)
    yield from _window(row)


_LEAST_EUR_PER_MWH, _MOST_EUR_PER_MWH = 1.0, 1000.0
"""Tariffs outside this range, in EUR/MWh, are reported as doubtful."""
_Check = Callable[[Any], Iterator[Remark]]
_FAULTS: dict[str, _Check] = {
    "connections": _days,
    **{kind.table: kind.faults for kind in KINDS},
    "contracts": _contract,
    "limits": _limit,
    "congestion_points": _days,
    "limit_groups": lambda _row: iter(()),
    "connection_limits": _limit,
    "charge_points": faults_of,
    "connection_tariffs": _tariff,
}


def _doubtful_contract(row: Contract) -> Iterator[Remark]:
    if row.power_w == 0 and row.price_eur_per_mwh is None:  # a contract of limits reserves nothing
        yield "power_w", "0 reserves nothing"
    yield from _doubtful_address(row.congestion_point, "congestion_point")


def _doubtful_address(address: str, column: str) -> Iterator[Remark]:
    if not ean_is_consistent(address):
        yield column, f"{address} has a wrong check digit; compare it with the grid operator's list"


def _doubtful_tariff(row: ConnectionTariff) -> Iterator[Remark]:
    if not (row.import_eur_per_mwh or row.export_eur_per_mwh or row.peak_eur_per_kw):
        yield "import_eur_per_mwh", "and export_eur_per_mwh and peak_eur_per_kw are all 0; the row charges nothing"
    if row.peak_reached_kw and not row.peak_eur_per_kw:
        yield "peak_reached_kw", f"{row.peak_reached_kw:g} kW says nothing without peak_eur_per_kw; enter that as well"
    for column in ("import_eur_per_mwh", "export_eur_per_mwh"):
        price = getattr(row, column)
        if 0 < abs(price) < _LEAST_EUR_PER_MWH:
            meant_price = f"{price * 1000:g} EUR/MWh ({price:g} EUR/kWh)"
            yield column, f"{price:g} EUR/MWh is very little; did you mean {meant_price}?"
        elif abs(price) > _MOST_EUR_PER_MWH:
            yield column, f"{price:g} EUR/MWh is very much ({price / 1000:g} EUR/kWh); compare it with the contract"


def _doubts(kind: Kind[Any]) -> _Check:
    def doubts(row: Any) -> Iterator[Remark]:
        yield from kind.doubts(row)
        for column, words in kind.shortfalls(row):
            yield column, f"{words}; the rest will be reported as a shortfall"

    return doubts


_BEHIND = ("congestion_points", "charge_points", "connection_tariffs")  # name connections, as resources do
_WARNINGS: dict[str, _Check] = {
    "connections": lambda row: _doubtful_address(row.address, "address"),
    **{kind.table: _doubts(kind) for kind in KINDS},
    "contracts": _doubtful_contract,
    "limits": lambda row: _doubtful_address(row.congestion_point, "congestion_point"),
    "congestion_points": lambda row: _doubtful_address(row.congestion_point, "congestion_point"),
    "limit_groups": lambda _row: iter(()),
    "connection_limits": lambda _row: iter(()),
    "charge_points": doubts_of,
    "connection_tariffs": _doubtful_tariff,
}


def row_faults(table: str, row: Any) -> list[str]:
    """Return the faults of a row that was not read from a table: values out of bounds, and contradictions."""
    found = []
    for column in columns_of(table):
        value = getattr(row, column.name)
        if isinstance(value, int | float):
            try:
                column.read(value)
            except CellError as error:
                found.append(f"{column.name} {value:g} {error}")
    return found or [f"{column} {words}" for column, words in _FAULTS[table](row)]


def check_rows(rows: TableRows, found: Findings) -> None:
    """Note contradictions within a row, and doubtful values of a row without faults."""
    if rows.grid is None:
        return
    faulty, doubtful = _FAULTS[rows.grid.table], _WARNINGS[rows.grid.table]
    for at, row in zip(rows.at, rows.values, strict=True):
        faults = [rows.grid.finding(at, column, words) for column, words in faulty(row)]
        found.faults += faults
        if not faults:
            found.warnings += [rows.grid.finding(at, column, words) for column, words in doubtful(row)]


def check_references(tables: Mapping[str, TableRows], found: Findings) -> None:
    """Note undeclared connections, and names that appear twice; resources share one set of names.

    A table that could not be read has no grid; neither it nor references to it are checked.
    """
    connections = cells_in(tables.get("connections"), "address")
    resources: dict[str, str] = {}
    for table, rows in tables.items():
        if rows.grid is None:
            continue
        if table in KEYS:
            _unique(rows, KEYS[table], resources if table in BY_TABLE else {}, found)
        if (table in BY_TABLE or table in _BEHIND) and connections is not None:
            _declared(rows, connections, found)
        if table == "congestion_points":
            _members(rows, found)
    check_limits(tables, connections, found)
    check_charge_points(tables, found)
    check_tariffs(tables.get("connection_tariffs"), found)


def check_brps(rows: TableRows, brps: Collection[str], found: Findings) -> None:
    """Note connections of balance responsible parties that nobody has told us about."""
    if rows.grid is None:
        return
    for at, row in zip(rows.at, rows.values, strict=True):
        if row.brp is not None and row.brp not in brps:
            words = f"{shown(row.brp)} is not in [[brps]] of the settings; {meant(row.brp, sorted(brps))}"
            found.faults.append(rows.grid.finding(at, "brp", words))


_ONE_ROW = {
    "address": "a connection has one row, whose days, brp and limit_group hold as long as it stands: keep the row that "
    "holds now, and import the other when its days come"
}
"""Key column → what to do instead of adding a second row, where choosing another name is not the remedy."""


def _unique(rows: TableRows, column: str, seen: dict[str, str], found: Findings) -> None:
    grid = rows.grid
    assert grid is not None
    for at, row in zip(rows.at, rows.values, strict=True):
        key = getattr(row, column)
        if key in seen:
            instead = _ONE_ROW.get(column, "every one needs its own name")
            words = f"{shown(key)} appears twice, first in {seen[key]}; {instead}"
            found.faults.append(grid.finding(at, column, words))
        else:
            seen[key] = f"{grid.file}, {grid.place} {grid.lines[at]}"


def _members(rows: TableRows, found: Findings) -> None:
    """Note connections at two congestion points on one day, and points of two DSOs."""
    assert rows.grid is not None
    dsos: dict[str, tuple[str, int]] = {}
    stays: dict[str, list[tuple[PointMember, int]]] = {}
    for at, row in zip(rows.at, rows.values, strict=True):
        dso, line = dsos.setdefault(row.congestion_point, (row.dso, rows.grid.lines[at]))
        if dso != row.dso:
            words = f"{row.dso} is not {dso}, the DSO of {row.congestion_point} in line {line}"
            found.faults.append(rows.grid.finding(at, "dso", words))
        for other, line in stays.setdefault(row.connection, []):
            if _meet(row, other):
                words = f"{shown(row.connection)} is already at {other.congestion_point} on these days (line {line})"
                found.faults.append(
                    rows.grid.finding(at, "connection", f"{words}; a connection lies at one point a day")
                )
                break
        stays[row.connection].append((row, rows.grid.lines[at]))


def _meet(one: PointMember, other: PointMember) -> bool:
    return (other.last_day is None or one.first_day <= other.last_day) and (
        one.last_day is None or other.first_day <= one.last_day
    )


def _declared(rows: TableRows, connections: set[object], found: Findings) -> None:
    assert rows.grid is not None
    for at, row in zip(rows.at, rows.values, strict=True):
        if row.connection not in connections:
            words = f"{shown(row.connection)} is not in the table of connections; add it there or correct it"
            found.faults.append(rows.grid.finding(at, "connection", words))
