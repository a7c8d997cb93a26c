"""A desk whose actions need a second person, and two operators."""

from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from agr.settings.operators import Operators
from tests.builders.approving import HELD, client
from tests.builders.operators_side import Desk
from tests.builders.worlds import World


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    world = World(tmp_path)
    four_eyes = Operators(four_eyes=HELD, four_eyes_hours=2)
    world.settings = world.settings.model_copy(update={"operators": four_eyes})
    opened = Desk(world)
    opened.plan()
    yield opened
    opened.close()


@pytest.fixture
def anna(desk: Desk) -> httpx.Client:
    return client(desk, "anna")


@pytest.fixture
def bert(desk: Desk) -> httpx.Client:
    return client(desk, "bert")
