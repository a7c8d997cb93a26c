"""Charging sessions in the market day: counted from back-ends and tables, forecast by group, as of a moment."""

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from pathlib import Path

import numpy as np
import pytest

from agr.connectors.session_table import read_sessions
from agr.domain.charge_point import ChargePoint
from agr.domain.dispatch import SessionState
from agr.domain.errors import TableError
from agr.domain.isp import Period
from agr.domain.register import CongestionPoint, Connection, Register
from agr.forecasting import DayForecast
from agr.operations.forecast_rows import FAILED, REFUSED
from agr.operations.forecast_scores import scoreboard
from agr.operations.forecast_sessions import SessionForecasts
from agr.operations.forecast_views import view
from agr.operations.forecast_worker import Task, make
from agr.operations.sessions_import import take_session_rows
from agr.store import actuals, charge_sessions, day, forecast_runs, portfolio, register
from agr.store.charge_sessions import ChargeSession
from tests.builders.worlds import NOW, PERIOD, POINT, World

TODAY = PERIOD.previous()


def inline(tasks: list[Task], _budget_s: float) -> Sequence[DayForecast | str]:
    return [make(task) for task in tasks]


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    made = World(tmp_path)
    yield made
    made.store.close()


def forecasts_of(world: World) -> SessionForecasts:
    return SessionForecasts(world.store, world.settings, world.clock, inline)


def alarms(world: World) -> dict[str, str]:
    with world.store.transaction() as tx:
        return {f"{a.kind} [{a.subject}]": a.text for a in day.open_alarms(tx)}


def known(world: World, series: str, period: Period) -> list[float]:
    with world.store.transaction() as tx:
        return [one.value for one in actuals.known(tx, series, world.clock.now(), period.start, period.end)]


def table(world: World, days: int, extra: str = "") -> Path:
    """Write sessions until the day before yesterday: each day one car at 8:00 and, on working days, two at 18:00."""
    rows = ["group,arrival,departure,energy_kwh"]
    for back in range(days, 1, -1):
        period = Period(TODAY.day - timedelta(days=back))
        hours = [8] if period.day.weekday() >= 5 else [8, 18, 18]
        for number, hour in enumerate(hours):
            arrival = period.start + timedelta(hours=hour, minutes=number)
            rows.append(f"street,{arrival.isoformat()},{(arrival + timedelta(hours=10)).isoformat()},{hour}")
    path = world.folder / "sessions.csv"
    path.write_text("\n".join(rows) + "\n" + extra, encoding="utf-8")
    return path


def test_a_table_of_sessions_becomes_a_forecast_of_hours_and_of_the_whole_day(world: World) -> None:
    path = table(world, 60)
    taken = take_session_rows(world.store, world.settings, world.clock, read_sessions(path))
    assert (taken.stored, taken.known, taken.refused) == (59 * 24 * 3, 0, ())
    again = take_session_rows(world.store, world.settings, world.clock, read_sessions(path))
    assert (again.stored, again.known) == (0, 59 * 24 * 3)
    monday = PERIOD.next()
    outcomes = forecasts_of(world).run(monday)
    assert [one.series for one in outcomes] == ["ev_arrivals street", "ev_energy_kwh street", "ev_stay_h street"]
    with world.store.transaction() as tx:
        shown = view(tx, world.settings, "ev_energy_kwh street", monday, world.clock.now())
    assert np.flatnonzero(shown.mean).tolist() == [*range(32, 36), *range(72, 76)]  # ISPs of 8:00 and of 18:00
    assert shown.mean[32], shown.mean[72] == pytest.approx((8, 36))
    assert min(value for values in shown.fan.values() for value in values if value is not None) >= 0
    assert "the whole day: 44 kWh, 44 to 44 with 80 %" in shown.notes
    assert alarms(world) == {}


def test_a_forecast_as_of_a_past_moment_sees_only_the_days_whose_cars_had_left(world: World) -> None:
    take_session_rows(world.store, world.settings, world.clock, read_sessions(table(world, 60)))
    past = Period(TODAY.day - timedelta(days=10))
    moment = past.start - timedelta(hours=17)
    sessions = forecasts_of(world)
    sessions.run(past, ["ev_arrivals street"], as_of=moment)
    with world.store.transaction() as tx:
        first = forecast_runs.newest(tx, "ev_arrivals street", past.day, world.clock.now())
        rows = scoreboard(tx, world.settings, "ev_arrivals street", past.day, past.day, world.clock.now())
    assert first is not None
    assert first.made_at == moment
    assert "made afterwards" in first.notes[-1]
    assert {row.model for row in rows} == {"ours", "naive"}
    newest = Period(past.day - timedelta(days=3))  # of the day after it a car stays until 4:00; of this one too
    assert first.known_until is not None
    assert newest.start <= first.known_until <= moment
    with world.store.transaction() as tx:
        later = actuals.known(tx, "ev_arrivals street", moment, first.known_until)
    assert later == []


def test_sessions_that_cannot_be_are_refused_by_line_and_the_others_are_counted(world: World) -> None:
    start = TODAY.start - timedelta(days=3)

    def row(hours: float, stay: float, kwh: float) -> str:
        arrival = start + timedelta(hours=hours)
        return f"street,{arrival.isoformat()},{(arrival + timedelta(hours=stay)).isoformat()},{kwh}"

    bad = "\n".join([row(8, 1, 5), row(8, 1, 5), row(9, -1, 5), row(9, 24 * 9, 5), row(9, 1, 9000), row(10, 1, -4)])
    taken = take_session_rows(world.store, world.settings, world.clock, read_sessions(table(world, 2, bad)))
    assert [line for line, _ in taken.refused] == [6, 7, 8, 9, 10]
    reasons = " | ".join(why for _, why in taken.refused)
    for words in ("line 5 has the same session", "not after arrival", "is to come", "Wh for kWh", "energy_kwh -4"):
        assert words in reasons
    assert sum(known(world, "ev_energy_kwh street", Period(start.astimezone(PERIOD.tz).date()))) == 5
    assert alarms(world)[f"{REFUSED} [charging sessions]"].startswith("5 of 9 imported sessions were refused")


def test_a_table_with_other_columns_is_refused_whole(world: World) -> None:
    path = world.folder / "wrong.csv"
    path.write_text("group,arrival,departure\n", encoding="utf-8")
    with pytest.raises(TableError, match="has no column energy_kwh"):
        read_sessions(path)


def told(world: World, number: int, began: datetime, hours: float | None, kwh: float | None, point: str = "cp") -> None:
    ended = None if hours is None else began + timedelta(hours=hours)
    session = ChargeSession(
        road="r", station="s", transaction=str(number), charge_point=point, resource=None, began_at=began,
        ended_at=ended, seen_at=ended or NOW, state=SessionState.ENDED if ended else SessionState.CHARGING,
        first_register_wh=None if kwh is None else 1000.0, last_register_wh=None if kwh is None else 1000 + kwh * 1000,
    )  # fmt: skip
    with world.store.transaction() as tx:
        charge_sessions.put(tx, session)


def test_what_back_ends_told_is_counted_at_its_congestion_point_once_the_cars_have_left(world: World) -> None:
    point = CongestionPoint(address=POINT, dso="dso.example", connections=("a",))
    with world.store.transaction() as tx:
        register.replace(tx, Register(
            connections=(Connection(address="a", first_day=TODAY.day), Connection(address="b", first_day=TODAY.day)),
            charge_points=tuple(
                ChargePoint(charge_point=name, connection=where, road="r", station=name, max_kw=11.0, protocol="2.0.1")
                for name, where in (("cp", "a"), ("cp-b", "b"))
            ),
        ))  # fmt: skip
        portfolio.replace(tx, TODAY.day, "cro.example", (point,), ("b",))
    first, second, third = (Period(TODAY.day - timedelta(days=back)) for back in (3, 2, 1))
    told(world, 1, first.start + timedelta(hours=9), 2, 7.0)  # the first day is not whole
    told(world, 2, second.start + timedelta(hours=9), 2, 11.0)
    told(world, 3, second.start + timedelta(hours=10), 2, None)
    told(world, 4, third.start + timedelta(hours=18), None, 3.0)  # still there
    told(world, 5, first.start + timedelta(hours=12), 2, 20.0, "cp-b")
    sessions = forecasts_of(world)
    assert sessions.take_sessions() == 3 * 24 * (1 + 2)  # one day at the point, two elsewhere: nobody came
    assert sessions.take_sessions() == 0
    arrivals = known(world, f"ev_arrivals {POINT}", second)
    assert (arrivals[9], arrivals[10], sum(arrivals)) == (1, 1, 2)
    assert sum(known(world, f"ev_energy_kwh {POINT}", second)) == 22
    assert sum(known(world, "ev_arrivals in no congestion point", second)) == 0
    assert known(world, f"ev_arrivals {POINT}", third) == []
    told(world, 4, third.start + timedelta(hours=18), 11, 30.0)
    assert sessions.take_sessions() == 3 * 24
    assert sum(known(world, f"ev_energy_kwh {POINT}", third)) == 30


def test_silence_of_the_back_ends_is_not_taken_for_an_empty_street(world: World) -> None:
    second = Period(TODAY.day - timedelta(days=6))
    told(world, 1, second.start - timedelta(days=1), 2, 7.0)
    told(world, 2, second.start + timedelta(hours=9), 2, 7.0)
    assert forecasts_of(world).take_sessions() == 0  # nothing was told since the second day was over
    told(world, 3, second.start + timedelta(hours=25), 2, 7.0)
    assert forecasts_of(world).take_sessions() == 3 * 24


def test_too_few_days_are_one_alarm_for_all_groups(world: World) -> None:
    take_session_rows(world.store, world.settings, world.clock, read_sessions(table(world, 9)))
    outcomes = forecasts_of(world).run(PERIOD)
    assert {one.words for one in outcomes} == {"only 8 days are known; 14 are needed"}
    text = alarms(world)[f"{FAILED} [charging sessions]"]
    assert text.startswith("3 series of charging sessions are not forecast for 2026-03-29, the first: ev_arrivals")
