"""DSOs are told what connections have measured, once a Period has ended; what they answer is kept."""

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from lxml import etree

from agr.dispatch.unplanned import name_of
from agr.domain.charge_point import ChargePoint
from agr.domain.execution import DeviationCause, Execution, Verdict
from agr.domain.kinds.ev_session import EvSession
from agr.domain.kinds.fixed_load import FixedLoad
from agr.domain.register import CongestionPoint
from agr.store import day, executions, outbox, portfolio
from agr.trading.measured import measured_w
from agr.trading.metering import MeteringSender, ean_of, metering_lines
from tests.builders.postgres import emptied
from tests.builders.schemas import schema
from tests.builders.worlds import PERIOD, POINT, World

NAMED, NAMELESS = "ean.8716859000126365", "ean.871685900012636543"
CAR = EvSession(
    resource="car", connection=NAMED, arrival=PERIOD.start + timedelta(hours=1),
    departure=PERIOD.start + timedelta(hours=2), energy_kwh=5, charge_kw=11, charge_point="cp-1",
)  # fmt: skip
LOAD = FixedLoad(resource="load", connection=NAMED)
HOME = FixedLoad(resource="home", connection=NAMELESS)
AFTER = timedelta(hours=2)


class MeteredWorld(World):
    """A DSO that wants to know, with EANs of 16 digits, what two connections at its point measured."""

    def __post_init__(self) -> None:
        super().__post_init__()
        cro, dso = self.settings.participants
        dso = dso.model_copy(update={"metering_ean_digits": 16, "version": "3.0.0"})
        self.settings = self.settings.model_copy(update={"participants": (cro, dso)})
        self.know_register(resources=(CAR, LOAD, HOME), contracts=(), forecasts=())
        point = CongestionPoint(address=POINT, dso="dso.example", connections=(NAMED, NAMELESS))
        with self.store.transaction() as tx:
            portfolio.replace(tx, PERIOD.day, "cro.example", (point,), ())
        self.begin()

    def begin(self) -> None:
        """Begin with what the store knows, as after a start."""
        self.metering = MeteringSender(self.store, self.settings, self.clock)

    def measured(self, resource: str, kwh: dict[int, float], quality: str = "measured") -> None:
        rows = [
            Execution(
                resource=resource, start=PERIOD.isp_start(isp), planned_kwh=0.0, measured_kwh=energy, quality=quality,
                verdict=Verdict.EXECUTED, cause=DeviationCause.UNKNOWN, plan=1,
            )
            for isp, energy in kwh.items()
        ]  # fmt: skip
        with self.store.transaction() as tx:
            executions.put(tx, rows)

    def told(self) -> "list[etree._Element]":
        with self.store.transaction() as tx:
            found = [queued.xml for queued in _queued(tx)]
        return [etree.fromstring(xml) for xml in found]

    def alarms(self) -> dict[str, str]:
        with self.store.reading() as tx:
            return {alarm.kind: alarm.text for alarm in day.open_alarms(tx)}

    def answer(self, message: "etree._Element", result: str, **more: str) -> int:
        values = {
            "ConversationID": str(message.get("ConversationID")), "MeteringMessageID": str(message.get("MessageID")),
            "Result": result,
        } | more  # fmt: skip
        return self.receive(self.dso.seal(self.dso.message("MeteringResponse", **values)))


def _queued(tx: Any) -> "list[outbox.NewestMessage]":
    return [one for one in outbox.newest(tx, "Metering", PERIOD.day).values() if one.state == "queued"]


@pytest.fixture
def world(tmp_path: Path) -> Iterator[MeteredWorld]:
    made = MeteredWorld(tmp_path)
    made.measured("load", dict.fromkeys(range(1, 93), 0.25))
    made.measured("car", {5: 1.5, 6: 0.0005, 7: 0.0})
    made.measured("car", {8: 1.0}, "partial")
    made.clock.jump_to(PERIOD.end + AFTER)
    yield made
    made.store.close()


def values(message: "etree._Element") -> dict[int, str]:
    return {int(str(isp.get("Start"))): str(isp.get("Value")) for isp in message.iter("ISP")}


def test_a_connection_s_power_is_told_in_kw_of_the_isps_that_were_measured_as_a_whole(world: MeteredWorld) -> None:
    """The load takes 1 kW all day; the car is there in ISPs 5 to 8, of which the last was measured in part."""
    assert world.metering.look() == 1
    (message,) = world.told()
    assert (message.get("EAN"), message.get("Period"), message.get("Revision")) == (
        "E8716859000126365", "2026-03-29", "1",
    )  # fmt: skip
    (profile,) = message
    assert (profile.get("ProfileType"), profile.get("Unit")) == ("Power", "kW")
    expected = dict.fromkeys((*range(1, 5), *range(9, 93)), "1.000") | {5: "7.000", 6: "1.002", 7: "1.000"}
    assert values(message) == expected
    for version in ("3.0.0", "3.1.0"):
        schema(version).assertValid(message)


def test_nothing_is_told_before_its_time_or_twice(tmp_path: Path) -> None:
    world = MeteredWorld(tmp_path)
    world.measured("load", {1: 0.25})
    world.measured("car", {5: 1.5})
    world.clock.jump_to(PERIOD.end + AFTER - timedelta(seconds=1))
    assert world.metering.look() == 0
    world.clock.jump_to(PERIOD.end + AFTER)
    assert world.metering.look() == 1
    world.begin()
    assert world.metering.look() == 0
    world.store.close()


def test_what_is_measured_later_follows_as_the_next_revision(world: MeteredWorld) -> None:
    world.metering.look()
    world.measured("car", {8: 1.0})
    assert world.metering.look() == 0  # an hour has not passed
    world.clock.jump_to(PERIOD.end + AFTER + timedelta(minutes=61))
    assert world.metering.look() == 1
    (message,) = world.told()
    assert (message.get("Revision"), values(message)[8]) == ("2", "5.000")


def test_a_connection_whose_ean_cannot_be_written_is_an_alarm(world: MeteredWorld) -> None:
    world.measured("home", {1: 1.0})
    assert world.metering.look() == 1
    assert "1 connection without an EAN of 16 digits: dso.example is not told" in world.alarms()["metering not sent"]
    assert ean_of(NAMELESS, 18) == "E871685900012636543"
    assert ean_of("ea1.2024-01.example.dso:c1", 18) is None


def test_the_answer_is_kept_and_a_rejection_is_an_alarm_until_better_values_are_taken(world: MeteredWorld) -> None:
    world.metering.look()
    (message,) = world.told()
    assert world.answer(message, "Rejected", RejectionReason="Unknown EAN") == 200
    assert world.alarms()["metering rejected"] == f"dso.example rejected what we measured of {NAMED}: Unknown EAN"
    world.clock.jump_to(PERIOD.end + AFTER + timedelta(minutes=61))
    assert world.metering.look() == 0  # the same values would be rejected again
    assert "metering rejected" in world.alarms()
    world.measured("car", {8: 1.0})
    world.clock.jump_to(PERIOD.end + AFTER + timedelta(minutes=122))
    assert world.metering.look() == 1
    (again,) = world.told()
    world.answer(again, "Accepted")
    with world.store.reading() as tx:
        (line,) = metering_lines(tx, PERIOD)
    assert (line.connection, line.revision, line.isps, line.answer) == (NAMED, 2, 92, "Accepted")
    assert line.kwh == pytest.approx(92 * 0.25 + 1.5 + 0.0005 + 1.0, abs=1e-3)
    world.clock.jump_to(PERIOD.end + AFTER + timedelta(minutes=183))
    world.metering.look()
    assert "metering rejected" not in world.alarms()


def test_cars_that_nobody_planned_count_at_the_connection_of_their_charge_point(world: MeteredWorld) -> None:
    pole = ChargePoint(
        charge_point="cp-1", connection=NAMED, road="r", station="CP1", max_kw=11.0, protocol="2.0.1", fallback_kw=4.2
    )
    world.know_register(resources=(CAR, LOAD, HOME), contracts=(), forecasts=(), charge_points=(pole,))
    came = name_of("cp-1", PERIOD.isp_start(20))
    world.measured(came, {20: 2.0})
    world.measured(came, {21: 0.5}, "partial")
    assert world.metering.look() == 1
    (message,) = world.told()
    assert values(message)[20] == "9.000"
    assert values(message)[22] == "1.000"
    assert 21 not in values(message)  # the car was there, and nobody knows what it took


def test_a_car_that_nobody_measured_leaves_its_congestion_point_unknown(world: MeteredWorld) -> None:
    world.measured("home", dict.fromkeys(range(1, 93), 0.0))
    with world.store.transaction() as tx:
        assert len(measured_w(tx, PERIOD, POINT)) == 91
        executions.delete_before(tx, PERIOD.end)
    world.measured("home", dict.fromkeys(range(1, 93), 0.0))
    world.measured("load", dict.fromkeys(range(1, 93), 0.25))
    with world.store.transaction() as tx:
        assert measured_w(tx, PERIOD, POINT) == {}


def test_on_postgresql_the_same_is_told_once_and_answered(tmp_path: Path, postgres: str) -> None:
    world = MeteredWorld(tmp_path, store_url=emptied(postgres))
    world.measured("load", dict.fromkeys(range(1, 93), 0.25))
    world.measured("car", {5: 1.5})
    world.clock.jump_to(PERIOD.end + AFTER)
    assert world.metering.look() == 1
    (message,) = world.told()
    assert values(message)[5] == "7.000"
    world.answer(message, "Rejected", RejectionReason="Unknown EAN")
    assert "Unknown EAN" in world.alarms()["metering rejected"]
    world.begin()
    assert world.metering.look() == 0
    world.measured("car", {8: 1.0})
    world.clock.jump_to(PERIOD.end + AFTER + timedelta(minutes=61))
    assert world.metering.look() == 1
    world.answer(world.told()[0], "Accepted")
    with world.store.reading() as tx:
        (line,) = metering_lines(tx, PERIOD)
    assert (line.revision, line.answer, line.isps) == (2, "Accepted", 90)
    world.store.close()
