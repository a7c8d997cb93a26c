"""Stations and back-ends that refuse, are late or away, or answer what is not true."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from agr.store import day
from tests.builders.citrine import Station
from tests.builders.depots import Depot, depots, point
from tests.builders.http_server import Told


@pytest.fixture
def depot(tmp_path: Path) -> Iterator[Depot]:
    with depots(tmp_path, CP1=Station(), CP2=Station(), OLD=Station(protocol="1.6")) as made:
        made.points(point())
        made.plan(p1=7.0)
        yield made


def test_a_rejected_profile_is_an_alarm_and_is_tried_again_after_a_pause(depot: Depot) -> None:
    depot.citrine.stations["CP1"].answer = "Rejected"
    depot.run()
    assert depot.rows() == [("set", "fallback", 0, "rejected")]
    assert "CP1) has not taken fallback: the station answered Rejected: ToldTo" in depot.alarms()["limit not taken"]
    depot.run()
    assert len(depot.citrine.commands()) == 1
    depot.citrine.stations["CP1"].answer = "Accepted"
    depot.pass_time(46)
    depot.run()
    assert depot.limit_kw() == 7.0
    assert depot.alarms() == {}


@pytest.mark.parametrize("answer", ["CALLERROR", "silent", "silent but applied"])
def test_whatever_a_station_answers_the_limit_is_right_in_the_end(depot: Depot, answer: str) -> None:
    depot.run()
    depot.citrine.stations["CP1"].answer = answer
    depot.plan(p1=5.0)
    depot.run()
    assert depot.limit_kw() in (5.0, 7.0)
    depot.pass_time(46)  # what was never answered is unknown
    depot.roads.look("citrine")
    depot.citrine.stations["CP1"].answer = "Accepted"
    for _ in range(6):
        depot.pass_time(50)
        depot.run()
    assert depot.limit_kw() == 5.0
    assert len([one for one in depot.citrine.stations["CP1"].plans() if one != 70_010]) == 1
    assert depot.alarms() == {}


@pytest.mark.parametrize("seconds", [40, 50])
def test_an_answer_that_comes_late_counts_and_nothing_is_sent_twice(depot: Depot, seconds: float) -> None:
    """Before the command is unknown, or after it."""
    depot.run()
    depot.plan(p1=5.0)
    depot.roads.look("citrine")
    late, depot.citrine.pending = depot.citrine.pending, []
    depot.pass_time(seconds)
    if seconds < 45:
        depot.roads.look("citrine")
    else:  # the station is asked; its answer waits
        depot.citrine.stations["CP1"].composite = False
        depot.roads.look("citrine")
    assert depot.rows()[-1][3] == ("sent" if seconds < 45 else "unknown")
    assert [depot.post(url, body) for url, body in late] == [200]
    assert depot.rows()[-1][3] == "accepted"
    depot.run()
    assert depot.limit_kw() == 5.0
    assert len(depot.citrine.commands()) == 3  # fallback, plan, changed plan
    assert len(depot.citrine.stations["CP1"].plans()) == 2


def test_a_station_that_cannot_say_what_it_follows_is_sent_the_same_slot_again(depot: Depot) -> None:
    station = depot.citrine.stations["CP1"]
    depot.run()
    station.answer, station.composite = "silent but applied", False
    depot.plan(p1=5.0)
    depot.run()
    depot.pass_time(46)
    station.answer = "Accepted"
    for _ in range(6):
        depot.run()
        depot.pass_time(50)
    assert depot.limit_kw() == 5.0
    assert len(station.plans()) == 2


def test_an_absent_station_is_an_alarm_and_gets_its_plan_when_it_is_back(depot: Depot) -> None:
    depot.citrine.stations["CP1"].online = False
    depot.run()
    assert "the station is not connected" in depot.alarms()["limit not taken"]
    depot.citrine.stations["CP1"].online = True
    depot.pass_time(46)
    depot.run()
    assert depot.limit_kw() == 7.0


@pytest.mark.parametrize("answering", [1, 2])
def test_stations_that_answer_nothing_beside_others_are_alarms_of_their_own(depot: Depot, answering: int) -> None:
    """They were taken for a back-end that does not answer: all charge points were planned anew, again and again."""
    depot.points(point(), point("p2", "CP2"), point("old", "OLD", protocol="1.6", unit="A"))
    depot.plan(p1=7.0, p2=7.0, old=7.0)
    silent = ["CP1", "CP2"][: 3 - answering]
    for name in silent:
        depot.citrine.stations[name].answer = "silent"
    for _ in range(8):
        depot.run()
        assert set(depot.alarms()) <= {"station silent"}
        depot.pass_time(61)
    with depot.store.transaction() as tx:
        texts = {alarm.subject: alarm.text for alarm in day.open_alarms(tx)}
    assert set(texts) == ({"p1", "p2"} if answering == 1 else {"p1"})
    assert "p1 (CP1) has not said what it follows" in texts["p1"]
    assert depot.limit_kw("OLD") is not None
    for name in silent:
        depot.citrine.stations[name].answer = "Accepted"
    for _ in range(12):
        depot.pass_time(61)
        depot.run()
    assert depot.alarms() == {}
    assert depot.limit_kw() == depot.limit_kw("CP2") == 7.0


def test_a_back_end_that_refuses_every_command_and_question_is_silent_whatever_is_sent(depot: Depot) -> None:
    depot.points(point(), point("p2", "CP2"))
    depot.plan(p1=7.0, p2=7.0)
    depot.run()
    depot.citrine.trouble = lambda asked: Told(status=500, body=b'{"message":"Channel closed"}')
    for kw in (6.0, 5.0, 6.0, 5.0, 6.0, 5.0):
        depot.plan(p1=kw, p2=kw)
        depot.pass_time(61)
        depot.run()
    assert "citrine has not answered" in depot.alarms()["back-end silent"]


def test_a_silent_station_that_is_taken_out_of_the_table_is_no_alarm_any_more(depot: Depot) -> None:
    depot.points(point(), point("p2", "CP2"))
    depot.plan(p1=7.0, p2=7.0)
    depot.citrine.stations["CP1"].answer = "silent"
    for _ in range(8):
        depot.run()
        depot.pass_time(61)
    assert "station silent" in depot.alarms()
    depot.points(point("p2", "CP2"))
    depot.plan(p2=7.0)
    depot.run()
    assert "station silent" not in depot.alarms()


def test_a_restart_asks_first_and_sends_only_what_differs(depot: Depot) -> None:
    depot.run()
    depot.citrine.stations["CP1"].answer = "silent but applied"
    depot.plan(p1=5.0)
    depot.roads.look("citrine")  # sent and applied; the daemon is killed before the answer
    depot.citrine.stations["CP1"].answer = "Accepted"
    sent = len(depot.citrine.commands())
    depot.roads = depot.open()
    depot.roads.resume()
    depot.run()
    assert len(depot.citrine.commands("clearChargingProfile")) == 1  # the one before is taken out
    assert depot.rows()[-2:] == [("set", "plan", 2, "accepted"), ("clear", "plan", 1, "accepted")]
    assert len(depot.citrine.commands()) == sent  # not sent again: it was found in force
    assert depot.limit_kw() == 5.0


def test_answers_that_are_forged_repeated_or_of_nobody_change_nothing(depot: Depot) -> None:
    depot.roads.look("citrine")
    ((url, body),) = [one for one in depot.citrine.pending if "/command/" in one[0]]
    forged = url.replace("/command/citrine/1/", "/command/citrine/2/")
    assert depot.post(forged, body) == 404
    assert depot.post(url[:-1] + ("0" if url[-1] != "0" else "1"), body) == 404
    assert depot.rows() == [("set", "fallback", 0, "sent")]
    assert depot.post(url, b"no json") == 400
    assert depot.post(url, b'{"status": "Whatever"}') == 400
    assert depot.rows() == [("set", "fallback", 0, "sent")]
    assert [depot.post(url, body) for _ in range(3)] == [200] * 3
    assert depot.rows()[0] == ("set", "fallback", 0, "accepted")
    assert depot.post(url, b'{"status": "Rejected"}') == 200  # late and other: what was said first counts
    assert depot.rows()[0] == ("set", "fallback", 0, "accepted")


def test_a_back_end_that_does_not_answer_is_an_alarm_until_it_does(depot: Depot) -> None:
    depot.run()
    depot.citrine.trouble = lambda asked: Told(status=500, body=b'{"message":"Channel closed"}')
    for _ in range(3):
        depot.pass_time(61)
        depot.run()
    assert "citrine has not answered" in depot.alarms()["back-end silent"]
    depot.citrine.trouble = None
    depot.pass_time(61)
    depot.run()
    assert depot.alarms() == {}
