"""The short version of the campaign at charge points: a daemon killed around each command, and its CSMS."""

from pathlib import Path

import pytest

from tests.torture.depot import CHANGES, depots, through_changes
from tests.torture.lives import Score

pytestmark = pytest.mark.day

WANTED = ("after dispatcher.py:_send", "before dispatcher.py:take")
"""Between a command's row and its request, and between its answer and what comes of it."""


def test_whoever_is_killed_between_command_and_answer_stations_hold_one_profile_with_the_right_limit(
    python: Path, tmp_path: Path
) -> None:
    killed, score = tmp_path / "killed", Score("charge points")
    with depots(python, tmp_path) as depot:
        through_changes(depot, score, lambda: depot.live(str(killed), "1", *WANTED), 1, CHANGES[1:2])
    points = killed.read_text(encoding="utf-8")
    assert [word for word in WANTED if word not in points] == [], "the code has moved; name its commit points anew"
    assert score.kills >= 3
