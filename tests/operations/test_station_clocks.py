"""Stations whose clocks are off: nothing is counted at the wrong time, and no plan is followed at the wrong time."""

import re
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from agr.domain.register import ConnectionLimit
from agr.operations.dispatching import wishes
from agr.operations.dispatching.clock_keeper import PATIENCE
from agr.planning.stored_plans import StoredInputs
from tests.builders.citrine import Station
from tests.builders.depots import FIRST_DAY, Depot, depots, point
from tests.builders.worlds import PERIOD
from tests.operations.test_charge_sessions import counted, running, told

HOUR = timedelta(hours=1)
OFF = "station clock off"


@pytest.fixture
def depot(tmp_path: Path) -> Iterator[Depot]:
    with depots(tmp_path, CP1=Station(), CP2=Station()) as made:
        made.points(point(), point("p2", "CP2"))
        made.plan(p1=7.0, p2=6.0)
        made.run(20)
        yield made


def its_limit_kw(depot: Depot, behind: timedelta) -> float | None:
    """Return what the station follows by its own clock."""
    return depot.limit_kw(after_s=-behind.total_seconds())


def found_off(depot: Depot, behind: timedelta = HOUR) -> None:
    """Let a station with such a clock tell of a car, twice."""
    told(depot, "Started", wh=1000, at=depot.clock.now() - behind)
    depot.pass_time(130)
    told(depot, "Updated", wh=1200, at=depot.clock.now() - behind)
    depot.run(20)


def test_a_clock_an_hour_behind_counts_for_nothing_and_gets_no_plan_until_it_is_right(depot: Depot) -> None:
    came = depot.clock.now()
    told(depot, "Started", wh=1000, at=came - HOUR)
    assert (running(depot), depot.alarms(), depot.limit_kw()) == ({}, {}, 7.0)  # it may have waited
    depot.pass_time(130)
    told(depot, "Updated", wh=1200, at=depot.clock.now() - HOUR)
    assert re.match(r"CP1 has a clock that is 36\d\d s behind", depot.alarms()[OFF])
    assert abs(running(depot)["p1"].began_at - came) < timedelta(seconds=20)  # when we heard of it
    assert counted(depot) == []
    depot.run(20)
    assert its_limit_kw(depot, HOUR) == 4.2
    assert depot.limit_kw("CP2") == 6.0
    with depot.store.transaction() as tx:
        limits = StoredInputs(tx).silent_limits(PERIOD, depot.clock.now())
        (state,) = wishes.states(tx, "p1")
    assert set(limits) == {"p1/1"}
    assert set(limits["p1/1"][PERIOD.isp_of(depot.clock.now()) :].round(6)) == {4.2}
    assert re.fullmatch(r"its clock is 36\d\d s behind", state.facts_words())

    depot.roads = depot.open()  # a restart
    depot.roads.resume()
    depot.run(20)
    told(depot, "Updated", wh=1300, at=depot.clock.now() - HOUR)
    assert (its_limit_kw(depot, HOUR), counted(depot)) == (4.2, [])

    depot.pass_time(301)
    told(depot, "Updated", wh=1500)
    depot.run(20)
    assert OFF not in depot.alarms()
    assert (depot.limit_kw(), counted(depot)) == (7.0, [1.5])
    with depot.store.transaction() as tx:
        assert StoredInputs(tx).silent_limits(PERIOD, depot.clock.now()) == {}


def test_what_waited_while_the_station_was_away_counts_when_it_is_known_that_it_did(depot: Depot) -> None:
    depot.pass_time(5400)
    came = depot.clock.now() - HOUR
    told(depot, "Started", wh=1000, at=came)
    depot.pass_time(1)
    told(depot, "Updated", wh=4000, at=came + HOUR / 2)
    assert counted(depot) == []
    depot.pass_time(1)
    told(depot, "Updated", wh=7000)
    assert counted(depot) == [1.0, 4.0, 7.0]
    assert running(depot)["p1"].began_at == came
    assert depot.alarms() == {}


def test_a_late_message_after_which_nothing_comes_counts_in_the_end(depot: Depot) -> None:
    told(depot, "Started", wh=1000)
    depot.pass_time(3600)
    told(depot, "Ended", wh=2000, at=depot.clock.now() - HOUR / 2)
    assert running(depot)
    depot.pass_time(PATIENCE.total_seconds())
    depot.roads.look("citrine")
    assert running(depot) == {}
    assert counted(depot) == [1.0, 2.0]


def test_a_clock_that_has_lost_its_days_still_has_a_fallback_in_force(depot: Depot) -> None:
    lost = timedelta(days=400)
    assert its_limit_kw(depot, lost) is None  # by its clock nothing that it holds has begun
    found_off(depot, lost)
    assert its_limit_kw(depot, lost) == 4.2


def test_a_plan_that_is_followed_at_the_wrong_time_counts_in_full_until_it_is_cleared(tmp_path: Path) -> None:
    fuse = ConnectionLimit(
        at="ean.1", first_day=FIRST_DAY, import_kw=16.0, export_kw=None, penalty_eur_per_mwh=0.0
    )  # fmt: skip
    with depots(tmp_path, CP1=Station(), CP2=Station()) as depot:
        depot.points(point(), point("p2", "CP2"), limits=(fuse,))
        depot.plan(p1=7.0, p2=5.0)
        depot.run(20)
        depot.citrine.stations["CP1"].answer = "silent"
        found_off(depot)
        depot.pass_time(301)
        depot.plan(p1=7.0, p2=9.0)  # 16 kW together, if the first one did follow its plan
        depot.run(20)
        assert depot.limit_kw("CP2") == 5.0
        assert "dispatch withheld" in depot.alarms()
