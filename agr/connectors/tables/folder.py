"""Reads a folder of tables into a register, or raises a TableError that lists every fault."""

from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path

from agr.connectors.tables.checks import check_brps, check_references, check_rows
from agr.connectors.tables.forecasts import read_forecasts
from agr.connectors.tables.grid import RawTable, open_grid
from agr.connectors.tables.plausibility import check_plausible
from agr.connectors.tables.prices import intervals, read_prices
from agr.connectors.tables.rows import TableRows, read_rows, usable
from agr.domain.errors import TableError
from agr.domain.faults import Findings, meant
from agr.domain.kinds import BY_TABLE
from agr.domain.register import ROWS, Forecast, Price, Register, register_of

_SUFFIXES = (".csv", ".parquet")
_IGNORED = (".md", ".rst", ".txt", ".yaml", ".yml", ".toml")
_LONG = ("forecasts", "prices")


@dataclass(frozen=True, kw_only=True)
class FolderRead:
    """The contents of a folder; warnings name doubtful values that were loaded."""

    register: Register
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Survey:
    """The readable part of a folder, with its faults, for further checks between its tables."""

    register: Register  # the good rows
    findings: Findings
    unreadable: frozenset[str]  # tables of which no row can be read
    intervals: tuple[Price, ...]  # of every series, whatever the price: a bad price is not a missing one
    followed: frozenset[tuple[str, str]]  # (resource, quantity) of every row of forecasts, good or bad

    @property
    def faulty(self) -> frozenset[str]:
        """Tables with faults."""
        return frozenset(Path(fault.file).stem for fault in self.findings.faults) | self.unreadable


def read_folder(
    folder: Path, *, zone_name: str, isp_minutes: int, capacity: Collection[str] = (), brps: Collection[str] = ()
) -> FolderRead:
    """Read every table of the folder: TABLE.csv or TABLE.parquet, one for each table of the register.

    `capacity` are price series in EUR/MW: they are not held to what energy costs. `brps` are the balance responsible
    parties that connections may name; none: any.
    Raises TableError with all faults, each with file, line, column, value and reason.
    """
    seen = survey_folder(folder, zone_name=zone_name, isp_minutes=isp_minutes, capacity=capacity, brps=brps)
    found = seen.findings
    if found.faults:
        raise TableError(sorted(found.faults))
    return FolderRead(register=seen.register, warnings=tuple(str(warning) for warning in sorted(found.warnings)))


def survey_folder(
    folder: Path, *, zone_name: str, isp_minutes: int, capacity: Collection[str] = (), brps: Collection[str] = ()
) -> Survey:
    """Read the readable part of the folder, and collect the faults of the rest, and what is doubtful."""
    found = Findings()
    grids = {path.stem: open_grid(path, found) for path in _files(folder, found)}
    readable = {table: grid for table, grid in grids.items() if grid is not None and usable(grid, found)}
    rows = {
        table: read_rows(readable[table], found) if table in readable else TableRows()
        for table in grids
        if table not in _LONG
    }
    for part in rows.values():
        check_rows(part, found)
    check_references(rows, found)
    if brps and "connections" in rows:
        check_brps(rows["connections"], brps, found)
    forecasts: tuple[Forecast, ...] = ()
    prices: tuple[Price, ...] = ()
    if "forecasts" in readable:
        forecasts = read_forecasts(readable["forecasts"], _kinds(rows), zone_name, isp_minutes, found)
    if "prices" in readable:
        prices = read_prices(readable["prices"], found)
    read = {table: part.values for table, part in rows.items()}
    register = register_of({**read, "forecasts": forecasts, "prices": prices})
    check_plausible(register, rows, readable, capacity, found)
    faulty = {fault.file for fault in found.faults}
    again = {table: grid for table, grid in readable.items() if grid.file in faulty}
    return Survey(
        register=register,
        findings=found,
        unreadable=frozenset(grids.keys() - readable.keys()),
        intervals=intervals(again["prices"]) if "prices" in again else prices,
        followed=_followed(again["forecasts"])
        if "forecasts" in again
        else frozenset((forecast.resource, forecast.quantity) for forecast in forecasts),
    )


def _followed(grid: RawTable) -> frozenset[tuple[str, str]]:
    names = zip(grid.cells("resource"), grid.cells("quantity"), strict=True)
    return frozenset((str(resource).strip(), str(quantity).strip()) for resource, quantity in names)


def _kinds(rows: dict[str, TableRows]) -> dict[str, str] | None:
    """Return resource → its table; None when a table cannot be read, so that some resources are unknown."""
    if not rows or any(part.grid is None for table, part in rows.items() if table in BY_TABLE):
        return None
    return {
        cell.strip(): table
        for table, part in rows.items()
        if table in BY_TABLE and part.grid is not None
        for cell in part.grid.cells("resource")
        if isinstance(cell, str)
    }


def _files(folder: Path, found: Findings) -> list[Path]:
    """Return the folder's tables; other files are noted as faults."""
    try:
        paths = sorted(path for path in folder.iterdir() if path.is_file() and not path.name.startswith("."))
    except OSError as error:
        found.fault(str(folder), f"is not a folder that can be read ({error.strerror})")
        return []
    known = set(ROWS)
    chosen: dict[str, Path] = {}
    for path in paths:
        if path.suffix in _SUFFIXES and path.stem in known:
            if path.stem in chosen:
                found.fault(path.name, f"and {chosen[path.stem].name} are the same table; keep one of them")
            chosen[path.stem] = path
        elif path.suffix not in _IGNORED:
            as_table = f"save it as {path.stem}.csv or {path.stem}.parquet"
            found.fault(
                path.name, f"is not a table; {as_table if path.stem in known else meant(path.stem, sorted(known))}"
            )
    if not chosen and not found.faults:
        found.fault(str(folder), f"has no tables; known are {', '.join(sorted(known))}, as .csv or .parquet")
    return list(chosen.values())
