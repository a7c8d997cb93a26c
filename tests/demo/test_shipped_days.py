"""Every shipped scenario, run as its user runs it, shows what its expected.yaml says."""

import json
import operator
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

PROJECT = Path(__file__).parents[2]
SCENARIOS = sorted(
    p.parent for p in PROJECT.glob("scenarios/*/expected.yaml") if "figures" in yaml.safe_load(p.read_text("utf-8"))
)
KEPT = {"equals": operator.eq, "at_least": operator.ge, "at_most": operator.le}


def figure(result: Any, path: str) -> Any:
    """Return a figure by its dotted path; a term's name may hold spaces."""
    for name in path.split("."):
        result = result[name]
    return result


def demo(*arguments: str) -> "subprocess.CompletedProcess[str]":
    """Run a day; what it shows must not depend on how fast a loaded machine is, so its solves may take longer here."""
    command = [sys.executable, "-m", "agr.cli.main", "demo", *arguments]
    return subprocess.run(
        command, capture_output=True, text=True, timeout=2400, cwd=PROJECT, check=False,
        env=os.environ | {"AGR_PLANNING__TIME_LIMIT_S": "600", "AGR_PLANNING__BUDGET_S": "900"},
    )  # fmt: skip


@pytest.mark.day
@pytest.mark.timeout(2500)
@pytest.mark.parametrize("folder", SCENARIOS, ids=lambda p: p.name)
def test_a_shipped_day_shows_what_it_must(folder: Path) -> None:
    done = demo("--once", "--json", "--scenario", str(folder))
    assert done.returncode == 0, done.stderr[-3000:]
    result = json.loads(done.stdout.splitlines()[-1])
    expected = yaml.safe_load((folder / "expected.yaml").read_text(encoding="utf-8"))
    wrong = [
        f"{path} is {figure(result, path)}, expected {rule} {bound}"
        for path, rules in expected["figures"].items()
        for rule, bound in rules.items()
        if not KEPT[rule](figure(result, path), bound)
    ]
    wrong += [
        f"{rise['to']} is not above {rise['from']} by {rise['at_least']}"
        for rise in expected.get("rises", [])
        if figure(result, rise["to"]) - figure(result, rise["from"]) < rise["at_least"]
    ]
    assert wrong == []
    assert "Every promise was kept" in done.stderr, "standard output is for the JSON"


def test_the_default_day_is_large_enough_to_mean_something() -> None:
    expected = yaml.safe_load((PROJECT / "scenarios/spring-weekday/expected.yaml").read_text(encoding="utf-8"))
    assert expected["figures"]["connections"]["equals"] >= 300
    assert expected["figures"]["congestion_points"]["equals"] >= 12


def test_a_scenario_that_is_not_there_is_refused_in_words(tmp_path: Path) -> None:
    done = demo("--once", "--scenario", str(tmp_path))
    assert done.returncode == 1
    assert "scenario.yaml: cannot be read" in done.stderr
