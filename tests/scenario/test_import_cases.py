"""Files as publishers and charge-point operators make them: each is read with the right values, or refused in words."""

from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from typer.testing import CliRunner

from agr.cli.main import app
from agr.domain.errors import InputError, TableError
from agr.domain.kinds.ev_session import EvSession
from agr.scenario import downloads, running
from agr.scenario.importing import ImportRequest, import_scenario
from agr.scenario.running import days_between

FILES = Path(__file__).parent / "imports"
DA = FILES / "good_da.csv"


def made(folder: Path, period: str = "2024-04-10", zone: str = "Europe/Amsterdam", **files):
    """Import files of FILES, by default beside good prices; return the scenario and the notes."""
    given: dict[str, Any] = {name: (tuple(FILES / f for f in value) if isinstance(value, tuple) else FILES / value)
             if name in ("day_ahead", "capacity", "imbalance", "sessions") else value
             for name, value in files.items()}  # fmt: skip
    request = ImportRequest(**({"day_ahead": DA} | given), periods=days_between(period, zone, 15))
    return import_scenario(folder, request)


def series(scenario, name="day_ahead"):
    return [(p.start.astimezone(UTC), p.minutes, p.value) for p in scenario.register.prices if p.series == name]


def hourly(first: float, hours: int = 48, start: datetime = datetime(2024, 4, 8, 22, tzinfo=UTC)):
    return [(start + timedelta(hours=n), 60, first + n) for n in range(hours)]


def refused(tmp_path: Path, **files) -> str:
    """Return the words with which an import is refused; nothing is left of it."""
    with pytest.raises(InputError) as caught:
        made(tmp_path / "mine", **files)
    assert list(tmp_path.iterdir()) == []
    return str(caught.value)


def test_prices_alone_are_a_scenario_that_runs_to_a_result_of_zeros(tmp_path, solver):
    scenario, _ = made(tmp_path / "mine")
    assert series(scenario) == hourly(50)
    outcome = running.run(scenario, solver=solver)
    assert [step["audit"] for step in outcome.steps] == [[], []]
    assert [step["objective_eur"] for step in outcome.steps] == [0, 0]


def test_lengths_are_read_where_products_change_from_an_hour_to_a_quarter(tmp_path):
    scenario, notes = made(tmp_path / "mine", "2025-09-30..2025-10-01", day_ahead="f1_sdac.csv")
    prices = [p for p in series(scenario) if p[0] >= datetime(2025, 9, 29, 22, tzinfo=UTC)]
    assert [p[1] for p in prices] == [60] * 24 + [15] * 96
    assert [p[2] for p in prices] == [*range(124, 148), *range(500, 596)]
    assert any("2025-09-30 60, 2025-10-01 15" in note for note in notes)


def test_the_day_asked_for_says_what_products_are_traded(tmp_path):
    scenario, _ = made(tmp_path / "mine", "2025-10-01", day_ahead="f1c_resolution_column.csv")
    assert scenario.description.markets.day_ahead.product_minutes == 15
    forecast = series(scenario, "day_ahead_forecast")
    assert [p[1:] for p in forecast[:5]] == [(15, 124)] * 4 + [(15, 125)]  # each hour of the day before


def test_separators_at_the_end_of_rows_do_not_shift_columns(tmp_path):
    scenario, _ = made(tmp_path / "mine", day_ahead="f15_trailing_start_end.csv")
    assert series(scenario) == hourly(50.25)


def test_prices_of_several_countries_are_a_choice(tmp_path):
    words = refused(tmp_path, day_ahead="f4b_ember_all.csv")
    assert (
        "holds prices of AT ('Austria'), CH ('Switzerland'), NL ('Netherlands'); choose one of them with --area"
        in words
    )
    assert "has no area FR; it has AT" in refused(tmp_path, day_ahead="f4b_ember_all.csv", area="FR")
    for n, (area, value) in enumerate((("NL", 50), ("Switzerland", 77), ("AUT", 40))):
        scenario, _ = made(tmp_path / str(n), day_ahead="f4b_ember_all.csv", area=area)
        assert {p[2] for p in series(scenario)} == {value}


@pytest.mark.parametrize(("file", "up", "down"), [("f8_mfrr.csv", 0.5, 0.1), ("f8_both.csv", 1, 1)])
def test_mfrr_is_a_series_of_its_own(tmp_path, file, up, down):
    scenario, _ = made(tmp_path / "mine", capacity=(file,), country="DE")
    assert {p[2] for p in series(scenario, "mfrr_up_capacity")} == {up}
    assert {p[2] for p in series(scenario, "mfrr_down_capacity")} == {down}
    afrr = {p[2] for p in series(scenario, "afrr_up_capacity")}
    assert afrr == ({20} if file == "f8_both.csv" else set())
    names = [product.name for product in scenario.description.markets.capacity]
    assert names == (["aFRR up", "aFRR down"] if afrr else []) + ["mFRR up", "mFRR down"]


def test_the_zone_that_a_column_names_counts(tmp_path):
    """The Finnish price of 00:00 CET is one of 01:00 in Helsinki."""
    scenario, _ = made(tmp_path / "mine", zone="Europe/Helsinki", day_ahead="f23_fi.csv")
    prices = {start: value for start, _, value in series(scenario)}
    assert prices[datetime(2024, 4, 9, 22, tzinfo=UTC)] == 22
    assert prices[datetime(2024, 4, 9, 21, tzinfo=UTC)] == 21


def test_a_session_in_the_repeated_hour_is_the_one_that_its_power_allows(tmp_path):
    scenario, notes = made(tmp_path / "mine", sessions="f12_dst_short.csv", sessions_from=date(2024, 10, 27))
    (session,) = scenario.register.of(EvSession)
    assert (session.charge_kw, session.departure - session.arrival) == (7.4, timedelta(hours=2))
    assert any("line 2: session 1 lies in the hour that the clock repeats; 14 kWh at 7.4 kW fit" in n for n in notes)
    assert not any("raised" in note for note in notes)


def test_a_session_in_the_repeated_hour_that_may_mean_two_times_is_refused(tmp_path):
    text = (FILES / "f12_dst_short.csv").read_text().replace(";14;", ";5;")
    (tmp_path / "both.csv").write_text(text)
    periods = days_between("2024-04-10", "Europe/Amsterdam", 15)
    with pytest.raises(
        TableError, match=r"both\.csv, line 2: session 1 may last from .*; write the offset behind its times"
    ):
        import_scenario(
            tmp_path / "mine",
            ImportRequest(
                periods=periods, day_ahead=DA, sessions=tmp_path / "both.csv", sessions_from=date(2024, 10, 27)
            ),
        )
    assert not (tmp_path / "mine").exists()


def test_energies_in_wh_are_refused_with_a_remedy(tmp_path):
    words = refused(tmp_path, sessions="f13_wh_unnamed.csv")
    assert "f13_wh_unnamed.csv, line 2: session 1 took 12,500 kWh in 4 h, 3,125 kW: is its energy in Wh?" in words
    (tmp_path / "named.csv").write_text((FILES / "f13_wh_unnamed.csv").read_text().replace("energy", "energy_wh"))
    scenario, _ = made(tmp_path / "mine", sessions=str(tmp_path / "named.csv"))
    assert [s.energy_kwh for s in scenario.register.of(EvSession)] == [12.5]


def test_a_file_of_a_second_auction_only_says_so(tmp_path):
    words = refused(tmp_path, period="2025-10-29", day_ahead="f3_only_seq2.csv")
    assert "holds only 'Sequence Sequence 2'" in words
    assert "the common day-ahead auction (SDAC), which is Sequence 1 or without sequence" in words


@pytest.mark.parametrize("named", ["1", "Sequence 1", "Sequence Sequence 1"])
def test_the_first_sequence_is_understood_as_it_is_written(tmp_path, named):
    (tmp_path / "da.csv").write_text(DA.read_text().replace("Without Sequence", named))
    scenario, _ = made(tmp_path / "mine", day_ahead=str(tmp_path / "da.csv"))
    assert series(scenario) == hourly(50)


@pytest.mark.parametrize("file", ["f15_sep_line.csv", "f15_zip.zip"])
def test_a_line_that_names_the_separator_and_a_zip_of_one_file_are_read(tmp_path, file):
    assert series(made(tmp_path / "mine", day_ahead=file)[0]) == hourly(50)


def test_numbers_are_read_where_they_mean_one_thing_and_quoted_where_not(tmp_path):
    words = refused(tmp_path, day_ahead="f15_numbers.csv")
    lines = {int(line.partition("line ")[2].partition(",")[0]): line for line in words.splitlines()[1:]}
    assert set(lines) == {8, 10, 11, 12, 13, 22}
    assert "'(5,00)' is not a number; if it is a negative one, write -5,00" in lines[8]
    assert "'1,234' may be 1.234 or 1234: the file has both decimal signs" in lines[13]
    assert "'12,345,678.9'" not in words
    numbered = enumerate((FILES / "f15_numbers.csv").read_text().splitlines(), 1)
    kept = [line for n, line in numbered if n not in lines and "12,345,678.9" not in line]
    (tmp_path / "good.csv").write_text("\n".join(kept) + "\n")
    found = downloads.day_ahead(tmp_path / "good.csv", downloads.ImportOptions(tz=ZoneInfo("Europe/Berlin")))
    assert [p.value for p in found.values] == [1234.56] * 3 + [1234.56] * 2 + [-5, 5]


def test_unquoted_decimal_commas_between_commas_are_refused_with_a_remedy(tmp_path):
    words = refused(tmp_path, day_ahead="f15_unquoted_decimal_comma.csv")
    assert "line 2: has 3 values, the header has 2 columns; if its numbers have decimal commas, save it with" in words
    assert words.count("\n") < 8


@pytest.mark.parametrize(
    ("file", "first"), [("f20_energy_charts.csv", 50), ("f20_smard_en.csv", 50.25), ("f20_nordpool.csv", 50.25)]
)
def test_day_ahead_prices_of_other_publishers_are_read(tmp_path, file, first):
    assert series(made(tmp_path / "mine", day_ahead=file)[0]) == hourly(first)


def test_an_a44_document_repeats_a_price_until_the_next_one(tmp_path):
    scenario, _ = made(tmp_path / "mine", "2025-10-01", day_ahead="f19_a44.xml")
    assert [p[1:] for p in series(scenario)] == [(15, 60)] * 96
    assert scenario.description.markets.day_ahead.product_minutes == 15


@pytest.mark.parametrize(("file", "first"), [("f10_tennet_old.csv", 1), ("f20_elia.csv", 0)])
def test_imbalance_prices_of_elia_and_of_tennet_s_former_layout_are_read(tmp_path, file, first):
    """Who is short pays the price of consumption at TenneT, of negative imbalance at Elia."""
    scenario, _ = made(tmp_path / "mine", imbalance=file)
    start = datetime(2024, 4, 9, 22, tzinfo=UTC)
    sign = 1 if file == "f10_tennet_old.csv" else -1
    numbers = [(start + timedelta(minutes=15 * n), 15, n + first) for n in range(96)]
    assert series(scenario, "imbalance_shortage") == [(at, m, sign * n) for at, m, n in numbers]
    assert series(scenario, "imbalance_surplus") == [(at, m, -sign * n) for at, m, n in numbers]


@pytest.mark.parametrize(
    ("file", "resource", "charger", "hour"),
    [
        ("f13_ocpi.json", "session-1", "e1", 8), ("f13_acn.csv", "session-s1", "st1", 8),
        ("f13_evcc_en.csv", "session-2", "Garage", 6),
    ],
)  # fmt: skip
def test_sessions_of_ocpi_acn_data_and_evcc_are_read(tmp_path, file, resource, charger, hour):
    (session,) = made(tmp_path / "mine", sessions=file)[0].register.of(EvSession)
    assert (session.resource, session.connection) == (resource, f"ea1.2024-01.example.chargers:{charger}")
    assert (session.arrival, session.energy_kwh) == (datetime(2024, 4, 10, hour, tzinfo=UTC), 12.5)
    assert session.departure - session.arrival == timedelta(hours=4)


def test_the_command_says_how_files_were_read_and_leaves_nothing_of_a_refused_import(tmp_path):
    told = CliRunner().invoke(
        app, ["scenario", "import", str(tmp_path / "mine"), "--period", "2024-04-11", "--day-ahead", str(DA)]
    )
    assert told.exit_code == 1
    assert (
        "good_da.csv: day_ahead: 96 of 96 ISPs of 2024-04-11 have no price, first 00:00; it has prices from"
        in told.output
    )
    assert list(tmp_path.iterdir()) == []
    again = CliRunner().invoke(
        app, ["scenario", "import", str(tmp_path / "mine"), "--period", "2024-04-10", "--day-ahead", str(DA)]
    )
    assert again.exit_code == 0, again.output
    assert "good_da.csv was read as ENTSO-E's export" in again.output
    assert [path.name for path in tmp_path.iterdir()] == ["mine"]
