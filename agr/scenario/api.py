"""The analysts' side for notebooks: `from agr import scenario`. Tables are pandas DataFrames indexed by aware times.

Solves run in processes of their own, which stay up for the next call. A script (not a notebook) must therefore call
these functions below `if __name__ == "__main__":`, as Python's multiprocessing asks.
"""

import atexit
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from agr.scenario import backtesting, running, sweeping
from agr.scenario.changes import changed
from agr.scenario.comparison import Comparison, compare
from agr.scenario.day import Solve
from agr.scenario.folder import all_folders, find_folder, read_scenario
from agr.scenario.record import Run, open_run
from agr.scenario.reports.page import write_report
from agr.scenario.running import Progress, parse_periods, silent
from agr.scenario.scenario import Scenario
from agr.solving import Solver

Changes = Mapping[str, object] | Iterable[str]
"""`{"markets.afrr_down.price": "+20%", "batteries": 500}` or `["batteries=500"]`."""

__all__ = [
    "Comparison", "Run", "Scenario", "backtest", "change", "compare", "load", "names", "open_run", "report",
    "run", "sweep",
]  # fmt: skip


_pools: dict[str, Solver] = {}


def _solve(scenario: Scenario) -> Solve:
    """Return how to solve: in processes that stay up for the next call with the same settings."""
    planning = scenario.description.planning
    key = planning.model_dump_json()
    if key not in _pools:
        _close()
        _pools[key] = Solver(planning)
    return _pools[key].solve


def _close() -> None:
    while _pools:
        _pools.popitem()[1].close()


atexit.register(_close)


def names() -> list[str]:
    """Return the scenarios that can be loaded by name."""
    return [folder.name for folder in all_folders()]


def load(name: str | Path) -> Scenario:
    """Read a scenario by name or folder. Raises TableError with all its faults."""
    return read_scenario(find_folder(name))


def change(scenario: Scenario, changes: Changes = (), without: Iterable[str] = ()) -> Scenario:
    """Return the scenario with changes, as with --set and --without."""
    return changed(scenario, _texts(changes), without)


def _texts(changes: Changes) -> list[str]:
    return [f"{path}={value}" for path, value in changes.items()] if isinstance(changes, Mapping) else list(changes)


def run(
    scenario: Scenario, changes: Changes = (), *, without: Iterable[str] = (), period: str | None = None,
    progress: Progress = silent,
) -> Run:  # fmt: skip
    """Run a scenario, `period` being one day or `FIRST..LAST`; the run's tables are attributes: run.programs."""
    asked = change(scenario, changes, without)
    return running.run(
        asked, periods=parse_periods(period, asked) if period else None, solve=_solve(asked), progress=progress
    )


def report(runs: Run | Sequence[Run], path: str | Path) -> Path:
    """Write one HTML file about a run, or about several compared with the first."""
    return write_report([runs] if isinstance(runs, Run) else list(runs), Path(path))


def sweep(
    scenario: Scenario, grid: Mapping[str, Iterable[object]], *, period: str | None = None,
    folder: str | Path | None = None, workers: int = 2, progress: Progress = silent,
) -> sweeping.Sweep:  # fmt: skip
    """Run every combination of the grid; with a folder, an interrupted sweep goes on where it stopped."""
    texts = {path: [str(value) for value in values] for path, values in grid.items()}
    return sweeping.sweep(
        scenario, texts, periods=parse_periods(period, scenario) if period else None,
        folder=None if folder is None else Path(folder), workers=workers, progress=progress,
    )  # fmt: skip


def backtest(scenario: Scenario, *, period: str | None = None, progress: Progress = silent) -> backtesting.Backtest:
    """Compare plans with perfect foresight, no flexibility and a simple rule, day by day."""
    return backtesting.backtest(
        scenario, periods=parse_periods(period, scenario) if period else None, solve=_solve(scenario), progress=progress
    )
