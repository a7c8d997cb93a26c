"""The analysts' commands as a user types them: what they do, and how they report faults."""

import json
import re
import shutil
from pathlib import Path

import pandas as pd
import pytest
import yaml
from typer.testing import CliRunner, Result

from agr import scenario
from agr.cli import terminal
from agr.cli.main import app

SCENARIOS = Path(__file__).parents[2] / "scenarios"


@pytest.fixture
def folder(tmp_path, monkeypatch, shared_solver):
    """An empty working folder."""
    monkeypatch.chdir(tmp_path)
    for console in (terminal.out, terminal.err):  # made at import, with the width there was then
        monkeypatch.setattr(console, "_width", 200)
    return tmp_path


def agr(*arguments: str) -> Result:
    return CliRunner().invoke(app, list(arguments))


def test_list_and_show_say_what_there_is_and_what_is_broken(folder):
    (folder / "scenarios" / "mine").mkdir(parents=True)
    (folder / "scenarios" / "mine" / "scenario.yaml").write_text("title: x\n")
    listed = agr("scenario", "list")
    assert listed.exit_code == 0
    for part in ("small-dst-day", "winter-evening-peak", "2024-12-11..2024-12-12", "agr scenario validate mine"):
        assert part in listed.stdout.replace("\n", " ")
    shown = agr("scenario", "show", "reservation-in-three-steps").stdout
    assert "FO-north-grid-1 (-400 kW)" in shown
    assert "keeps 40%" in shown


def test_validate_lists_every_fault(folder):
    assert "25 resources, no fault" in agr("scenario", "validate", "small-dst-day").stdout
    shutil.copytree(SCENARIOS / "small-dst-day", folder / "mine")
    path = folder / "mine" / "scenario.yaml"
    path.write_text(path.read_text().replace("question:", "questoin:").replace("seed: 92", "seed: many"))
    refused = agr("scenario", "validate", "mine")
    assert refused.exit_code == 1
    assert "3 faults" in refused.stderr
    assert "did you mean question?" in refused.stderr
    assert "agr: " in refused.stderr


def test_run_change_and_compare(folder):
    assert agr("scenario", "run", "small-dst-day").exit_code == 0
    changed = agr("scenario", "run", "small-dst-day", "--set", "fcr.price=+20%", "--without", "event:1", "--json")
    assert json.loads(changed.stdout)["changes"] == ["without event:1", "fcr.price=+20%"]
    first, second = sorted((folder / "runs").iterdir(), key=lambda p: len(p.name))
    assert (first / "report.html").is_file()
    assert len(pd.read_parquet(second / "programs.parquet")) == 2 * 25 * 92
    compared = agr("compare", str(first), str(second), "--report", "compared.html")
    assert compared.exit_code == 0
    assert "Value by market" in compared.stdout
    assert (folder / "compared.html").is_file()
    values = json.loads(agr("compare", str(first), str(second), "--json").stdout)["value_eur"]
    assert (
        values["small-dst-day"]["total"] == json.loads((first / "outcome.json").read_text())["totals"]["objective_eur"]
    )


def test_a_run_that_is_not_as_expected_ends_with_1_and_says_so(folder):
    shutil.copytree(SCENARIOS / "small-dst-day", folder / "mine")
    expected = yaml.safe_load((folder / "mine" / "expected.yaml").read_text())
    expected["run"]["figures"]["totals.objective_eur"] = {"at_least": 1e6}
    (folder / "mine" / "expected.yaml").write_text(yaml.safe_dump(expected))
    ended = agr("scenario", "run", "mine", "--no-report")
    assert ended.exit_code == 1
    found = re.search(r"not as expected: totals.objective_eur is ([\d.]+), expected at least 1000000.0", ended.stderr)
    assert found is not None, ended.stderr
    assert float(found[1]) == pytest.approx(325.08, abs=0.05)  # the last digits differ from machine to machine
    assert not (folder / "runs" / "mine" / "report.html").exists()
    assert (folder / "runs" / "mine" / "outcome.json").exists()


def test_sweep_and_backtest(folder):
    grid = ("sweep", "small-dst-day", "--without", "event:1", "--grid", "batteries=2,4", "--workers", "1")
    swept = agr(*grid)
    assert swept.exit_code == 0
    assert "2 combinations, 0 of them from an earlier sweep" in swept.stdout
    assert "2 of them from an earlier sweep" in agr(*grid).stdout
    rows = json.loads(agr(*grid, "--json").stdout)
    assert [row["batteries"] for row in rows] == [2, 4]
    assert rows[0]["error"] is None
    assert len(pd.read_csv(folder / "runs" / "small-dst-day-sweep" / "sweep.csv")) == 2
    tested = agr("backtest", "small-dst-day", "--out", "days.parquet")
    assert "a perfect forecast would add" in tested.stdout
    assert pd.read_parquet("days.parquet").index[0] == pd.Timestamp("2026-03-29", tz="Europe/Amsterdam")


def test_the_schema_is_printed(folder):
    assert json.loads(agr("scenario", "schema").stdout)["title"] == "Description"


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("scenario", "run", "nowhere"), "there is no scenario 'nowhere'"),
        (("scenario", "run", "small-dst-day", "--set", "bateries=5"), "did you mean batteries?"),
        (("scenario", "run", "small-dst-day", "--period", "soon"), "write 2025-01-20"),
        (("scenario", "run", "small-dst-day", "--executor", "cluster"), 'expected "local", or a Dask scheduler'),
        (("scenario", "run", "small-dst-day", "--period", "2026-03-30"), "has no forecasts of this day"),
        (("compare", "a", "b"), "a is not a readable run"),
        (("sweep", "small-dst-day", "--grid", "batteries"), "is not a grid"),
        (("sweep", "small-dst-day", "--grid", "batteries=1", "--cluster", "nonsense://"), "does not answer"),
        (("replay", "1"), "there is no such file"),
        (("replay", "--plan", "1"), "there is no such file"),
        (("replay",), "give the plan's number once"),
        (("scenario", "import", "x", "--period", "2024-04-10"), "needs day-ahead prices"),
    ],
)
def test_a_command_that_cannot_be_done_says_why(folder, arguments, words):
    refused = agr(*arguments)
    assert refused.exit_code == 1
    assert words in refused.stderr
    assert "Traceback" not in refused.output


def test_a_plan_is_replayed_from_the_command_line(folder, remembering):
    from agr.domain.plan import Reason, ReasonKind
    from agr.planning.service import Planner
    from agr.store import day
    from tests.builders.worlds import PERIOD, World

    agr("init", ".", "--domain", "agr.example")
    world = World(folder / "data")
    world.know_points()
    world.know_register()
    with world.store.transaction() as tx:
        day.put_trigger(tx, PERIOD.day, Reason(kind=ReasonKind.FIRST_PLAN), world.clock.now())
    assert Planner(world.store, world.settings, world.clock, remembering.real, lambda _: None).run_due() == 1
    again = agr("replay", "1")
    assert again.exit_code == 0, again.output
    assert "identical to the original plan, to the last bit" in again.stdout
    freed = agr("replay", "1", "--without", "reservation:FO-1")
    assert (folder / "runs" / "plan-1-again+without_reservation_fo_1" / "report.html").is_file()
    assert "Value by market" in freed.stdout
    assert scenario.replay(1).exact
    assert scenario.replay(1, {"day_ahead.price": "+10"}).rerun.outcome["changes"] == ["day_ahead.price=+10"]


def test_a_sweep_that_is_stopped_says_how_it_goes_on(folder, monkeypatch):
    from agr.scenario import sweeping

    def stopped(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(sweeping, "plans_of", stopped)
    ended = agr("sweep", "small-dst-day", "--grid", "batteries=2", "--workers", "1")
    assert ended.exit_code == 130
    assert "resumes from the finished ones in runs/small-dst-day-sweep" in ended.stderr


@pytest.mark.parametrize(
    ("command", "called"), [(("scenario", "run"), "running.run"), (("backtest",), "backtesting.backtest")]
)
def test_a_run_that_is_stopped_says_that_nothing_was_written(folder, monkeypatch, command, called):
    def stopped(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(f"agr.scenario.{called}", stopped)
    ended = agr(*command, "small-dst-day")
    assert ended.exit_code == 130
    assert ended.stderr.endswith("agr: stopped; nothing was written\n")
    assert not (folder / "runs").exists()


def test_the_demo_refuses_a_scenario_that_is_made_by_changes(folder):
    refused = agr("demo", "--once", "--scenario", str(SCENARIOS / "municipality-weekday"))
    assert refused.exit_code == 1
    assert "run it with `agr scenario run" in refused.stderr
