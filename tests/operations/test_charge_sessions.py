"""What back-ends report of stations becomes sessions and readings; what cannot be is set aside with a reason."""

import json
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from agr.connectors.answers import AnswerAddresses
from agr.store import charge_sessions, readings
from tests.builders.citrine import Station
from tests.builders.depots import START, Depot, depots, point

ADDRESS = AnswerAddresses(base=lambda: "http://agr", secret=b"secret")


@pytest.fixture
def depot(tmp_path: Path) -> Iterator[Depot]:
    with depots(tmp_path, CP1=Station(), OLD=Station(protocol="1.6")) as made:
        made.points(point())
        made.plan(p1=7.0)
        yield made


def told(
    depot: Depot,
    kind: str,
    *,
    wh: float | None = None,
    at: datetime | None = None,
    station: str = "CP1",
    **more: object,
) -> int:
    """Push a transaction event, and let the daemon look."""
    instant = (at or depot.clock.now()).isoformat()
    samples = [] if wh is None else [{"value": wh, "measurand": "Energy.Active.Import.Register"}]
    event = {
        "eventType": kind, "timestamp": instant,
        "transactionInfo": {"transactionId": "t1", "chargingState": "Charging"},
        "evse": {"id": 1}, "meterValue": [{"timestamp": instant, "sampledValue": samples}] if samples else [],
    } | more  # fmt: skip
    return post(depot, [2, "m", "TransactionEvent", event], station)


def post(depot: Depot, message: object, station: str = "CP1", address: str = "") -> int:
    body = {"stationId": station, "event": "message", "origin": "cs", "message": json.dumps(message)}
    status = depot.post(address or ADDRESS.url("news", "citrine", station), json.dumps(body).encode())
    depot.roads.look("citrine")
    return status


def running(depot: Depot) -> dict[str, charge_sessions.ChargeSession]:
    with depot.store.transaction() as tx:
        return charge_sessions.running(tx)


def counted(depot: Depot) -> list[float]:
    with depot.store.transaction() as tx:
        found = readings.between(tx, ["p1/1"], ["imported_kwh"], START, START + timedelta(days=1))
    return [value for _, value in found.get(("p1/1", "imported_kwh"), ())]


def test_a_session_is_the_planned_one_and_its_register_a_reading(depot: Depot) -> None:
    assert told(depot, "Started", wh=1000) == 200
    depot.pass_time(900)
    assert told(depot, "Updated", wh=2500) == 200
    found = running(depot)["p1"]
    assert (found.resource, found.state, found.delivered_kwh) == ("p1/1", "charging", 1.5)
    assert counted(depot) == [1.0, 2.5]
    depot.pass_time(60)
    told(depot, "Ended", wh=2600)
    assert running(depot) == {}
    told(depot, "Updated", wh=2600)  # late: what has ended stays ended
    assert running(depot) == {}


def test_an_event_that_comes_twice_counts_once(depot: Depot) -> None:
    for _ in range(3):
        told(depot, "Started", wh=1000, at=START)
    assert counted(depot) == [1.0]
    assert len(running(depot)) == 1


def test_a_car_that_nobody_planned_is_a_session_without_a_resource(depot: Depot) -> None:
    depot.pass_time(4 * 3600)
    told(depot, "Started", wh=1000)
    assert running(depot)["p1"].resource is None
    assert counted(depot) == []


def test_a_second_car_is_not_the_session_that_has_come_already(depot: Depot) -> None:
    told(depot, "Started", wh=1000)
    told(depot, "Ended", wh=1100)
    depot.pass_time(60)
    told(depot, "Started", transactionInfo={"transactionId": "t2"})
    assert running(depot)["p1"].resource is None


@pytest.mark.parametrize(("wh", "words"), [(900, "runs backwards: 900 Wh after 1,000"), (99_000, "jumps by 98,000 Wh")])
def test_a_register_that_cannot_be_is_set_aside_with_an_alarm(depot: Depot, wh: float, words: str) -> None:
    told(depot, "Started", wh=1000)
    depot.pass_time(900)
    told(depot, "Updated", wh=wh)
    assert words in depot.alarms()["reading refused"]
    assert counted(depot) == [1.0]
    depot.pass_time(60)
    told(depot, "Updated", wh=2000)
    assert "reading refused" not in depot.alarms()
    assert counted(depot) == [1.0, 2.0]


def test_a_power_in_the_wrong_unit_is_set_aside_with_an_alarm(depot: Depot) -> None:
    depot.run()
    told(depot, "Started", wh=1000)
    for _ in range(3):
        depot.pass_time(61)
        drawn(depot, 7_000_000)  # W that were told as kW
    assert "reports 7,000.0 kW, more than it can give" in depot.alarms()["reading refused"]
    assert "limit not followed" not in depot.alarms()


def test_a_clock_that_is_ahead_is_set_aside_with_an_alarm(depot: Depot) -> None:
    told(depot, "Started", at=START + timedelta(hours=1))
    assert running(depot) == {}
    assert "set its clock" in depot.alarms()["station clock off"]


def test_what_a_car_says_that_it_needs_is_kept(depot: Depot) -> None:
    told(depot, "Started", wh=1000)
    needs = {
        "departureTime": (START + timedelta(hours=5)).isoformat(),
        "acChargingParameters": {"energyAmount": 18_000},
    }
    post(depot, [2, "n", "NotifyEVChargingNeeds", {"evseId": 1, "chargingNeeds": needs}])
    found = running(depot)["p1"]
    assert (found.departure, found.needed_wh) == (START + timedelta(hours=5), 18_000.0)


def test_news_of_nobody_s_station_and_forged_ones_are_turned_away(depot: Depot) -> None:
    assert post(depot, [2, "m", "Heartbeat", {}], station="CP9") == 404
    mine = ADDRESS.url("news", "citrine", "CP1")
    assert post(depot, [2, "m", "Heartbeat", {}], address=mine[:-4] + "0000") == 404
    assert post(depot, [2, "m", "Heartbeat", {}], station="OLD", address=mine) == 400
    assert post(depot, [2, "m", "Heartbeat", {}]) == 200


def test_each_station_is_subscribed_to_once(depot: Depot) -> None:
    for _ in range(3):
        depot.roads.look("citrine")
        depot.pass_time(301)
    assert [one["stationId"] for one in depot.citrine.subscriptions] == ["CP1"]
    depot.roads = depot.open()
    depot.roads.look("citrine")
    assert len(depot.citrine.subscriptions) == 1


def test_a_station_that_comes_back_is_asked_what_it_follows(depot: Depot) -> None:
    depot.run()
    depot.citrine.stations["CP1"].profiles.clear()  # it has lost them
    depot.citrine.stations["CP1"].active.clear()
    asked = len(depot.citrine.commands("getCompositeSchedule"))
    body = json.dumps({"stationId": "CP1", "event": "connected"}).encode()
    assert depot.post(ADDRESS.url("news", "citrine", "CP1"), body) == 200
    depot.roads.look("citrine")
    assert len(depot.citrine.commands("getCompositeSchedule")) == asked + 1
    for _ in range(4):
        depot.run()
        depot.pass_time(61)
    assert depot.limit_kw() == 7.0


def drawn(depot: Depot, watts: float) -> None:
    """Let a minute pass, then report a power."""
    depot.pass_time(70)
    instant = depot.clock.now().isoformat()
    sample = {"value": watts, "measurand": "Power.Active.Import", "unitOfMeasure": {"unit": "W"}}
    told(depot, "Updated", meterValue=[{"timestamp": instant, "sampledValue": [sample]}])
    depot.deliver()


def test_a_point_that_draws_more_than_it_has_accepted_is_an_alarm_until_it_follows(depot: Depot) -> None:
    depot.run()
    told(depot, "Started")
    drawn(depot, 7200)
    drawn(depot, 11_000)
    drawn(depot, 7000)
    drawn(depot, 11_000)
    assert depot.alarms() == {}
    drawn(depot, 11_000)
    assert "draws 11.00 kW, and has accepted 7.00 kW" in depot.alarms()["limit not followed"]
    drawn(depot, 6900)
    assert depot.alarms() == {}


def test_a_transaction_s_profile_that_is_not_followed_is_sent_as_the_default_of_the_evse(depot: Depot) -> None:
    depot.points(point(carrier="tx"))
    depot.plan(p1=7.0)
    depot.run()
    told(depot, "Started")
    depot.run()
    station = depot.citrine.stations["CP1"]
    (plan,) = [p for p in station.profiles.values() if p["stackLevel"] > 0]
    assert (plan["chargingProfilePurpose"], plan["transactionId"]) == ("TxProfile", "t1")
    for _ in range(3):
        drawn(depot, 11_000)
    depot.run()
    (plan,) = [p for p in station.profiles.values() if p["stackLevel"] > 0]
    assert plan["chargingProfilePurpose"] == "TxDefaultProfile"
    assert "transactionId" not in plan
