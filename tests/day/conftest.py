"""Markets of the tiny world, made from the session's counterparties."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.day.market import Market
from tests.day.parties import Parties


@pytest.fixture
def market(parties: Parties, tmp_path: Path) -> Iterator[Callable[..., Market]]:
    """Return a function that opens a market of the tiny world; it is closed, and its messages checked, at the end."""
    with ExitStack() as stack:
        yield lambda *args, **more: stack.enter_context(Market(parties, tmp_path, *args, **more))
