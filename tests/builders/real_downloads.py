"""Published data that may not be shipped with the project: tests on it are skipped where it does not lie beside it."""

from pathlib import Path

import pytest

DATA = Path(__file__).parents[2].parent / "shared" / "data"


def real_downloads(*files: str) -> Path:
    """Return the folder of the data; skip the test where it, or one of the files, is missing."""
    missing = [file for file in files if not (DATA / file).exists()]
    if missing or not DATA.is_dir():
        named = f" of {', '.join(missing)}" if missing else ""
        pytest.skip(f"published data{named} are not in {DATA}; their origin is in scenarios/spring-weekday/README.md")
    return DATA
