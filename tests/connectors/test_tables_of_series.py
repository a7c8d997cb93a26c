"""Tables of forecasts and prices are read as series of whole Periods, and what is wrong in them is located."""

from datetime import UTC, date, datetime, timedelta

import pytest

from agr.domain.isp import Period
from agr.domain.register import Price
from tests.connectors.table_samples import BATTERIES, EAN, GENERATORS, PUMPS, faults, forecast_table, quarters

# Forecasts


@pytest.mark.parametrize(("day", "count"), [(date(2026, 3, 29), 92), (date(2026, 6, 1), 96), (date(2026, 10, 25), 100)])
def test_forecasts_become_whole_periods_in_any_order_of_rows(folder, day, count):
    rows = quarters(day=day)
    table = forecast_table(*(row.rpartition(",")[0] + f",{-i}" for i, row in reversed(list(enumerate(rows)))))
    (forecast,) = folder(generators=GENERATORS, forecasts=table).register.forecasts
    assert (forecast.resource, forecast.quantity, forecast.period) == ("pv-1", "power_kw", Period(day))
    assert forecast.values == tuple(-float(i) for i in range(count))


def test_hourly_forecasts_with_a_minutes_column_are_repeated(folder):
    day = Period(date(2026, 10, 25))
    rows = [f"pv-1,power_kw,{(day.start + timedelta(hours=h)).isoformat()},60,{-h}" for h in range(25)]
    table = "resource,quantity,start,minutes,value\n" + "\n".join(rows)
    (forecast,) = folder(generators=GENERATORS, forecasts=table).register.forecasts
    assert forecast.values == tuple(-float(isp // 4) for isp in range(100))


def test_an_interval_over_local_midnight_is_split(folder):
    # Kathmandu is +05:45, so an hour of UTC reaches 45 minutes into the next local hour and over midnight.
    start = datetime(2026, 5, 31, 18, tzinfo=UTC)  # local 23:45; the local day begins 18:15Z
    rows = [f"pv-1,power_kw,{(start + timedelta(hours=h)).isoformat()},60,{-h}" for h in range(25)]
    table = "resource,quantity,start,minutes,value\n" + "\n".join(rows)
    found = faults(folder, zone_name="Asia/Kathmandu", generators=GENERATORS, forecasts=table)
    assert len(found) == 2  # the quarter before the day, and the three after it, are parts of incomplete days
    assert "95 of 96 ISPs of 2026-05-31 are missing, first 00:00" in found[0]
    assert "93 of 96 ISPs of 2026-06-02 are missing, first 00:45" in found[1]


def test_several_days_and_resources_keep_the_order_of_their_first_rows(folder):
    day = date(2026, 3, 28)
    rows = [
        *quarters("hp-1", "cop", day, 3), *quarters("pv-1", day=day + timedelta(days=1)), *quarters("pv-1", day=day),
        *quarters("hp-1", "heat_kw", day, 2),
    ]  # fmt: skip
    forecasts = folder(generators=GENERATORS, heat_pumps=PUMPS, forecasts=forecast_table(*rows)).register.forecasts
    assert [(f.resource, f.quantity, f.period.day.day, len(f.values)) for f in forecasts] == [
        ("hp-1", "cop", 28, 96), ("pv-1", "power_kw", 29, 92), ("pv-1", "power_kw", 28, 96),
        ("hp-1", "heat_kw", 28, 96),
    ]  # fmt: skip


def test_forecasts_alone_are_read_without_knowing_the_resources(folder):
    assert len(folder(connections=None, forecasts=forecast_table(*quarters("any"))).register.forecasts) == 1


@pytest.mark.parametrize(
    ("rows", "expected"),
    [
        (
            quarters(skip=(9, 10, 50)),
            ["line 2, column start: pv-1, power_kw: 3 of 96 ISPs of 2026-06-01 are missing, first 02:00; give the who"],
        ),
        (
            [*quarters(), quarters()[4]],
            ["line 98, column start: pv-1, power_kw: 2026-06-01 01:00 appears twice, first in line 6"],
        ),
        (quarters("pv-2"), ["line 2, column resource: 'pv-2' is in no table of resources; add it there or correct it"]),
        (quarters(quantity="power"), ["line 2, column quantity: 'power' is not a quantity; did you mean power_kw?"]),
        (quarters(quantity="cop", value=3), ["'cop' is not a forecast for 'pv-1', one of the generators; they follo"]),
        (quarters("b-1"), ["'power_kw' is not a forecast for 'b-1', one of the batteries; they follow stored_kwh"]),
        (quarters(value=2), ["line 2, column value: generator pv-1 consumes on the whole; production is negative: ch"]),
        (
            [*quarters("hp-1", "cop", value=3)[1:], "hp-1,cop,2026-05-31T22:00Z,0", "hp-1,cop,2026-06-01T00:00Z,x"],
            ["line 97, column value: 0 must be positive", "line 98, column value: 'x' is not a number"],
        ),
        (
            [*quarters("hp-1", "heat_kw", value=0)[1:], "hp-1,heat_kw,2026-05-31T22:00Z,-1"],
            ["line 97, column value: -1 must not be negative"],
        ),
        (
            ["pv-1,power_kw,2026-06-01T00:05Z,-1"],
            ["line 2, column start: does not begin with an ISP of 15 minutes, counted from local midnight"],
        ),
        (["pv-1,power_kw,2026-06-01T00:00:00.5Z,-1"], ["line 2, column start: does not begin with an ISP"]),
        (
            ["pv-1,power_kw,2026-06-01T00:00,-1", "pv-1,,2026-06-01T00:00Z,"],
            ["has no UTC offset", "quantity: is empty", "value: is empty"],
        ),
        (["pv-1,power_kw,2026-06-01T00:00Z,nan"], ["line 2, column value: 'nan' is not a finite number"]),
    ],
)  # fmt: skip
def test_bad_forecasts_are_reported_once_and_where(folder, rows, expected):
    found = faults(
        folder, generators=GENERATORS, heat_pumps=PUMPS, batteries=BATTERIES + f"b-1,{EAN},5,5,10,5,5\n",
        forecasts=forecast_table(*rows),
    )  # fmt: skip
    assert len(found) == len(expected)
    assert all(words in fault for words, fault in zip(expected, found, strict=True))


@pytest.mark.parametrize(
    ("minutes", "expected"),
    [
        ("20", "20 is not a multiple of the ISP's 15 minutes"),
        ("0", "'0' must be 1 to 10080"),
        ("x", "'x' is not a number"),
    ],
)
def test_bad_lengths_are_reported(folder, minutes, expected):
    table = f"resource,quantity,start,minutes,value\npv-1,power_kw,2026-06-01T00:00Z,{minutes},-1\n"
    (only,) = faults(folder, generators=GENERATORS, forecasts=table)
    assert f"forecasts.csv, line 2, column minutes: {expected}" in only


def test_a_generator_that_consumes_a_little_at_night_is_a_warning(folder):
    rows = [*quarters()[1:], quarters(value=0.01)[0]]
    reading = folder(generators=GENERATORS, forecasts=forecast_table(*rows))
    assert reading.warnings == (
        "forecasts.csv, line 97, column value: generator pv-1 consumes at times; these values count as 0 "
        "(first one here)",
    )


def test_a_resource_table_that_cannot_be_read_is_not_blamed_on_the_forecasts(folder):
    (only,) = faults(folder, generators="resource\npv-1\n", forecasts=forecast_table(*quarters()))
    assert only == "generators.csv: column connection is missing; add it"


def test_a_table_of_forecasts_without_rows_has_none(folder):
    assert folder(forecasts=forecast_table(), prices="series,start,minutes,value\n").register.forecasts == ()


# Prices


def test_prices_are_read_in_their_order(folder):
    table = "series,start,minutes,value\nfcr,2026-06-01T00:00+02:00,240,15.2\nda,2026-06-01T00:00Z,15,-500\n"
    assert folder(prices=table).register.prices == (
        Price(series="fcr", start=datetime(2026, 5, 31, 22, tzinfo=UTC), minutes=240, value=15.2),
        Price(series="da", start=datetime(2026, 6, 1, tzinfo=UTC), minutes=15, value=-500.0),
    )


def test_prices_that_overlap_are_named_with_both_lines(folder):
    rows = ["da,2026-06-01T00:00Z,60,1", "x,2026-06-01T00:00Z,60,1", "da,2026-06-01T00:15Z,15,1",
            "da,2026-06-01T00:45Z,15,1", "da,2026-06-01T01:00Z,60,1", "da,2026-06-01T01:00Z,60,1"]  # fmt: skip
    assert faults(folder, prices="series,start,minutes,value\n" + "\n".join(rows)) == [
        f"prices.csv, line {line}, column start: da: 2026-06-01T{at}:00+00:00 overlaps line {first}; keep one price "
        "for every moment"
        for line, at, first in ((4, "00:15", 2), (5, "00:45", 2), (7, "01:00", 6))
    ]


def test_bad_prices_are_reported(folder):
    rows = ["da,2026-06-01,15,1", "da,2026-06-01T01:00Z,0,1", f"{'x' * 65},2026-06-01T02:00Z,15,1.0.0"]
    found = faults(folder, prices="series,start,minutes,value\n" + "\n".join(rows))
    assert [fault.split(": ", 1)[0] for fault in found] == [
        "prices.csv, line 2, column start", "prices.csv, line 3, column minutes", "prices.csv, line 4, column series",
        "prices.csv, line 4, column value",
    ]  # fmt: skip
