"""One pool of solving processes for all runs of these tests, and a run of the small scenario."""

from pathlib import Path

import pytest

from agr.planning import serialisation
from agr.scenario.folder import read_scenario
from agr.scenario.running import run, solver_of
from agr.settings import Planning

SMALL = Path(__file__).parents[2] / "scenarios" / "small-dst-day"


@pytest.fixture(scope="session")
def solver():
    with solver_of(Planning(threads=2, time_limit_s=600, budget_s=900)) as made:
        yield made


class Remembering:
    """Answers a case that was solved before as it was then. That the same would come out again has tests of its own."""

    def __init__(self, solver) -> None:
        self._solver, self._answers = solver, {}

    def solve(self, case, reached=None):
        return self._once(lambda: self._solver.solve(case, reached), case)

    def solve_part(self, before, case):
        return self._once(lambda: self._solver.solve_part(before, case), before, case)

    def _once(self, ask, *cases):
        key = tuple(map(serialisation.digest, cases))
        if key not in self._answers:
            self._answers[key] = ask()
        return self._answers[key]


@pytest.fixture(scope="session")
def remembering(solver):
    """Return a solver for tests of what is made of plans, not of how they are made."""
    return Remembering(solver)


@pytest.fixture(scope="session")
def small():
    return read_scenario(SMALL)


@pytest.fixture(scope="session")
def small_run(small, remembering):
    return run(small, solver=remembering)
