"""Cars that share a limit after midnight hold at midnight what it cannot carry then; figures worked out by hand."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import date, datetime, timedelta
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agr.domain.isp import Period
from agr.domain.kinds.ev_session import EvSession
from agr.domain.kinds.fixed_load import FixedLoad
from agr.domain.kinds.heat_pump import HeatPump
from agr.domain.kinds.shiftable_run import ShiftableRun
from agr.domain.kinds.switched_load import SwitchedLoad
from agr.domain.register import (
    CongestionPoint,
    Connection,
    ConnectionLimit,
    LimitGroup,
    PointLimit,
    Portfolio,
    Register,
)
from agr.planning.case import Inputs, NamedCase, build
from agr.planning.case_audit import audit_case
from agr.scenario.running import run
from tests.builders import small_scenarios
from tests.builders.case_inputs import FIRST, PERIOD, inputs
from tests.builders.remembered import by_method
from tests.builders.small_scenarios import hourly, inputs_at, small_scenario

HOUR = timedelta(hours=1)
NAMES = ("a", "b", "c")


def at(hour: float, period: Period = PERIOD) -> datetime:
    return period.start + hour * HOUR


def car(name: str, connection: str = "a", arrival: float = 18, departure: float = 30, **more: Any) -> EvSession:
    """Return a car of 11 kW that needs 40 kWh from 18:00 to 06:00, if nothing else is said."""
    given: dict[str, Any] = {"energy_kwh": 40.0, "charge_kw": 11.0} | more
    return EvSession(resource=name, connection=connection, arrival=at(arrival), departure=at(departure), **given)


def limit(place: str, kw: float | None, **more: object) -> ConnectionLimit:
    return ConnectionLimit(
        at=place,
        import_kw=kw,
        export_kw=None,
        penalty_eur_per_mwh=1000.0,
        **{"first_day": FIRST, **more},  # type: ignore[arg-type]
    )


def world(
    resources: Sequence[Any], limits: Sequence[ConnectionLimit] = (), points: Sequence[PointLimit] = (),
    period: Period = PERIOD, **more: object,
) -> Inputs:  # fmt: skip
    """Return connections a, b and c in a group, all of them at congestion point p."""
    point = CongestionPoint(address="p", dso="dso.example", connections=NAMES)
    register = Register(
        connections=tuple(Connection(address=name, first_day=FIRST, limit_group="group") for name in NAMES),
        limit_groups=(LimitGroup(group="group"),), resources=tuple(resources), connection_limits=tuple(limits),
        limits=tuple(points),
    )  # fmt: skip
    made = replace(inputs(period), register=register, portfolio=Portfolio(period=period, points=(point,)))
    return replace(made, **more)  # type: ignore[arg-type]


def held(named: NamedCase) -> dict[str, float]:
    """Return what cars must hold at midnight, kWh."""
    least = named.case.storage.energy_min_kwh[:, -1].tolist()
    return {name: kwh for name, kwh in zip(named.of("storage"), least, strict=True) if kwh > 1e-9}


def built(made: Inputs) -> NamedCase:
    """Return the case; its audit agrees."""
    named = build(made)
    assert audit_case(made, named) == ()
    return named


def told(named: NamedCase) -> list[str]:
    return [note for note in named.notes if "limits" in note]


@pytest.mark.parametrize("method", ["reference", "decomposition"])
def test_ten_cars_behind_one_fuse_keep_it_in_the_night(method: str) -> None:
    """400 kWh are needed, 6 h · 50 kW fit after midnight, where prices are lowest: 100 kWh before it."""
    cars = [
        EvSession(
            resource=f"car {i}", connection=small_scenarios.CONNECTION, arrival=small_scenarios.at(18),
            departure=small_scenarios.at(30), energy_kwh=40, charge_kw=11,
        )
        for i in range(10)
    ]  # fmt: skip
    scenario = small_scenario(*cars, prices=[hourly(80.0), hourly(20.0), hourly(20.0)], days=2)
    register = replace(scenario.register, connection_limits=(limit(small_scenarios.CONNECTION, 50.0),))
    made = run(replace(scenario, register=register), solver=by_method(method))
    assert [step["audit"] for step in made.steps] == [[]] * len(made.steps)
    drawn = made.final("connection_limits")
    kwh = drawn["power_kw"].groupby(drawn["period"]).sum() / 4
    assert kwh.tolist() == pytest.approx([100.0, 300.0], abs=1e-2)
    assert (drawn["power_kw"] - drawn["import_limit_kw"]).max() < 1e-2
    # 100 kWh at 80 and 300 at 20 EUR/MWh.
    assert made.outcome["totals"]["objective_eur"] == pytest.approx(-14.0, abs=1e-2)


def test_a_group_and_what_others_draw_after_midnight_leave_less_room() -> None:
    """In 6 h fuses of 8 kW carry what each car needs; the group's 10 kW, less a load of 2 tomorrow, 48 of 80 kWh."""
    load = FixedLoad(resource="load", connection="c")
    tomorrow = {("load", "power_kw"): np.full(96, 2.0)}
    limits = (limit("a", 8.0), limit("b", 8.0), limit("group", 10.0))
    made = world((car("one", "a"), car("two", "b"), load), limits, forecasts={("load", "power_kw"): np.zeros(96)})
    named = built(made)
    assert sum(held(named).values()) == pytest.approx(20.0)  # as today, it draws nothing: 60 of 80 fit
    assert told(named)[-1].endswith(
        "must hold 20.0 kWh more at midnight: limits cannot carry all that is needed after it"
    )
    named = built(replace(made, next_forecasts=tomorrow))
    assert sum(held(named).values()) == pytest.approx(32.0)


def test_a_congestion_point_binds_cars_at_several_connections() -> None:
    """40 kW from 00:00 to 03:00 and none later, where cars leave at 03:00: 120 of 160 kWh fit after midnight."""
    window = PointLimit(
        congestion_point="p", first_day=FIRST, last_day=date(2026, 12, 31), window_start=at(0).time(),
        window_end=at(0).time(), import_kw=40.0, export_kw=None, penalty_eur_per_mwh=500.0,
    )  # fmt: skip
    cars = [car(f"car {i}", NAMES[i % 3], departure=27, charge_kw=22.0) for i in range(4)]
    assert sum(held(built(world(cars, points=(window,)))).values()) == pytest.approx(40.0)
    assert held(built(world(cars))) == {}


def test_what_fits_nowhere_is_said_and_the_rest_is_held() -> None:
    """From 23:00 to 06:00, 5 kW carry 35 of 40 kWh: 5 before midnight, 5 nowhere."""
    named = built(world((car("one", arrival=23),), (limit("a", 5.0),)))
    assert held(named) == pytest.approx({"one": 10.0 - 5.0})
    assert told(named) == [
        "limits leave no room for 5.0 kWh that cars over midnight need, before or after it: they are exceeded unless "
        "other devices draw less",
        "1 car must hold 5.0 kWh more at midnight: limits cannot carry all that is needed after it",
    ]


def test_a_car_that_its_own_power_keeps_from_its_need_is_no_matter_of_limits() -> None:
    """11 kW for 2 h are 22 of 40 kWh, 11 of them after midnight: what it misses no limit can help."""
    assert told(build(world((car("one", arrival=23, departure=25),), (limit("a", 11.0),)))) == []


def test_a_limit_that_ends_with_the_day_or_is_wide_enough_changes_nothing() -> None:
    cars = [car(f"car {i}") for i in range(3)]
    assert sum(held(built(world(cars, (limit("a", 15.0),)))).values()) == pytest.approx(120 - 6 * 15)
    for other in (limit("a", 15.0, last_day=PERIOD.day), limit("a", 20.0), limit("elsewhere", 1.0)):
        named = built(world(cars, (other,)))
        assert (held(named), told(named)) == ({}, [])


def test_a_car_that_comes_after_midnight_takes_room_of_the_one_that_is_there() -> None:
    """6 h · 10 kW carry 60 kWh; the other needs 40 of them, and can have nothing today."""
    named = built(world((car("one"), car("two", arrival=24)), (limit("a", 10.0),)))
    assert held(named) == pytest.approx({"one": 20.0})


def test_tomorrows_forecasts_are_read_where_cars_stay_behind_limits() -> None:
    stays = EvSession(
        resource="car", connection=small_scenarios.CONNECTION, arrival=small_scenarios.at(18),
        departure=small_scenarios.at(30), energy_kwh=40, charge_kw=11,
    )  # fmt: skip
    key = ("load", "power_kw")
    scenario = small_scenario(stays, days=2, forecasts={key: 3.0})
    period = scenario.description.periods()[0]
    known = replace(scenario, register=replace(scenario.register, connection_limits=(limit("any", 1.0),)))
    found = inputs_at(known, period, period.start - 12 * HOUR)
    assert found.next_forecasts[key].tolist() == [3.0] * 96
    assert inputs_at(scenario, period, period.start - 12 * HOUR).next_forecasts == {}


DAYS = (date(2026, 1, 15), date(2026, 3, 28), date(2026, 10, 24), date(2026, 10, 25))
"""An ordinary day, the days before clocks change, and a day on which they do."""


@st.composite
def mixed(draw: st.DrawFn) -> Inputs:
    """Return cars and other devices of every kind behind limits of two connections, a group and a congestion point."""
    period = Period(draw(st.sampled_from(DAYS)))
    hours = st.integers(0, 40)
    cars = []
    for i in range(draw(st.integers(1, 4))):
        came = draw(st.integers(-6, 28))
        back, least = draw(st.sampled_from((0.0, 0.0, 5.0))), draw(st.sampled_from((0.0, 1.4)))
        cars.append(
            EvSession(
                resource=f"car {i}", connection=draw(st.sampled_from("ab")), arrival=at(came, period),
                departure=at(came + draw(hours) + 1, period), energy_kwh=draw(st.integers(1, 60)), discharge_kw=back,
                charge_kw=draw(st.sampled_from((3.7, 11.0))), charge_min_kw=0.0 if back else least,
                charge_efficiency=draw(st.sampled_from((1.0, 0.9))), initial_kwh=5.0 if back else 0.0,
            )
        )  # fmt: skip
    others = (
        FixedLoad(resource="load", connection="c"),
        HeatPump(resource="pump", connection="b", power_kw=3.0, buffer_kwh=5.0, initial_kwh=2.0),
        ShiftableRun(
            resource="run", connection="a", earliest_start=at(draw(hours), period), latest_end=at(44, period),
            profile_kw=(2.0, 1.0),
        ),
        SwitchedLoad(resource="boiler", connection="b", power_kw=2.0, needs="00:00-05:00 2"),
    )  # fmt: skip
    limits = [limit(place, draw(st.integers(3, 25))) for place in ("a", "b", "group") if draw(st.booleans())]
    isps = period.isp_count
    given: Mapping[tuple[str, str], np.ndarray] = {
        ("load", "power_kw"): np.linspace(0.0, 4.0, isps), ("pump", "heat_kw"): np.full(isps, 3.0),
        ("pump", "cop"): np.full(isps, 3.0),
    }  # fmt: skip
    tomorrow = {key: values[:1] + np.zeros(period.next().isp_count) for key, values in given.items()}
    return world(
        (*cars, *others), limits, period=period, forecasts=given,
        next_forecasts=tomorrow if draw(st.booleans()) else {}, closed_isps=draw(st.sampled_from((0, 60))),
    )  # fmt: skip


@given(mixed())
@settings(max_examples=40, deadline=None)
def test_the_audit_agrees_with_every_case_and_finds_other_needs(made: Inputs) -> None:
    named = built(made)
    without = build(replace(made, register=replace(made.register, connection_limits=())))
    own, kwh = (one.case.storage.energy_min_kwh[:, -1] for one in (without, named))
    most = named.case.storage.energy_max_kwh[:, -1]
    # Where limits are too low whatever cars hold, a breach before midnight is as good as one after it.
    short = any("no room" in note for note in named.notes) or any(
        one.departure <= made.period.end for one in made.register.of(EvSession)
    )
    assert (kwh >= own - 1e-9).all()
    for u in np.flatnonzero(kwh > own + 0.1):
        for wrong in (own[u], kwh[u] + 0.1):  # a breach in the night; money for nothing
            if wrong > most[u] or short:
                continue
            low = named.case.storage.energy_min_kwh.copy()
            low[u, -1] = wrong
            case = replace(named.case, storage=replace(named.case.storage, energy_min_kwh=low))
            assert audit_case(made, replace(named, case=case)) != ()
