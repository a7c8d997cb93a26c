"""Scenarios in which whole classes of things are missing still have a plan, tables, a report and rendered results."""

import io
from itertools import combinations
from typing import Any

import pytest
from rich.console import Console

from agr.domain.kinds import KINDS
from agr.domain.kinds.battery import Battery
from agr.domain.kinds.ev_session import EvSession
from agr.domain.kinds.fixed_load import FixedLoad
from agr.domain.kinds.generator import Generator
from agr.domain.kinds.heat_pump import HeatPump
from agr.domain.kinds.shiftable_run import ShiftableRun
from agr.domain.kinds.switched_load import SwitchedLoad
from agr.scenario.record import open_run
from agr.scenario.rendering import run_tables, run_warnings
from agr.scenario.reports.page import report_html
from agr.scenario.running import run
from tests.builders.remembered import by_method
from tests.builders.small_scenarios import CONNECTION, at, small_scenario

_AT: dict[str, Any] = {"connection": CONNECTION}
ONE_OF_EACH = (
    FixedLoad(resource="load", **_AT),
    Generator(resource="sun", **_AT),
    Battery(resource="battery", charge_kw=5, discharge_kw=5, capacity_kwh=10, initial_kwh=5, end_kwh=5, **_AT),
    EvSession(resource="car", arrival=at(8), departure=at(17), energy_kwh=10, charge_kw=11, **_AT),
    HeatPump(resource="pump", power_kw=3, buffer_kwh=8, initial_kwh=4, **_AT),
    ShiftableRun(resource="dish", earliest_start=at(9), latest_end=at(20), profile_kw=(2.0, 1.0), **_AT),
    SwitchedLoad(resource="boiler", power_kw=2, needs="00:00-06:00 2", **_AT),
)
FORECASTS = {("load", "power_kw"): 1.0, ("sun", "power_kw"): -1.0, ("pump", "heat_kw"): 2.0, ("pump", "cop"): 3.0}
COUNTS = (0, 1, len(ONE_OF_EACH) - 1, len(ONE_OF_EACH))


def test_one_of_each_is_one_of_every_kind():
    assert {type(one) for one in ONE_OF_EACH} == {kind.row for kind in KINDS}


@pytest.mark.parametrize("chosen", [few for count in COUNTS for few in combinations(ONE_OF_EACH, count)], ids=repr)
def test_any_kind_may_be_missing_or_alone(chosen, tmp_path):
    _check(chosen, tmp_path)


@pytest.mark.parametrize("chosen", [(), ONE_OF_EACH])
@pytest.mark.parametrize(("points", "connections"), [(False, True), (True, False), (False, False)])
def test_there_may_be_no_points_or_no_connections(chosen, points, connections, tmp_path):
    _check(chosen, tmp_path, points=points, connections=connections)


def _check(chosen, tmp_path, method="reference", **more):
    names = {one.resource for one in chosen}
    forecasts = {key: value for key, value in FORECASTS.items() if key[0] in names}
    made = run(small_scenario(*chosen, forecasts=forecasts, **more), solver=by_method(method))
    assert [step["audit"] for step in made.steps] == [[]] * 2
    assert {"resource", "power_kw", "unmanaged_kw"} <= set(made.programs.columns)
    there = names if more.get("connections", True) else set()
    assert set(made.programs["resource"]) == there
    back = open_run(made.save(tmp_path / "run"))
    assert back.outcome == made.outcome
    assert "<html" in report_html([back])
    run_warnings(back)
    Console(file=io.StringIO()).print(*run_tables(back))


@pytest.mark.parametrize("chosen", [(), *((one,) for one in ONE_OF_EACH), ONE_OF_EACH], ids=repr)
def test_the_decomposition_plans_any_kind_alone_and_none(chosen, tmp_path):
    _check(chosen, tmp_path, "decomposition")


NOTHING_TO_DO = (
    Battery(resource="battery", charge_kw=0, discharge_kw=0, capacity_kwh=0, initial_kwh=0, end_kwh=0, **_AT),
    EvSession(resource="blink", arrival=at(8), departure=at(8, 1), energy_kwh=0, charge_kw=0, **_AT),
    EvSession(resource="full", arrival=at(23, 59), departure=at(24, 1), energy_kwh=0, charge_kw=11, **_AT),
    HeatPump(resource="pump", power_kw=0, buffer_kwh=0, initial_kwh=0, **_AT),
    ShiftableRun(resource="dish", earliest_start=at(9), latest_end=at(9, 15), profile_kw=(0.0,), **_AT),
    SwitchedLoad(resource="boiler", power_kw=0, needs="00:00-00:15 0", **_AT),
)


@pytest.mark.parametrize("chosen", [*((one,) for one in NOTHING_TO_DO), NOTHING_TO_DO], ids=repr)
@pytest.mark.parametrize("method", ["reference", "decomposition"])
def test_devices_without_anything_to_do_are_planned(chosen, method, tmp_path):
    _check(chosen, tmp_path, method)
