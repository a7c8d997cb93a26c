"""A planned day with two balance responsible parties."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.builders.brp_parties import Parties
from tests.builders.operators_side import Desk
from tests.builders.web_hook import WebHook
from tests.builders.worlds import World


@pytest.fixture(scope="module")
def hook() -> Iterator[WebHook]:
    opened = WebHook()
    yield opened
    opened.close()


@pytest.fixture(scope="session")
def planned(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a store with a plan: planning takes longer than everything else here."""
    desk = Desk(World(tmp_path_factory.mktemp("planned")))
    desk.plan()
    desk.close()
    return desk.world.folder / "agr.db"


@pytest.fixture
def parties(tmp_path: Path, planned: Path, hook: WebHook, monkeypatch: pytest.MonkeyPatch) -> Iterator[Parties]:
    monkeypatch.setenv("TEST_BRP_TOKEN", "Bearer secret")
    hook.bodies.clear()
    hook.headers.clear()
    hook.status = 204
    made = Parties(tmp_path, planned, hook)
    yield made
    made.close()
