"""The documented example of every layout is read as that layout."""

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from agr.scenario import downloads
from agr.scenario.downloads import LAYOUTS, ImportOptions

PAGE = (Path(__file__).parents[2] / "docs" / "reference" / "download-layouts.md").read_text(encoding="utf-8")
EXAMPLES = dict(re.findall(r"^### (.+?)\n.*?^```\w+\n(.*?)^```", PAGE, flags=re.MULTILINE | re.DOTALL))
READ: dict[str, Callable[[Path, ImportOptions], Any]] = {
    "day_ahead": downloads.day_ahead, "capacity": downloads.capacity, "imbalance": downloads.imbalance,
    "sessions": downloads.sessions,
}  # fmt: skip
VALUES = {"day_ahead": {50.25, 48.0}, "capacity": {22.0, 9.0}, "imbalance": {83.22, 76.91, -46.72}, "sessions": {12.5}}


def title(name: str) -> str:
    return name[0].upper() + name[1:]


def test_every_layout_has_an_example_and_every_example_a_layout():
    assert sorted(EXAMPLES) == sorted(title(layout.name) for layout in LAYOUTS)


@pytest.mark.parametrize("layout", LAYOUTS, ids=lambda layout: layout.name)
def test_the_example_of_a_layout_is_read_as_that_layout(tmp_path, layout):
    path = tmp_path / "example.txt"
    path.write_text(EXAMPLES[title(layout.name)], encoding="utf-8")
    reading = READ[layout.kind](path, ImportOptions(tz=ZoneInfo("Europe/Amsterdam")))
    assert reading.layout == layout.name
    found = {one.energy_kwh if layout.kind == "sessions" else one.value for one in reading.values}
    assert found <= VALUES[layout.kind]
    assert 50.25 in found or layout.kind != "day_ahead"
