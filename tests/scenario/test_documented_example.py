"""The worked example of the documentation runs as written and gives the results stated there."""

import re
from pathlib import Path
from typing import Any

import pandas as pd

from agr import scenario
from agr.domain.kinds.battery import Battery
from tests.builders.small_scenarios import CONNECTION, hourly, small_scenario

DOCUMENT = Path(__file__).parents[2] / "docs" / "tutorial" / "first-scenario.md"


def test_the_notebook_example_runs(tmp_path, monkeypatch, capsys, shared_solver):
    monkeypatch.chdir(tmp_path)
    blocks = re.findall(r"```python\n(.*?)```", DOCUMENT.read_text(), re.DOTALL)
    assert len(blocks) == 3
    names: dict[str, Any] = {}
    for block in blocks:
        exec(compile(block, str(DOCUMENT), "exec"), names)
    plain, dearer = names["plain"], names["dearer"]
    assert dearer.value_eur > plain.value_eur
    assert str(plain.points.index.tz) == "Europe/Amsterdam"
    assert names["peaks"].max() > 0
    assert len(names["stored"]) == 92
    assert names["worth"].loc[4] > names["worth"].loc[2]
    assert "total" in capsys.readouterr().out
    assert (tmp_path / "compared.html").is_file()
    assert isinstance(names["tested"].days, pd.DataFrame)


def test_a_notebook_solves_in_processes_of_its_own():
    """10 kWh are bought at 30 and sold at 50 EUR/MWh: 0.20 EUR; with capacity for twice as much, 0.40."""
    battery = Battery(
        resource="battery", connection=CONNECTION, charge_kw=20, discharge_kw=20, capacity_kwh=10, initial_kwh=0,
        end_kwh=0, charge_efficiency=1.0, discharge_efficiency=1.0,
    )  # fmt: skip
    day = small_scenario(battery, prices=hourly(50.0, (3, 4, 30.0)), planning={"method": "reference"})
    first = scenario.run(day)
    second = scenario.run(day, {"batteries.*.capacity_kwh": 20})
    assert [round(one.value_eur, 6) for one in (first, second)] == [0.20, 0.40]
