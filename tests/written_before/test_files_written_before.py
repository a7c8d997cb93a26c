"""Stores, archived cases and runs that earlier versions wrote can still be read, with the same contents."""

import lzma
from datetime import date
from pathlib import Path

import pytest

from agr.planning import serialisation
from agr.planning.plan_loader import load_solved, load_stored
from agr.scenario import open_run
from agr.store import plans
from agr.store.engine import Store
from models.audit import audit

HERE = Path(__file__).parent
DAY = date(2026, 3, 30)


@pytest.fixture
def store(tmp_path):
    path = tmp_path / "agr.db"
    path.write_bytes(lzma.decompress((HERE / "agr.db.xz").read_bytes()))
    opened = Store(f"sqlite:///{path}")
    opened.migrate()
    yield opened
    opened.close()


def test_a_store_opens_and_its_plans_are_read(store):
    with store.transaction() as tx:
        found = plans.in_force(tx, DAY)
        part = load_stored(tx, found.id)
        whole = load_solved(tx, found.id)
    assert found.id == 2
    assert found.part
    assert found.result.objective_eur == pytest.approx(111.36379049738942, abs=1e-12)
    assert part.named.case.remainder.dual_slack_eur >= 0
    assert len(part.named.case.points) < len(whole.named.case.points)
    assert audit(whole.named.case, whole.outcome) == ()


def test_content_addresses_stay_what_they_were(store):
    """The digests that the version of that day printed: a plan's provenance must not change with the code's words."""
    with store.transaction() as tx:
        part, whole = load_stored(tx, 2), load_solved(tx, 2)
    assert serialisation.digest(part.named) == "c9faa1703267428ddc947a049beafc7b5d8d447cc418ea5d77a88f1bd7eeeb9b"
    assert serialisation.digest(whole.named) == "e396d73eb4d6d0bcf776fb60b90c04f8929d480a1833263f5dec10a1012306e7"


def test_a_run_opens_with_its_tables():
    run = open_run(HERE / "run")
    assert run.outcome["scenario"] == "small-dst-day"
    assert len(run.steps) >= 2
    assert run.value_eur == pytest.approx(sum(step["objective_eur"] for step in run.last))
    assert len(run.final("programs"))
