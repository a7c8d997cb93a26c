"""Small worlds that trade: what several files of tests about bids begin with."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.builders.exchange import Exchange
from tests.builders.stores import fresh_on
from tests.builders.trading import SECRET, Trading


@pytest.fixture
def exchange(monkeypatch: pytest.MonkeyPatch) -> Iterator[Exchange]:
    monkeypatch.setenv("BIDS_SECRET", SECRET)
    opened = Exchange(SECRET)
    yield opened
    opened.close()


@pytest.fixture(params=["sqlite", "postgresql"])
def trading(request: pytest.FixtureRequest, tmp_path: Path, exchange: Exchange) -> Iterator[Trading]:
    url = fresh_on(request.getfixturevalue("postgres")) if request.param == "postgresql" else ""
    made = Trading(tmp_path, exchange, url)
    yield made
    made.world.store.close()


@pytest.fixture
def shared(postgres: str, tmp_path: Path, exchange: Exchange) -> Iterator[Trading]:
    """A world whose store lets several transactions write at once."""
    made = Trading(tmp_path, exchange, fresh_on(postgres))
    yield made
    made.world.store.close()


@pytest.fixture
def approving(tmp_path: Path, exchange: Exchange) -> Iterator[Trading]:
    made = Trading(tmp_path, exchange, approval=True)
    yield made
    made.world.store.close()
