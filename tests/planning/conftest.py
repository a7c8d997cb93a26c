"""What most tests of planning begin with."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from agr.planning.pool import SolverPool
from agr.settings import Planning
from tests.builders.remembered import Remembering
from tests.builders.worlds import World


@pytest.fixture(scope="module")
def solver() -> Iterator[Remembering]:
    """A worker that solves the reference problem, once for all tests that begin alike."""
    made = SolverPool(Planning(threads=1, method="reference"))
    yield Remembering(made)
    made.close()


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    """Two connections at two congestion points, a battery, loads, a contract and prices."""
    made = World(tmp_path)
    made.know_register()
    made.know_points()
    yield made
    made.store.close()
