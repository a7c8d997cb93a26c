"""Every number of every table, a thousand times too large or small, is never loaded in silence."""

from pathlib import Path

import pytest

from agr.connectors.tables.folder import survey_folder
from agr.domain.faults import Findings
from tests.connectors.magnitudes import numbers, scaled, usual_tables, write_tables

TABLES = usual_tables()
HARMLESS = {("switched_loads", "initial_minutes")}
"""Beyond the least run and rest, how long a load has been on or off changes no plan."""


def found_in(folder: Path, tables: dict[str, list[list[str | float]]]) -> Findings:
    write_tables(folder, tables)
    return survey_folder(folder, zone_name="Europe/Amsterdam", isp_minutes=15, capacity=("fcr",)).findings


def test_usual_magnitudes_of_every_column_raise_no_doubts(tmp_path: Path) -> None:
    found = found_in(tmp_path, TABLES)
    assert (found.faults, found.warnings) == ([], [])
    assert len(numbers(TABLES)) == 58


@pytest.mark.parametrize("factor", [1000.0, 1e-3])
@pytest.mark.parametrize(("table", "column"), [one for one in numbers(TABLES) if one[0] not in ("forecasts", "prices")])
def test_no_column_takes_another_unit_in_silence(tmp_path: Path, table: str, column: str, factor: float) -> None:
    found = found_in(tmp_path, scaled(TABLES, table, column, factor))
    assert found.faults or found.warnings
    assert any(f.file == f"{table}.csv" for f in (*found.faults, *found.warnings))


@pytest.mark.parametrize("factor", [1000.0, 1e-3])
@pytest.mark.parametrize("series", sorted({str(row[0]) for row in TABLES["prices"][1:]}))
def test_no_series_of_prices_takes_another_unit_in_silence(tmp_path: Path, series: str, factor: float) -> None:
    found = found_in(tmp_path, scaled(TABLES, "prices", "value", factor, series))
    assert ["did you mean" in w.words for w in found.warnings] == [True]
    assert series in found.warnings[0].words


@pytest.mark.parametrize("factor", [1000.0, 1e-3])
@pytest.mark.parametrize("resource", ["house", "pv", "hp"])
def test_no_forecast_takes_another_unit_in_silence(tmp_path: Path, resource: str, factor: float) -> None:
    found = found_in(tmp_path, scaled(TABLES, "forecasts", "value", factor, resource))
    assert any(f"{resource}: " in w.words for w in found.warnings)


@pytest.mark.parametrize(
    ("table", "column", "factor", "words"),
    [
        (
            "batteries",
            "charge_efficiency",
            0.01,
            "0.0095 is very little (usual: from 0.3); did you mean 0.95 (0.0095 percent)?",
        ),
        ("heat_pumps", "loss_per_day", 9.5, "0.95 a day is very much (usual: to 0.9); did you mean 0.0095 a day"),
        ("switched_loads", "min_run_minutes", 1 / 60, "did you mean 30 minutes (0.5 hours)?"),
        ("switched_loads", "min_rest_minutes", 60, "1800 minutes is very much (usual: to 1440); did you mean 30"),
        ("batteries", "reserve_kw", 1e-3, "0.005 kW is 0.001 of the device's power 5 kW; did you mean 5 kW?"),
        ("batteries", "discharge_kw", 1e-3, "0.005 kW is 0.001 of charge_kw 5 kW; did you mean 5 kW?"),
        ("batteries", "minimum_kwh", 1e-3, "0.001 kWh is 0.0001 of capacity_kwh 10 kWh; did you mean 1 kWh?"),
        ("connection_tariffs", "peak_eur_per_kw", 1000, "did you mean 2 EUR/kW (2000 EUR/MW)? (a month)"),
        ("contracts", "price_eur_per_mwh", 1e-3, "did you mean 150 EUR/MWh (0.15 EUR/kWh)?"),
    ],
)
def test_what_was_probably_meant_is_said(tmp_path: Path, table: str, column: str, factor: float, words: str) -> None:
    found = found_in(tmp_path, scaled(TABLES, table, column, factor))
    assert any(words in w.words and w.column == column for w in found.warnings), found.warnings


def test_a_limit_in_mw_is_doubted_beside_what_lies_at_its_congestion_point(tmp_path: Path) -> None:
    """2.5 kW for a point with a park of 1 MW; a house takes as much, so its magnitude alone says nothing."""
    found = found_in(tmp_path, scaled(TABLES, "limits", "import_kw", 2.5 / 800))
    assert [w.column for w in found.warnings] == ["import_kw"]
    assert "did you mean 2500 kW (2.5 MW)?" in found.warnings[0].words


def test_a_limit_of_a_group_is_doubted_beside_its_members(tmp_path: Path) -> None:
    """60 MW for a feeder of a house and an office; the park of 1 MW is not behind it."""
    found = found_in(tmp_path, scaled(TABLES, "connection_limits", "import_kw", 1000, "feeder"))
    assert any("did you mean 60 kW (60,000 W)?" in w.words for w in found.warnings)
