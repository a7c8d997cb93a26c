"""The worked example of the documentation runs as written and gives the results stated there."""

import re
from pathlib import Path

import pandas as pd

DOCUMENT = Path(__file__).parents[2] / "docs" / "tutorial" / "first-scenario.md"


def test_the_notebook_example_runs(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    blocks = re.findall(r"```python\n(.*?)```", DOCUMENT.read_text(), re.DOTALL)
    assert len(blocks) == 3
    names: dict[str, object] = {}
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
