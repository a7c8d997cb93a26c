"""What the day is expected to end with: measured less planned so far, worked out by hand, and what the plan leaves."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from agr.cli.status_tables import day_overview
from agr.domain.charge_point import ChargePoint
from agr.domain.dispatch import SessionState
from agr.domain.reading import Reading
from agr.domain.register import Price
from agr.operations.day_status import day_status
from agr.operations.expected_imbalance import imbalance_status
from agr.store import charge_sessions, readings, register
from agr.store.charge_sessions import ChargeSession, Told
from tests.builders.accounts import PASSWORD, account
from tests.builders.operators_side import Desk
from tests.builders.worlds import PERIOD, World

QUARTER = timedelta(minutes=15)


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    made = Desk(World(tmp_path))
    yield made
    made.close()


def report(desk: Desk, resource: str, kwh: list[float]) -> None:
    """Report an import register at every border of the first ISPs."""
    rows = [
        Reading(resource=resource, at=PERIOD.start + i * QUARTER, quantity="imported_kwh", value=value)
        for i, value in enumerate(kwh)
    ]
    with desk.world.store.transaction() as tx:
        readings.put(tx, rows, desk.world.clock.now(), "test")


def settle(desk: Desk, series: str, price: float) -> None:
    rows = [Price(series=series, start=at, minutes=15, value=price) for at in PERIOD.starts()]
    with desk.world.store.transaction() as tx:
        register.put_prices(tx, rows)


def test_measured_less_planned_in_ended_isps_at_settlement_prices(desk: Desk) -> None:
    """load-1 is planned with 20 kW, 5 kWh per ISP; it takes 6, 5 and 3 kWh, and 9 in the ISP that still runs."""
    viewer = desk.as_("viewer")
    assert viewer.get(f"/api/v1/days/{PERIOD}/imbalance").status_code == 404
    desk.plan()
    desk.world.clock.jump_to(PERIOD.start + 3 * QUARTER + timedelta(minutes=14))
    report(desk, "load-1", [100.0, 106.0, 111.0, 114.0, 123.0])
    settle(desk, "imbalance_shortage", 200.0)
    settle(desk, "imbalance_surplus", 30.0)
    found = viewer.get(f"/api/v1/days/{PERIOD}/imbalance").json()
    assert (found["ended_isps"], found["measured_resources"]) == (3, 1)
    assert found["deviation_mwh"][:4] == pytest.approx([0.001, 0.0, -0.002, 0.0], abs=1e-9)
    assert found["planned_mwh"] == pytest.approx([0.0] * PERIOD.isp_count, abs=1e-6)
    assert found["eur"][:4] == pytest.approx([-0.2, 0.0, 0.06, 0.0], abs=1e-4)
    assert found["net_mwh"] == pytest.approx(-0.001, abs=1e-6)
    assert found["total_eur"] == pytest.approx(-0.14, abs=1e-3)
    assert not any(found["stand_in"])
    account(desk.accounts, "anna", "viewer")
    anna = desk.anybody()
    anna.post("/login", data={"name": "anna", "password": PASSWORD})
    page = anna.get(f"/markets?period={PERIOD}").text
    assert "Imbalance expected at the end of the day" in page
    assert "In 3 ISPs that have ended, registers of 1 resource were read" in page
    told = imbalance_status(desk.world.store, desk.world.settings, desk.world.clock, PERIOD)
    assert told is not None
    assert (told.ended_isps, told.measured_resources, told.stands_in) == (3, 1, False)
    assert (told.net_mwh, told.value) == pytest.approx((-0.001, -0.14), abs=1e-3)
    with desk.world.store.transaction() as tx:
        day = replace(day_status(tx, desk.world.settings, PERIOD, desk.world.clock.now()), imbalance=told)
    assert day.in_force
    (said,) = [part for part in day_overview(day) if str(part).startswith("Imbalance expected")]
    assert "-0.001 MWh (short positive), -0.14 EUR\n  3 ISPs ended, registers of 1 resource read" in str(said)


def test_what_a_balanced_plan_of_a_day_to_come_ends_with_is_known_without_working_it_out(desk: Desk) -> None:
    desk.plan()
    desk.world.clock.jump_to(PERIOD.start - timedelta(hours=6))
    with desk.world.store.transaction() as tx:
        before = day_status(tx, desk.world.settings, PERIOD, desk.world.clock.now())
        later = day_status(tx, desk.world.settings, PERIOD, PERIOD.start)
    assert before.imbalance is not None
    assert before.imbalance == imbalance_status(desk.world.store, desk.world.settings, desk.world.clock, PERIOD)
    assert later.imbalance is None  # what registers have counted belongs to it


def test_it_follows_new_readings_and_the_clock(desk: Desk) -> None:
    desk.plan()
    api = desk.as_("viewer")

    def at(when: datetime) -> tuple[int, float]:
        desk.world.clock.jump_to(when)
        found = api.get(f"/api/v1/days/{PERIOD}/imbalance").json()
        return found["ended_isps"], round(found["net_mwh"], 6)

    assert at(PERIOD.start - QUARTER) == (0, 0.0)
    assert at(PERIOD.start + QUARTER) == (1, 0.0)  # nothing was read
    report(desk, "load-1", [0.0, 7.0])
    assert at(PERIOD.start + QUARTER) == (1, 0.002)
    report(desk, "load-2", [0.0, 4.0, 9.0])
    assert at(PERIOD.start + 2 * QUARTER) == (2, 0.001)
    assert all(api.get(f"/api/v1/days/{PERIOD}/imbalance").json()["stand_in"])


def test_a_car_that_nobody_planned_counts_from_when_it_came(desk: Desk) -> None:
    """It comes in the middle of the first ISP, and takes 1 kWh in it and 2.5 in the next one."""
    with desk.world.store.transaction() as tx:
        known = register.load(tx)
        pole = ChargePoint(
            charge_point="pole", connection=known.connections[0].address, road="r", station="CP1", protocol="2.0.1",
            max_kw=11.0,
        )  # fmt: skip
        register.replace(tx, known.with_table("charge_points", (pole,)))
    desk.plan()
    came = PERIOD.start + QUARTER / 2
    desk.world.clock.jump_to(PERIOD.start + 2 * QUARTER)
    api = desk.as_("viewer")
    assert api.get(f"/api/v1/days/{PERIOD}/imbalance").json()["net_mwh"] == pytest.approx(0.0, abs=1e-6)
    session = ChargeSession(
        road="r", station="CP1", transaction="t", charge_point="pole", resource=None, began_at=came, ended_at=None,
        seen_at=PERIOD.start + 2 * QUARTER, state=SessionState.CHARGING,
    )  # fmt: skip
    with desk.world.store.transaction() as tx:
        charge_sessions.put(tx, session)
        for at, wh in ((came, 500.0), (PERIOD.start + QUARTER, 1500.0), (PERIOD.start + 2 * QUARTER, 4000.0)):
            charge_sessions.put_told(tx, session, Told(at=at, state=None, offered_w=None, register_wh=wh))
    found = api.get(f"/api/v1/days/{PERIOD}/imbalance").json()
    assert found["deviation_mwh"][:3] == pytest.approx([0.001, 0.0025, 0.0], abs=1e-9)
    assert found["measured_resources"] == 1
