"""The operators' page and API of a daemon that is not started."""

import os
from pathlib import Path

import pytest

from tests.builders.barriers import AXE


@pytest.fixture(scope="session")
def axe() -> str | None:
    """Return axe-core's source; None where it is not installed (.ci/tools does)."""
    return AXE.read_text(encoding="utf-8") if AXE.is_file() else None


@pytest.fixture(scope="session")
def pictures(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return where screenshots go: AGR_SCREENSHOTS, else a temporary folder."""
    named = os.environ.get("AGR_SCREENSHOTS")
    folder = Path(named) if named else tmp_path_factory.mktemp("screenshots")
    folder.mkdir(parents=True, exist_ok=True)
    return folder
