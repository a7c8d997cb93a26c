"""The demo's CSMS with real OCPP stations behind it: pushes, foreign profiles, death, waiting; what stations charge."""

import json
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.builders.csms_site import NOW, CsmsSite, car, told

START = NOW.replace(minute=30)
HOURS = timedelta(hours=1)
PATH = "2.0.1/smartcharging/setChargingProfile"


def profile(number: int, limits: Sequence[float], *, level: int = 1, unit: str = "W", **more: object) -> dict[str, Any]:
    """Return a body with a limit per quarter of an hour from 22:30."""
    periods = [{"startPeriod": 900 * place, "limit": limit} for place, limit in enumerate(limits)]
    schedule = {
        "id": number, "startSchedule": "2026-11-29T22:30:00.000Z", "duration": 900 * len(limits),
        "chargingRateUnit": unit, "chargingSchedulePeriod": periods,
    }  # fmt: skip
    evse = more.pop("evse", 1)
    kept = {"id": number, "stackLevel": level, "chargingProfilePurpose": "TxDefaultProfile"} | more
    return {
        "evseId": evse,
        "chargingProfile": kept | {"chargingProfileKind": "Absolute", "chargingSchedule": [schedule]},
    }


def place(python: Path, folder: Path, **more: Any) -> CsmsSite:
    stations: list[dict[str, Any]] = [
        {"name": "CP1", "evses": [{"id": 1}, {"id": 2}]},
        {"name": "CP2", "protocol": "1.6"},
    ]
    # Their time hardly goes on by itself: a register that is read late shows the energy of the moment that is meant.
    return CsmsSite(python, folder, stations, rate=0.01, **more)


@pytest.fixture(scope="module")
def site(python: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[CsmsSite]:
    with place(python, tmp_path_factory.mktemp("yard")) as one:
        body = {"stationId": "CP1", "url": f"{one.receiver.url}/hook/CP1", "onMessage": True, "sentMessage": True}
        for _ in range(2):
            one.ask("POST", "/data/ocpprouter/subscription", {"tenantId": "1"}, body)
        one.command("CP1", "2.0.1/reporting/getBaseReport", {"requestId": 1, "reportBase": "FullInventory"}, "base")
        assert one.answer("base") == {"status": "Accepted"}
        one.csms.wait_for(lambda event: event.text("action") == "NotifyReport")
        yield one


def test_a_day_is_charged_as_profiles_say_and_pushed_twice_to_a_double_subscription(site: CsmsSite) -> None:
    """By hand: 22:30 7,400 W, 22:45 4,200 W, 23:00 4,000 W (less than 6 A on three phases), 23:15 6,900 W, none."""
    limits = [7400, 4200, 4000, 6900]
    assert site.command("CP1", PATH, profile(1, limits), "plan")[1] == [{"success": True}]
    assert site.answer("plan") == {"status": "Accepted"}
    most = profile(2, [9000] * 12, evse=0, chargingProfilePurpose="ChargingStationMaxProfile")
    site.command("CP1", PATH, most, "most")
    assert site.answer("most") == {"status": "Accepted"}
    site.clock(START)
    visit = car(at=START.isoformat(), until=(START + 2 * HOURS).isoformat(), stored_kwh=40, target_kwh=45)
    transaction = site.visit("CP1", visit)
    site.clock(START + HOURS)
    assert site.evse("CP1")["register_wh"] - 100_000 == pytest.approx((7400 + 4200 + 0 + 6900) / 4, abs=20)
    site.clock(START + 3 * HOURS)
    heard(site, "2026-11-30T01:30:00")
    events = [
        one for one in site.pushed("TransactionEvent", "CP1") if one["transactionInfo"]["transactionId"] == transaction
    ]
    assert len(events) == 2 * len({one["seqNo"] for one in events})
    register = {one["timestamp"][11:16]: energy(one) for one in events if one["triggerReason"] == "MeterValueClock"}
    assert register["23:15"] == register["23:00"]
    assert register["23:30"] - register["23:15"] == pytest.approx(6900 / 4, abs=1)
    states = [one["transactionInfo"]["chargingState"] for one in events[::2]]
    assert [state for state in states if state.startswith("Suspended")] == ["SuspendedEVSE"] * 2 + ["SuspendedEV"] * 5
    # 5 kWh into the battery at 90 %; after 23:30 only the station's maximum of 9,000 W counts
    assert energy(events[-1]) - 100_000 == pytest.approx(5000 / 0.9, abs=30)
    assert events[-1]["transactionInfo"]["stoppedReason"] == "EVDisconnected"


def heard(site: CsmsSite, words: str) -> None:
    """Wait until a message with some words is pushed; what was said before it has been pushed then, too."""
    site.wait(lambda target, body: target == "/hook/CP1" and words in body.get("message", ""))


def energy(event: dict[str, Any]) -> float:
    samples = event["meterValue"][0]["sampledValue"]
    return float(next(one["value"] for one in samples if one["measurand"] == "Energy.Active.Import.Register"))


def test_needs_of_a_car_make_the_csms_set_a_profile_of_its_own_above_ours(site: CsmsSite) -> None:
    before = len(site.csms.events)
    now = datetime.fromisoformat(site.stations.send("state", station="CP1").text("time"))
    visit = car(at=now.isoformat(), until=(now + 5 * HOURS).isoformat(), says_needs=True, tag="N")
    transaction = site.visit("CP1", visit, 2)
    site.csms.wait_for(lambda one: (one.kind, one.text("action")) == ("answered", "SetChargingProfile"), after=before)
    [sent] = [one for one in site.csms.told("sent") if one.fields["action"] == "SetChargingProfile"][-1:]
    set_by_itself = told(sent)["payload"]["chargingProfile"]
    assert set_by_itself["transactionId"] == transaction
    assert set_by_itself["chargingProfilePurpose"] == "TxProfile"
    [schedule] = set_by_itself["chargingSchedule"]
    assert "startSchedule" not in schedule
    assert schedule["duration"] == pytest.approx(5 * 3600 * 1000, rel=0.01)
    assert schedule["chargingSchedulePeriod"] == [{"startPeriod": 0, "limit": 16.0, "numberPhases": 3}]
    heard(site, "NotifyEVChargingNeeds")
    needs = site.pushed("NotifyEVChargingNeeds", "CP1")[-1]["chargingNeeds"]
    assert needs["acChargingParameters"]["energyAmount"] == round((55 - 12) / 0.9 * 1000)


def test_a_station_of_16_gets_the_number_of_its_session_and_replaces_in_place(site: CsmsSite) -> None:
    assert site.visit("CP2", car("T16")) == "1"
    for limit, name in ((10, "one"), (8, "two")):
        schedule = {
            "startSchedule": "2026-11-29T22:00:00.000Z", "chargingRateUnit": "A",
            "chargingSchedulePeriod": [{"startPeriod": 0, "limit": limit}],
        }  # fmt: skip
        body = {"connectorId": 1, "csChargingProfiles": {
            "chargingProfileId": 7 + limit, "stackLevel": 1, "chargingProfilePurpose": "TxProfile",
            "chargingProfileKind": "Absolute", "chargingSchedule": schedule, "transactionId": 1,
        }}  # fmt: skip
        site.command("CP2", "1.6/smartcharging/setChargingProfile", body, name)
        assert site.answer(name) == {"status": "Accepted"}
        assert site.evse("CP2")["power_w"] == pytest.approx(limit * 230 * 3)
    assert len(told(site.stations.send("state", station="CP2"))["profiles"]) == 1


def test_what_a_silent_station_tells_waits_as_long_as_a_second_command_does(python: Path, tmp_path: Path) -> None:
    with place(python, tmp_path) as site:
        body = {"stationId": "CP1", "url": f"{site.receiver.url}/hook/CP1", "onMessage": True, "sentMessage": True}
        site.ask("POST", "/data/ocpprouter/subscription", {"tenantId": "1"}, body)
        site.faults("CP1", answers="silent")
        composite = {"duration": 900, "evseId": 0}
        for name in ("first", "second"):
            site.command("CP1", "2.0.1/smartcharging/getCompositeSchedule", composite, name)
        site.stations.send("visit", station="CP1", car=car())
        heard(site, "StatusNotification")
        before = 0
        for _ in range(2):
            site.csms.wait_for(lambda one: one.kind == "sent", after=before)
            before = len(site.csms.events)
            site.csms.send("give_up", station="CP1")
        heard(site, "TransactionEvent")
        pushed = [json.loads(one["message"]) for target, one in site.got if target == "/hook/CP1"]
        [status] = [one[1] for one in pushed if one[0] == 2 and one[2] == "StatusNotification"]
        commands = [place for place, one in enumerate(pushed) if one[2] == "GetCompositeSchedule"]
        assert len(commands) == 2
        assert [place for place, one in enumerate(pushed) if one[:2] == [3, status]] > commands[1:]
        assert (site.answers("first"), site.answers("second")) == ([], [])


def test_a_csms_that_is_killed_knows_its_rows_again_and_loses_what_was_under_way(python: Path, tmp_path: Path) -> None:
    with place(python, tmp_path) as site:
        url = f"{site.receiver.url}/hook/CP1"
        body = {"stationId": "CP1", "url": url, "onConnect": True, "onClose": True}
        site.ask("POST", "/data/ocpprouter/subscription", {"tenantId": "1"}, body)
        site.command("CP1", PATH, profile(1, [5000]), "kept")
        site.answer("kept")
        site.csms.wait_for(lambda one: one.kind == "reported")
        site.faults("CP1", answers="held")
        assert site.command("CP1", PATH, profile(2, [6000], level=2), "lost")[1] == [{"success": True}]
        site.csms.wait_for(lambda one: (one.kind, one.text("station")) == ("sent", "CP1") and "6000" in str(one.fields))
        site.restart(NOW)
        site.faults("CP1")
        rows = {row["id"]: row["active"] for row in told(site.csms.send("rows"))["profiles"]}
        assert rows == {1: True, 2: False}
        assert site.wait(lambda target, sent: target == "/hook/CP1" and sent["event"] == "connected")
        again = site.command("CP1", PATH, profile(2, [6000], level=2), "again")
        assert again[1] == [{"success": True}]
        assert site.answer("again") == {"status": "Accepted"}
        assert site.answers("lost") == []
        twice = site.command("CP1", PATH, profile(1, [4000]), "twice")[1]
        assert "No two charging profiles" in twice[0]["payload"]


def test_a_station_that_was_away_tells_afterwards_when_things_happened(python: Path, tmp_path: Path) -> None:
    with place(python, tmp_path) as site:
        body = {"stationId": "CP1", "url": f"{site.receiver.url}/hook/CP1", "onMessage": True}
        site.ask("POST", "/data/ocpprouter/subscription", {"tenantId": "1"}, body)
        site.faults("CP1", away=True)
        site.csms.wait_for(lambda one: one.kind == "closed")
        leaves = NOW + timedelta(minutes=40)
        site.stations.send("visit", station="CP1", car=car(until=leaves.isoformat()))
        site.clock(NOW + HOURS)
        site.faults("CP1")
        site.told("CP1", "departed")
        heard(site, "Ended")
        [start, *_, end] = site.pushed("TransactionEvent", "CP1")
        assert (start["eventType"], end["eventType"]) == ("Started", "Ended")
        assert datetime.fromisoformat(end["timestamp"]).astimezone(UTC) == leaves
        assert energy(end) - energy(start) == pytest.approx(11_040 * 40 / 60, abs=20)
