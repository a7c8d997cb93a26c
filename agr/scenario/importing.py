"""Builds a scenario folder from a user's own downloads: the whole folder, or nothing."""

import hashlib
import json
import shutil
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import yaml

from agr.connectors.tables.writing import write_folder
from agr.domain.errors import InputError, TableError
from agr.domain.isp import Period
from agr.domain.kinds.ev_session import EvSession
from agr.domain.register import Connection, Price, Register
from agr.scenario import downloads
from agr.scenario.downloads import FileRead, ImportOptions
from agr.scenario.folder import read_scenario
from agr.scenario.imported_prices import of_days, of_the_day_before, product_minutes
from agr.scenario.imported_sessions import moved_sessions
from agr.scenario.scenario import Scenario
from agr.store.scratch import scratch_folder

_PRODUCTS = {
    "fcr_capacity": ("FCR", "symmetric", 30, "08:00"), "afrr_up_capacity": ("aFRR up", "up", 60, "09:00"),
    "afrr_down_capacity": ("aFRR down", "down", 60, "09:00"), "mfrr_up_capacity": ("mFRR up", "up", 60, "10:00"),
    "mfrr_down_capacity": ("mFRR down", "down", 60, "10:00"),
}  # fmt: skip
"""Series → (name, direction, minutes for which full power must be sustained, time of the gate on the day before)."""


@dataclass(frozen=True, kw_only=True)
class ImportRequest:
    """What to import, and for which days."""

    periods: tuple[Period, ...]
    day_ahead: Path | None = None
    capacity: tuple[Path, ...] = ()
    imbalance: Path | None = None
    sessions: Path | None = None
    sessions_from: date | None = None  # day of the list that becomes the first Period; None: the first Period
    country: str = "NL"
    area: str | None = None  # of the day-ahead prices, where a file has several


@dataclass(kw_only=True)
class _Made:
    prices: list[Price] = field(default_factory=list)
    sessions: list[EvSession] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    product_minutes: int = 60


def import_scenario(folder: Path, request: ImportRequest) -> tuple[Scenario, tuple[str, ...]]:
    """Write a scenario made from downloads; return it with remarks.

    The folder appears when it is whole; a refused import leaves nothing behind. Raises InputError when the folder is in
    use or an input is missing, TableError with all faults of a file.
    """
    if folder.is_file() or (folder.exists() and any(folder.iterdir())):
        raise InputError(f"{folder} is not empty; choose a new folder for the scenario")
    if request.day_ahead is None:
        raise InputError("a scenario needs day-ahead prices: give them with --day-ahead FILE")
    made = _Made()
    _take_prices(request, made)
    if request.sessions is not None:
        _take_sessions(request, made)
    return _placed(folder, request, made), tuple(made.notes)


def _placed(folder: Path, request: ImportRequest, made: _Made) -> Scenario:
    """Write and read the folder at a temporary place beside its own, then move it there."""
    folder = folder.resolve()
    near = next(parent for parent in folder.parents if parent.is_dir())
    try:
        with scratch_folder("scenario", near) as beside:
            written = beside / folder.name
            _write(written, request, made)
            scenario = _runnable(written)
            folder.parent.mkdir(parents=True, exist_ok=True)
            if folder.exists():
                folder.rmdir()  # empty, as was seen before
            shutil.move(written, folder)
    except OSError as error:
        raise InputError(f"{folder}: cannot be written ({error.strerror}); choose another folder") from error
    return scenario


def _runnable(folder: Path) -> Scenario:
    """Read what was written. Raises TableError without lines: the tables are gone when a user reads of them."""
    try:
        return read_scenario(folder)
    except TableError as error:
        faults = [f"what was read makes no scenario that can run: {fault.partition(': ')[2]}" for fault in error.faults]
        raise TableError(faults) from error


def _write(folder: Path, request: ImportRequest, made: _Made) -> None:
    first = request.periods[0]
    connections = tuple(
        Connection(address=address, first_day=first.day) for address in sorted({s.connection for s in made.sessions})
    )
    register = Register(connections=connections, resources=tuple(made.sessions), prices=tuple(made.prices))
    write_folder(register, folder / "tables")
    listed = {"congestion_points": [], "free_connections": [c.address for c in connections]}
    (folder / "cro.json").write_text(json.dumps(listed, indent=1) + "\n", encoding="utf-8")
    (folder / "scenario.yaml").write_text(_yaml(folder.name, request, made), encoding="utf-8")
    (folder / "README.md").write_text(_readme(folder.name, request, made), encoding="utf-8")


def _files(request: ImportRequest) -> list[Path]:
    return [p for p in (request.day_ahead, *request.capacity, request.imbalance, request.sessions) if p is not None]


def _asked(request: ImportRequest) -> ImportOptions:
    first, last = request.periods[0], request.periods[-1]
    days = (first.previous().day, last.day)
    return ImportOptions(tz=first.tz, area=request.area, country=request.country, days=days)


def _take_prices(request: ImportRequest, made: _Made) -> None:
    periods, asked = request.periods, _asked(request)
    assert request.day_ahead is not None
    energy = _heard(request.day_ahead, downloads.day_ahead(request.day_ahead, asked), made)
    of_days(request.day_ahead, energy, periods)
    before = periods[0].previous()
    known = [p for p in energy.values if before.start <= p.start < periods[-1].end]
    forecast = of_the_day_before(known, periods)
    made.prices += known + (forecast or [])
    made.product_minutes, words = product_minutes(known, periods)
    if forecast is None:
        words_of_forecast = f"has no whole day before {periods[0]}: no day_ahead_forecast was made"
        made.notes.append(f"{request.day_ahead.name} {words_of_forecast}")
    else:
        made.notes.append("day_ahead_forecast is the price of the day before at the same wall-clock time")
    made.notes += [words] if words else []
    for path in request.capacity:
        bought = of_days(path, _heard(path, downloads.capacity(path, asked), made), periods)
        twice = {p.series for p in bought} & {p.series for p in made.prices}
        if twice:
            raise InputError(
                f"{path.name}: another file has prices of {', '.join(sorted(twice))} too; give one of them"
            )
        made.prices += bought
    if request.imbalance is not None:
        found = _heard(request.imbalance, downloads.imbalance(request.imbalance, asked), made)
        made.prices += of_days(request.imbalance, found, periods, gaps=made.notes)


def _heard(path: Path, reading: FileRead[Any], made: _Made) -> FileRead[Any]:
    """Say how a file was read."""
    made.notes += [f"{path.name} was read as {reading.layout}", *reading.notes]
    return reading


def _take_sessions(request: ImportRequest, made: _Made) -> None:
    assert request.sessions is not None
    listed = _heard(request.sessions, downloads.sessions(request.sessions, _asked(request)), made).values
    moved = moved_sessions(request.sessions, listed, request.periods, request.sessions_from)
    made.sessions, made.notes = moved.sessions, made.notes + moved.notes


def _yaml(name: str, request: ImportRequest, made: _Made) -> str:
    series = {p.series for p in made.prices}
    products = [
        {"name": label, "direction": direction, "series": s, "price_unit": "EUR/MW/h", "max_mw": 1,
         "sustain_minutes": minutes, "gate": {"at": gate, "days_before": 1}}
        for s, (label, direction, minutes, gate) in _PRODUCTS.items() if s in series
    ]  # fmt: skip
    first, last = request.periods[0], request.periods[-1]
    whole: dict[str, Any] = {
        "title": f"Imported: {name}",
        "question": "What would we have earned on these days?",
        "period": str(first),
        **({"last_period": str(last)} if last != first else {}),
        "zone": first.zone_name,
        "isp_minutes": first.isp_minutes,
        "markets": {"day_ahead": {"product_minutes": made.product_minutes}, "capacity": products},
    }
    head = f"# Made by agr scenario import from {', '.join(path.name for path in _files(request))}.\n"
    return head + yaml.safe_dump(whole, sort_keys=False, allow_unicode=True)


def _readme(name: str, request: ImportRequest, made: _Made) -> str:
    rows = [f"| {p.name} | {hashlib.sha256(p.read_bytes()).hexdigest()} |" for p in _files(request)]
    notes = [f"- {note}" for note in made.notes]
    return "\n".join(
        [
            f"# {name}", "", f"Imported on {datetime.now(UTC):%Y-%m-%d} from files of your own:", "",
            "| file | SHA-256 |", "|---|---|", *rows, "",
            "Whether they may be passed on is for their publishers' terms to say; this folder holds parts of them.", "",
            *notes, "",
        ]
    )  # fmt: skip
