"""What a road learns of stations outlives a restart; what is set once is set once; what leaves is cleared."""

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from agr.domain.dispatch import StationFact
from agr.domain.plan import ReasonKind
from agr.domain.register import ConnectionLimit
from agr.operations.dispatching import wishes
from agr.store import day, dispatch_facts
from tests.builders.citrine import Station
from tests.builders.depots import FIRST_DAY, Depot, depots, point
from tests.builders.http_server import Told
from tests.builders.worlds import PERIOD

FUSE = ConnectionLimit(at="ean.1", first_day=FIRST_DAY, import_kw=9.0, export_kw=None, penalty_eur_per_mwh=1.0)


@pytest.fixture
def depot(tmp_path: Path) -> Iterator[Depot]:
    with depots(tmp_path, CP1=Station(), CP2=Station(), OLD=Station(protocol="1.6")) as made:
        made.points(point())
        made.plan(p1=7.0)
        yield made


def learnt(depot: Depot) -> dict[tuple[str, StationFact], str]:
    with depot.store.transaction() as tx:
        return {(one.charge_point, one.fact): one.value for one in dispatch_facts.of_road(tx, "citrine")}


def restarted(depot: Depot) -> None:
    depot.roads = depot.open()
    depot.roads.resume()


def maximum(depot: Depot, name: str = "CP1") -> tuple[float, str] | None:
    """Return the limit of a whole station, as it holds it."""
    held = [p for p in depot.citrine.stations[name].profiles.values() if "Max" in p["chargingProfilePurpose"]]
    if not held:
        return None
    (one,) = held
    assert one["evse"] == 0
    assert "duration" not in one["schedule"]
    (period,) = one["schedule"]["chargingSchedulePeriod"]
    return period["limit"], one["schedule"]["chargingRateUnit"]


def test_a_station_gets_its_share_of_the_connection_once_after_the_plan(depot: Depot) -> None:
    old = point("p3", "OLD", protocol="1.6", unit=None, fallback_kw=0.0)
    depot.points(point("p1", fallback_kw=0.0), point("p2", evse=2, fallback_kw=0.0), old, limits=(FUSE,))
    depot.plan(p1=5.0, p2=0.0, p3=0.0)
    depot.run(30)
    assert depot.rows("p2")[0] == ("set", "fallback", 0, "accepted")  # though a change of p1 has to wait
    depot.pass_time(301)
    depot.run(30)
    assert maximum(depot) == (9000, "W")  # two points of 11 kW behind 9 kW
    assert maximum(depot, "OLD") == (13, "A")  # 9 kW on three phases
    for _ in range(4):
        depot.pass_time(61)
        depot.run()
    assert len(depot.citrine.commands(whole=True)) == 2
    assert [depot.rows(name, whole=True) for name in ("p1", "p2")] == [[("set", "maximum", 9, "accepted")], []]
    depot.points(point("p1", fallback_kw=0.0), point("p2", evse=2, fallback_kw=0.0))
    depot.plan(p1=5.0, p2=0.0)
    depot.pass_time(301)
    depot.run(30)
    assert maximum(depot) == (22_000, "W")  # in the place of the old one, which had to be cleared first
    assert depot.alarms() == {}


def test_a_station_that_refuses_a_maximum_is_noted_and_not_asked_again(depot: Depot) -> None:
    depot.citrine.stations["CP1"].refuses = ("ChargingStationMaxProfile",)
    depot.run()
    assert depot.limit_kw() == 7.0
    assert depot.alarms() == {}
    assert "Rejected" in learnt(depot)["", StationFact.MAXIMUM]
    restarted(depot)
    depot.pass_time(400)
    depot.run()
    assert len(depot.citrine.commands(whole=True)) == 1
    with depot.store.transaction() as tx:
        (state,) = wishes.states(tx, "p1")
        wishes.wish(tx, wishes.RESEND, "p1", True, depot.clock.now(), "anna", "new firmware")
    assert "no maximum for the station" in state.facts_words()
    depot.citrine.stations["CP1"].refuses = ()
    depot.pass_time(6)
    depot.run(20)
    assert maximum(depot) == (11_000, "W")
    assert learnt(depot) == {}


def test_unit_and_periods_outlive_a_restart(depot: Depot) -> None:
    station = depot.citrine.stations["CP1"]
    station.units, station.periods = ("A",), 5
    depot.plan_of(p1=[5.0 + place % 3 for place in range(PERIOD.isp_count)])
    depot.run(20)
    assert learnt(depot) == {("", StationFact.UNIT): "A", ("", StationFact.PERIODS): "5"}
    restarted(depot)
    depot.plan_of(p1=[6.0 + place % 3 for place in range(PERIOD.isp_count)])
    depot.pass_time(301)
    before = len(depot.citrine.commands())
    depot.run(20)
    assert len(depot.citrine.commands()) == before + 1  # nothing is refused again
    asked = depot.citrine.commands("getCompositeSchedule")
    assert asked, "after the restart"
    assert not any(b"chargingRateUnit" in one.body for one in asked), "in W the question would be refused"
    assert {row[3] for row in depot.rows()[-2:]} == {"accepted"}


def test_a_station_that_cannot_say_what_it_follows_is_known_after_a_restart(depot: Depot) -> None:
    depot.citrine.stations["CP1"].composite = False
    depot.run()
    depot.pass_time(61)
    depot.run()
    assert learnt(depot) == {("p1", StationFact.COMPOSITE): "not said"}
    depot.citrine.stations["CP1"].composite = True
    restarted(depot)
    depot.run()
    assert learnt(depot) == {}  # it was asked at the restart, and has said it


def test_a_point_that_leaves_the_table_is_cleared_of_all_that_is_ours(depot: Depot) -> None:
    depot.run()
    assert len(depot.citrine.stations["CP1"].profiles) == 3
    depot.points(point("p2", "CP2"))
    depot.plan(p2=5.0)
    restarted(depot)
    depot.run(30)
    assert depot.citrine.stations["CP1"].profiles == {}
    assert depot.limit_kw("CP2") == 5.0
    assert depot.alarms() == {}
    sent = len(depot.citrine.requests)
    depot.pass_time(20)
    depot.run()
    assert len(depot.citrine.requests) == sent


def test_a_point_that_moves_to_another_station_is_cleared_there_and_told_here(depot: Depot) -> None:
    depot.run()
    depot.points(point("p1", "CP2"))
    depot.plan(p1=7.0)
    depot.run(30)
    assert depot.citrine.stations["CP1"].profiles == {}
    assert depot.limit_kw("CP2") == 7.0
    assert {row[3] for row in depot.rows() if row[0] == "set"} == {"accepted", "superseded"}


def test_a_composite_that_is_wrong_for_ever_is_an_alarm_and_not_an_endless_resending(depot: Depot) -> None:
    """The SAP simulator shifts the periods of its composite schedule in time."""
    kw = [7.0] * PERIOD.isp_count
    kw[72:] = [4.0 + place % 2 for place in range(PERIOD.isp_count - 72)]
    depot.plan_of(p1=kw)
    depot.run()
    depot.citrine.stations["CP1"].shift_s = 1800
    sent = []
    for _ in range(40):
        depot.pass_time(61)
        depot.run()
        sent.append(len(depot.citrine.commands()) + len(depot.citrine.commands("clearChargingProfile")))
    assert sent[-1] - sent[-25] == 0
    assert sent[-1] <= 30
    assert "what is measured decides" in depot.alarms()["limit not in force"]
    assert learnt(depot) == {("p1", StationFact.COMPOSITE): "disputed"}
    assert depot.limit_kw() == 7.0
    depot.citrine.stations["CP1"].shift_s = 0
    with depot.store.transaction() as tx:
        wishes.wish(tx, wishes.VERIFY, "p1", True, depot.clock.now(), "anna", "new firmware")
    depot.pass_time(6)
    depot.run()
    assert depot.alarms() == {}
    assert learnt(depot) == {}


def test_hours_ahead_are_compared_not_only_the_next_one(depot: Depot) -> None:
    depot.run()
    station = depot.citrine.stations["CP1"]
    later = depot.clock.now() + timedelta(hours=5)
    station.profiles[602] = {
        **station.profiles[70_010], "stackLevel": 5, "chargingProfilePurpose": "TxProfile",
        "schedule": {
            "startSchedule": later.isoformat(), "duration": 7200, "chargingRateUnit": "W",
            "chargingSchedulePeriod": [{"startPeriod": 0, "limit": 11_000}],
        },
    }  # fmt: skip
    depot.pass_time(61)
    depot.roads.look("citrine")
    depot.deliver()
    assert "would follow 11.00 kW" in depot.alarms()["limit not in force"]


def test_a_back_end_that_comes_back_is_verified_first_and_told_only_what_differs(depot: Depot) -> None:
    depot.run()
    depot.plan(p1=7.0)  # as a plan in force, so that plans are asked for
    down = Told(status=500, body=b'{"message":"Channel closed"}')
    depot.citrine.trouble = lambda asked: down
    for _ in range(3):
        depot.pass_time(61)
        depot.run()
    with depot.store.transaction() as tx:
        asked = [one.reason for one in day.open_triggers(tx) if one.reason.kind is ReasonKind.BACK_END]
        assert set(dispatch_facts.silent(tx)) == {"citrine"}
    assert ["does not answer" in one.text for one in asked] == [True]
    depot.plan(p1=5.0)
    before = len(depot.citrine.commands())
    restarted(depot)  # it is still silent after a restart
    depot.pass_time(61)
    depot.run()
    assert len(depot.citrine.commands()) == before
    depot.citrine.trouble = None
    first = len(depot.citrine.requests)
    for _ in range(3):
        depot.pass_time(61)
        depot.run()
    paths = [one.path.rsplit("/", 1)[1] for one in depot.citrine.requests[first:] if one.path.startswith("/ocpp")]
    assert paths[0] == "getCompositeSchedule"
    assert paths.count("setChargingProfile") == 1
    assert depot.limit_kw() == 5.0
    assert depot.alarms() == {}
    with depot.store.transaction() as tx:
        assert dispatch_facts.silent(tx) == {}


def test_an_operator_s_stop_is_tried_though_the_back_end_is_silent(depot: Depot) -> None:
    depot.run()
    depot.citrine.trouble = lambda asked: Told(status=500)
    for _ in range(3):
        depot.pass_time(61)
        depot.run()
    with depot.store.transaction() as tx:
        wishes.wish(tx, wishes.STOP, "p1", True, depot.clock.now(), "anna", "smoke")
    before = len(depot.citrine.commands())
    depot.pass_time(6)
    depot.run()
    assert len(depot.citrine.commands()) == before + 1
