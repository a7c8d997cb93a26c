"""A first own day: `agr init --example` writes tables that run as they are, and the day is kept."""

import subprocess
import sys
from datetime import date
from pathlib import Path

import pytest

from agr.connectors.tables.folder import read_folder
from agr.domain.errors import TableError
from agr.domain.isp import Period
from agr.scenario.example import write_example_day

PROJECT = Path(__file__).parents[2]


def agr(*arguments: str) -> subprocess.CompletedProcess[str]:
    """Run a command."""
    return subprocess.run(
        [sys.executable, "-m", "agr.cli.main", *arguments], capture_output=True, text=True, timeout=800, check=False,
        cwd=PROJECT,
    )  # fmt: skip


@pytest.mark.day
def test_the_first_own_day_is_kept(python, tmp_path: Path) -> None:
    folder = tmp_path / "mine"
    made = agr("init", str(folder), "--example", "--domain", "agr.mine.example")
    assert made.returncode == 0, made.stderr
    assert f"agr demo --scenario {folder} --once" in made.stdout
    played = agr("demo", "--scenario", str(folder), "--once")
    assert played.returncode == 0, played.stdout + played.stderr
    assert "Every promise was kept." in played.stdout
    assert "the released reservation was worth" in played.stdout
    assert played.stderr == "", "what a person reads is on standard output"


@pytest.mark.parametrize("day", [date(2026, 3, 29), date(2026, 10, 25), date(2027, 1, 1), date(2026, 7, 15)])
def test_the_example_is_read_without_a_warning_on_days_of_every_length(tmp_path: Path, day: date) -> None:
    write_example_day(tmp_path, "agr.mine.example", Period(day))
    reading = read_folder(tmp_path / "tables", zone_name="Europe/Amsterdam", isp_minutes=15, capacity=[])
    assert reading.warnings == ()
    assert {len(f.values) for f in reading.register.forecasts} == {Period(day).isp_count}


def test_nothing_is_overwritten(tmp_path: Path) -> None:
    (tmp_path / "cro.json").write_text("mine")
    with pytest.raises(TableError, match="exists already and was not overwritten"):
        write_example_day(tmp_path, "agr.mine.example", Period(date(2026, 7, 15)))
    assert sorted(path.name for path in tmp_path.iterdir()) == ["cro.json"]
