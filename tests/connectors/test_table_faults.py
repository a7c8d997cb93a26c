"""Every fault of a table is named with its file, line, column and value."""

import pytest

from agr.domain.errors import TableError
from tests.connectors.table_samples import (
    BATTERIES,
    CONTRACTS,
    EAN,
    LIMITS,
    LOADS,
    MEMBERS,
    POINT,
    PUMPS,
    RUNS,
    SESSIONS,
    faults,
)


def test_every_fault_of_every_file_is_reported_with_file_line_column_value_and_reason(folder):
    found = faults(
        folder,
        connections="# comment\naddress,first_day\nean.123,2026-01-01\n\n" + f"{EAN},1 January\n{EAN},2026-02-30\n",
        batteries=BATTERIES + f"b1,{EAN},-5,5,10,11,5\n# comment\nb2,{EAN},five,5,10,5,\nb3,{EAN},5,5,10,5,11\n",
        ev_sessions=SESSIONS + "ev1,nowhere,2026-06-01T18:00:00,2026-06-02T07:00+02:00,1e400,11\n",
    )
    assert found == [
        "batteries.csv, line 2, column charge_kw: '-5' must not be negative",
        "batteries.csv, line 4, column charge_kw: 'five' is not a number",
        "batteries.csv, line 4, column end_kwh: is empty; a value is needed",
        "batteries.csv, line 5, column end_kwh: 11 is more than capacity_kwh 10",
        "connections.csv, line 3, column address: 'ean.123' is not an entity address; write ean.<digits> or "
        "ea1.<yyyy-mm>.<reversed domain>:<id>",
        "connections.csv, line 5, column first_day: '1 January' is not a day; write YYYY-MM-DD",
        "connections.csv, line 6, column first_day: '2026-02-30' is not a day of the calendar (day is out of range "
        "for month)",
        "ev_sessions.csv, line 2, column arrival: '2026-06-01T18:00:00' has no UTC offset, so it is ambiguous; add "
        "one, like +01:00 or Z",
        "ev_sessions.csv, line 2, column energy_kwh: '1e400' is not a finite number",
    ]


def test_table_error_counts_its_faults(folder):
    with pytest.raises(TableError, match=r"^2 faults, nothing was loaded:\nbatteries"):
        folder(batteries=BATTERIES + f"b1,{EAN},-5,-5,10,5,5\n")


@pytest.mark.parametrize(
    ("table", "text", "expected"),
    [
        ("batteries", BATTERIES + f"b1,{EAN},5,5,10,1,20\n", "end_kwh: 20 is more than capacity_kwh 10"),
        ("batteries", BATTERIES[:-1] + f",minimum_kwh\nb1,{EAN},5,5,10,1,1,2\n", "end_kwh: 1 is less than minimum"),
        ("batteries", BATTERIES[:-1] + f",minimum_kwh\nb1,{EAN},5,5,10,5,1,2\n", "end_kwh: 1 is less than minimum"),
        ("batteries", BATTERIES[:-1] + f",minimum_kwh\nb1,{EAN},5,5,1,1,1,2\n", "minimum_kwh: 2 is more than capacity"),
        ("batteries", BATTERIES[:-1] + f",reserve_kw\nb1,{EAN},5,6,10,5,5,7\n", "reserve_kw: 7 is more than the dev"),
        ("batteries", BATTERIES[:-1] + f",charge_efficiency\nb1,{EAN},5,6,10,5,5,0\n", "must be above 0 and at most 1"),
        ("batteries", BATTERIES[:-1] + f",discharge_efficiency\nb1,{EAN},5,6,10,5,5,1.1\n", "must be above 0 and at"),
        ("batteries", BATTERIES[:-1] + f",loss_per_day\nb1,{EAN},5,6,10,5,5,1\n", "is the share lost in 24 hours"),
        ("batteries", BATTERIES + f"b1,{EAN},nan,5,10,5,5\n", "charge_kw: 'nan' is not a finite number"),
        ("batteries", BATTERIES + f"b1,{EAN},1_0,5,10,5,5\n", "charge_kw: '1_0' is not a number"),
        ("batteries", BATTERIES + f'b1,{EAN},"7,4",5,10,5,5\n', "'7,4' is not a number; write a decimal point"),
        ("batteries", BATTERIES + f"b1,{EAN},5\n", "line 2: has 3 values, the header has 7 columns"),
        ("batteries", BATTERIES + f"b1,{EAN},5,5,10,5,5,9\n", "line 2: has 8 values, the header has 7 columns"),
        ("batteries", BATTERIES + f'"b1,{EAN},5,5,10,5,5\n', "line 2: a quotation mark is not closed"),
        ("batteries", "", "batteries.csv: is empty; write at least a header line"),
        ("batteries", BATTERIES.replace(",", ";"), "batteries.csv: separates columns by semicolons"),
        ("batteries", BATTERIES.replace(",", "\t"), "batteries.csv: separates columns by tabs; save it with commas"),
        ("batteries", "sep=,\n" + BATTERIES, "batteries.csv: begins with a line that names the separator; delete it"),
        ("batteries", BATTERIES.replace("charge_kw", "Charge_kW", 1), "column Charge_kW is not a column of this table"),
        ("batteries", "resource,resource,x\n", "column resource appears twice"),
        ("generators", f"resource,connection,colour\npv,{EAN},red\n", "column colour is not a column of this table; k"),
        ("generators", "resource\npv\n", "generators.csv: column connection is missing; add it"),
        ("generators", f"resource,connections\npv,{EAN}\n", "did you mean connection?"),
        ("generators", "resource,connection\npv,ean.871685900012636544\n", "is not in the table of connections; add i"),
        ("generators", f"resource,connection\npv,{EAN}\npv,{EAN}\n", "line 3, column resource: 'pv' appears twice, f"),
        ("generators", f"resource,connection\n,{EAN}\n", "line 2, column resource: is empty"),
        ("heat_pumps", PUMPS.replace("initial_kwh\n", "initial_kwh,end_kwh\n").replace(",5", ",5,11"),
         "end_kwh: 11 is more than buffer_kwh 10"),
        ("heat_pumps", PUMPS.replace("power_kw", "power_w"), "power_w is not a column of this table; power_kw is: con"),
        ("heat_pumps", PUMPS.replace("buffer_kwh", "buffer_MWh"), "buffer_MWh is not a column of this table; buffer_k"),
        ("ev_sessions", SESSIONS + f"e,{EAN},2026-06-01T18:00Z,2026-06-01T18:00Z,1,11\n", "departure: 2026-06-01T18:0"),
        ("ev_sessions", SESSIONS + f"e,{EAN},18:00,2026-06-01T18:00Z,1,11\n", "arrival: '18:00' is not an instant"),
        (
            "ev_sessions",
            SESSIONS[:-1] + f",initial_kwh,capacity_kwh\ne,{EAN},2026-06-01T18:00Z,2026-06-01T20:00Z,8,11,5,10\n",
            "capacity_kwh: 10 is less than initial_kwh 5 plus energy_kwh 8",
        ),
        (
            "ev_sessions",
            SESSIONS[:-1] + f",reserve_kw\ne,{EAN},2026-06-01T18:00Z,2026-06-01T20:00Z,8,11,12\n",
            "reserve_kw: 12 is more than the device's power, 11 kW",
        ),
        (
            "ev_sessions",
            SESSIONS[:-1] + f",charge_min_kw\ne,{EAN},2026-06-01T18:00Z,2026-06-01T20:00Z,8,11,12\n",
            "charge_min_kw: 12 is more than charge_kw 11",
        ),
        (
            "shiftable_runs",
            RUNS + f"w,{EAN},2026-06-01T08:01Z,2026-06-01T08:44Z,1 2\n",
            "latest_end: leaves 1 whole quarters of an hour after earliest_start, the profile takes 2",
        ),
        (
            "shiftable_runs",
            RUNS + f"w,{EAN},2026-06-01T08:00Z,2026-06-01T09:00Z,1 x\n",
            "profile_kw: '1 x' value 2 of the profile ('x') is not a number",
        ),
        (
            "shiftable_runs",
            RUNS + f"w,{EAN},0001-01-01T00:00+14:00,2026-06-01T09:00Z,1\n",
            "earliest_start: '0001-01-01T00:00+14:00' lies outside the calendar",
        ),
        (
            "shiftable_runs",
            RUNS + f"w,{EAN},2026-06-01T08:00Z,2026-06-01T09:00Z,\n",
            "profile_kw: is empty",
        ),
        *(
            ("switched_loads", LOADS + f"s,{EAN},2,{needs},{minutes}\n", words)
            for needs, minutes, words in (
                ("22:00-06:00 4", 60, "needs: '22:00-06:00 4' is not understood: \"22:00-06:00 4\" goes over midn"),
                ("4 h at night", 60, "is not a window with hours; write 00:00-06:00 4 or 00:00-06:00 4-6"),
                ("25:00-26:00 1", 60, "is not understood: hour must be in 0..23"),
                ("00:00-06:00 4-3", 60, "has a most that is below the least"),
                ("04:00-08:00 1; 00:00-06:00 1", 60, "windows from 00:00 and from 04:00 overlap; join them"),
                ("00:00-24:00 1; 22:00-23:00 1", 60, "windows from 00:00 and from 22:00 overlap; join them"),
                ("00:00-06:00 1", 0, "initial_minutes: '0' is how long it has been on (above 0) or off (below 0)"),
            )
        ),
        (
            "contracts",
            CONTRACTS + f"C,dso.example.org,{POINT},2026-02-01,2026-01-01,17:00,20:00,-1,0,0\n",
            "last_day: 2026-01-01 is before first_day 2026-02-01",
        ),
        (
            "contracts",
            CONTRACTS + f"C,dso.example.org,{POINT},2026-01-01,2026-02-01,17:00,17:00,-1,0,0\n",
            "window_end: 17:00:00 equals window_start: no window; the whole day is 00:00 to 24:00",
        ),
        (
            "contracts",
            CONTRACTS + f"C,DSO,{POINT},2026-01-01,2026-02-01,17:00,18:00,-1.5,0,0\n",
            "power_w: '-1.5' is not a whole number",
        ),
        (
            "contracts",
            CONTRACTS + f"C,DSO,{POINT},2026-01-01,2026-02-01,17:00,18:00,-1,0,0\n",
            "dso: 'DSO' is not an internet domain in lower case",
        ),
        (
            "contracts",
            CONTRACTS + f"C,dso.example.org,{POINT},2026-01-01,2026-02-01,25:00,5 pm,-1,0,0\n",
            "window_end: '5 pm' is not a local clock time; write HH:MM",
        ),
        (
            "contracts",
            CONTRACTS + f"C,dso.example.org,{POINT},2026-01-01,2026-02-01,25:00,18:00,-1,0,0\n",
            "window_start: '25:00' is not a clock time",
        ),
        (
            "contracts",
            CONTRACTS + 2 * f"C,dso.example.org,{POINT},2026-01-01,2026-02-01,17:00,18:00,-1,0,0\n",
            "line 3, column contract: 'C' appears twice, first in contracts.csv, line 2",
        ),
        (
            "limits",
            LIMITS + f"{POINT},2026-01-01,2026-02-01,17:00,18:00,,,0\n",
            "import_kw: and export_kw are both empty; give at least one bound",
        ),
        (
            "limits",
            LIMITS + "EAN,2026-01-01,2026-02-01,17:00,18:00,1,-1,0\n",
            "export_kw: '-1' must not be negative",
        ),
        (
            "congestion_points",
            MEMBERS + f"{POINT},dso.example.org,ean.871685900012636544,2026-01-01,\n",
            "column connection: 'ean.871685900012636544' is not in the table of connections",
        ),
        (
            "congestion_points",
            MEMBERS + f"{POINT},dso.example.org,{EAN},2026-01-01,2026-02-01\n"
            f"{POINT}b,dso.example.org,{EAN},2026-02-01,\n",
            "line 3, column connection: 'ean.871685900012636543' is already at " + POINT + " on these days (line 2)",
        ),
        (
            "congestion_points",
            MEMBERS + f"{POINT},dso.example.org,{EAN},2026-01-01,2026-02-01\n"
            f"{POINT},dso.example.com,{EAN},2026-02-02,\n",
            "line 3, column dso: dso.example.com is not dso.example.org, the DSO of " + POINT + " in line 2",
        ),
        (
            "congestion_points",
            MEMBERS + f"{POINT},dso.example.org,{EAN},2026-01-02,2026-01-01\n",
            "last_day: 2026-01-01 is before first_day",
        ),
        (
            "congestion_points",
            MEMBERS.replace("last_day", "intraday_redispatch_by") + f"{POINT},dso.example.org,{EAN},2026-01-02,TSO\n",
            "intraday_redispatch_by: 'TSO' is neither AGR nor DSO",
        ),
        ("connections", f"address,first_day,last_day\n{EAN},2026-01-02,2026-01-01\n", "last_day: 2026-01-01 is before"),
        ("connections", f"address,first_day\n{EAN},2026-01-01\n{EAN},2026-01-01\n", "address: 'ean.871685900012636543"),
        ("sonnections", "a\n", "sonnections.csv: is not a table; did you mean connections?"),
    ],
)  # fmt: skip
def test_one_fault_is_named_where_it_is(folder, table, text, expected):
    assert any(expected in fault for fault in faults(folder, **{table: text}))
