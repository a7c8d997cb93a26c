"""The case that a solve fails on is kept, the error and the alarm name the file, and only the newest stay."""

import os
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from agr.cli.main import app
from agr.domain.errors import PlanError
from agr.planning import serialisation
from agr.planning.case import NamedCase, build
from agr.planning.failed_cases import FailedCases, SolveError, kept_of
from agr.planning.pool import SolverPool
from agr.settings import Planning
from agr.store import day
from models.errors import ExecutorError
from models.method import Method, solve
from tests.builders.case_inputs import inputs
from tests.builders.worlds import World
from tests.models.builders import load, make
from tests.planning.test_service import PlanningStage

NOBODY = "tls://127.0.0.1:9"
"""A cluster whose certificates are not known here: the mathematics fail with an ExecutorError, at once."""
DECOMPOSED = Planning(threads=1, join_triggers_s=0, method="decomposition", time_limit_s=600)


def test_a_worker_whose_mathematics_fail_keeps_the_case_and_it_can_be_solved_again(tmp_path: Path) -> None:
    case = build(inputs()).case
    pool = SolverPool(DECOMPOSED, NOBODY, FailedCases.of(DECOMPOSED, tmp_path))
    try:
        with pytest.raises(SolveError, match="the solve failed: ") as failure:
            pool.solve(case)
    finally:
        pool.close()
    (kept,) = (tmp_path / "failed-cases").iterdir()
    assert failure.value.kept == kept
    assert str(kept) in str(failure.value)
    again = serialisation.unpack(NamedCase, kept.read_bytes()).case
    assert serialisation.digest(again) == serialisation.digest(case)
    values = [solve(one, method=Method.REFERENCE, time_limit_s=600, threads=1).objective_eur for one in (again, case)]
    assert values[0] == pytest.approx(values[1])


def test_the_daemons_alarm_names_the_file(world: World) -> None:
    pool = SolverPool(DECOMPOSED, NOBODY, kept_of(world.settings))
    stage = PlanningStage(world, pool)
    stage.ask()
    stage.planner.run_due()
    pool.close()
    (kept,) = (world.folder / "failed-cases").iterdir()
    with world.store.transaction() as tx:
        (alarm,) = [alarm for alarm in day.open_alarms(tx) if alarm.kind == "plan failed"]
    assert str(kept) in alarm.text
    assert stage.made == []


def test_a_scenario_that_fails_names_the_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    nobody = "dask+tls://127.0.0.1:9"  # without certificates it fails at once
    options = ["--set", "planning.method=decomposition", "--executor", nobody, "--no-report"]
    result = CliRunner().invoke(app, ["scenario", "run", "small-dst-day", *options])
    assert result.exit_code != 0
    (kept,) = (tmp_path / "runs" / "failed-cases").iterdir()
    assert kept.name in result.output
    assert serialisation.unpack(NamedCase, kept.read_bytes()).case.isps == 92


def test_what_nobody_foresaw_keeps_the_case_too_and_stays_what_it_was(tmp_path: Path) -> None:
    cases = FailedCases(tmp_path, 20)
    with pytest.raises(IndexError) as failure, cases.of_failure(make(2, load(2, 1.0))):
        [].pop()
    (kept,) = tmp_path.iterdir()
    assert failure.value.__notes__ == [f"the case is kept in {kept}"]


def test_a_part_is_kept_with_the_part_in_force(tmp_path: Path) -> None:
    before, now = make(2, load(2, 1.0)), make(2, load(2, 2.0))
    failure = FailedCases(tmp_path, 20).failure("why", now, before=before)
    assert failure.kept is not None
    assert failure.kept.name.startswith("part-")
    (other,) = (path for path in tmp_path.iterdir() if path != failure.kept)
    assert other.name.startswith(f"{failure.kept.stem}-before")
    found = serialisation.unpack(NamedCase, other.read_bytes()).case
    np.testing.assert_array_equal(found.fixed.program_kw, before.fixed.program_kw)


def test_only_the_newest_are_kept(tmp_path: Path) -> None:
    cases = FailedCases(tmp_path, 3)
    made = []
    for number in range(5):
        kept = cases.failure("why", make(2, load(2, float(number)))).kept
        assert kept is not None
        os.utime(kept, (number, number))  # one second apart
        made.append(kept)
    assert sorted(tmp_path.iterdir()) == sorted(made[2:])


def test_a_folder_that_cannot_be_written_does_not_hide_the_failure(tmp_path: Path) -> None:
    (tmp_path / "a file").write_text("", encoding="utf-8")
    failure = FailedCases(tmp_path / "a file" / "folder", 20).failure("the solve failed: why", make(2, load(2, 1.0)))
    assert isinstance(failure, PlanError)
    assert failure.kept is None
    assert str(failure).startswith("the solve failed: why; the case could not be kept in ")


def test_the_settings_name_the_folder_and_the_number(tmp_path: Path) -> None:
    planning = Planning(failed_cases_folder=tmp_path / "elsewhere", failed_cases_kept=2)
    cases = FailedCases.of(planning, tmp_path / "data")
    for number in range(3):
        cases.failure("why", make(2, load(2, float(number))))
    assert len(list((tmp_path / "elsewhere").iterdir())) == 2
    assert not (tmp_path / "data").exists()


def test_the_error_of_the_cluster_is_one_of_the_mathematics() -> None:
    with pytest.raises(ExecutorError):
        solve(build(inputs()).case, method=Method.DECOMPOSITION, executor=NOBODY, threads=1)
