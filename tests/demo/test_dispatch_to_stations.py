"""Plans on the whole way: adapter, callbacks over HTTP, the demo's CSMS, OCPP stations, cars, and what they report."""

import time
from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import date, timedelta
from pathlib import Path
from typing import Any, Literal

import pytest

from agr.connectors.answers import AnswerAddresses
from agr.connectors.citrineos import open_road
from agr.domain.charge_point import ChargePoint
from agr.domain.dispatch import Dispatch
from agr.domain.isp import JumpingClock, Period
from agr.domain.kinds.ev_session import EvSession
from agr.domain.register import Connection, Register
from agr.operations.dispatching.facts import FactSource
from agr.operations.dispatching.roads import Roads
from agr.settings import DispatchRoad, DispatchSettings, Readings, Settings, Tls
from agr.store import charge_sessions, dispatches, readings, register
from agr.web.dispatch_answers import dispatch_app
from agr.web.serving import WebServer
from tests.builders.csms_site import NOW, CsmsSite, car, told
from tests.builders.depots import Programs
from tests.builders.plans import planned
from tests.builders.worlds import World
from tests.citrineos.acceptance import run, trial

LIMIT_S = 60
DAY = date(2026, 11, 29)


class Plant:
    """Roads that are answered over HTTP."""

    def __init__(self, folder: Path, site: CsmsSite, api: Literal["1.8", "2.0"] = "1.8") -> None:
        self.site, self.clock, self.programs = site, JumpingClock(NOW), Programs()
        self.world = World(folder, clock=self.clock)
        road = DispatchRoad(name="citrine", url=site.csms.endpoint, api=api)
        settings: Settings = self.world.settings.model_copy(
            update={"dispatch": DispatchSettings(roads=(road,)), "readings": Readings()}
        )
        self.settings = settings
        self.web = WebServer("dispatch", dispatch_app(self.answer), "127.0.0.1", 0, "dispatch.listen_port", Tls())
        self.web.start()
        answers = AnswerAddresses(base=lambda: f"http://127.0.0.1:{self.web.port}", secret=b"secret")
        facts = FactSource(self.world.store, settings, self.programs)
        self.roads = Roads(self.world.store, settings, self.clock, answers, lambda: None, facts=facts)

    def answer(self, kind: str, road: str, key: str, proof: str, body: bytes) -> int:
        return self.roads.answer(kind, road, key, proof, body)

    def until(self, true: Callable[[], bool], words: str) -> None:
        """Look until something is true."""
        deadline = time.monotonic() + LIMIT_S
        while not true():
            assert time.monotonic() < deadline, f"{words}; {self.rows()}"
            self.roads.look("citrine")

    def rows(self) -> list[tuple[str, str, str]]:
        with self.world.store.transaction() as tx:
            return [
                (row.charge_point, row.purpose, row.state)
                for name in ("new", "old")
                for row in dispatches.newest(tx, name)
            ]

    def firm(self) -> list[Dispatch]:
        with self.world.store.transaction() as tx:
            return list(dispatches.of_point(tx, "new"))

    def roads_points(self) -> tuple[ChargePoint, ...]:
        with self.world.store.transaction() as tx:
            return register.load_tables(tx, "charge_points").charge_points

    def settled(self) -> bool:
        states = [state for _, _, state in self.rows()]
        return bool(states) and not {"queued", "sent", "unknown"} & set(states)

    def close(self) -> None:
        self.roads.close()
        self.web.stop()
        self.world.store.close()


def know(plant: Plant, points: list[tuple[str, str, str, str]]) -> None:
    """Store charge points (name, station, protocol, unit) with a session each."""
    first = date(2026, 1, 1)
    sessions = tuple(
        EvSession(
            resource=f"{name}/1", connection="ean.1", charge_point=name, arrival=NOW,
            departure=NOW + timedelta(hours=2), energy_kwh=10, charge_kw=11, capacity_kwh=60,
        )
        for name, *_ in points
    )  # fmt: skip
    known = Register(
        connections=(Connection(address="ean.1", first_day=first),), resources=sessions,
        charge_points=tuple(
            ChargePoint(
                charge_point=name, connection="ean.1", road="citrine", station=station, protocol=protocol, unit=unit,
                max_kw=11.0, fallback_kw=4.2,
            )
            for name, station, protocol, unit in points
        ),
    )  # fmt: skip
    with plant.world.store.transaction() as tx:
        register.replace(tx, known)


def adopt(plant: Plant, **kw: float) -> None:
    """Adopt a plan: charge point → kW in every ISP."""
    period = Period(DAY)
    made = planned(plant.world, (0.0,) * period.isp_count, period)
    plant.programs.period = period
    plant.programs.kw[made.id] = {f"{name}/1": [value] * period.isp_count for name, value in kw.items()}
    plant.clock.jump_to(plant.clock.now() + timedelta(seconds=1))


@pytest.fixture(scope="module")
def plant(python: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Plant]:
    folder = tmp_path_factory.mktemp("plant")
    stations: list[dict[str, Any]] = [{"name": "CP1", "evses": [{"id": 1}]}, {"name": "CP2", "protocol": "1.6"}]
    with CsmsSite(python, folder, stations) as site:
        made = Plant(folder, site)
        try:
            yield made
        finally:
            made.close()


def test_plans_are_followed_by_real_stations_and_what_they_report_comes_back(plant: Plant) -> None:
    know(plant, [("new", "CP1", "2.0.1", "W"), ("old", "CP2", "1.6", "A")])
    adopt(plant, new=7.0, old=6.0)
    plant.until(lambda: len(plant.rows()) >= 4 and plant.settled(), "the plan did not arrive")
    assert {state for _, _, state in plant.rows()} == {"accepted"}
    plant.site.visit("CP1", car())
    plant.site.visit("CP2", car("TAG2"))

    def begun() -> bool:
        with plant.world.store.transaction() as tx:
            return set(charge_sessions.running(tx)) == {"new", "old"}

    plant.until(begun, "the sessions were not seen")
    later = NOW + timedelta(minutes=4)  # registers are read on the clock: a minute ago
    plant.clock.jump_to(later)  # before the stations': what they tell is not to come
    plant.site.clock(later)
    assert plant.site.evse("CP1")["power_w"] == pytest.approx(7000, abs=100)
    assert plant.site.evse("CP2")["power_w"] == pytest.approx(8 * 690, abs=100)  # 6 kW are 8 A on three phases

    def counted() -> bool:
        with plant.world.store.transaction() as tx:
            found = readings.between(tx, ["new/1", "old/1"], ["imported_kwh"], NOW, later)
            return all(len(found.get((f"{name}/1", "imported_kwh"), ())) >= 2 for name in ("new", "old"))

    plant.until(counted, "the registers were not read")
    with plant.world.store.transaction() as tx:
        running = charge_sessions.running(tx)
    assert {name: one.resource for name, one in running.items()} == {"new": "new/1", "old": "old/1"}


@pytest.mark.parametrize(("station", "protocol", "unit"), [("CP1", "2.0.1", "W"), ("CP2", "1.6", "A")])
def test_the_acceptance_for_a_real_citrineos_holds_against_the_demo_s_csms(
    python: Path, tmp_path: Path, station: str, protocol: str, unit: str
) -> None:
    stations: list[dict[str, Any]] = [{"name": "CP1", "evses": [{"id": 1}]}, {"name": "CP2", "protocol": "1.6"}]
    with CsmsSite(python, tmp_path, stations) as site:
        road = DispatchRoad(name="trial", url=site.csms.endpoint)
        point = ChargePoint(
            charge_point="trial",
            connection="",
            road="trial",
            station=station,
            protocol=protocol,
            unit=unit,
            max_kw=11.0,
        )
        said: list[tuple[bool, str]] = []
        with trial(road, point, patience_s=60, now=lambda: NOW) as one:
            run(one, lambda holds, words: said.append((holds, words)))
    assert [words for holds, words in said if not holds] == []
    assert len(said) >= 12


def test_a_csms_that_is_killed_before_the_callback_leaves_one_plan_and_the_right_limit(
    python: Path, tmp_path: Path
) -> None:
    """The station answers slowly, the CSMS is killed meanwhile: what came of the command is found by asking.

    The last limit is compared: in the ISP of arrival, the plan is divided by the car's share of it.
    """
    with CsmsSite(python, tmp_path, [{"name": "CP1", "evses": [{"id": 1}]}]) as site:
        plant = Plant(tmp_path, site)
        try:
            know(plant, [("new", "CP1", "2.0.1", "W")])
            adopt(plant, new=7.0)
            plant.until(lambda: len(plant.rows()) >= 2 and plant.settled(), "the plan did not arrive")
            site.faults("CP1", answers="held")
            adopt(plant, new=5.0)
            plant.until(lambda: "sent" in [state for _, _, state in plant.rows()], "the change was not sent")
            site.restart(NOW)
            site.faults("CP1")
            plant.clock.jump_to(plant.clock.now() + timedelta(seconds=46))  # no answer comes any more

            def followed() -> bool:
                plant.clock.jump_to(plant.clock.now() + timedelta(seconds=2))
                plans = [row.profile for row in plant.firm() if row.purpose == "plan"]
                return plant.settled() and [one and one.steps[-1].limit for one in plans] == [5000]

            plant.until(followed, "the change did not arrive")
            site.visit("CP1", car())
            later = NOW + timedelta(minutes=10)
            site.clock(later)
            assert site.evse("CP1")["power_w"] == pytest.approx(5000, abs=100)
        finally:
            plant.close()


def test_by_the_source_of_2_0_a_plan_arrives_is_changed_and_sessions_are_heard(python: Path, tmp_path: Path) -> None:
    """The stand-in answers as the source of CitrineOS 2.0 says; nobody of us has run that."""
    with CsmsSite(python, tmp_path, [{"name": "CP1", "evses": [{"id": 1}]}], api="2.0") as site:
        plant = Plant(tmp_path, site, api="2.0")
        try:
            know(plant, [("new", "CP1", "2.0.1", "W")])
            adopt(plant, new=7.0)
            plant.until(lambda: len(plant.rows()) >= 3 and plant.settled(), "the plan did not arrive")
            adopt(plant, new=5.0)

            def changed() -> bool:
                plans = [row.profile for row in plant.firm() if row.purpose == "plan"]
                return plant.settled() and [one and one.steps[-1].limit for one in plans] == [5000]

            plant.until(changed, "the change did not arrive")
            site.visit("CP1", car())

            def begun() -> bool:
                with plant.world.store.transaction() as tx:
                    return set(charge_sessions.running(tx)) == {"new"}

            plant.until(begun, "the session was not heard")
            plant.roads.look("citrine")
            status, made = site.ask("GET", "/data/ocpprouter/subscription", {"ocppConnectionName": "CP1"})
            assert (status, len(made)) == (200, 1)
            assert site.ask("GET", "/data/ocpprouter/subscription", {"ocppConnectionName": "CP9"})[1] == []
            with closing(open_road(plant.settings.dispatch.roads[0], AnswerAddresses(base=str, secret=b""))) as road:
                (point,) = [row for row in plant.roads_points() if row.charge_point == "new"]
                assert road.unit_of(point) is not None
        finally:
            plant.close()


def test_an_unplanned_car_gets_its_profile_and_that_of_the_csms_is_not_in_force(python: Path, tmp_path: Path) -> None:
    """How long it takes is measured by benchmarks/dispatch.py; here the order of what happens counts."""
    with CsmsSite(python, tmp_path, [{"name": "CP1", "evses": [{"id": 1}]}]) as site:
        plant = Plant(tmp_path, site)
        try:
            know(plant, [("new", "CP1", "2.0.1", "W")])
            with plant.world.store.transaction() as tx:  # nobody is expected
                register.replace(tx, register.load(tx).with_table("ev_sessions", ()))
            plant.until(lambda: len(plant.rows()) >= 2 and plant.settled(), "no fallback")
            site.visit("CP1", car(says_needs=True))

            def held() -> dict[str, int]:
                found = told(site.stations.send("state", station="CP1"))["profiles"]
                return {one["charging_profile_purpose"]: one["stack_level"] for one in found}

            plant.until(lambda: held().get("TxDefaultProfile") == 1, "the car got no profile")
            with plant.world.store.transaction() as tx:
                session = charge_sessions.running(tx)["new"]
                (row,) = [one for one in dispatches.of_point(tx, "new") if one.purpose == "plan"]
            assert session.resource is not None
            assert session.needed_wh is not None
            assert row.sent_at is not None
            assert session.began_at <= row.at <= row.sent_at

            def alone() -> bool:
                plant.clock.jump_to(plant.clock.now() + timedelta(seconds=5))
                return "TxProfile" not in held()

            plant.until(alone, "the profile of the CSMS was not cleared")
            assert held()["TxDefaultProfile"] >= 1
        finally:
            plant.close()
