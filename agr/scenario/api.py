"""Functions for notebooks: `from agr import scenario`. Tables are pandas DataFrames indexed by aware times.

Solves run in separate processes, which stay up for the next call. A script (not a notebook) must therefore call
these functions below `if __name__ == "__main__":`, as Python's multiprocessing requires.
"""

import atexit
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from agr.planning.failed_cases import FailedCases
from agr.planning.pool import SolverPool
from agr.scenario import backtesting, importing, replaying, running, sweeping
from agr.scenario.changes import changed
from agr.scenario.comparison import Comparison, compare
from agr.scenario.folder import read_scenario
from agr.scenario.places import all_folders, find_folder
from agr.scenario.record import Run, open_run
from agr.scenario.reports.page import write_report
from agr.scenario.running import RUNS, ReportProgress, chosen_periods, silent
from agr.scenario.scenario import Scenario

Changes = Mapping[str, object] | Iterable[str]
"""Changes such as `{"markets.afrr_down.price": "+20%", "batteries": 500}` or `["batteries=500"]`."""

__all__ = [
    "Comparison", "Run", "Scenario", "backtest", "change", "compare", "from_downloads", "load", "names", "open_run",
    "replay", "report", "run", "sweep",
]  # fmt: skip


_pools: dict[str, SolverPool] = {}


def _solver(scenario: Scenario) -> SolverPool:
    """Return a pool of solver processes, which stay up for the next call with the same settings."""
    planning = scenario.description.planning
    key = planning.model_dump_json()
    if key not in _pools:
        _close()
        _pools[key] = SolverPool(planning, failed_cases=FailedCases.of(planning, RUNS))
    return _pools[key]


def _close() -> None:
    while _pools:
        _pools.popitem()[1].close()


atexit.register(_close)


def names() -> list[str]:
    """Return the scenarios that can be loaded by name."""
    return [folder.name for folder in all_folders()]


def load(name: str | Path) -> Scenario:
    """Read a scenario by name or folder. Raises InputError when there is none, TableError with all its faults."""
    return read_scenario(find_folder(name))


def change(scenario: Scenario, changes: Changes = (), without: Iterable[str] = ()) -> Scenario:
    """Return the scenario with changes, as with --set and --without. Raises InputError."""
    return changed(scenario, _texts(changes), without)


def _texts(changes: Changes) -> list[str]:
    return [f"{path}={value}" for path, value in changes.items()] if isinstance(changes, Mapping) else list(changes)


def run(
    scenario: Scenario, changes: Changes = (), *, without: Iterable[str] = (), period: str | None = None,
    progress: ReportProgress = silent,
) -> Run:  # fmt: skip
    """Run a scenario; `period` is a day or `FIRST..LAST`. The run's tables are attributes, such as run.programs."""
    scenario = change(scenario, changes, without)
    return running.run(
        scenario,
        periods=chosen_periods(period, scenario),
        solver=_solver(scenario),
        progress=progress,
    )


def report(runs: Run | Sequence[Run], path: str | Path) -> Path:
    """Write one HTML report about a run, or about several runs compared with the first."""
    return write_report([runs] if isinstance(runs, Run) else list(runs), Path(path))


def sweep(
    scenario: Scenario, grid: Mapping[str, Iterable[object]], *, period: str | None = None,
    folder: str | Path | None = None, workers: int = 2, progress: ReportProgress = silent,
) -> sweeping.Sweep:  # fmt: skip
    """Run every combination of the grid; with a folder, an interrupted sweep resumes where it stopped."""
    texts = {path: [str(value) for value in values] for path, values in grid.items()}
    return sweeping.sweep(
        scenario, texts, periods=chosen_periods(period, scenario),
        folder=None if folder is None else Path(folder), workers=workers, progress=progress,
    )  # fmt: skip


def replay(
    plan: int, changes: Changes = (), *, without: Iterable[str] = (), config: str | Path = "agr.toml"
) -> replaying.Replay:  # fmt: skip
    """Rerun a plan of the daemon from its stored case, with or without changes; `exact`: nothing differs."""
    return replaying.replay_from(Path(config), plan, _texts(changes), list(without))


def from_downloads(
    folder: str | Path, period: str, *, day_ahead: str | Path, capacity: Iterable[str | Path] = (),
    imbalance: str | Path | None = None, sessions: str | Path | None = None, sessions_from: str | None = None,
    country: str = "NL", area: str | None = None, zone: str = "Europe/Amsterdam",
) -> Scenario:  # fmt: skip
    """Build a scenario folder from downloads, as `agr scenario import` does, and return the scenario."""
    request = importing.ImportRequest(
        periods=running.days_between(period, zone, 15), day_ahead=Path(day_ahead),
        capacity=tuple(Path(path) for path in capacity),
        imbalance=None if imbalance is None else Path(imbalance),
        sessions=None if sessions is None else Path(sessions), country=country, area=area,
        sessions_from=None if sessions_from is None else running.parse_day(sessions_from),
    )  # fmt: skip
    made, notes = importing.import_scenario(Path(folder), request)
    return replace(made, warnings=(*made.warnings, *notes))


def backtest(
    scenario: Scenario, *, period: str | None = None, progress: ReportProgress = silent
) -> backtesting.Backtest:
    """Compare plans with perfect foresight, no flexibility and a simple rule, day by day."""
    return backtesting.backtest(
        scenario,
        periods=chosen_periods(period, scenario),
        solver=_solver(scenario),
        progress=progress,
    )
