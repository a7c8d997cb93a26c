"""Tools that tests need and pip cannot install; `.ci/tools` brings them."""

import os
import shutil
from typing import NoReturn

import pytest


def lacking(what: str, remedy: str) -> NoReturn:
    """Skip the test for lack of a tool; with CI=true, where nothing is skipped, fail it."""
    words = f"{what} is not installed: {remedy}"
    if os.environ.get("CI") == "true":
        pytest.fail(words)
    pytest.skip(words)


def browser_path() -> str | None:
    """Return where a Chromium is, if there is one."""
    return shutil.which("chromium") or shutil.which("chromium-browser")
