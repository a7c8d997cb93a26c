"""Tariffs of connections in tables: what is read, every fault at once, what is refused and what is doubted."""

from datetime import date, time
from pathlib import Path

import pytest

from agr.connectors.tables.folder import read_folder
from agr.connectors.tables.writing import write_folder
from agr.domain.errors import TableError
from agr.domain.register import ConnectionTariff, Register

A, B = "ean.871685900012636543", "ea1.2020-01.org.example:depot"
CONNECTIONS = f"address,first_day\n{A},2026-01-01\n{B},2026-01-01\n"
HEADER = (
    "connection,first_day,last_day,window_start,window_end,import_eur_per_mwh,export_eur_per_mwh,peak_eur_per_kw,"
    "peak_reached_kw\n"
)


def read(folder: Path, rows: str) -> Register:
    (folder / "connections.csv").write_text(CONNECTIONS, encoding="utf-8")
    (folder / "connection_tariffs.csv").write_text(HEADER + rows, encoding="utf-8")
    return read_folder(folder, zone_name="Europe/Amsterdam", isp_minutes=15).register


def faults(folder: Path, rows: str) -> list[str]:
    with pytest.raises(TableError) as error:
        read(folder, rows)
    return [str(fault) for fault in error.value.faults]


def test_tariffs_are_read_and_written_back(tmp_path: Path) -> None:
    register = read(
        tmp_path,
        f"{A},2026-01-01,,,,122.8,122.8,,\n{A},2026-01-01,2026-12-31,17:00,21:00,40,-10,,\n"
        f"{B},2026-01-01,,,,,,2.5,90\n",
    )
    assert register.connection_tariffs == (
        ConnectionTariff(connection=A, first_day=date(2026, 1, 1), import_eur_per_mwh=122.8, export_eur_per_mwh=122.8),
        ConnectionTariff(
            connection=A, first_day=date(2026, 1, 1), last_day=date(2026, 12, 31), window_start=time(17),
            window_end=time(21), import_eur_per_mwh=40.0, export_eur_per_mwh=-10.0,
        ),
        ConnectionTariff(connection=B, first_day=date(2026, 1, 1), peak_eur_per_kw=2.5, peak_reached_kw=90.0),
    )  # fmt: skip
    for written in ("csv", "parquet"):
        write_folder(register, tmp_path / written, written)  # type: ignore[arg-type]
        again = read_folder(tmp_path / written, zone_name="Europe/Amsterdam", isp_minutes=15).register
        assert again == register


def test_every_fault_is_named_at_once(tmp_path: Path) -> None:
    found = faults(
        tmp_path,
        "ean.871687120000000006,2026-01-01,,,,100,,,\n"
        f"{A},2026-03-01,2026-02-01,,,100,,,\n"
        f"{A},2026-01-01,,08:00,08:00,100,,,\n"
        f"{A},2026-01-01,,,,100,,-1,\n"
        f"{B},2026-01-01,,,,50,,,\n"
        f"{B},2026-01-01,,,,50,,,\n",
    )
    expected = (
        "line 2, column connection: 'ean.871687120000000006' is not in the table of connections",
        "line 3, column last_day: 2026-02-01 is before",
        "line 4, column window_end: 08:00:00 equals",
        "line 5, column peak_eur_per_kw: '-1' must not be negative",
        "line 7, column connection: the whole row is the same as that in line 6",
    )
    for words in expected:
        assert any(words in fault for fault in found), (words, found)
    assert len(found) == len(expected)


def test_export_that_earns_more_than_import_costs_is_refused_with_day_and_time(tmp_path: Path) -> None:
    # 100 in, 80 out, and 30 more for export in the evening from March on: 110 beside 100
    found = faults(tmp_path, f"{A},2026-01-01,,,,100,80,,\n{A},2026-03-01,,18:00,22:00,,30,,\n")
    (fault,) = found
    assert "column export_eur_per_mwh" in fault
    assert "export earns 110 EUR/MWh and import costs 100 on 2026-03-01 at 18:00" in fault
    # a row that ends makes room for one that begins, and windows that do not meet do not add up
    assert read(tmp_path, f"{A},2026-01-01,2026-02-28,,,100,80,,\n{A},2026-03-01,,,,100,100,,\n")
    assert read(tmp_path, f"{A},2026-01-01,,06:00,18:00,100,80,,\n{A},2026-01-01,,18:00,06:00,60,60,,\n")
    # when the row that costs has ended, what is left earns too much
    (fault,) = faults(tmp_path, f"{A},2026-01-01,2026-01-31,,,100,,,\n{A},2026-01-01,,,,,20,,\n")
    assert "on 2026-02-01 at 00:00" in fault


@pytest.mark.parametrize(
    ("prices", "words"),
    [
        ("0.1228,,,", "did you mean 122.8 EUR/MWh (0.1228 EUR/kWh)?"),
        ("1228,,,", "1228 EUR/MWh is very much (1.228 EUR/kWh)"),
        (",,,", "are all 0; the row charges nothing"),
        ("100,,,50", "50 kW says nothing without peak_eur_per_kw"),
    ],
)
def test_prices_per_kwh_and_rows_that_say_nothing_are_doubted(tmp_path: Path, prices: str, words: str) -> None:
    read(tmp_path, f"{A},2026-01-01,,,,{prices}\n")
    reading = read_folder(tmp_path, zone_name="Europe/Amsterdam", isp_minutes=15)
    assert any(words in str(one) for one in reading.warnings)
