"""Unplanned cars that say what they need are charged in time at once, then planned; how sessions went is kept."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from agr.domain.dispatch import SessionState
from agr.domain.kinds.ev_session import EvSession
from agr.domain.register import ConnectionLimit
from agr.operations.execution.evidence import of_point
from agr.store import audit_log, charge_sessions, day, readings, register
from tests.builders.citrine import Station
from tests.builders.depots import FIRST_DAY, START, Depot, depots, point
from tests.builders.worlds import PERIOD
from tests.operations.test_charge_sessions import post, running, told

FUSE = ConnectionLimit(at="ean.1", first_day=FIRST_DAY, import_kw=12.0, export_kw=None, penalty_eur_per_mwh=1.0)


@pytest.fixture
def depot(tmp_path: Path) -> Iterator[Depot]:
    with depots(tmp_path, CP1=Station(), CP2=Station()) as made:
        made.points(point("p1"), point("p2", "CP2"), limits=(FUSE,))
        with made.store.transaction() as tx:  # nobody is expected at p2
            known = register.load(tx)
            kept = tuple(row for row in known.of(EvSession) if row.charge_point == "p1")
            register.replace(tx, known.with_table("ev_sessions", kept))
        made.plan(p1=5.0)
        made.run(20)
        yield made


def comes(depot: Depot) -> None:
    told(depot, "Started", wh=1000, station="CP2", transactionInfo={"transactionId": "u1"})


def needs(depot: Depot, wh: float, hours: float) -> None:
    said = {
        "departureTime": (depot.clock.now() + timedelta(hours=hours)).isoformat(),
        "acChargingParameters": {"energyAmount": wh},
    }
    post(depot, [2, "n", "NotifyEVChargingNeeds", {"evseId": 1, "chargingNeeds": said}], station="CP2")
    depot.run(20)


def sessions(depot: Depot) -> dict[str, EvSession]:
    with depot.store.transaction() as tx:
        return {row.resource: row for row in register.load(tx).of(EvSession)}


def name(depot: Depot) -> str:
    """Return the name of the car at p2: when it came is in it."""
    found = running(depot)["p2"].resource
    assert found is not None
    assert found.startswith("unplanned p2 2026-03-29T16:0")
    return found


def asked(depot: Depot) -> list[str]:
    with depot.store.transaction() as tx:
        return [one.reason.text for one in day.open_triggers(tx)]


def test_a_car_that_says_what_it_needs_is_charged_evenly_until_a_plan_knows_it(depot: Depot) -> None:
    comes(depot)
    depot.run()
    assert depot.limit_kw("CP2") == 4.2  # the fallback: it has said nothing yet
    needs(depot, wh=20_000, hours=4)
    assert depot.limit_kw("CP2") == pytest.approx(5.0, abs=0.002)
    assert depot.limit_kw("CP2", after_s=3600) == pytest.approx(5.0, abs=0.002)
    assert depot.limit_kw("CP2", after_s=5 * 3600) == 4.2
    car = name(depot)
    row = sessions(depot)[car]
    assert (row.charge_point, row.connection, row.energy_kwh, row.charge_kw) == ("p2", "ean.1", 20, 11)
    assert any("unplanned car at p2 leaves" in text for text in asked(depot))
    with depot.store.transaction() as tx:
        assert audit_log.entries(tx)[0].who == "daemon"
        first = readings.between(tx, [car], ["imported_kwh"], START, START + timedelta(days=1))
    assert [kwh for _, kwh in first[car, "imported_kwh"]] == [1.0]
    depot.plan_of(**{"p1": [5.0] * PERIOD.isp_count})
    depot.programs.kw[max(depot.programs.kw)][car] = [6.0] * PERIOD.isp_count
    depot.pass_time(301)
    depot.run(20)
    assert depot.limit_kw("CP2") == 6.0


def test_the_audit_keeps_the_connection_s_limit_whatever_a_car_wants(depot: Depot) -> None:
    comes(depot)
    needs(depot, wh=40_000, hours=4)  # 10 kW beside the 5 kW of p1, within 12 kW; see the even limit above
    assert depot.limit_kw("CP2") == 4.2
    assert "ean.1: 13.65 kW might be drawn" in depot.alarms()["dispatch withheld"]


def test_needs_that_are_told_before_their_session_count(depot: Depot) -> None:
    needs(depot, wh=20_000, hours=4)
    comes(depot)
    depot.run(20)
    assert depot.limit_kw("CP2") == pytest.approx(5.0, abs=0.002)


@pytest.mark.parametrize(
    ("wh", "hours", "words"),
    [(20_000, -1, "is over"), (20_000, 400, "more than 7 days"), (0, 4, "needs 0 kWh"), (-5_000, 4, "needs -5 kWh")],
)
def test_needs_that_cannot_be_are_set_aside_with_an_alarm(depot: Depot, wh: float, hours: float, words: str) -> None:
    comes(depot)
    needs(depot, wh=wh, hours=hours)
    assert words in depot.alarms()["reading refused"]
    assert depot.limit_kw("CP2") == 4.2
    assert list(sessions(depot)) == ["p1/1"]


def test_a_car_never_wants_more_than_its_point_can_give(depot: Depot) -> None:
    comes(depot)
    needs(depot, wh=9e9, hours=4)
    assert sessions(depot)[name(depot)].energy_kwh == pytest.approx(44, abs=0.1)


def test_saying_the_same_again_asks_for_no_plan_and_an_import_does_not_lose_the_car(depot: Depot) -> None:
    comes(depot)
    needs(depot, wh=20_000, hours=4)
    before = len(asked(depot))
    leaves = running(depot)["p2"].departure
    assert leaves is not None
    needs(depot, wh=20_000, hours=(leaves - depot.clock.now()) / timedelta(hours=1))
    assert len(asked(depot)) == before
    car = name(depot)
    with depot.store.transaction() as tx:  # tables are imported that do not have it
        known = register.load(tx)
        kept = tuple(row for row in known.of(EvSession) if row.resource != car)
        register.replace(tx, known.with_table("ev_sessions", kept))
    depot.pass_time(60)
    told(depot, "Updated", wh=1100, station="CP2", transactionInfo={"transactionId": "u1"})
    assert car in sessions(depot)
    depot.pass_time(30 * 86_400)
    told(depot, "Ended", wh=1100, station="CP2", transactionInfo={"transactionId": "u1"})
    with depot.store.transaction() as tx:
        charge_sessions.delete_before(tx, depot.clock.now() + timedelta(seconds=1))
    assert list(sessions(depot)) == ["p1/1"]
    assert running(depot) == {}


def sampled(depot: Depot, state: str, offered_w: float, at: datetime) -> None:
    values = [{"value": offered_w, "measurand": "Power.Offered", "unitOfMeasure": {"unit": "W"}}]
    told(
        depot, "Updated", at=at, transactionInfo={"transactionId": "t1", "chargingState": state},
        meterValue=[{"timestamp": at.isoformat(), "sampledValue": values}],
    )  # fmt: skip


def test_what_was_offered_and_when_the_car_paused_is_kept_by_its_changes(depot: Depot) -> None:
    told(depot, "Started")
    begins = PERIOD.start + timedelta(hours=17, minutes=15)
    for minute, state, offered in ((0, "Charging", 7000), (2, "Charging", 7000), (5, "SuspendedEV", 4000)):
        depot.clock.jump_to(begins + timedelta(minutes=minute))
        sampled(depot, state, offered, begins + timedelta(minutes=minute))
    depot.clock.jump_to(begins + timedelta(minutes=10))
    sampled(depot, "Charging", 4000, begins + timedelta(minutes=10))
    session = running(depot)["p1"]
    with depot.store.transaction() as tx:
        found = charge_sessions.told_of(tx, session)
    # what was there already is told at the start, and changes only after it
    assert [one.state for one in found if one.state] == [
        SessionState.CHARGING, SessionState.CAR_PAUSES, SessionState.CHARGING,
    ]  # fmt: skip
    assert [one.offered_w for one in found if one.offered_w] == [7000, 4000]
    now = begins + timedelta(minutes=15)
    known = of_point(PERIOD, now, [session], [], point(), [(session, found)])
    isp = PERIOD.isp_of(begins) - 1
    assert known.car_paused[isp] == pytest.approx(5 / 15)
    assert known.offered_kw[isp] == pytest.approx((5 * 7 + 10 * 4) / 15)
    assert known.car_paused[isp + 1] == 0
