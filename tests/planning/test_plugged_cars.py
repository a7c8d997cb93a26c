"""Plugged-in cars that do not tell all are expected to do as cars did before; figures by hand."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

import numpy as np
import pytest

from agr.dispatch.plugged import LEAST, PastSession, outlook
from agr.dispatch.unplanned import name_of
from agr.domain.dispatch import SessionState
from agr.planning.inputs import read_inputs
from agr.planning.plugged_cars import as_cars_did
from agr.planning.stored_plans import StoredInputs
from agr.settings.expected_sessions import ExpectedSessions
from agr.store import charge_sessions
from agr.store.charge_sessions import ChargeSession
from tests.builders import worlds
from tests.builders.case_inputs import PERIOD, at
from tests.builders.worlds import World
from tests.planning.test_cars_nobody_planned import CAR, POLE, session


def past(hour: float, *stays: float, kwh: float | None = 8.0) -> list[PastSession]:
    return [PastSession(hour=hour, stay=timedelta(hours=stay), energy_kwh=kwh) for stay in stays]


def test_only_sessions_that_lasted_as_long_at_about_the_hour_say_what_a_car_does() -> None:
    known = past(17, *[1.0] * 30, kwh=4.0) + past(17, *[5.0] * 10, 9.0, kwh=9.0) + past(8, *[20.0] * 40, kwh=50.0)
    ahead = outlook(known, at(18), 18.0, at(20), 3.0)
    assert ahead is not None
    assert (ahead.departure, ahead.wants_kwh) == (at(23), 6.0)  # 9 kWh less 3
    at_once = outlook(known, at(18), 18.0, at(18), None)
    assert at_once is not None
    assert (at_once.departure, round(at_once.wants_kwh or 0.0, 3)) == (at(19), round((30 * 4 + 11 * 9) / 41, 3))
    late = outlook(known, at(18), 18.0, at(18) + timedelta(hours=8), 3.0)  # one at this hour: those of all hours count
    assert late is not None
    assert late.departure == at(18) + timedelta(hours=20)


def test_hours_around_midnight_are_near_each_other_and_too_few_sessions_say_nothing() -> None:
    night = past(23.5, *[6.0] * LEAST) + past(12, *[1.0] * 50)
    ahead = outlook(night, at(0, 30), 0.5, at(0, 45), None)
    assert ahead is not None
    assert ahead.departure == at(6, 30)
    assert outlook(night[1:10], at(0, 30), 0.5, at(0, 45), None) is None
    assert outlook(night, at(0, 30), 0.5, at(6, 30), None) is None  # nobody stayed so long
    unmeasured = outlook(past(12, *[2.0] * LEAST, kwh=None), at(12), 12.0, at(12), None)
    assert unmeasured is not None
    assert unmeasured.wants_kwh is None
    full = outlook(past(12, *[2.0] * LEAST), at(12), 12.0, at(13), 8.5)  # more than any of them
    assert full is not None
    assert full.wants_kwh == 0.0


def ended(number: int, began: datetime, hours: float, kwh: float) -> ChargeSession:
    return session(
        transaction=f"past {number}", began_at=began, ended_at=began + timedelta(hours=hours), seen_at=began,
        state=SessionState.ENDED, first_register_wh=0.0, last_register_wh=kwh * 1000,
    )  # fmt: skip


def test_what_a_car_has_told_counts_and_the_notes_say_what_is_expected() -> None:
    before = [ended(number, at(9, 0) - timedelta(days=number % 20 + 1), 4.0, 12.0) for number in range(30)]
    silent = session(needed_wh=None)
    visit = replace(CAR, wants_kwh=None)

    def expected(seen: ChargeSession, of: object = visit, group: str = "p") -> tuple[object, list[str]]:
        groups = {"pole": group, "elsewhere": "q"}
        [found] = as_cars_did([of], [seen], before, groups, PERIOD, at(11), said := [])  # type: ignore[list-item]
        return found, said

    found, said = expected(silent)
    assert (found.until, found.wants_kwh) == (at(14, 6), 9.0)  # type: ignore[attr-defined]
    assert said == [
        f"1 car that has not told all is expected to do as cars did before: {visit.resource} until 14:06, 9.0 kWh more"
    ]
    told = replace(silent, departure=at(18))
    found, _ = expected(told, replace(visit, until=at(18)))
    assert (found.until, found.wants_kwh) == (at(18), 9.0)  # type: ignore[attr-defined]
    found, _ = expected(silent, replace(visit, until=at(13)))  # the next one comes then
    assert found.until == at(13)  # type: ignore[attr-defined]
    all_told = replace(visit, until=at(18), wants_kwh=2.0)
    assert expected(replace(told, needed_wh=2000.0), all_told) == (all_told, [])


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    made = World(tmp_path)
    made.know_register(contracts=(), charge_points=(POLE,))
    made.know_points()
    yield made
    made.store.close()


def test_a_plan_of_the_running_day_reads_what_cars_did(world: World) -> None:
    began = worlds.PERIOD.isp_start(33)
    now = began + timedelta(minutes=1)
    with world.store.transaction() as tx:
        for number in range(40):
            charge_sessions.put(tx, ended(number, began - timedelta(days=number % 20 + 1), 2.0, 5.0))
        charge_sessions.put(tx, session(began_at=began, seen_at=began, needed_wh=None, last_register_wh=1000.0))

    def drawn(settings: object) -> tuple[float, tuple[str, ...]]:
        with world.store.transaction() as tx:
            found = read_inputs(StoredInputs(tx), settings, worlds.PERIOD, now)  # type: ignore[arg-type]
        assert found is not None
        power = found.inputs.forecasts[name_of("pole", began), "power_kw"]
        return float(np.sum(power)) / 4, found.notes

    off, notes = drawn(world.settings)
    assert off > 100
    assert not any("as cars did before" in note for note in notes)
    planning = world.settings.planning.model_copy(update={"sessions": ExpectedSessions(plugged_in=True)})
    kwh, notes = drawn(world.settings.model_copy(update={"planning": planning}))
    assert kwh == pytest.approx(5.0)
    assert any("1 car that has not told all is expected to do as cars did before" in note for note in notes)
