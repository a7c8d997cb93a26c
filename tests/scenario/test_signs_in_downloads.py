"""Decimal signs, thousands and times of downloads are read as their authors meant them, or refused."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from agr.domain.errors import TableError
from agr.scenario import downloads
from agr.scenario.downloads import ImportOptions
from agr.scenario.downloads.numbers import Decimals

TZ = ZoneInfo("Europe/Amsterdam")


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("1,234.56", 1234.56), ("1.234,56", 1234.56), ("-1.234.567,8", -1234567.8), ("1,234,567.8", 1234567.8),
        ("0,123", 0.123), ("1234.567", 1234.567), ("1.5e-3", 0.0015), ("", None), ("n/e", None),
    ],
)  # fmt: skip
def test_the_last_of_two_signs_is_the_decimal_one(text, value):
    assert Decimals().number(text) == value


@pytest.mark.parametrize(
    ("text", "signs", "value"),
    [("1,234", ",", 1.234), ("1.234", ",", 1234), ("1,234", ".", 1234), ("1.234", ".", 1.234)],
)
def test_a_sign_before_three_digits_is_what_the_file_s_other_numbers_say(text, signs, value):
    assert Decimals(signs=frozenset(signs)).number(text) == value


@pytest.mark.parametrize("signs", ["", ".,"])
def test_a_sign_before_three_digits_is_refused_where_nothing_tells(signs):
    with pytest.raises(ValueError, match=r"'1,234' may be 1\.234 or 1234: "):
        Decimals(signs=frozenset(signs)).number("1,234")


@pytest.mark.parametrize("text", ["1,23.4", "1.2345,6", "1,234.567,8", "1234,567.8", ",123.4", "1,234,567", "1.2,3e4"])
def test_thousands_not_in_groups_of_three_are_no_number(text):
    with pytest.raises(ValueError, match=r"not a number|could not convert"):
        Decimals().number(text)


def test_times_in_columns_named_utc_are_utc_without_an_offset_too(tmp_path):
    path, midnight = tmp_path / "a.csv", datetime(2024, 4, 10, tzinfo=UTC)
    path.write_text("MTU (UTC);Day-ahead Price [EUR/MWh]\n10.04.2024 00:00 - 10.04.2024 01:00;5\n")
    assert downloads.day_ahead(path, ImportOptions(tz=TZ)).values[0].start == midnight
    head = "utc_start,utc_end,product,price_eur_mw_h\n"
    path.write_text(
        head + "2024-04-10 00:00,2024-04-10 04:00,POS_02_06,5\n2024-04-10 00:00,2024-04-10 04:00,NEG_02_06,5\n"
    )
    assert [(p.start, p.minutes) for p in downloads.capacity(path, ImportOptions(tz=TZ, country="NL")).values] == [
        (midnight, 240)
    ] * 2
    path.write_text("utc_start,isp,price_shortage,price_surplus\n2024-04-10 00:00,9,5,4\n")
    assert {p.start for p in downloads.imbalance(path, ImportOptions(tz=TZ)).values} == {midnight}
    path.write_text("id,charger,utc_start,utc_end,energy_kwh\n1,a,2024-04-10 00:00,2024-04-10 04:00,5\n")
    (session,) = downloads.sessions(path, ImportOptions(tz=TZ)).values
    assert (session.start, session.end) == (midnight, midnight + timedelta(hours=4))
    path.write_text("start (Dutch time);price_eur_mwh\n10.04.2024 02:00;5\n10.04.2024 03:00;5\n")
    assert downloads.day_ahead(path, ImportOptions(tz=TZ)).values[0].start == midnight


def test_a_bad_time_is_one_fault_where_a_row_has_two_prices(tmp_path):
    path = tmp_path / "settlement.csv"
    path.write_text("date,price_shortage,price_surplus\nsoon,5,4\n2024-04-10T00:00,1,\n")
    with pytest.raises(TableError) as caught:
        downloads.imbalance(path, ImportOptions(tz=TZ))
    assert len(caught.value.faults) == 1
