"""The short version of `make torture`: one day, killed at the commit points that matter most."""

from pathlib import Path

import pytest

from tests.day.market import Parties
from tests.torture.tortured import Score, TorturedDay, through

pytestmark = pytest.mark.day

SPARED = ("calendar", "jobs", "enquiry", "take_up_again", "_recover", "start", "before intake.py:receive")

"""Commit points the short version leaves to the long one."""


def test_a_daemon_killed_at_commit_points_loses_nothing_repeats_nothing_and_ends_its_day(
    parties: Parties, tmp_path: Path
) -> None:
    tortured, score = TorturedDay(tmp_path, (parties.cro, parties.north, parties.south)), Score("short")
    killed = tmp_path / "killed"
    through(tortured, score, lambda: tortured.live(str(killed), "1", *SPARED))
    assert score.faults == []
    assert score.kills >= 6
