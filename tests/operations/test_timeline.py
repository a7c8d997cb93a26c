"""What became of each moment of a Period: a gate that passed in vain is no success, what was before is not missed."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from agr.domain.moments import MomentState
from agr.operations.timeline import timeline
from agr.store import day
from tests.builders.worlds import NOW, PERIOD, World


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    made = World(tmp_path)
    yield made
    made.store.close()


def states(world: World, now: datetime) -> dict[str, tuple[str, str]]:
    with world.store.transaction() as tx:
        return {s.name: (s.state, s.result) for s in timeline(tx, world.settings, PERIOD, now, {}).steps}


def record(world: World, moment: str, result: str, at: datetime = NOW, state: MomentState = MomentState.MISSED) -> None:
    with world.store.transaction() as tx:
        day.moment_done(tx, PERIOD.day, moment, at, result, state)


@pytest.mark.parametrize("state", MomentState)
def test_a_moment_is_what_its_handler_said_whatever_its_words(world: World, state: MomentState) -> None:
    record(world, "retention_job", "deleted 0 messages and 0 plans", NOW - timedelta(days=7))
    record(world, "prognosis_gate", "missed nothing, 2 not late", state=state)
    assert states(world, NOW + timedelta(days=1))["prognosis_gate"] == (state.value, "missed nothing, 2 not late")


def test_a_fresh_install_has_missed_nothing_of_the_time_before_it(world: World) -> None:
    installed = PERIOD.start + timedelta(hours=14)
    for moment in ("portfolio_query", "first_plan", "day_ahead_results", "prognosis_last_safe_start"):
        record(world, moment, "missed; instead: nothing", installed)
    record(world, "day_ahead_gate", "+0.000 MWh net (no plan before the gate)", installed)
    record(world, "prognosis_gate", "0 congestion points accepted, 1 not", installed)
    found = states(world, installed)
    assert {found[m][0] for m in ("first_plan", "day_ahead_gate", "prognosis_gate")} == {"before start"}
    assert not [s for s, _ in found.values() if s == "missed"]


def test_a_later_day_that_was_missed_is_missed(world: World) -> None:
    record(world, "retention_job", "deleted 0 messages and 0 plans", PERIOD.start - timedelta(days=2))
    record(world, "first_plan", "missed; instead: no plan: nothing is sent", PERIOD.start)
    assert states(world, PERIOD.start)["first_plan"][0] == "missed"
