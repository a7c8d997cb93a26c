"""Reads a scenario folder: description, tables and the CRO's list; returns all of it, or reports every fault."""

import hashlib
from dataclasses import replace
from datetime import date
from pathlib import Path

import numpy as np
from pydantic import Field

from agr.connectors.tables.folder import survey_folder
from agr.domain.errors import InputError, TableError
from agr.domain.own_points import own_points
from agr.domain.register import CongestionPoint, Register
from agr.scenario.changes import changed
from agr.scenario.checks import Certain, check_scenario
from agr.scenario.description import Description
from agr.scenario.doubts import scenario_doubts
from agr.scenario.past import PastData, read_past
from agr.scenario.scenario import Floats, Forecasts, Scenario
from agr.scenario.yaml_document import Document, Model
from agr.settings.section import Section


class KnownPoint(Section):
    """One congestion point as the CRO lists it."""

    address: str = Field(description="Entity address of the congestion point.")
    dso: str = Field(description="The DSO's internet domain.")
    mutex_offers: bool = Field(default=False, description="Whether the DSO accepts only one of several FlexOffers.")
    day_ahead_redispatch_by: str = Field(default="AGR", description="Who redispatches day ahead.")
    intraday_redispatch_by: str | None = Field(default=None, description="Who redispatches during the day.")
    connections: tuple[str, ...] = Field(description="Our connections there.")


class CroAnswerFile(Section):
    """The CRO's list of congestion points: cro.json."""

    congestion_points: tuple[KnownPoint, ...] = Field(default=(), description="Congestion points with connections.")
    free_connections: tuple[str, ...] = Field(default=(), description="Our connections in no congestion point.")


def read_scenario(folder: Path) -> Scenario:
    """Read a scenario folder. Raises TableError with all faults, each with its file, its line and what was expected.

    A fault in one part does not hide faults in others: everything readable is checked.
    """
    written = Document(folder / "scenario.yaml", "scenario.yaml")
    description, faults, keys = _read(written, Description)
    if description is None or keys & {"zone", "isp_minutes", "tables", "cro"}:  # the rest depends on them
        raise TableError(faults)
    known, listed, unlisted = CroAnswerFile(), None, list[str]()
    path = description.cro_of(folder)
    if path.exists() or description.cros:
        try:
            listed = Document(path, description.cro)
            found, unlisted, _ = _read(listed, CroAnswerFile)
            known = found or known
        except TableError as error:
            unlisted = error.faults
    faults += unlisted
    tables = description.tables_of(folder)
    seen = survey_folder(
        tables, zone_name=description.zone, isp_minutes=description.isp_minutes,
        capacity=[product.series for product in description.markets.capacity],
    )  # fmt: skip
    faults += [_below(description.tables, str(fault)) for fault in sorted(seen.findings.faults)]
    past, untold = _past(folder, description)
    faults += untold
    points = tuple(CongestionPoint(**point.model_dump()) for point in known.congestion_points)
    free = known.free_connections
    if seen.register.congestion_points and not (points or free or unlisted):
        own = own_points(description.of, seen.register.congestion_points, seen.register.connections)
        points, free = own.points, own.free
    scenario = Scenario(
        name=folder.resolve().name,
        description=description,
        register=seen.register,
        points=points,
        free_connections=free,
        forecasts=_by_day(seen.register),
        past=past,
        warnings=tuple(_below(description.tables, str(warning)) for warning in sorted(seen.findings.warnings)),
        hashes=_hashes(folder, description),
    )
    certain = Certain(keys=keys, survey=seen, listed=not unlisted)
    faults += [str(fault) for fault in check_scenario(scenario, tables, written, listed, certain)]
    if faults:
        raise TableError(faults)
    doubts = tuple(str(doubt) for doubt in sorted(scenario_doubts(scenario, written)))
    scenario = replace(scenario, warnings=(*scenario.warnings, *doubts))
    try:
        return replace(changed(scenario, description.changes), changes=())
    except InputError as error:
        raise TableError([written.finding(("changes",), str(error))]) from error


def _read(document: Document, model: type[Model]) -> tuple[Model | None, list[str], frozenset[str]]:
    """Return the document as a model (of its faultless rest), its faults, and the top-level keys that have faults."""
    try:
        return document.read(model), [], frozenset()
    except TableError as error:
        left, keys = document.without_faults(model)
        return left, error.faults, keys


def _past(folder: Path, description: Description) -> tuple[PastData, list[str]]:
    """Return what happened before the first day, and the faults of its tables."""
    if description.forecasts is None:
        return PastData(), []
    try:
        return read_past(folder, description.forecasts), []
    except TableError as error:
        return PastData(), error.faults


def _below(folder: str, fault: str) -> str:
    return fault if fault.startswith("/") else f"{folder}/{fault}"


def _by_day(register: Register) -> Forecasts:
    found: dict[date, dict[tuple[str, str], Floats]] = {}
    for forecast in register.forecasts:
        values = np.array(forecast.values, dtype=np.float64)
        found.setdefault(forecast.period.day, {})[forecast.resource, forecast.quantity] = values
    return found


def _hashes(folder: Path, description: Description) -> dict[str, str]:
    """Return the SHA-256 of every file of a scenario, by its path as written in scenario.yaml."""
    files = {"scenario.yaml": folder / "scenario.yaml", description.cro: description.cro_of(folder)}
    own = description.forecasts
    files |= {name: folder / name for name in (*own.history, own.sessions) if name} if own is not None else {}
    tables = description.tables_of(folder)
    if tables.is_dir():
        files |= {
            f"{description.tables}/{p.name}": p for p in sorted(tables.iterdir()) if p.suffix in (".csv", ".parquet")
        }
    return {name: hashlib.sha256(path.read_bytes()).hexdigest() for name, path in files.items() if path.is_file()}
