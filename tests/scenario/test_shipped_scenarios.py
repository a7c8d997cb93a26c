"""The scenarios in the project: readable, reproducible to the byte, small, and consistent with their description."""

import json
from pathlib import Path

import pyarrow.parquet as pq
import pytest
import yaml

from agr.connectors.tables.folder import read_folder
from agr.forecasting.error_days import error_days
from agr.planning.probability.uncertain import least_days
from agr.scenario import promised_evening, public_charging
from agr.scenario.description import Description, describe
from agr.scenario.expected import expectation
from agr.scenario.folder import read_scenario
from agr.scenario.generate import main
from agr.scenario.past_errors import past_errors
from tests.builders.real_downloads import real_downloads

SCENARIOS = Path(__file__).parents[2] / "scenarios"
NAMES = sorted(path.parent.name for path in SCENARIOS.glob("*/scenario.yaml"))
GENERATED = [name for name in NAMES if describe(SCENARIOS / name).generator]  # with tables of their own


def generated(folder):
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.suffix in (".csv", ".json")
    }


def test_the_scenarios_are_there_and_each_says_what_is_expected():
    assert NAMES == [
        "ev-depot", "municipality-weekday", "negative-price-sunday", "neighbourhood", "promised-evening",
        "public-charging", "reservation-in-three-steps", "small-dst-day", "spring-weekday", "winter-evening-peak",
    ]  # fmt: skip
    for name in NAMES:
        assert expectation(SCENARIOS / name).figures
        assert len(describe(SCENARIOS / name).question) > 40
        assert (SCENARIOS / name / "README.md").is_file()


def test_editors_get_the_schema_of_today():
    written = json.loads((SCENARIOS / "scenario.schema.json").read_text())
    assert written == Description.model_json_schema(), "agr scenario schema > scenarios/scenario.schema.json"


@pytest.mark.parametrize("name", GENERATED)
def test_a_shipped_scenario_is_made_again_byte_for_byte(name, tmp_path):
    data = real_downloads()
    given = yaml.safe_load((SCENARIOS / name / "scenario.yaml").read_text())
    how = given["generator"]
    words = ["--out", str(tmp_path), "--data", str(data), "--period", str(given["period"]), "--zone", given["zone"]]
    words += ["--seed", str(given["seed"]), "--connections", str(how["connections"]), "--points", str(how["points"])]
    words += ["--dsos", *given["dsos"]]
    words += ["--weather-day", str(how["weather_day"])] if how["weather_day"] else []
    words += ["--synthetic-prices"] if how["prices"] == "synthetic" else []
    words += [w for option in ("days", "limit_every", "evening_share") if option in how
              for w in (f"--{option.replace('_', '-')}", str(how[option]))]  # fmt: skip
    words += ["--site", how["site"]] if "site" in how else []
    words += ["--parquet"] if how.get("parquet") else []
    assert main(words) == 0
    assert generated(tmp_path) == generated(SCENARIOS / name)
    if how.get("parquet"):  # bytes depend on the version of Parquet
        made, shipped = (pq.read_table(f / "tables" / "forecasts.parquet") for f in (tmp_path, SCENARIOS / name))
        assert made.equals(shipped)


def test_the_cars_that_nobody_tells_of_are_made_again_byte_for_byte(tmp_path):
    folder = SCENARIOS / "public-charging"
    prices = SCENARIOS.parent / "benchmarks" / "data" / "day_ahead_nl.parquet"
    public_charging.main(["--out", str(tmp_path), "--prices", str(prices)])
    assert generated(tmp_path) == generated(folder)
    scenario = read_scenario(folder)
    assert len(scenario.past.sessions) == 2
    per_day = sum(len(rows) for rows in scenario.past.sessions.values()) / 42
    assert 45 < per_day < 60


def test_the_promised_evening_is_made_again_byte_for_byte_with_history_enough_for_a_promise(tmp_path):
    folder = SCENARIOS / "promised-evening"
    prices = SCENARIOS.parent / "benchmarks" / "data" / "day_ahead_nl.parquet"
    promised_evening.main(["--out", str(tmp_path), "--prices", str(prices)])
    assert generated(tmp_path) == generated(folder)
    scenario = read_scenario(folder)
    promises = scenario.description.planning.promises
    past = past_errors(scenario, scenario.description.of)
    known = error_days(past.predicted, past.observed, scenario.description.of, least_days(promises))
    assert len(known.days) == promises.days - 1  # the day before is not over when the plan is made
    assert sorted(known.errors) == ["power_kw bakery", "power_kw supermarket"]
    assert known.certain == ()


@pytest.mark.parametrize("name", NAMES)
def test_a_shipped_scenario_reads_without_a_warning_and_its_parts_agree(name):
    folder = SCENARIOS / name
    scenario = describe(folder)
    reading = read_folder(scenario.tables_of(folder), zone_name=scenario.zone, isp_minutes=scenario.isp_minutes)
    assert reading.warnings == ()
    known = json.loads(scenario.cro_of(folder).read_text())["congestion_points"]
    assert {p["dso"] for p in known} == set(scenario.dsos)
    contracts = {c.contract: c for c in reading.register.contracts}
    assert {e.contract for e in scenario.events if e.contract is not None} <= contracts.keys()
    assert {c.congestion_point for c in contracts.values()} <= {p["address"] for p in known}
    assert {f.period for f in reading.register.forecasts} == set(scenario.periods())
    series = {p.series for p in reading.register.prices}
    assert {product.series for product in scenario.markets.capacity} <= series
    own = scenario.forecasts is not None
    assert {scenario.markets.day_ahead.series, scenario.markets.day_ahead.forecast_series} - series == (
        {scenario.markets.day_ahead.forecast_series} if own else set()
    )


@pytest.mark.parametrize("name", ["small-dst-day", "spring-weekday"])
def test_what_a_demo_day_expects_agrees_with_its_files(name):
    folder = SCENARIOS / name
    figures = yaml.safe_load((folder / "expected.yaml").read_text())["figures"]
    known = json.loads((folder / "cro.json").read_text())
    listed = sum(len(p["connections"]) for p in known["congestion_points"]) + len(known["free_connections"])
    assert figures["connections"] == {"equals": listed}
    assert figures["congestion_points"] == {"equals": len(known["congestion_points"])}
    assert figures["period"] == {"equals": str(describe(folder).period)}


def test_scenarios_are_small_and_hold_no_program():
    files = [path for path in SCENARIOS.rglob("*") if path.is_file()]
    assert sum(path.stat().st_size for path in files) < 3_000_000
    assert {path.suffix for path in files} == {".csv", ".json", ".md", ".parquet", ".yaml"}
