"""One CRO and two DSOs in processes of their own for all days, and markets made from them."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from agr.demo.counterparties import Counterparty
from agr.demo.environment import counterparty_python
from tests.day.market import Market, Parties

PROJECT = Path(__file__).parents[2]


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


@pytest.fixture
def market(parties: Parties, tmp_path: Path) -> Iterator[Callable[..., Market]]:
    """Return a function that opens a market of the tiny world; it is closed, and its messages checked, at the end."""
    with ExitStack() as stack:
        yield lambda *args, **more: stack.enter_context(Market(parties, tmp_path, *args, **more))
