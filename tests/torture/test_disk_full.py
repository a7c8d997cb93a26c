"""A real disk-full: the kernel refuses the daemon's writes to files for a while, and then no longer."""

import resource
import time
from pathlib import Path

import pytest
import sqlalchemy as sa

from agr.store import tables
from agr.store.engine import Store
from tests.day.parties import Parties
from tests.day.tiny import NORTH
from tests.torture.lives import PATIENCE_S, Score
from tests.torture.tortured import OURS, TorturedDay

pytestmark = pytest.mark.day


def test_a_full_disk_is_told_corrupts_nothing_and_is_over_without_a_hand(parties: Parties, tmp_path: Path) -> None:
    tortured, score = TorturedDay(tmp_path, (parties.cro, parties.north, parties.south)), Score("disk")
    life = tortured.live()
    try:
        tortured.drive(life, "portfolio_query")
        resource.prlimit(life.process.pid, resource.RLIMIT_FSIZE, (4096, resource.RLIM_INFINITY))
        parties.north.send("persist", seconds=0)
        with pytest.raises(Exception, match=r"503|Service"):
            parties.north.send("send_test", domain=OURS, timeout_s=PATIENCE_S)
        resource.prlimit(life.process.pid, resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
        parties.north.send("persist", seconds=PATIENCE_S)
        parties.north.send("send_test", domain=OURS, timeout_s=PATIENCE_S)
        store = Store(tortured.settings.store_url)
        until = time.monotonic() + PATIENCE_S
        told: list[bool] = []
        while not told:
            assert time.monotonic() < until
            life.ask()
            with store.transaction() as tx:
                c = tables.alarms.c
                told = [
                    at is not None
                    for at in tx.execute(sa.select(c.recovered_at).where(c.kind == "store failed")).scalars()
                ]
        assert told == [True]
        tortured.drive(life, "first_plan", life.ask())
        with store.transaction() as tx:
            assert tx.exec_driver_sql("PRAGMA integrity_check").scalar() == "ok"
            score.faults += [f for f in tortured._taken(tx, score) if "never reached us" not in f]
        store.close()
        assert score.faults == []
        assert NORTH in {party.domain for party, _ in tortured._events("sent")}
        assert life.end() == 0
    finally:
        if life.process.poll() is None:
            life.kill()
            life.bury()
