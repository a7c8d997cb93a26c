"""The solver that tests share answers what was asked before as it did then, and asks about everything else."""

import fcntl
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from agr.planning.pool import SolverPool
from agr.planning.progress import RoundProgress
from agr.settings import Planning
from models.case import Case
from tests.builders.answers import SHARED
from tests.builders.remembered import Remembering
from tests.models.builders import day_ahead, load, make

ROUND = RoundProgress(round=1, bound=2.0, value=1.0, gap=1.0, seconds=0.1)


class Asked(SolverPool):
    """Answers with an array of zeros after one round, and counts how often."""

    def __init__(self, planning: Planning) -> None:
        self._planning, self._executor, self.times = planning, "local", 0

    def solve(self, case: Case, reached: Callable[[RoundProgress], None] | None = None, budget: Any = None) -> Any:
        del budget
        self.times += 1
        if reached is not None:
            reached(ROUND)
        return np.zeros(case.isps)

    def solve_part(self, before: Case, case: Case) -> Any:
        self.times += 1
        return np.zeros(before.isps + case.isps)


@pytest.fixture
def case() -> Case:
    return make(2, load(2, 1.0), day_ahead=day_ahead(2, np.array([80.0, 70.0])))


@pytest.mark.parametrize("shared", [True, False])
def test_equal_cases_are_asked_once_and_answered_with_copies_and_rounds(
    case: Case, shared: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(SHARED, str(tmp_path))
    if not shared:
        monkeypatch.delenv(SHARED)
    asked = Asked(Planning(time_limit_s=41.0 + shared))
    first: Any = Remembering(asked).solve(case)
    first[0] = 7.0
    rounds: list[RoundProgress] = []
    second: Any = Remembering(asked).solve(replace(case), rounds.append)
    assert second.tolist() == [0.0, 0.0], "who gets an answer may write to it"
    assert rounds == [ROUND]
    assert asked.times == 1
    assert len(list(tmp_path.iterdir())) == shared


def test_another_case_other_settings_and_a_part_are_asked_about(
    case: Case, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(SHARED, str(tmp_path))
    asked = Asked(Planning())
    solver = Remembering(asked)
    solver.solve(case)
    solver.solve(replace(case, isp_hours=0.5))
    solver.solve_part(case, case)
    assert asked.times == 3
    other = Asked(Planning(relative_gap=0.5))
    Remembering(other).solve(case)
    assert other.times == 1


def test_who_asks_what_is_being_answered_waits(case: Case, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(SHARED, str(tmp_path))

    class Locked(Asked):
        def solve(self, case: Case, reached: Callable[[RoundProgress], None] | None = None, budget: Any = None) -> Any:
            (lock,) = tmp_path.glob("*.asked")
            with lock.open("w") as another, pytest.raises(BlockingIOError):
                fcntl.flock(another, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return super().solve(case, reached, budget)

    asked = Locked(Planning(time_limit_s=43.0))
    answer: Any = Remembering(asked).solve(case)
    assert answer.tolist() == [0.0, 0.0]
    assert asked.times == 1
