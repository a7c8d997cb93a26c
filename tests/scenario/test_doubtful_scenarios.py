"""Settings, events and measurements of a scenario in another unit are warned of with the line; they are not refused."""

from pathlib import Path

from agr.scenario.folder import read_scenario

HOME, POINT = "ea1.2024-01.example.agr:c1", "ea1.2024-01.example.dso:cp"
TABLES = {
    "connections": f"address,first_day\n{HOME},2026-01-01\n",
    "batteries": "resource,connection,charge_kw,discharge_kw,capacity_kwh,initial_kwh,end_kwh\n"
    f"park,{HOME},2000,2000,4000,2000,2000\n",
    "limits": "congestion_point,first_day,last_day,window_start,window_end,import_kw,export_kw,penalty_eur_per_mwh\n"
    f"{POINT},2026-01-01,2026-12-31,17:00,20:00,1.5,,1000\n",
    "prices": "series,start,minutes,value\nday_ahead_forecast,2026-06-10T00:00:00+02:00,1440,80\n",
}
YAML = """title: t
question: q
period: 2026-06-10
cros: [cro.example]
dsos: [dso.example]
stay_eur_per_mwh: 0.001
markets:
  intraday: {spread_eur_per_mwh: 0.02}
planning: {relative_gap: 0.1}
events:
- {kind: flex_request, at: "2026-06-09T12:00:00+02:00", congestion_point: "ea1.2024-01.example.dso:cp",
   window_start: "17:00", window_end: "20:00", power_mw: -400}
measurements:
- {at: "2026-06-10T12:00:00+02:00", resource: park, stored_kwh: 2000000}
"""


def test_settings_events_and_measurements_in_another_unit_are_warned_of(tmp_path: Path) -> None:
    (tmp_path / "tables").mkdir()
    for name, text in TABLES.items():
        (tmp_path / "tables" / f"{name}.csv").write_text(text, encoding="utf-8")
    (tmp_path / "scenario.yaml").write_text(YAML, encoding="utf-8")
    listed = f'{{"congestion_points": [{{"address": "{POINT}", "dso": "dso.example", "connections": ["{HOME}"]}}]}}'
    (tmp_path / "cro.json").write_text(listed, encoding="utf-8")
    found = read_scenario(tmp_path).warnings
    expected = (
        "line 6: stay_eur_per_mwh: 0.001 EUR/MWh is very little (usual: from 0.01); did you mean 1 EUR/MWh",
        "line 8: markets.intraday.spread_eur_per_mwh: 0.02 EUR/MWh is very little",
        "line 9: planning.relative_gap: 0.1 is very much (usual: to 0.02); did you mean 0.001 (0.1 percent)?",
        "events.0.power_mw: -400 MW is 200 times the power of all resources (2,000 kW); "
        "did you mean -0.4 MW (-400 kW)?",
        "measurements.0.stored_kwh: 2e+06 kWh is 5e+02 times what park can hold (4000 kWh); did you mean 2000 kWh",
        "tables/limits, column import_kw: ea1.2024-01.example.dso:cp: 1.5 kW is 0.00075 of the power of all resources",
    )
    for words in expected:
        assert [words in warning for warning in found].count(True) == 1, (words, found)
    assert len(found) == len(expected)
