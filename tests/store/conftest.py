"""A fresh store per test: SQLite always; PostgreSQL where its server is installed (CI installs it)."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from agr.store.engine import Store
from tests.builders.stores import fresh_on, migrated


@pytest.fixture(params=["sqlite", "postgresql"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Store]:
    if request.param == "sqlite":
        url = f"sqlite:///{tmp_path / 'agr.db'}"
    else:
        url = fresh_on(request.getfixturevalue("postgres"))
    opened = migrated(url)
    yield opened
    opened.close()
