"""Runs a scenario for every combination of a grid, in parallel and resumable; returns one tidy table."""

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, as_completed
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from typing import Any

import pandas as pd

from agr.domain.errors import AgrError, InputError
from agr.domain.isp import Period
from agr.planning.ports import Solver
from agr.scenario.change_expression import slug
from agr.scenario.changes import changed
from agr.scenario.record import figures, totals, versions
from agr.scenario.running import ReportProgress, head_of, plans_of, resized, silent, solver_of
from agr.scenario.scenario import Scenario
from agr.scenario.table_frames import Frame

Grid = Mapping[str, Sequence[str]]
_SUMS = ("objective_eur", "no_flexibility_eur", "flexibility_eur", "gap_eur", "imbalance_mwh",
         "reservation_shortfall_kwh", "comfort_shortfall_kwh", "limit_breach_kwh", "reserve_shortfall_mwh")  # fmt: skip


@dataclass(frozen=True, kw_only=True, eq=False)
class Sweep:
    """One row per combination: varied values and figures; `error` says why a combination has no figures.

    A varied value is a number if all values on its path are plain numbers, else text.
    """

    table: Frame
    reused: int  # combinations finished by an earlier sweep

    def _repr_html_(self) -> str:
        """Return the table as notebooks show it."""
        return self.table.to_html(float_format="{:z,.2f}".format)

    @property
    def failed(self) -> int:
        """How many combinations have no figures."""
        return int(self.table["error"].notna().sum())


@dataclass(frozen=True, kw_only=True, eq=False)
class _Cell:
    point: dict[str, str]
    scenario: Scenario
    periods: tuple[Period, ...]

    def key(self) -> str:
        """Return a hash of everything that the figures depend on."""
        facts = json.dumps([head_of(self.scenario, self.periods), versions()], sort_keys=True)
        return hashlib.sha256(facts.encode()).hexdigest()[:20]


def read_grid(texts: Iterable[str]) -> dict[str, list[str]]:
    """Read `batteries=0,500,1000` and the like; raises InputError."""
    grid: dict[str, list[str]] = {}
    for text in texts:
        path, equals, values = text.partition("=")
        found = [value.strip() for value in values.split(",") if value.strip()]
        if not equals or not path.strip() or not found:
            raise InputError(f"{text!r} is not a grid; write PATH=VALUE,VALUE,… such as batteries=0,500,1000")
        if path.strip() in grid:
            raise InputError(f"--grid {path.strip()} appears twice; give all its values at once")
        grid[path.strip()] = found
    if not grid:
        raise InputError("a sweep needs at least one --grid, such as --grid batteries=0,500,1000")
    return grid


def sweep(
    scenario: Scenario,
    grid: Grid,
    *,
    periods: tuple[Period, ...] | None = None,
    folder: Path | None = None,
    workers: int = 2,
    solver: Solver | None = None,
    progress: ReportProgress = silent,
) -> Sweep:
    """Return the figures of every combination; with a folder, finished combinations are kept there and reused.

    Every solve has one thread. Raises InputError before the first solve when a value cannot be set.
    """
    wanted = periods or scenario.description.periods()
    cells = _cells(resized(scenario, workers), grid, wanted)
    kept = _finished(cells, folder)
    if solver is None:
        with solver_of(resized(scenario, workers).description.planning) as pool:
            rows = _run(cells, kept, folder, workers, pool, progress)
    else:
        rows = _run(cells, kept, folder, workers, solver, progress)
    table = pd.DataFrame(rows)
    money = [name for name in table.columns if str(name).endswith("_eur") and name not in grid]
    finished = table["error"].isna()
    table.loc[finished, money] = table.loc[finished, money].fillna(0.0)  # terms that only other combinations have
    for path in grid:
        table[path] = _numbers(table[path])
    if folder is not None:
        table.to_parquet(Path(folder) / "sweep.parquet")
        table.to_csv(Path(folder) / "sweep.csv", index=False)
    return Sweep(table=table, reused=len(kept))


def _numbers(column: "pd.Series[Any]") -> "pd.Series[Any]":
    """Return the values of a path as numbers if all are plain numbers; +5 and *1.2 stay text."""
    if column.str.fullmatch(r"\d+").all():
        return column.astype("int64")
    return column.astype("float64") if column.str.fullmatch(r"\d*\.?\d+").all() else column


def _cells(scenario: Scenario, grid: Grid, periods: tuple[Period, ...]) -> list[_Cell]:
    points = [dict(zip(grid, values, strict=True)) for values in product(*grid.values())]
    return [
        _Cell(point=p, scenario=changed(scenario, [f"{path}={value}" for path, value in p.items()]), periods=periods)
        for p in points
    ]


def _path(folder: Path, cell: _Cell) -> Path:
    return Path(folder) / "cells" / f"{cell.key()}.json"


def _finished(cells: list[_Cell], folder: Path | None) -> dict[int, dict[str, Any]]:
    """Return the figures of combinations finished earlier, by index."""
    if folder is None:
        return {}
    (Path(folder) / "cells").mkdir(parents=True, exist_ok=True)
    found = {}
    for place, cell in enumerate(cells):
        path = _path(folder, cell)
        if path.is_file():
            found[place] = json.loads(path.read_text(encoding="utf-8"))
    return found


def _run(
    cells: list[_Cell],
    kept: dict[int, dict[str, Any]],
    folder: Path | None,
    workers: int,
    solver: Solver,
    progress: ReportProgress,
) -> list[dict[str, Any]]:
    """Compute the missing combinations; the threads only wait for solver processes."""
    found = dict(kept)
    progress(len(found), len(cells), "")
    with ThreadPoolExecutor(workers) as pool:
        waiting: dict[Future[dict[str, Any]], int] = {
            pool.submit(_figures, cell, solver): place for place, cell in enumerate(cells) if place not in kept
        }
        try:
            for done in as_completed(waiting):
                place = waiting[done]
                found[place] = done.result()
                if folder is not None and found[place]["error"] is None:
                    _keep(_path(folder, cells[place]), found[place])
                progress(len(found), len(cells), ", ".join(f"{k}={v}" for k, v in cells[place].point.items()))
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)  # finished combinations are kept
            raise
    return [cells[place].point | found[place] for place in range(len(cells))]


def _keep(path: Path, row: dict[str, Any]) -> None:
    """Write a row atomically."""
    new = path.with_suffix(".new")
    new.write_text(json.dumps(row), encoding="utf-8")
    new.replace(path)


def _figures(cell: _Cell, solver: Solver) -> dict[str, Any]:
    try:
        steps = [figures(step) for step in plans_of(cell.scenario, cell.periods, solver)]
    except AgrError as error:
        return {"resources": cell.scenario.resources, "error": str(error)}
    whole = totals(steps)
    return {
        "resources": cell.scenario.resources,
        **{name: whole[name] for name in _SUMS},
        **{f"{slug(term)}_eur": value for term, value in whole["terms_eur"].items()},
        "ended_by_time_limit": any(step["ended_by_time_limit"] for step in steps),
        "audit_faults": sum(len(step["audit"]) for step in steps),
        "error": None,
    }
