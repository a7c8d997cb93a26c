"""Two daemons on one PostgreSQL: the leader is killed in the middle of the day, the other one finishes it."""

import os
import time
from pathlib import Path

import httpx
import pytest

from tests.builders.stores import fresh_on
from tests.day.parties import Parties
from tests.torture.lives import PATIENCE_S, Life, Score
from tests.torture.tortured import PATH, TorturedDay

pytestmark = pytest.mark.day


def test_a_standby_takes_over_from_a_killed_leader_and_finishes_the_day(
    parties: Parties, postgres: str, tmp_path: Path
) -> None:
    tortured = TorturedDay(tmp_path, (parties.cro, parties.north, parties.south), fresh_on(postgres))
    config, port = tortured.second()
    leader = tortured.live()
    first = leader.read()
    assert first.leading
    standby = Life(config, tortured.now, tmp_path / "second.log")
    try:
        assert not standby.read().leading
        url = f"http://127.0.0.1:{port}{PATH}"
        refused = httpx.post(url, content=b"<x/>", headers={"Content-Type": "text/xml"}, timeout=PATIENCE_S)
        assert (refused.status_code, "Retry-After" in refused.headers) == (503, True)
        tortured.drive(leader, "first_plan", first)
        assert standby.ask().done == leader.ask().done  # it serves reads
        leader.kill()
        killed_at = time.monotonic()
        leader.bury()
        while not (standing := standby.ask(tortured.now)).leading:
            assert time.monotonic() - killed_at < PATIENCE_S
            time.sleep(0.05)
        tortured.meet(port)
        tortured.drive(standby, standing=standing)
        assert standby.end() == 0
    finally:
        for life in (leader, standby):
            if life.process.poll() is None:
                os.kill(life.process.pid, 9)
                life.bury()
    score = Score("standby")
    tortured.judge(score)
    assert score.faults == []
