"""What a store holds when a Period begins is a fact: it is taken as it is, and may be measured for any Period."""

from dataclasses import replace
from datetime import timedelta

import numpy as np
import pytest

from agr.connectors.tables.folder import survey_folder
from agr.domain.isp import Period
from agr.domain.kinds.battery import Battery
from agr.domain.kinds.heat_pump import HeatPump
from agr.scenario.running import run
from tests.builders.remembered import by_method
from tests.builders.small_scenarios import CONNECTION, DAY, at, hourly, last_powers, small_scenario

NEXT = DAY + timedelta(days=1)
METHODS = pytest.mark.parametrize("method", ["reference", "decomposition"])


def battery(**more):
    values = {"minimum_kwh": 30, "charge_kw": 4, "discharge_kw": 4, "capacity_kwh": 200, "initial_kwh": 28,
              "end_kwh": 30, "discharge_efficiency": 0.9}  # fmt: skip
    return Battery(resource="battery", connection=CONNECTION, **values | more)


def measured(scenario, day, kwh, resource="battery"):
    values = np.full(Period(day).isp_count, kwh)
    of_day = {**scenario.forecasts.get(day, {}), (resource, "stored_kwh"): values}
    return replace(scenario, forecasts={**scenario.forecasts, day: of_day})


def planned(scenario, method="reference"):
    made = run(scenario, solver=by_method(method))
    assert all(step["audit"] == [] for step in made.steps)
    return made


@METHODS
def test_a_battery_below_its_minimum_is_charged_at_once(method):
    # 2 kWh are missing: 4 kW for half an hour, although 1 hour later energy costs 5 instead of 90 EUR/MWh: 0.18 EUR.
    scenario = small_scenario(battery(), prices=hourly(5.0, (0, 1, 90.0)))
    made = planned(scenario, method)
    assert last_powers(made, "battery") == pytest.approx({at(0): 4.0, at(0, 15): 4.0})
    assert made.outcome["totals"]["objective_eur"] == pytest.approx(-0.18)
    assert made.outcome["totals"]["comfort_shortfall_kwh"] == 0


@METHODS
def test_a_battery_above_its_capacity_is_emptied_at_once(method):
    # 1 kWh too much gives 0.9 kWh: 3.6 kW for 15 minutes at 10 EUR/MWh, 0.009 EUR; an hour later 0.045.
    scenario = small_scenario(battery(initial_kwh=201, end_kwh=200), prices=hourly(50.0, (0, 1, 10.0)))
    made = planned(scenario, method)
    assert last_powers(made, "battery") == pytest.approx({at(0): -3.6})
    assert made.programs.query("resource == 'battery'")["energy_kwh"].iloc[0] == pytest.approx(200)
    assert made.outcome["totals"]["objective_eur"] == pytest.approx(0.009)


def test_what_cannot_be_recovered_is_reported_and_the_unmanaged_program_does_no_worse():
    # 0.1 kW for 24 hours: 2.4 of the 5 kWh that are missing, in both programs.
    made = planned(small_scenario(battery(initial_kwh=25, charge_kw=0.1)))
    assert made.outcome["totals"]["comfort_shortfall_kwh"] == pytest.approx(5 - 2.4)
    assert made.outcome["totals"]["flexibility_eur"] == pytest.approx(0, abs=1e-6)


def test_a_buffer_hotter_than_it_may_be_cools_down_by_its_demand():
    # 12 kWh in a buffer of 10, 4 kW of heat: back within its limits after half an hour, without charging before.
    pump = HeatPump(resource="pump", connection=CONNECTION, power_kw=3, buffer_kwh=10, initial_kwh=12)
    forecasts = {("pump", "heat_kw"): 4.0, ("pump", "cop"): 4.0}
    made = planned(small_scenario(pump, forecasts=forecasts, prices=hourly(50.0, (0, 1, -10.0))))
    assert min(last_powers(made, "pump")) >= at(0, 15)
    assert made.outcome["totals"]["comfort_shortfall_kwh"] == 0


def test_a_measured_content_replaces_what_the_day_before_was_planned_to_leave():
    # Planned to end with 30 kWh; 26 are measured the next midnight: 4 kWh more at 50 EUR/MWh, at once.
    scenario = measured(small_scenario(battery(), days=2), NEXT, 26.0)
    made = planned(scenario)
    assert last_powers(made, "battery") == pytest.approx(
        {at(0): 4.0, at(0, 15): 4.0} | {at(24) + timedelta(minutes=15 * i): 4.0 for i in range(4)}
    )


def test_a_measurement_does_not_stand_in_for_later_days():
    scenario = measured(small_scenario(battery(initial_kwh=60), days=2), DAY, 28.0)
    made = planned(scenario)
    assert last_powers(made, "battery") == pytest.approx({at(0): 4.0, at(0, 15): 4.0})


BATTERIES = (
    "resource,connection,minimum_kwh,charge_kw,discharge_kw,capacity_kwh,initial_kwh,end_kwh\nb,{c},30,9,9,200,{i},30\n"
)


@pytest.mark.parametrize(("initial", "words"), [(28, "less than minimum_kwh 30"), (210, "more than capacity_kwh 200")])
def test_tables_with_unusual_start_states_are_read_with_a_warning(initial, words, tmp_path):
    (tmp_path / "connections.csv").write_text(f"address,first_day,last_day\n{CONNECTION},2026-01-01,\n")
    (tmp_path / "batteries.csv").write_text(BATTERIES.format(c=CONNECTION, i=initial))
    seen = survey_folder(tmp_path, zone_name="Europe/Amsterdam", isp_minutes=15)
    assert seen.findings.faults == []
    assert any(words in str(warning) for warning in seen.findings.warnings)


def test_one_row_at_midnight_enters_a_measured_content(tmp_path):
    (tmp_path / "connections.csv").write_text(f"address,first_day,last_day\n{CONNECTION},2026-01-01,\n")
    (tmp_path / "batteries.csv").write_text(BATTERIES.format(c=CONNECTION, i=50))
    rows = ["b,stored_kwh,2026-06-10T00:00:00+02:00,15,28.5", "b,stored_kwh,2026-06-11T00:00:00+02:00,15,31"]
    (tmp_path / "forecasts.csv").write_text("\n".join(["resource,quantity,start,minutes,value", *rows, ""]))
    seen = survey_folder(tmp_path, zone_name="Europe/Amsterdam", isp_minutes=15)
    assert seen.findings.faults == []
    assert [(f.period.day, f.values[0], len(f.values)) for f in seen.register.forecasts] == [
        (DAY, 28.5, 96), (NEXT, 31.0, 96),
    ]  # fmt: skip


def test_contents_measured_after_midnight_do_not_count_and_are_named(tmp_path):
    (tmp_path / "connections.csv").write_text(f"address,first_day,last_day\n{CONNECTION},2026-01-01,\n")
    (tmp_path / "batteries.csv").write_text(BATTERIES.format(c=CONNECTION, i=50))
    head = "resource,quantity,start,minutes,value\nb,stored_kwh,2026-06-10T00:00:00+02:00,15,28.5\n"
    for later, warned in (("28.5", False), ("31", True)):
        (tmp_path / "forecasts.csv").write_text(f"{head}b,stored_kwh,2026-06-10T06:00:00+02:00,15,{later}\n")
        seen = survey_folder(tmp_path, zone_name="Europe/Amsterdam", isp_minutes=15)
        assert seen.findings.faults == []
        assert seen.register.forecasts[0].values[0] == 28.5
        words = "line 3, column start: b, stored_kwh: 31 at 06:00 does not count: 2026-06-10 begins with the 28.5"
        assert any(words in str(warning) for warning in seen.findings.warnings) == warned


def test_a_content_measured_only_later_in_the_day_is_refused(tmp_path):
    (tmp_path / "connections.csv").write_text(f"address,first_day,last_day\n{CONNECTION},2026-01-01,\n")
    (tmp_path / "batteries.csv").write_text(BATTERIES.format(c=CONNECTION, i=50))
    (tmp_path / "forecasts.csv").write_text(
        "resource,quantity,start,minutes,value\nb,stored_kwh,2026-06-10T06:00:00+02:00,15,28.5\n"
    )
    seen = survey_folder(tmp_path, zone_name="Europe/Amsterdam", isp_minutes=15)
    assert any("ISPs of 2026-06-10 are missing" in str(fault) for fault in seen.findings.faults)
