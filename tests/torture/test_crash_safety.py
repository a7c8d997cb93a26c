"""The short version of `make torture`: one day, killed at the commit points that matter most."""

from pathlib import Path

import pytest

from tests.day.parties import Parties
from tests.torture.lives import Score
from tests.torture.tortured import TorturedDay, through

pytestmark = pytest.mark.day

WANTED = (
    "after receive.py:receive", "after process.py:_process", "before deliver.py:_deliver", "after stored_plans.py:put",
    "< stages.py:_publish",
)  # fmt: skip
"""Commit points of the short version: between what must not be torn apart. The long one has all of them."""


def test_a_daemon_killed_at_commit_points_loses_nothing_repeats_nothing_and_ends_its_day(
    parties: Parties, tmp_path: Path
) -> None:
    tortured, score = TorturedDay(tmp_path, (parties.cro, parties.north, parties.south)), Score("short")
    killed = tmp_path / "killed"
    through(tortured, score, lambda: tortured.live(str(killed), "1", *WANTED))
    assert score.faults == []
    points = killed.read_text(encoding="utf-8")
    assert [word for word in WANTED if word not in points] == [], "the code has moved; name its commit points anew"
    assert score.kills >= 5
