"""Checks the parts of a scenario against each other; a fault has its file, its line and what was expected."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from agr.connectors.tables.cells import CellError, read_instant
from agr.connectors.tables.folder import Survey
from agr.connectors.tables.grid import RawTable, open_grid
from agr.domain.faults import Finding, Findings, meant, verb_of
from agr.domain.isp import Period
from agr.domain.kinds import KINDS
from agr.domain.kinds.ev_session import EvSession
from agr.domain.kinds.quantities import STORED
from agr.domain.own_points import own_points
from agr.domain.price import values_on
from agr.domain.register import Price
from agr.scenario.description import DsoRequest
from agr.scenario.scenario import Scenario
from agr.scenario.yaml_document import Document

_HIGHEST_EUR_PER_MWH = 10_000.0
"""Prices above this are faults: it exceeds the harmonised limits of the day-ahead auction (SDAC, 4,000 to 5,000) and of
intraday trading (9,999)."""


class Tables:
    """Finds the lines of rows in tables, which are opened only when there is a fault to report."""

    def __init__(self, folder: Path, name: str) -> None:
        self._folder, self._name = folder, name
        self._grids: dict[str, RawTable | None] = {}

    def _grid(self, table: str) -> RawTable | None:
        if table not in self._grids:
            paths = [self._folder / f"{table}{suffix}" for suffix in (".csv", ".parquet")]
            path = next((p for p in paths if p.is_file()), None)
            self._grids[table] = None if path is None else open_grid(path, Findings())
        return self._grids[table]

    def fault(self, table: str, column: str, value: object, words: str) -> Finding:
        """Return a fault at the first row whose column holds the value."""
        grid = self._grid(table)
        if grid is None or column not in grid.header:
            return Finding(file=f"{self._name}/{table}", words=words)
        cells = grid.cells(column)
        row = next((i for i, cell in enumerate(cells) if cell == value), None)
        return self._at(grid, row, column, words)

    def after(self, table: str, series: str, instant: str, words: str) -> Finding:
        """Return a fault at the last row of a series before an instant (ISO, UTC), else at its first row."""
        grid = self._grid(table)
        if grid is None or not {"series", "start"} <= set(grid.header):
            return Finding(file=f"{self._name}/{table}", words=words)
        rows = [i for i, cell in enumerate(grid.cells("series")) if cell == series]
        starts = grid.cells("start")
        before = [i for i in rows if _utc(starts[i]) < instant]
        return self._at(grid, before[-1] if before else next(iter(rows), None), "start", words)

    def _at(self, grid: RawTable, row: int | None, column: str, words: str) -> Finding:
        line = 0 if row is None else int(grid.lines[row])
        return Finding(
            file=f"{self._name}/{grid.file}", line=line, column=column if line else "", words=words, place=grid.place
        )


def _utc(cell: object) -> str:
    try:
        return read_instant(cell).isoformat()
    except CellError:
        return ""


@dataclass(frozen=True, kw_only=True)
class Certain:
    """Which parts can be relied on despite faults, so that one fault does not cause false ones."""

    keys: frozenset[str]  # of scenario.yaml with faults below them
    survey: Survey
    listed: bool  # whether all of cro.json could be read

    @property
    def days(self) -> bool:
        """Whether the days of the scenario are certain."""
        return not self.keys & {"period", "last_period"}


def check_scenario(
    scenario: Scenario, folder: Path, written: Document, listed: Document | None, certain: Certain
) -> list[Finding]:
    """Return the faults between the parts; checks whose parts are uncertain are skipped."""
    tables = Tables(folder, scenario.description.tables)
    found = [*_events(scenario, written, certain), *_course(scenario, written, certain)]
    found += _booked(scenario, written, certain)
    if listed is not None:
        found += _known(scenario, listed, certain)
    found += [*_points(scenario, tables, certain), *_shortfalls(scenario, tables), *_units(scenario, tables)]
    if certain.days:
        found += [*_forecasts(scenario, tables, certain), *_prices(scenario, tables, certain)]
    return found


def _events(scenario: Scenario, written: Document, certain: Certain) -> Iterator[Finding]:
    contracts = {c.contract: c for c in scenario.register.contracts}
    days = {period.day: period for period in scenario.description.periods()}
    for i, event in enumerate(scenario.description.events):
        period = days.get(event.period or scenario.description.period)
        if not certain.days:
            period = None
        elif period is None:
            words = f"{event.period} is not one of the scenario's days, {min(days)} to {max(days)}"
            yield written.finding(("events", i, "period"), words)
        elif event.at >= period.end:
            words = f"{event.at.isoformat()} is after the Period {period} it concerns; expected an earlier moment"
            yield written.finding(("events", i, "at"), words)
        if isinstance(event, DsoRequest):
            yield from _where_requested(scenario, written, i, event)
        if "contracts" in certain.survey.faulty or event.contract is None:
            continue
        if event.contract not in contracts:
            known = meant(event.contract, sorted(contracts))
            words = f"{event.contract!r} is not in {scenario.description.tables}/contracts.csv; {known}"
            yield written.finding(("events", i, "contract"), words)
        elif period is not None and not any(contracts[event.contract].contracted_w(period)):
            words = f"{event.contract!r} reserves nothing in {period}; expected a contract of that day"
            yield written.finding(("events", i, "contract"), words)


def _where_requested(scenario: Scenario, written: Document, i: int, event: DsoRequest) -> Iterator[Finding]:
    """Note a congestion point that is not there, and a contract of another one."""
    known = {point.address for point in scenario.points}
    if event.congestion_point not in known:
        words = f"{event.congestion_point!r} is not a congestion point of the scenario; "
        yield written.finding(
            ("events", i, "congestion_point"), words + meant(event.congestion_point, sorted(known))
        )  # fmt: skip
        return
    for contract in scenario.register.contracts:
        if contract.contract == event.contract and contract.congestion_point != event.congestion_point:
            words = f"{event.contract!r} is a contract of {contract.congestion_point}, not of {event.congestion_point}"
            yield written.finding(("events", i, "contract"), words)


def _course(scenario: Scenario, written: Document, certain: Certain) -> Iterator[Finding]:
    """Note stores and price series that are not in the tables, and day-ahead results that would change."""
    described = scenario.description
    stores = {row.resource for kind in KINDS if STORED in kind.measured for row in scenario.register.of(kind.row)}
    for i, one in enumerate(described.measurements if not certain.survey.faulty else ()):
        if one.resource not in stores:
            words = f"{one.resource!r} is not a store in {described.tables}; {meant(one.resource, sorted(stores))}"
            yield written.finding(("measurements", i, "resource"), words)
    known = {price.series for price in scenario.register.prices}
    for i, told in enumerate(described.revelations if not certain.survey.faulty else ()):
        if told.series == described.markets.day_ahead.series:
            words = "day-ahead results are final; reveal another series, such as that of intraday prices"
            yield written.finding(("revelations", i, "series"), words)
        if told.becomes not in known:
            words = f"{told.becomes!r} is not in {described.tables}/prices.csv; {meant(told.becomes, sorted(known))}"
            yield written.finding(("revelations", i, "becomes"), words)


def _booked(scenario: Scenario, written: Document, certain: Certain) -> Iterator[Finding]:
    """Note booked sessions that are not in the tables."""
    own = scenario.description.forecasts
    sessions = sorted(row.resource for row in scenario.register.of(EvSession))
    for i, name in enumerate(own.booked if own is not None and not certain.survey.faulty else ()):
        if name not in sessions:
            words = f"{name!r} is not a charging session in {scenario.description.tables}; {meant(name, sessions)}"
            yield written.finding(("forecasts", "booked", i), words)


def _known(scenario: Scenario, listed: Document, certain: Certain) -> Iterator[Finding]:
    """Note connections and congestion points that are listed twice, and undeclared DSOs."""
    seen: dict[str, int] = {}
    names: dict[str, int] = {}
    for i, point in enumerate(scenario.points):
        place = ("congestion_points", i)
        if point.address in names:
            words = f"{point.address} appears twice, first in line {names[point.address]}; keep one"
            yield listed.finding((*place, "address"), words)
        names.setdefault(point.address, listed.line((*place, "address")))
        if point.dso not in scenario.description.dsos and "dsos" not in certain.keys:
            words = f"{point.dso} is not in `dsos` of scenario.yaml; add it there or correct it"
            yield listed.finding((*place, "dso"), words)
        for j, connection in enumerate(point.connections):
            yield from _once(seen, listed, connection, (*place, "connections", j))
    for j, connection in enumerate(scenario.free_connections):
        yield from _once(seen, listed, connection, ("free_connections", j))


def _once(seen: dict[str, int], listed: Document, connection: str, place: tuple[str | int, ...]) -> Iterator[Finding]:
    if connection in seen:
        words = f"connection {connection} appears twice, first in line {seen[connection]}; keep one"
        yield listed.finding(place, words)
    else:
        seen[connection] = listed.line(place)


def _points(scenario: Scenario, tables: Tables, certain: Certain) -> Iterator[Finding]:
    """Note contracts and limits at congestion points that nobody lists, unknown DSOs, and two lists of points."""
    known = {point.address for point in scenario.points}
    own = own_points(scenario.description.of, scenario.register.congestion_points, scenario.register.connections)
    ours = {connection.address for connection in scenario.register.connections}
    listed = {point.address: ours.intersection(point.connections) for point in scenario.points}
    for point in own.points if certain.listed else ():
        if listed.get(point.address) != set(point.connections):
            words = f"{point.address} stands otherwise, or not at all, in {scenario.description.cro}; keep one list"
            yield tables.fault("congestion_points", "congestion_point", point.address, words)
    for dso in sorted({row.dso for row in scenario.register.congestion_points} - set(scenario.description.dsos)):
        if "dsos" not in certain.keys:
            words = f"{dso} is not in `dsos` of scenario.yaml; add it there or correct it"
            yield tables.fault("congestion_points", "dso", dso, words)
    for table in ("contracts", "limits") if certain.listed else ():
        for address in sorted({row.congestion_point for row in scenario.register.tables()[table]} - known):
            words = f"{address} is not in {scenario.description.cro}; add it there or correct it"
            yield tables.fault(table, "congestion_point", address, words)
    for contract in scenario.register.contracts:
        if contract.dso not in scenario.description.dsos and "dsos" not in certain.keys:
            words = f"{contract.dso} is not in `dsos` of scenario.yaml; add it there or correct it"
            yield tables.fault("contracts", "dso", contract.dso, words)


def _shortfalls(scenario: Scenario, tables: Tables) -> Iterator[Finding]:
    """Note resources whose needs cannot be met: a scenario with such a resource answers no question."""
    for kind in KINDS:
        for row in scenario.register.of(kind.row):
            for column, words in kind.shortfalls(row):
                expected = "expected a need that can be met"
                yield tables.fault(
                    kind.table, "resource", row.resource, f"{row.resource}: {column} {words}; {expected}"
                )


def _forecasts(scenario: Scenario, tables: Tables, certain: Certain) -> Iterator[Finding]:
    """Note resources without a forecast for a day; if some forecasts are faulty, only resources without any."""
    if "forecasts" in certain.survey.unreadable:
        return
    faulty = "forecasts" in certain.survey.faulty
    for period in scenario.description.periods():
        known = scenario.forecasts.get(period.day, {})
        for kind in KINDS:
            quantities = [followed.name for followed in kind.follows]
            for unit in scenario.register.of(kind.row):
                there = certain.survey.followed if faulty else known
                lacking = [q for q in quantities if (unit.resource, q) not in there]
                if lacking:
                    words = (
                        f"{unit.resource} has no forecast {' and '.join(lacking)} of {period}; expected in forecasts"
                    )
                    yield tables.fault(kind.table, "resource", unit.resource, words)


def _units(scenario: Scenario, tables: Tables) -> Iterator[Finding]:
    """Note prices too high to be in EUR/MWh."""
    capacity = [product.series for product in scenario.description.markets.capacity]
    for price in scenario.register.prices:
        if price.series not in capacity and abs(price.value) > _HIGHEST_EUR_PER_MWH:
            words = f"{price.series}: {price.value:g} is beyond any market; expected EUR/MWh"
            yield tables.after("prices", price.series, (price.start + timedelta(seconds=1)).isoformat(), words)


def _prices(scenario: Scenario, tables: Tables, certain: Certain) -> Iterator[Finding]:
    """Note ISPs without a required price."""
    if "prices" in certain.survey.unreadable:
        return
    markets, there = scenario.description.markets, certain.survey.intervals
    held = {price.series for price in there}
    energy = {markets.day_ahead.series, markets.day_ahead.forecast_series}  # one of the two is enough
    intraday = [s for s in (markets.intraday.buy_series, markets.intraday.sell_series) if s is not None]
    capacity = [product.series for product in markets.capacity if product.max_mw > 0]
    if "markets" in certain.keys and not energy & held:  # other names may have been meant
        energy = set()
    for period in scenario.description.periods():
        for series in dict.fromkeys((*intraday, *capacity, *sorted(energy))):
            if series in held or series not in energy or not energy & held:
                yield from _whole(there, tables, series, period)


def _whole(there: Sequence[Price], tables: Tables, series: str, period: Period) -> Iterator[Finding]:
    values = values_on(there, series, period)
    first = next((i for i, value in enumerate(values) if value is None), None)
    if first is not None:
        count = sum(value is None for value in values)
        words = (
            f"{series}: {count} of {period.isp_count} ISPs of {period} {verb_of(count, 'has', 'have')} no price, "
            f"first {period.label(first + 1)}; expected the whole local day"
        )
        yield tables.after("prices", series, period.isp_start(first + 1).isoformat(), words)
