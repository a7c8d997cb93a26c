"""A scenario with faults gets all of them at once, each with file, line and what was expected."""

import json
import shutil
from pathlib import Path

import pytest

from agr.domain.errors import InputError, TableError
from agr.scenario.folder import read_scenario
from agr.scenario.places import find_folder

SMALL = Path(__file__).parents[2] / "scenarios" / "small-dst-day"


@pytest.fixture
def folder(tmp_path):
    shutil.copytree(SMALL, tmp_path / "mine")
    return tmp_path / "mine"


def edit(path: Path, *pairs: tuple[str, str]) -> None:
    text = path.read_text()
    for old, new in pairs:
        assert old in text, old
        text = text.replace(old, new, 1)
    path.write_text(text)


def faults(folder: Path) -> list[str]:
    with pytest.raises(TableError) as caught:
        read_scenario(folder)
    return caught.value.faults


def line_of(path: Path, part: str) -> int:
    return next(n for n, line in enumerate(path.read_text().splitlines(), start=1) if part in line)


def only(found: list[str], *parts: str) -> None:
    """There is exactly one fault that holds all the parts."""
    assert len([fault for fault in found if all(part in fault for part in parts)]) == 1, (parts, found)


def test_the_shipped_one_has_none(folder):
    scenario = read_scenario(folder)
    assert scenario.resources == 25
    assert scenario.warnings == ()


def test_every_fault_of_the_description_has_its_line_and_what_was_expected(folder):
    path = folder / "scenario.yaml"
    edit(
        path,
        ("question:", "questoin:"),
        ("period: 2026-03-29", "period: 2026-02-30"),
        ("depth_kw: 2000", "depth: 2000"),
        ("max_mw: 1", "max_mw: .nan"),
        ("direction: symmetric", "direction: sideways"),
        ("keep_share: 0.5", "keep_share: 5"),
        ("+01:00", ""),
        ("seed: 92", "seed: 92\nseed: 93"),
    )
    found = faults(folder)
    only(found, f"line {line_of(path, 'questoin')}", "did you mean question?")
    only(found, f"line {line_of(path, 'depth:')}", "markets.intraday.depth", "did you mean depth_kw?")
    only(found, f"line {line_of(path, '2026-02-30')}", "'2026-02-30'", "valid date")
    only(found, f"line {line_of(path, '.nan')}", "finite number", "Largest bid per block")
    only(found, f"line {line_of(path, 'sideways')}", "'up', 'down' or 'symmetric'")
    only(found, f"line {line_of(path, 'keep_share')}", "less than or equal to 1")
    only(found, f"line {line_of(path, 'at: 2026')}", "timezone")
    only(found, f"line {line_of(path, 'seed: 93')}", "appears twice, first in line")


@pytest.mark.parametrize("minutes", ["7", "45", "0", "120"])
def test_isps_that_do_not_fill_an_hour_are_a_fault_with_its_line(folder, minutes):
    """With 7 minutes, a day would end at 23:55: 1,440 = 205 · 7 + 5."""
    path = folder / "scenario.yaml"
    edit(path, ("zone: Europe/Amsterdam\n", f"zone: Europe/Amsterdam\nisp_minutes: {minutes}\n"))
    where = f"scenario.yaml, line {line_of(path, 'isp_minutes')}: isp_minutes: {minutes} is wrong"
    (fault,) = faults(folder)
    assert fault.startswith(f"{where}: isp_minutes is {minutes}, which does not divide an hour; markets use 5, 15")


def test_a_product_that_fits_no_isps_is_a_fault(folder):
    path = folder / "scenario.yaml"
    edit(path, ("markets:\n", "markets:\n  day_ahead: {product_minutes: 50}\n"))
    assert "product_minutes is 50; product_minutes must divide a day" in faults(folder)[0]


def test_clock_times_without_quotes_are_read_as_written(folder):
    edit(folder / "scenario.yaml", ('at: "08:00"', "at: 10:30"))
    assert str(read_scenario(folder).description.markets.capacity[0].gate.at) == "10:30:00"


def test_faults_of_tables_and_of_what_the_cro_knows_come_together(folder):
    tables = folder / "tables"
    edit(tables / "batteries.csv", ("charge_kw", "charge_w"))  # a wrong unit
    first = (tables / "connections.csv").read_text().splitlines()[1]
    with (tables / "connections.csv").open("a") as file:
        file.write(first + "\n")  # a connection twice
    price = (tables / "prices.csv").read_text().splitlines()[5]
    edit(tables / "prices.csv", (price, price.rpartition(",")[0] + ",nan"))  # a NaN price
    listed = json.loads((folder / "cro.json").read_text())
    listed["congestion_points"][1]["connections"].append(listed["congestion_points"][0]["connections"][0])
    (folder / "cro.json").write_text(json.dumps(listed, indent=1))
    found = faults(folder)
    only(found, "tables/batteries.csv", "charge_w", "charge_kw is: convert the values")
    only(found, "tables/connections.csv, line 14", "appears twice")
    only(found, "tables/prices.csv, line 6", "nan")
    only(found, "cro.json, line", "congestion_points.1.connections", "appears twice")


def test_a_missing_isp_of_a_price_is_found_behind_the_last_good_line(folder):
    path = folder / "tables" / "prices.csv"
    lines = path.read_text().splitlines()
    gone = next(i for i, line in enumerate(lines) if line.startswith("day_ahead,2026-03-29T03:00"))  # 02:00 is skipped
    path.write_text("\n".join(lines[:gone] + lines[gone + 1 :]) + "\n")
    only(faults(folder), f"tables/prices.csv, line {gone}", "day_ahead: 1 of 92 ISPs", "first 03:00", "whole local day")


def test_a_price_in_the_wrong_unit_is_named(folder):
    path = folder / "tables" / "prices.csv"
    line = path.read_text().splitlines()[9]
    edit(path, (line, line.rpartition(",")[0] + ",70000"))
    only(faults(folder), "prices.csv, line 10", "70000 is beyond any market; expected EUR/MWh")


def test_a_session_nobody_could_charge_is_a_fault(folder):
    path = folder / "tables" / "ev_sessions.csv"
    cells = path.read_text().splitlines()[2].split(",")
    edit(path, (",".join(cells), ",".join([*cells[:4], "900", *cells[5:]])))
    only(faults(folder), "tables/ev_sessions.csv, line 3", "energy_kwh 900 cannot be charged: ")


def test_what_refers_to_nothing_is_a_fault(folder):
    edit(folder / "scenario.yaml", ("contract: FO-north-grid-1", "contract: FO-north-grid-7"))
    edit(folder / "tables" / "contracts.csv", ("south-grid:cp-003", "south-grid:cp-099"))
    edit(folder / "scenario.yaml", ("dsos: [north-grid.example, south-grid.example]", "dsos: [north-grid.example]"))
    found = faults(folder)
    only(
        found, "scenario.yaml, line", "'FO-north-grid-7' is not in tables/contracts.csv; did you mean FO-north-grid-1?"
    )
    only(found, "tables/contracts.csv, line 3", "cp-099 is not in cro.json")
    only(found, "cro.json", "south-grid.example is not in `dsos`")


def test_a_resource_without_forecast_is_a_fault(folder):
    path = folder / "tables" / "forecasts.csv"
    kept = [line for line in path.read_text().splitlines() if not line.startswith("load-00003,")]
    path.write_text("\n".join(kept) + "\n")
    only(faults(folder), "tables/fixed_loads.csv, line", "load-00003 has no forecast power_kw of 2026-03-29")


def test_a_change_in_the_description_that_cannot_be_made_is_a_fault(folder):
    with (folder / "scenario.yaml").open("a") as file:
        file.write("changes: [bateries=5]\n")
    only(faults(folder), "scenario.yaml, line", "did you mean batteries?")


def test_no_folder_and_no_yaml_are_refused_in_words(folder, tmp_path):
    with pytest.raises(InputError, match="there is no scenario 'nowhere'"):
        find_folder("nowhere")
    (folder / "scenario.yaml").write_text("title: [\n")
    only(faults(folder), "scenario.yaml, line", "is not valid YAML")
    (folder / "scenario.yaml").write_text("just words\n")
    only(faults(folder), "expected `key: value` lines")


def test_faults_of_every_kind_and_place_come_at_once_and_none_makes_another(folder):
    written, tables = folder / "scenario.yaml", folder / "tables"
    edit(written, ("spread_eur_per_mwh: 16", "spread_eur_per_mwh: 16 EUR"), ("max_mw: 1", "max_kw: 1000"))
    edit(tables / "batteries.csv", ("capacity_kwh", "capacity_wh"))
    with (tables / "connections.csv").open("a") as file:
        file.write((tables / "connections.csv").read_text().splitlines()[2] + "\n")
    prices = (tables / "prices.csv").read_text().splitlines()
    ours = [i for i, line in enumerate(prices) if line.startswith("day_ahead,2026-03-29")]
    prices[ours[5]] = prices[ours[5]].rpartition(",")[0] + ",nan"
    del prices[ours[9]]
    (tables / "prices.csv").write_text("\n".join(prices) + "\n")
    sessions = (tables / "ev_sessions.csv").read_text().splitlines()
    for row, column, value in ((1, 4, "900"), (2, 3, "2026-03-01T00:00:00Z")):
        cells = sessions[row].split(",")
        sessions[row] = ",".join([*cells[:column], value, *cells[column + 1 :]])
    (tables / "ev_sessions.csv").write_text("\n".join(sessions) + "\n")
    forecasts = (tables / "forecasts.csv").read_text().splitlines()
    gone = next(i for i, line in enumerate(forecasts) if line.startswith("pv-00001,")) + 3
    kept = [line for i, line in enumerate(forecasts) if i != gone and not line.startswith("load-00003,")]
    (tables / "forecasts.csv").write_text("\n".join(kept) + "\n")
    found = faults(folder)
    only(found, "scenario.yaml, line", "'16 EUR'")
    only(found, "scenario.yaml, line", "max_kw: is not known here; did you mean max_mw?")
    only(found, "scenario.yaml, line", "max_mw: is missing")
    only(found, "tables/batteries.csv", "capacity_wh", "convert the values")
    only(found, "tables/batteries.csv", "capacity_kwh is missing")
    only(found, "tables/connections.csv, line 14", "appears twice")
    only(found, f"tables/prices.csv, line {ours[5] + 1}", "'nan'")
    only(found, "tables/prices.csv, line", "day_ahead: 1 of 92 ISPs")
    only(found, "tables/ev_sessions.csv, line 2", "energy_kwh 900 cannot be charged: ")
    only(found, "tables/ev_sessions.csv, line 3", "is not after arrival")
    only(found, "tables/forecasts.csv, line", "pv-00001", "of 92 ISPs")
    only(found, "tables/fixed_loads.csv, line", "load-00003 has no forecast")
    assert len(found) == 12


def test_what_cannot_be_judged_is_not_blamed(folder):
    edit(folder / "scenario.yaml", ("dsos: [north-grid.example, south-grid.example]", "dsos: 5"))
    edit(folder / "scenario.yaml", ("period: 2026-03-29", "period: tomorrow"))
    assert len(faults(folder)) == 2
    edit(folder / "scenario.yaml", ("dsos: 5", "dsos: [north-grid.example, south-grid.example]"))
    edit(folder / "scenario.yaml", ("period: tomorrow", "period: 2026-03-29"), ("zone: Europe", "zone: Erope"))
    only(faults(folder), "scenario.yaml, line", "zone", "is not a time zone; use an IANA name")
    edit(folder / "scenario.yaml", ("zone: Erope", "zone: Europe"))
    listed = json.loads((folder / "cro.json").read_text())
    listed["congestion_points"][0] = "here"
    (folder / "cro.json").write_text(json.dumps(listed, indent=1))
    assert [fault.partition(",")[0] for fault in faults(folder)] == ["cro.json"]


STRANGER = "ean.299000000999999994"
"""The CRO lists it, and we do not represent it."""
OWN = "congestion_point,dso,connection,first_day\n"


def own_table(folder: Path, *, shift: bool = False) -> str:
    """Return what cro.json says as a table; `shift` leaves the first connection out."""
    listed = json.loads((folder / "cro.json").read_text())["congestion_points"]
    rows = [
        f"{point['address']},{point['dso']},{connection},2026-01-01\n"
        for point in listed
        for connection in point["connections"]
        if connection != STRANGER
    ]
    return OWN + "".join(rows[shift:])


def test_a_table_of_congestion_points_stands_in_for_the_cros_list(folder):
    before = read_scenario(folder)
    (folder / "tables" / "congestion_points.csv").write_text(own_table(folder))
    (folder / "cro.json").unlink()
    edit(folder / "scenario.yaml", ("cros: [cro.example]\n", ""))
    after = read_scenario(folder)
    assert {point.address: set(point.connections) for point in after.points} == {
        point.address: {*point.connections} - {STRANGER} for point in before.points
    }
    assert set(after.free_connections) >= set(before.free_connections)


def test_two_lists_of_congestion_points_that_differ_are_a_fault(folder):
    path = folder / "tables" / "congestion_points.csv"
    path.write_text(own_table(folder))
    assert read_scenario(folder).points
    path.write_text(own_table(folder, shift=True))
    only(faults(folder), "tables/congestion_points.csv, line 2", "stands otherwise, or not at all, in cro.json")


def test_an_unknown_dso_of_the_table_is_a_fault(folder):
    path = folder / "tables" / "congestion_points.csv"
    path.write_text(own_table(folder).replace("south-grid.example,", "west-grid.example,"))
    only(faults(folder), "tables/congestion_points.csv", "west-grid.example is not in `dsos`")
