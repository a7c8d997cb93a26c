"""The operators' page and API of a daemon that is not started."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.builders.barriers import AXE


@pytest.fixture(scope="session")
def axe() -> str | None:
    """Return axe-core's source; None where it is not installed (.ci/tools does)."""
    return AXE.read_text(encoding="utf-8") if AXE.is_file() else None


@pytest.fixture(scope="session")
def picture() -> Callable[[Any, str], None]:
    """Return what pictures a page as a whole: into the folder AGR_SCREENSHOTS, and not at all without it."""
    named = os.environ.get("AGR_SCREENSHOTS")

    def take(page: Any, name: str) -> None:
        if named:
            page.screenshot(path=Path(named) / f"{name}.png", full_page=True)

    return take
