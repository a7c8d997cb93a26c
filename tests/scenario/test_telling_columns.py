"""Columns that tell rows or times apart are read, or refused by name; none is passed over."""

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest

from agr.domain.errors import TableError
from agr.scenario import downloads
from agr.scenario.downloads import ImportOptions

TZ = ZoneInfo("Europe/Amsterdam")
MIDNIGHT = datetime(2024, 4, 10, tzinfo=UTC)


def prices(tmp_path, text, **asked):
    path = tmp_path / "prices.csv"
    path.write_text(text, encoding="utf-8")
    return downloads.day_ahead(path, ImportOptions(tz=TZ, **asked))


@pytest.mark.parametrize(
    ("column", "cell", "hour"),
    [
        ("utc_offset", "+03:00", 0), ("Offset", "+0300", 0), ("timezone", "Europe/Helsinki", 0), ("tz", "EET/EEST", 0),
        ("time_zone", "UTC", 3), ("remark", "+03:00", 1),
    ],
)  # fmt: skip
def test_a_column_of_zones_or_offsets_counts(tmp_path, column, cell, hour):
    text = f"start;end;{column};price_eur_mwh\n2024-04-10 03:00;2024-04-10 04:00;{cell};5\n"
    (price,) = prices(tmp_path, text).values
    assert (price.start.hour, price.minutes) == (hour, 60)


@pytest.mark.parametrize("cells", [("Mars", "Mars"), ("UTC", "CET/CEST"), ("+03:00", "")])
def test_zones_that_are_not_known_or_differ_are_refused(tmp_path, cells):
    rows = "".join(f"2024-04-10 0{n}:00;2024-04-10 0{n + 1}:00;{cell};5\n" for n, cell in enumerate(cells, start=3))
    with pytest.raises(TableError, match=r"column 'timezone' has .*; expected one zone or offsets"):
        prices(tmp_path, f"start;end;timezone;price_eur_mwh\n{rows}")


def test_an_end_without_a_zone_has_that_of_its_start(tmp_path):
    text = "start (EET/EEST);end;price_eur_mwh\n2024-04-10 03:00;2024-04-10 04:00;5\n"
    (price,) = prices(tmp_path, text).values
    assert (price.start, price.minutes) == (MIDNIGHT, 60)


TWO_MARKETS = """start,end,market,price_eur_mwh
2024-04-10T00:00Z,2024-04-10T01:00Z,{},60
2024-04-10T00:00Z,2024-04-10T00:15Z,{},61
2024-04-10T00:15Z,2024-04-10T00:30Z,{},62
"""


def test_quarters_of_another_market_do_not_replace_hours(tmp_path):
    words = r"prices of 15 and 60 minutes overlap and differ in column market \('auction' and 'intraday'\)"
    with pytest.raises(TableError, match=words):
        prices(tmp_path, TWO_MARKETS.format("auction", "intraday", "intraday"))
    reading = prices(tmp_path, TWO_MARKETS.format("auction", "auction", "auction"))
    assert [(p.minutes, p.value) for p in reading.values] == [(15, 61), (15, 62), (15, 60), (15, 60)]
    assert reading.notes == ["prices.csv: where prices of several lengths overlap, those of the shorter one count"]


@pytest.mark.parametrize(
    ("name", "cell", "minutes"),
    [
        ("resolution_min", "15", 15), ("Resolution code", "PT30M", 30), ("Resolution", "PT1H", 60),
        ("duration", "00:15", 15),
        ("duration (h)", "0,25", 15), ("Dauer (Stunden)", "1", 60), ("length", "60 min", 60), ("minutes", "30.0", 30),
    ],
)  # fmt: skip
def test_lengths_are_read_as_they_are_written(tmp_path, name, cell, minutes):
    text = f"{name};start;price_eur_mwh\n{cell};2024-04-10T00:00Z;5\n"
    assert [p.minutes for p in prices(tmp_path, text).values] == [minutes]


@pytest.mark.parametrize(
    ("name", "cell", "words"),
    [
        ("resolution", "1", "'1' may be minutes or hours; name the column minutes or hours"),
        ("resolution", "P1D", "holds for 1440 minutes; prices of energy hold for a part of an hour"),
        ("minutes", "0", "'0' is not a whole number of minutes"), ("minutes", "quarter", "'quarter' is not a length"),
    ],
)  # fmt: skip
def test_lengths_that_are_none_are_refused(tmp_path, name, cell, words):
    with pytest.raises(TableError, match=words):
        prices(tmp_path, f"{name};start;price_eur_mwh\n{cell};2024-04-10T00:00Z;5\n")


def test_ends_alone_are_read_with_a_length_or_an_equal_distance(tmp_path):
    text = "hour ending;price_eur_mwh\n2024-04-10T01:00Z;5\n2024-04-10T02:00Z;6\n"
    assert [(p.start.hour, p.minutes) for p in prices(tmp_path, text).values] == [(0, 60), (1, 60)]
    text = "end;resolution;price_eur_mwh\n2024-04-10T00:15Z;PT15M;5\n2024-04-10T01:15Z;PT1H;6\n"
    assert [(p.start.minute, p.minutes) for p in prices(tmp_path, text).values] == [(0, 15), (15, 60)]


@pytest.mark.parametrize(
    ("rows", "words"),
    [
        (["00:00;5"], "does not say how long its one row holds"),
        (["00:00;5", "01:00;5", "02:00;5", "02:15;5", "02:30;5"], "rows lie 15 and 60 minutes apart and do not say"),
        (["00:00;5", "02:00;5", "04:00;5"], "rows lie 120 minutes apart and do not say how long they hold"),
    ],
)
def test_lengths_are_not_guessed_from_unequal_distances(tmp_path, rows, words):
    with pytest.raises(TableError, match=words):
        prices(tmp_path, "start;price_eur_mwh\n" + "\n".join(f"2024-04-10 {row}" for row in rows))


def test_a_price_s_unit_in_a_column_of_its_own_counts(tmp_path):
    text = "start,end,price,unit\n2024-04-10T00:00Z,2024-04-10T01:00Z,0.05,EUR/kWh\n"
    assert [p.value for p in prices(tmp_path, text).values] == [50]
    with pytest.raises(TableError, match="'EUR/kWh' is not EUR/MWh"):
        prices(tmp_path, text.replace("price,", "price_eur_mwh,"))
    with pytest.raises(TableError, match="'NOK' is not EUR/MWh"):
        prices(tmp_path, text.replace("price,unit", "price_eur_mwh,currency").replace("EUR/kWh", "NOK"))


@pytest.mark.parametrize(
    ("days", "months_first"),
    [(("09/04", "10/04"), False), (("04/09", "04/10"), True), (("10/04", "13/04"), False), (("04/10", "04/13"), True)],
)
def test_days_in_a_row_and_numbers_above_twelve_tell_days_from_months(tmp_path, days, months_first):
    rows = "".join(f"{day}/2024 00:00;{day}/2024 01:00;5\n" for day in days)
    found = prices(tmp_path, f"start;end;price_eur_mwh\n{rows}").values
    assert {p.start.astimezone(TZ).month for p in found} == {4}, months_first


def test_a_day_that_may_be_a_month_is_refused(tmp_path):
    text = "start;end;price_eur_mwh\n10/04/2024 00:00;10/04/2024 01:00;5\n"
    with pytest.raises(TableError, match="'10/04/2024 00:00' may be 2024-04-10 or 2024-10-04, and no other date"):
        prices(tmp_path, text)


@pytest.mark.parametrize("named", ["RR", "", "secondary"])
def test_reserves_that_are_not_known_are_refused(tmp_path, named):
    path = tmp_path / "capacity.csv"
    path.write_text(f"DATE_FROM;TYPE_OF_RESERVES;PRODUCT;PRICE_[(EUR/MW)/h]\n10.04.2024;{named};POS_00_04;5\n")
    with pytest.raises(TableError, match=f"line 2: '{named}' is not a type of reserve that is known; known are"):
        downloads.capacity(path, ImportOptions(tz=TZ))


def test_contradicting_capacity_prices_are_refused_with_both_lines(tmp_path):
    path = tmp_path / "capacity.csv"
    row = "10.04.2024;aFRR;POS_00_04;{}\n"
    path.write_text("DATE_FROM;TYPE_OF_RESERVES;PRODUCT;PRICE_[(EUR/MW)/h]\n" + row.format(5) + row.format(6))
    with pytest.raises(TableError, match=r"line 3: afrr_up_capacity from .* is 6 EUR/MW/h .* 5 for 240 in line 2"):
        downloads.capacity(path, ImportOptions(tz=TZ))
    path.write_text(path.read_text().replace(";6\n", ";5\n"))
    assert [p.value for p in downloads.capacity(path, ImportOptions(tz=TZ)).values] == [5]


@pytest.mark.parametrize(("unit", "factor"), [("", 1), (" (EUR/MWh)", 1), (" [€/kWh]", 1000), (" (ct/kWh)", 10)])
def test_the_unit_of_imbalance_prices_counts(tmp_path, unit, factor):
    path = tmp_path / "imbalance.csv"
    path.write_text(f"Date;Isp;Price Shortage{unit};Price Surplus{unit}\n2024-04-10;1;3;2\n", encoding="utf-8")
    assert [p.value for p in downloads.imbalance(path, ImportOptions(tz=TZ)).values] == [3 * factor, 2 * factor]
    path.write_text("Date;Isp;Price Shortage (GBP/MWh);Price Surplus (GBP/MWh)\n2024-04-10;1;3;2\n")
    with pytest.raises(TableError, match=r"column 'Price Shortage \(GBP/MWh\)' is not in EUR"):
        downloads.imbalance(path, ImportOptions(tz=TZ))


def test_elia_s_one_price_of_later_years_is_that_of_both_sides(tmp_path):
    path = tmp_path / "imbalance.csv"
    path.write_text("Datetime;Resolution code;Imbalance price\n2024-04-10T00:00:00+02:00;PT15M;7,5\n")
    found = downloads.imbalance(path, ImportOptions(tz=TZ)).values
    assert [(p.series, p.value) for p in found] == [("imbalance_shortage", 7.5), ("imbalance_surplus", 7.5)]


LIBRARY = "DateTime(UTC);ResolutionCode;AreaDisplayName;MapCode;ContractType;Sequence;Price[Currency/MWh];Currency\n"


def test_of_entso_e_s_file_library_the_day_ahead_prices_of_one_area_are_read(tmp_path):
    rows = [
        "2024-04-10 00:00:00.000;PT60M;NL;NL;Day-ahead;;50,5;EUR",
        "2024-04-10 00:00:00.000;PT15M;NL;NL;Intraday;1;70;EUR",
        "2024-04-10 00:00:00.000;PT60M;PL;PL;Day-ahead;;200;PLN",
    ]  # fmt: skip
    text = LIBRARY + "\n".join(rows) + "\n"
    with pytest.raises(TableError, match="holds prices of NL, PL; choose one of them with --area"):
        prices(tmp_path, text)
    reading = prices(tmp_path, text, area="NL")
    assert [(p.start, p.minutes, p.value) for p in reading.values] == [(MIDNIGHT, 60, 50.5)]
    assert reading.notes == ["prices.csv: 1 row whose ContractType is Intraday left out"]
    with pytest.raises(TableError, match="'PLN' is not EUR/MWh"):
        prices(tmp_path, text, area="PL")
    with pytest.raises(TableError, match="holds only rows whose ContractType is Intraday; export day-ahead prices"):
        prices(tmp_path, LIBRARY + rows[1] + "\n")


def test_columns_beside_those_that_are_needed_do_no_harm(tmp_path):
    names = "Date;Day;start;valid_from;end;Country;Area code;Area;Region;created_at;price_eur_mwh;Delivery date\n"
    row = "2024-04-10;3;2024-04-10T00:00Z;2020-01-01;2024-04-10T01:00Z;NL;10Y;NL;x;2024-04-09 12:00;5;2024-04-10\n"
    assert [(p.start, p.minutes, p.value) for p in prices(tmp_path, names + row).values] == [(MIDNIGHT, 60, 5)]


@pytest.mark.parametrize(
    "other", ["Intraday price (EUR/MWh)", "day-ahead forecast (EUR/MWh)", "Imbalance price (EUR/MWh)"]
)
def test_prices_of_other_markets_and_forecasts_are_not_taken_for_day_ahead_prices(tmp_path, other):
    row = "2024-04-10T00:00Z;2024-04-10T01:00Z;7;5\n"
    found = prices(tmp_path, f"start;end;{other};Price (EUR/MWh)\n{row}").values
    assert [p.value for p in found] == [5]
    with pytest.raises(TableError, match=r"column '.*' holds no day-ahead prices"):
        prices(tmp_path, f"start;end;{other};Volume (MWh)\n{row}")
