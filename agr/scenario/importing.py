"""Builds a scenario folder from a user's own downloads."""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import yaml

from agr.connectors.tables.writing import write_folder
from agr.domain.errors import InputError
from agr.domain.isp import Period, local_instant
from agr.domain.kinds.ev_session import EvSession
from agr.domain.register import Connection, Price, Register
from agr.scenario import downloads
from agr.scenario.folder import read_scenario
from agr.scenario.scenario import Scenario

_PRODUCTS = {
    "fcr_capacity": ("FCR", "symmetric", 30, "08:00"), "afrr_up_capacity": ("aFRR up", "up", 60, "09:00"),
    "afrr_down_capacity": ("aFRR down", "down", 60, "09:00"),
}  # fmt: skip
_PRIVATE_KW = 11.0


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


@dataclass(kw_only=True)
class _Made:
    prices: list[Price] = field(default_factory=list)
    sessions: list[EvSession] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


def import_scenario(folder: Path, request: ImportRequest) -> tuple[Scenario, tuple[str, ...]]:
    """Write a scenario made from downloads; return it with remarks.

    Raises InputError when the folder is in use or an input is missing, TableError with all faults of a file.
    """
    if folder.exists() and any(folder.iterdir()):
        raise InputError(f"{folder} is not empty; choose a new folder for the scenario")
    if request.day_ahead is None:
        raise InputError("a scenario needs day-ahead prices: give them with --day-ahead FILE")
    made = _Made()
    _take_prices(request, made)
    if request.sessions is not None:
        _take_sessions(request, made)
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
    return read_scenario(folder), tuple(made.notes)


def _files(request: ImportRequest) -> list[Path]:
    return [p for p in (request.day_ahead, *request.capacity, request.imbalance, request.sessions) if p is not None]


def _take_prices(request: ImportRequest, made: _Made) -> None:
    periods, tz = request.periods, request.periods[0].tz
    before = periods[0].previous()
    assert request.day_ahead is not None
    known = [p for p in downloads.day_ahead(request.day_ahead, tz) if before.start <= p.start < periods[-1].end]
    made.prices += known
    expected = _naive(known, periods)
    if len(expected) == len([p for p in known if p.start >= periods[0].start]):
        made.prices += expected
        made.notes.append("day_ahead_forecast is the price of the day before at the same wall-clock time")
    else:
        made.notes.append(
            f"{request.day_ahead.name} has no whole day before {periods[0]}: no day_ahead_forecast was made"
        )
    for path in request.capacity:
        made.prices += _within(downloads.capacity(path, tz, request.country), periods)
    if request.imbalance is not None:
        made.prices += _within(downloads.imbalance(request.imbalance, tz), periods)


def _within(prices: Sequence[Price], periods: tuple[Period, ...]) -> list[Price]:
    return [p for p in prices if periods[0].start <= p.start < periods[-1].end]


def _naive(known: Sequence[Price], periods: tuple[Period, ...]) -> list[Price]:
    """Return the prices of the day before, at the same wall-clock time."""
    tz = periods[0].tz
    by_start = {p.start: p for p in known}
    found = []
    for price in known:
        local = price.start.astimezone(tz)
        earlier = by_start.get(local_instant(local.date() - timedelta(days=1), local.time(), tz))
        if price.start >= periods[0].start and earlier is not None:
            found.append(
                Price(series="day_ahead_forecast", start=price.start, minutes=price.minutes, value=earlier.value)
            )
    return found


def _take_sessions(request: ImportRequest, made: _Made) -> None:
    """Return the sessions that overlap the Periods, moved from the list's days at the same wall-clock time."""
    assert request.sessions is not None
    first, last, tz = request.periods[0], request.periods[-1], request.periods[0].tz
    moved = first.day - (request.sessions_from or first.day)
    listed = downloads.sessions(request.sessions, tz)
    raised = 0
    for one in listed:
        arrival, departure = (_shifted(t, moved, tz) for t in (one.start, one.end))
        if arrival >= last.end or departure <= first.start or departure <= arrival:
            continue
        hours = (departure - arrival) / timedelta(hours=1)
        needed = one.energy_kwh / hours
        charge_kw = one.max_kw or _PRIVATE_KW
        raised += needed > charge_kw
        made.sessions.append(
            EvSession(
                resource=f"session-{one.session}", connection=f"ea1.2024-01.example.chargers:{one.charger}",
                arrival=arrival, departure=departure, energy_kwh=one.energy_kwh, charge_kw=max(charge_kw, needed),
            )
        )  # fmt: skip
    days = f"{first.day - moved}" + (f" to {last.day - moved}" if last != first else "")
    if not made.sessions:
        spread = f"{listed[0].start:%Y-%m-%d} to {listed[-1].start:%Y-%m-%d}"
        raise InputError(f"{request.sessions.name} has no session on {days}; it has {spread}: use --sessions-from DAY")
    if raised:
        made.notes.append(
            f"{raised} sessions took more energy than their highest power allows; their power was raised to match"
        )


def _shifted(instant: datetime, by: timedelta, tz: Any) -> datetime:
    local = instant.astimezone(tz)
    return instant if not by else local_instant(local.date() + by, local.time(), tz, second=bool(local.fold))


def _yaml(name: str, request: ImportRequest, made: _Made) -> str:
    series = {p.series for p in made.prices}
    energy = [p.minutes for p in made.prices if p.series == "day_ahead"]
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
        "markets": {"day_ahead": {"product_minutes": max(energy, default=60)}, "capacity": products},
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
