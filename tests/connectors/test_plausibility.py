"""Values that were probably entered in another unit are loaded, and warned of with file, line and what was meant."""

from datetime import date, timedelta
from pathlib import Path

import pytest
from typer.testing import CliRunner

from agr.cli.main import app
from agr.connectors.tables.folder import FolderRead, read_folder
from agr.domain.isp import Period
from agr.scenario.folder import read_scenario
from agr.scenario.record import open_run

PERIOD = Period(date(2026, 6, 10))
HOME = "ea1.2024-01.example.agr:c1"
CONNECTIONS = f"address,first_day,last_day\n{HOME},2026-01-01,\n"
BATTERIES = "resource,connection,charge_kw,discharge_kw,capacity_kwh,initial_kwh,end_kwh,wear_eur_per_mwh\n"
SESSIONS = "resource,connection,arrival,departure,energy_kwh,charge_kw,charge_min_kw\n"
PUMPS = "resource,connection,power_kw,buffer_kwh,initial_kwh\n"
SWITCHED = "resource,connection,power_kw,needs\n"
RUNS = "resource,connection,earliest_start,latest_end,profile_kw\n"
STAY = "2026-06-10T18:00:00+02:00,2026-06-10T23:00:00+02:00"
CONTRACTS = (
    "contract,dso,congestion_point,first_day,last_day,window_start,window_end,power_w,availability_eur_per_mw_h,"
    "penalty_eur_per_mwh\n"
)
LIMITS = "congestion_point,first_day,last_day,window_start,window_end,import_kw,export_kw,penalty_eur_per_mwh\n"
POINT = "ea1.2024-01.example.dso:cp"


def hourly(head: str, value: float, peak: float | None = None) -> str:
    """Return 24 rows of an hour each; the last one has the peak."""
    starts = [(PERIOD.start + timedelta(hours=hour)).isoformat() for hour in range(24)]
    values = [value] * 23 + [value if peak is None else peak]
    return "".join(f"{head},{start},60,{v}\n" for start, v in zip(starts, values, strict=True))


def forecasts(resource: str, value: float, peak: float | None = None, quantity: str = "power_kw") -> str:
    return "resource,quantity,start,minutes,value\n" + hourly(f"{resource},{quantity}", value, peak)


def prices(value: float, peak: float | None = None, series: str = "day_ahead_forecast") -> str:
    return "series,start,minutes,value\n" + hourly(series, value, peak)


def load_and(**tables: str) -> dict[str, str]:
    return {"fixed_loads": f"resource,connection\nhouse,{HOME}\n"} | tables


def read(folder: Path, **tables: str) -> FolderRead:
    for name, text in ({"connections": CONNECTIONS} | tables).items():
        (folder / f"{name}.csv").write_text(text, encoding="utf-8")
    return read_folder(folder, zone_name="Europe/Amsterdam", isp_minutes=15, capacity=("fcr",))


ONE_BATTERY = BATTERIES + f"home,{HOME},5,5,10,5,5,0\n"

DOUBTFUL = {
    "battery in W": (
        {"batteries": BATTERIES + f"home,{HOME},5000,5000,10,5,5,0\n"},
        ("batteries.csv, line 2, column charge_kw: home: 5000 kW at connection", "would fill 10 kWh in 7.2 s",
         "did you mean 5 kW, or capacity_kwh 10000?"),
    ),
    "battery in Wh": (
        {"batteries": BATTERIES + f"home,{HOME},5,5,10000,5,5,0\n"},
        ("batteries.csv, line 2, column capacity_kwh: home: 10000 kWh", "2,000 h to fill with 5 kW", "mean 10 kWh"),
    ),
    "battery in MW": (
        {"batteries": BATTERIES + f"home,{HOME},0.005,0.005,0.01,0,0,0\n"},
        ("column charge_kw: home: 0.005 kW", "did you mean 5 kW?"),
    ),
    "battery in W and Wh beside a house": (
        load_and(batteries=BATTERIES + f"home,{HOME},5000,5000,10000,5,5,0\n", forecasts=forecasts("house", 0.3)),
        ("batteries.csv, line 2, column charge_kw", "16,667 times the load at connection", "did you mean 5 kW?"),
    ),
    "wear per kWh": (
        {"batteries": BATTERIES + f"home,{HOME},5,5,10,5,5,0.04\n"},
        ("column wear_eur_per_mwh: home: 0.04 EUR/MWh", "did you mean 40 EUR/MWh (0.04 EUR/kWh)?"),
    ),
    "curtailment per kWh": (
        {"generators": f"resource,connection,curtailment_eur_per_mwh\npv,{HOME},0.03\n",
         "forecasts": forecasts("pv", -2)},
        ("generators.csv, line 2, column curtailment_eur_per_mwh: pv: 0.03", "did you mean 30 EUR/MWh (0.03 EUR/kWh)?"),
    ),
    "car in W": (
        {"ev_sessions": SESSIONS + f"car,{HOME},{STAY},22,7400,0\n"},
        ("ev_sessions.csv, line 2, column charge_kw: car: 7400 kW at connection", "any charger gives (1000 kW)",
         "did you mean 7.4 kW?"),
    ),
    "car's least power in W": (
        {"ev_sessions": SESSIONS + f"car,{HOME},{STAY},22,11000,4140\n"},
        ("column charge_min_kw: car: 4140 kW", "did you mean 4.14 kW?"),
    ),
    "car in Wh": (
        {"ev_sessions": SESSIONS + f"car,{HOME},{STAY},22500,11,0\n"},
        ("column energy_kwh: car: 22500 kWh", "any vehicle stores (2000 kWh)", "did you mean 22.5 kWh?"),
    ),
    "car in MW": (
        {"ev_sessions": SESSIONS + f"car,{HOME},{STAY},0.01,0.011,0\n"},
        ("column charge_kw: car: 0.011 kW", "did you mean 11 kW?"),
    ),
    "heat pump in W": (
        {"heat_pumps": PUMPS + f"pump,{HOME},2500,10,5\n"},
        ("heat_pumps.csv, line 2, column power_kw: pump: 2500 kW", "did you mean 2.5 kW?"),
    ),
    "buffer in Wh": (
        {"heat_pumps": PUMPS + f"pump,{HOME},2.5,10000,5\n"},
        ("column buffer_kwh: pump: with 3 kWh of heat per kWh: 10000 kWh", "did you mean 10 kWh"),
    ),
    "heat in W": (
        {"heat_pumps": PUMPS + f"pump,{HOME},2.5,10,5\n", "forecasts": forecasts("pump", 3000, 5000, "heat_kw")},
        ("forecasts.csv, line 25, column value: pump: heat_kw 5000 kW of heat is 2,000 times", "did you mean 5 kW?"),
    ),
    "COP in percent": (
        {"heat_pumps": PUMPS + f"pump,{HOME},2.5,10,5\n", "forecasts": forecasts("pump", 320, quantity="cop")},
        ("forecasts.csv, line 2, column value: pump: cop 320 is more than any", "did you mean 3.2?"),
    ),
    "boiler in W": (
        {"switched_loads": SWITCHED + f"boiler,{HOME},2000,00:00-06:00 4\n"},
        ("switched_loads.csv, line 2, column power_kw: boiler: 2000 kW", "did you mean 2 kW?"),
    ),
    "washing machine in W": (
        {"shiftable_runs": RUNS + f'washing,{HOME},{STAY},"2000 500 100"\n'},
        ("shiftable_runs.csv, line 2, column profile_kw: washing: 2000 kW", "did you mean 2 kW?"),
    ),
    "house in W": (
        load_and(forecasts=forecasts("house", 350, 2800)),
        ("forecasts.csv, line 25, column value: house: power_kw 2800 kW at connection", "did you mean 2.8 kW?"),
    ),
    "house in W beside a battery": (
        load_and(batteries=ONE_BATTERY, forecasts=forecasts("house", 350)),
        ("forecasts.csv, line 2, column value: house: power_kw 350 kW", "70 times the largest device there (5 kW)",
         "did you mean 0.35 kW?"),
    ),
    "house in MW": (
        load_and(forecasts=forecasts("house", 0.00035)),
        ("house: power_kw 0.00035 kW at most", "did you mean 0.35 kW?"),
    ),
    "sun in W": (
        {"generators": f"resource,connection\npv,{HOME}\n", "forecasts": forecasts("pv", -100, -4000)},
        ("forecasts.csv, line 25, column value: pv: power_kw 4000 kW", "did you mean 4 kW?"),
    ),
    "contract in kW": (
        {"contracts": CONTRACTS + f"FO-1,dso.example,{POINT},2026-01-01,2026-12-31,17:00,20:00,-400,8,2000\n"},
        ("contracts.csv, line 2, column power_w: FO-1: -400 W is -0.4 kW", "did you mean -400000 W (-400 kW)?"),
    ),
    "contract beyond all resources": (
        {"batteries": BATTERIES + f"park,{HOME},400,400,800,0,0,0\n",
         "contracts": CONTRACTS + f"FO-1,dso.example,{POINT},2026-01-01,2026-12-31,17:00,20:00,-400000000,8,2000\n"},
        ("column power_w: FO-1: -400000000 W is -400,000 kW, 1,000 times", "did you mean -400,000 W?"),
    ),
    "penalty per kWh": (
        {"contracts": CONTRACTS + f"FO-1,dso.example,{POINT},2026-01-01,2026-12-31,17:00,20:00,-400000,8,2\n"},
        ("column penalty_eur_per_mwh: FO-1: 2 EUR/MWh", "did you mean 2000 EUR/MWh (2 EUR/kWh)?"),
    ),
    "fee per kW": (
        {"contracts": CONTRACTS + f"FO-1,dso.example,{POINT},2026-01-01,2026-12-31,17:00,20:00,-400000,0.008,2000\n"},
        ("column availability_eur_per_mw_h: FO-1: 0.008", "did you mean 8 EUR/MW/h (0.008 EUR/kW/h)?"),
    ),
    "limit in MW": (
        {"limits": LIMITS + f"{POINT},2026-01-01,2026-12-31,17:00,20:00,0.25,,1000\n"},
        ("limits.csv, line 2, column import_kw", "0.25 kW", "did you mean 250 kW (0.25 MW)?"),
    ),
    "limit in W": (
        {"batteries": ONE_BATTERY, "limits": LIMITS + f"{POINT},2026-01-01,2026-12-31,17:00,20:00,,250000,1000\n"},
        ("limits.csv, line 2, column export_kw", "50,000 times the power of all resources", "did you mean 250 kW"),
    ),
    "prices per kWh": (
        {"prices": prices(0.08, 0.31)},
        ("prices.csv, line 25, column value: day_ahead_forecast: 0.31 EUR/MWh is its highest price",
         "did you mean 310 EUR/MWh (0.31 EUR/kWh)?"),
    ),
    "negative prices per kWh": (
        {"prices": prices(-0.05)},
        ("day_ahead_forecast: -0.05 EUR/MWh", "did you mean -50 EUR/MWh (-0.05 EUR/kWh)?"),
    ),
    "prices per GWh": (
        {"prices": prices(50, 70_000)},
        ("prices.csv, line 25", "70000 EUR/MWh is beyond the market's limits (5000)", "did you mean 70 EUR/MWh?"),
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", DOUBTFUL)
def test_a_value_in_another_unit_is_loaded_and_warned_of(tmp_path: Path, name: str) -> None:
    tables, words = DOUBTFUL[name]
    reading = read(tmp_path, **tables)
    assert len([w for w in reading.warnings if all(part in w for part in words)]) == 1, reading.warnings
    assert sum(len(rows) for rows in reading.register.tables().values()) > 1  # nothing was left out


def test_heat_is_not_held_against_a_power_that_is_itself_doubtful(tmp_path: Path) -> None:
    tables = {"heat_pumps": PUMPS + f"pump,{HOME},4000,10,5\n", "forecasts": forecasts("pump", 3, 5, "heat_kw")}
    (warning,) = read(tmp_path, **tables).warnings
    assert "heat_pumps.csv, line 2, column power_kw: pump: 4000 kW" in warning


@pytest.mark.parametrize(
    ("cop", "end"),
    [(32, "mean 3.2?"), (3200, "mean 3.2?"), (0.032, "mean 3.2?"), (0.35, "mean 3.5?"), (1e6, "pump reaches (15)")],
)  # fmt: skip
def test_a_cop_is_guessed_by_its_decimal_point_where_one_is_near(tmp_path: Path, cop: float, end: str) -> None:
    tables = {"heat_pumps": PUMPS + f"pump,{HOME},2.5,10,5\n", "forecasts": forecasts("pump", cop, quantity="cop")}
    (warning,) = read(tmp_path, **tables).warnings
    assert f"pump: cop {cop:g} " in warning
    assert warning.endswith(end)


USUAL = {
    "a house": load_and(
        batteries=BATTERIES + f"home,{HOME},5,5,10,5,5,20\n", forecasts=forecasts("house", 0.2, 4),
        ev_sessions=SESSIONS + f"car,{HOME},{STAY},22,11,4.14\n", prices=prices(40, 180),
        switched_loads=SWITCHED + f"boiler,{HOME},2,00:00-06:00 4\n",
    ),
    "a heat pump": {
        "heat_pumps": PUMPS + f"pump,{HOME},2.5,10,5\n", "forecasts": forecasts("pump", 3, 9, "heat_kw"),
    },
    "a park": {
        "batteries": BATTERIES + f"park,{HOME},10000,10000,20000,5,5,5\nlong,{HOME},1000,1000,100000,0,0,0\n",
        "generators": f"resource,connection\npv,{HOME}\n", "forecasts": forecasts("pv", -100, -1500),
        "contracts": CONTRACTS + f"FO-1,dso.example,{POINT},2026-01-01,2026-12-31,17:00,20:00,-400000,8,2000\n",
        "limits": LIMITS + f"{POINT},2026-01-01,2026-12-31,17:00,20:00,5000,5000,1000\n",
    },
    "a bus depot": {"ev_sessions": SESSIONS + f"bus,{HOME},{STAY},400,350,0\n"},
    "a day of low prices": {"prices": prices(0, -8)},
    "prices of zero": {"prices": prices(0)},
    "capacity that costs little": {"prices": prices(0.4, 1.2, "fcr")},
    "night": load_and(forecasts=forecasts("house", 0.0, 0.1)),
}  # fmt: skip


@pytest.mark.parametrize("name", USUAL)
def test_usual_values_are_no_doubts(tmp_path: Path, name: str) -> None:
    assert read(tmp_path, **USUAL[name]).warnings == ()


def test_where_every_row_is_wrong_a_few_are_named_and_the_rest_counted(tmp_path: Path) -> None:
    rows = "".join(f"car-{n},{HOME},{STAY},22,11000,0\n" for n in range(1000))
    found = read(tmp_path, ev_sessions=SESSIONS + rows).warnings
    assert len(found) == 6
    assert "ev_sessions.csv, column charge_kw: 995 more values of this column are as doubtful" in found


@pytest.fixture
def t12_watts(tmp_path: Path) -> Path:
    """A house in W and Wh, with a contract in kW."""
    folder = tmp_path / "t12_watts"
    (folder / "tables").mkdir(parents=True)
    contract = f"FO-1,dso.example,{POINT},2026-01-01,2026-12-31,17:00,20:00,-400,8,2000\n"
    read(
        folder / "tables",
        **load_and(
            batteries=BATTERIES + f"home,{HOME},5000,5000,10,5,5,0\n", forecasts=forecasts("house", 350),
            ev_sessions=SESSIONS + f"ev,{HOME},{STAY},22500,11000,0\n", contracts=CONTRACTS + contract,
            prices=prices(50),
        ),
    )  # fmt: skip
    (folder / "scenario.yaml").write_text(
        "title: t\nquestion: q\nperiod: 2026-06-10\ncros: [cro.example]\ndsos: [dso.example]\n", encoding="utf-8"
    )
    (folder / "cro.json").write_text(
        f'{{"congestion_points": [{{"address": "{POINT}", "dso": "dso.example", "connections": ["{HOME}"]}}]}}',
        encoding="utf-8",
    )
    return folder


COLUMNS = ("batteries.csv, line 2, column charge_kw", "contracts.csv, line 2, column power_w",
           "ev_sessions.csv, line 2, column charge_kw", "ev_sessions.csv, line 2, column energy_kwh",
           "forecasts.csv, line 2, column value")  # fmt: skip


def test_t12_watts_is_warned_of_wherever_it_is_read(t12_watts: Path, tmp_path: Path) -> None:
    """All five of its values; the scenario runs as it is written, and its report says so too."""
    scenario = read_scenario(t12_watts)
    assert [next(w for w in scenario.warnings if column in w) for column in COLUMNS] == list(scenario.warnings)
    said = CliRunner().invoke(app, ["scenario", "validate", str(t12_watts)])
    assert said.exit_code == 0
    assert all(f"warning: tables/{column}" in said.stderr for column in COLUMNS)
    out = tmp_path / "run"
    ran = CliRunner().invoke(app, ["scenario", "run", str(t12_watts), "--out", str(out)])
    assert ran.exit_code == 0, ran.output
    assert "column charge_kw: home: 5000 kW at connection" in ran.output.replace("\n", " ")
    assert open_run(out).outcome["doubts"] == list(scenario.warnings)
    assert "did you mean 22.5 kWh?" in (out / "report.html").read_text(encoding="utf-8")


def test_the_daemons_import_and_check_warn_as_well(t12_watts: Path, tmp_path: Path) -> None:
    config = str(tmp_path / "us" / "agr.toml")
    runner = CliRunner()
    assert runner.invoke(app, ["init", str(tmp_path / "us"), "--domain", "agr.example"]).exit_code == 0
    loaded = runner.invoke(app, ["import", str(t12_watts / "tables"), "--config", config])
    assert loaded.exit_code == 0
    assert all(f"warning: {column}" in loaded.stderr for column in COLUMNS)
    checked = runner.invoke(app, ["check", "--config", config])
    assert "warning: batteries, home, column charge_kw: 5000 kW at connection" in checked.stderr
    assert "warning: contracts, FO-1, column power_w: -400 W is -0.4 kW" in checked.stderr
