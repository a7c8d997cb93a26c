"""The short version of the campaign against trading: killed at some of its commits, and what came of it."""

from pathlib import Path

import pytest

from tests.torture.trader import through_kills


@pytest.mark.parametrize("before", [True, False])
def test_a_service_that_is_killed_offers_once_and_keeps_every_order(tmp_path: Path, before: bool) -> None:
    kills, faults = through_kills(tmp_path, before=before, every=4)
    assert faults == []
    assert kills >= 3
