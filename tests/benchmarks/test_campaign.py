"""What is measured by default, and what happens with an engine that is missing or too slow."""

from pathlib import Path

import pytest
from typer.testing import CliRunner

from benchmarks import campaign, environment
from benchmarks.__main__ import app
from benchmarks.campaign import Measurement, left_out, one, planned


def test_peers_run_as_far_as_they_can_unless_named() -> None:
    usual = planned((1_000, 100_000), campaign.ENGINES, ("hard",), named=False, limit_s=None)
    assert {m.engine for m in usual if m.resources == 100_000} == {"agr"}
    named = planned((100_000,), ("highs",), ("hard",), named=True, limit_s=7.0)
    assert [(m.engine, m.limit_s) for m in named] == [("highs", 7.0)]
    assert left_out((100_000,), ("agr", "highs")) == "highs beyond 10,000"


def test_an_engine_that_is_not_installed_is_said_to_be(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(environment, "FOLDER", tmp_path)
    (tmp_path / "solvers.failed").write_text("no matching distribution")
    row = one(Measurement(engine="linopy", kind="typical", resources=100, limit_s=1.0), "linopy")
    assert row["objective"] is None
    assert row["note"] == "not installed: no matching distribution"


def test_an_engine_that_fails_is_said_to_have(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(campaign, "ENVIRONMENT", {})
    row = one(Measurement(engine="highs", kind="typical", resources=100, limit_s=1.0), "highs:unheard of")
    assert row["note"].startswith("failed: KeyError")


@pytest.mark.parametrize("arguments", [["--sizes", "many"], ["--engines", "gurobi"], ["--kinds", "easy"]])
def test_wrong_arguments_are_explained(arguments: list[str]) -> None:
    result = CliRunner().invoke(app, arguments)
    assert result.exit_code == 2
    assert arguments[1] in result.output
