"""What is measured by default, and what happens with an engine that is missing or too slow."""

from pathlib import Path

import pytest
from typer.testing import CliRunner

from benchmarks import campaign, engines, environment
from benchmarks.__main__ import app
from benchmarks.campaign import Measurement, left_out, one, planned
from benchmarks.instances import make_case
from models.decomposition.solve import solve


def test_peers_run_as_far_as_they_can_unless_named() -> None:
    usual = planned((1_000, 100_000), campaign.ENGINES, ("hard",), named=False, limit_s=None)
    assert {m.engine for m in usual if m.resources == 100_000} == {"agr"}
    named = planned((100_000,), ("highs",), ("hard",), named=True, limit_s=7.0)
    assert [(m.engine, m.limit_s) for m in named] == [("highs", 7.0)]
    assert left_out((100_000,), ("agr", "highs")) == "highs beyond 10,000"


def test_homes_with_peak_charges_are_measured_against_highs_by_default() -> None:
    homes = [m for m in campaign.default_plan() if m.kind == "peaks"]
    assert [(m.engine, m.resources) for m in homes] == [("agr", 1_000), ("highs", 1_000)]


def test_highs_solves_what_connections_share() -> None:
    case = make_case(20, "peaks")
    found, proven = engines.highs(case, 60.0, "ipx"), solve(case, relative_gap=1e-3)
    assert found.objective is not None
    assert proven.objective_eur - 1e-6 <= found.objective <= proven.bound_eur + 1e-6


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
