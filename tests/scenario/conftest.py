"""One pool of solving processes for all runs of these tests, and a run of the small scenario."""

from contextlib import contextmanager
from pathlib import Path

import pytest

from agr.scenario import api, backtesting, running, sweeping
from agr.scenario.folder import read_scenario
from agr.scenario.running import run, solver_of
from agr.settings import Planning
from tests.builders.remembered import Remembering, by_method

SMALL = Path(__file__).parents[2] / "scenarios" / "small-dst-day"


@pytest.fixture(scope="session")
def solver():
    with solver_of(Planning(threads=2, time_limit_s=600, budget_s=900)) as made:
        yield made


@pytest.fixture(scope="session")
def remembering():
    """Return a solver for tests of what is made of plans, not of how; `auto` would take three times as long."""
    return by_method("reference")


@pytest.fixture
def shared_solver(remembering, monkeypatch):
    """Let commands and notebooks solve in the pool of these tests instead of starting one each."""

    @contextmanager
    def shared(_planning, _executor="local"):
        yield remembering

    for module in (running, sweeping, backtesting):
        monkeypatch.setattr(module, "solver_of", shared)
    monkeypatch.setattr(api, "SolverPool", lambda _planning, **_: remembering)


@pytest.fixture(scope="session")
def small():
    return read_scenario(SMALL)


@pytest.fixture(scope="session")
def small_run(small, solver):
    """Return the run of the small scenario as `agr scenario run` makes it."""
    return run(small, solver=Remembering(solver))
