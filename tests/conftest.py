"""What several rooms need: counterparties, a PostgreSQL server and a browser where installed."""

import shutil
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from agr.demo.counterparties import Counterparty
from agr.demo.environment import counterparty_python
from tests.builders.postgres import postgres_bin, postgres_server
from tests.day.market import Parties

PROJECT = Path(__file__).parents[1]
FLAGS = [
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync",
]  # fmt: skip


@pytest.fixture(scope="session")
def postgres() -> Iterator[str]:
    if postgres_bin() is None:
        pytest.skip("PostgreSQL's server is not installed: apt-get install postgresql")
    with postgres_server() as url:
        yield url


@pytest.fixture(scope="session")
def python() -> Path:
    return counterparty_python(PROJECT / ".venv-counterparty")


@pytest.fixture(scope="session")
def parties(python: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Parties]:
    logs = tmp_path_factory.mktemp("counterparties")
    with ExitStack() as stack:
        started = [
            stack.enter_context(Counterparty(python, role=role, domain=domain, log=logs / f"{domain}.log"))
            for role, domain in (
                ("CRO", "cro.example"),
                ("DSO", "north-grid.example"),
                ("DSO", "south-grid.example"),
            )
        ]
        yield Parties(*started)


@pytest.fixture(scope="module")
def browser() -> Iterator[object]:
    """A headless Chromium; closed with its module, because the event loop it runs on would be in others' way."""
    from playwright.sync_api import sync_playwright

    path = shutil.which("chromium")
    if path is None:
        pytest.skip("Chromium is not installed: apt-get install chromium")
    with sync_playwright() as playwright:
        opened = playwright.chromium.launch(executable_path=path, args=FLAGS)
        yield opened
        opened.close()
