"""Plans are carried out at charge points through a small CitrineOS: over real HTTP, committed before they are sent."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from agr.domain.register import ConnectionLimit
from agr.operations.dispatching import wishes
from tests.builders.citrine import Station
from tests.builders.depots import FIRST_DAY, START, Depot, depots, point
from tests.builders.worlds import PERIOD


@pytest.fixture
def depot(tmp_path: Path) -> Iterator[Depot]:
    with depots(tmp_path, CP1=Station(), CP2=Station(), OLD=Station(protocol="1.6")) as made:
        made.points(point())
        made.plan(p1=7.0)
        yield made


def test_a_plan_arrives_at_the_station_over_its_fallback(depot: Depot) -> None:
    depot.run()
    assert depot.rows() == [("set", "fallback", 0, "accepted"), ("set", "plan", 1, "accepted")]
    assert depot.limit_kw() == 7.0
    assert depot.limit_kw(after_s=4 * 3600) == 4.2
    assert depot.alarms() == {}


def test_a_change_leaves_no_moment_without_a_profile(depot: Depot) -> None:
    depot.run()
    seen = []
    depot.plan(p1=5.0)
    for _ in range(6):
        depot.roads.look("citrine")
        seen.append(depot.limit_kw())
        depot.deliver()
        seen.append(depot.limit_kw())
    assert seen[0] in (5.0, 7.0)
    assert set(seen) <= {5.0, 7.0}
    assert seen[-1] == 5.0
    actions = [
        (one.path.rsplit("/", 1)[1])
        for one in depot.citrine.requests
        if "ChargingProfile" in one.path and b"ChargingStationMax" not in one.body
    ]
    assert actions == ["setChargingProfile"] * 3 + ["clearChargingProfile"]


def test_under_ocpp_1_6_in_a_the_profile_is_replaced_in_its_place(depot: Depot) -> None:
    depot.points(point("p1", "OLD", protocol="1.6", unit=None))
    depot.plan(p1=7.0)
    depot.run()
    assert depot.limit_kw("OLD") == pytest.approx(10 * 0.69)
    depot.plan(p1=5.0)
    depot.run()
    assert depot.limit_kw("OLD") == pytest.approx(7 * 0.69)
    assert [slot for _, _, slot, state in depot.rows() if state == "accepted"] == [0, 1]
    assert depot.citrine.commands("clearChargingProfile") == []


def test_nothing_is_sent_twice_and_a_second_look_finds_nothing(depot: Depot) -> None:
    depot.run()
    sent = len(depot.citrine.commands())
    for _ in range(5):
        depot.pass_time(20)
        depot.run()
    assert len(depot.citrine.commands()) == sent


def test_one_command_is_under_way_per_station(depot: Depot) -> None:
    depot.points(point("p1"), point("p2", evse=2))
    depot.plan(p1=7.0, p2=6.0)
    for _ in range(3):
        depot.roads.look("citrine")
        depot.pass_time(6)
    assert len(depot.citrine.commands()) == 1
    depot.run(20)
    assert (depot.limit_kw(evse=1), depot.limit_kw(evse=2)) == (7.0, 6.0)


def test_an_increase_waits_for_the_pause_and_a_reduction_does_not(depot: Depot) -> None:
    depot.run()
    depot.plan(p1=9.0)
    depot.run()
    assert depot.limit_kw() == 7.0
    depot.plan(p1=6.0)
    depot.run()
    assert depot.limit_kw() == 6.0
    depot.plan(p1=9.0)
    depot.pass_time(301)
    depot.run()
    assert depot.limit_kw() == 9.0


def test_the_limit_of_a_connection_holds_in_whatever_order_answers_come(depot: Depot) -> None:
    fuse = ConnectionLimit(at="ean.1", first_day=FIRST_DAY, import_kw=13.0, export_kw=None, penalty_eur_per_mwh=1.0)
    depot.points(point("p1"), point("p2", "CP2"), limits=(fuse,))
    depot.plan(p1=7.0, p2=5.0)
    depot.run(20)
    depot.pass_time(400)
    depot.plan(p1=5.0, p2=8.0)
    kept: list[tuple[str, bytes]] = []
    for place in range(16):
        depot.roads.look("citrine")
        kept += depot.citrine.pending
        depot.citrine.pending = []
        if place % 2:  # two rounds' answers, the newest first
            for url, body in reversed(kept):
                assert depot.post(url, body) == 200
                assert (depot.limit_kw("CP1") or 0) + (depot.limit_kw("CP2") or 0) <= 13.0
            kept = []
        depot.pass_time(1)
    assert (depot.limit_kw("CP1"), depot.limit_kw("CP2")) == (5.0, 8.0)


def test_a_station_that_takes_a_only_and_few_periods_gets_them(depot: Depot) -> None:
    station = depot.citrine.stations["CP1"]
    station.units, station.periods = ("A",), 5
    kw = [5.0 + place % 3 for place in range(PERIOD.isp_count)]
    depot.plan_of(p1=kw)
    depot.run(20)
    (plan,) = [p for p in station.plans().values() if p["stackLevel"] > 0]
    assert len(plan["schedule"]["chargingSchedulePeriod"]) == 5
    assert plan["schedule"]["chargingRateUnit"] == "A"
    depot.pass_time(3 * 900)
    depot.run(20)
    (renewed,) = [p for p in station.plans().values() if p["stackLevel"] > 0]
    assert renewed["schedule"]["startSchedule"] > plan["schedule"]["startSchedule"]


def test_a_limit_of_the_connection_holds_and_what_would_break_it_is_not_sent(depot: Depot) -> None:
    fuse = ConnectionLimit(at="ean.1", first_day=FIRST_DAY, import_kw=12.0, export_kw=None, penalty_eur_per_mwh=1.0)
    depot.points(point("p1"), point("p2", "CP2"), limits=(fuse,))
    depot.plan(p1=7.0, p2=6.0)
    depot.run(20)
    assert "ean.1: 13.00 kW might be drawn at" in depot.alarms()["dispatch withheld"]
    assert (depot.limit_kw("CP1"), depot.limit_kw("CP2")) in ((7.0, 4.2), (4.2, 6.0), (4.2, 4.2))
    depot.plan(p1=7.0, p2=5.0)
    depot.run(20)
    assert (depot.limit_kw("CP1"), depot.limit_kw("CP2")) == (7.0, 5.0)
    assert depot.alarms() == {}


def test_power_moves_from_one_point_to_another_only_when_the_reduction_is_accepted(depot: Depot) -> None:
    fuse = ConnectionLimit(at="ean.1", first_day=FIRST_DAY, import_kw=13.0, export_kw=None, penalty_eur_per_mwh=1.0)
    depot.points(point("p1"), point("p2", "CP2"), limits=(fuse,))
    depot.plan(p1=7.0, p2=5.0)
    depot.run(20)
    depot.pass_time(400)
    depot.plan(p1=5.0, p2=8.0)
    for _ in range(12):
        depot.roads.look("citrine")
        assert (depot.limit_kw("CP1") or 0) + (depot.limit_kw("CP2") or 0) <= 13.0
        depot.deliver()
        assert (depot.limit_kw("CP1") or 0) + (depot.limit_kw("CP2") or 0) <= 13.0
    assert (depot.limit_kw("CP1"), depot.limit_kw("CP2")) == (5.0, 8.0)


def test_a_profile_of_somebody_else_is_found_and_cleared(depot: Depot) -> None:
    depot.run()
    station = depot.citrine.stations["CP1"]
    fallback = station.profiles[70_010]
    station.profiles[602] = {
        **fallback, "stackLevel": 5, "chargingProfilePurpose": "TxProfile",
        "schedule": {**fallback["schedule"], "chargingSchedulePeriod": [{"startPeriod": 0, "limit": 11_000}]},
    }  # fmt: skip
    assert depot.limit_kw() == 11.0
    depot.pass_time(61)
    depot.roads.look("citrine")
    depot.deliver()
    assert "would follow 11.00 kW" in depot.alarms()["limit not in force"]
    for _ in range(3):
        depot.run()
        depot.pass_time(61)
    assert depot.limit_kw() == 7.0
    assert depot.alarms() == {}


def test_an_operator_stops_a_point_and_takes_it_back(depot: Depot) -> None:
    depot.run()
    with depot.store.transaction() as tx:
        wishes.wish(tx, wishes.STOP, "p1", True, depot.clock.now(), "anna", "smoke")
    depot.pass_time(6)
    depot.run()
    assert depot.limit_kw() == 0.0
    assert depot.limit_kw(after_s=10 * 3600) == 0.0
    with depot.store.transaction() as tx:
        wishes.wish(tx, wishes.STOP, "p1", False, depot.clock.now(), "anna", "it was dust")
    depot.pass_time(301)
    depot.run()
    assert depot.limit_kw() == 7.0


def test_an_operator_has_it_sent_again(depot: Depot) -> None:
    depot.run()
    station = depot.citrine.stations["CP1"]
    station.profiles.clear()
    station.active.clear()
    with depot.store.transaction() as tx:
        wishes.wish(tx, wishes.RESEND, "p1", True, depot.clock.now(), "anna", "it was replaced")
    depot.pass_time(6)
    depot.run()
    assert depot.limit_kw() == 7.0


def test_a_session_that_is_planned_no_more_leaves_the_fallback(depot: Depot) -> None:
    depot.run()
    depot.plan_of()
    depot.run()
    assert depot.limit_kw() == 4.2
    assert depot.rows()[-1][0] == "clear"


def test_the_wire_has_whole_numbers_utc_and_fixed_identifiers(depot: Depot) -> None:
    import json

    depot.run()
    body = json.loads(depot.citrine.commands()[1].body)
    profile = body["chargingProfile"]
    assert (body["evseId"], profile["id"], profile["stackLevel"]) == (1, 70_011, 1)
    assert (profile["chargingProfilePurpose"], profile["chargingProfileKind"]) == ("TxDefaultProfile", "Absolute")
    (schedule,) = profile["chargingSchedule"]
    assert schedule["startSchedule"].endswith(":00.000Z")
    assert schedule["chargingSchedulePeriod"] == [
        {"startPeriod": 0, "limit": 7000},
        {"startPeriod": 10_800, "limit": 11_000},  # the last two minutes of the session have the energy of their ISP
    ]
    assert schedule["duration"] == 10_800 + 900
    assert schedule["startSchedule"] == f"{START.replace(minute=0):%Y-%m-%dT%H:%M}:00.000Z"  # of its ISP
