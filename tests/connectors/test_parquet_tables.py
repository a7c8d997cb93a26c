"""Tables in Parquet: read whatever tool has written them, with faults that name the row."""

from datetime import UTC, date, datetime, time

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from agr.domain.kinds.ev_session import EvSession
from tests.connectors.table_samples import EAN, POINT, faults


def test_a_table_in_both_formats_is_refused(folder):
    pd.DataFrame({"address": [EAN], "first_day": [date(2026, 1, 1)]}).to_parquet(folder.path / "connections.parquet")
    assert faults(folder) == ["connections.parquet: and connections.csv are the same table; keep one of them"]


def test_parquet_faults_name_the_row(folder):
    frame = pd.DataFrame(
        {
            "resource": ["a", "b", None], "connection": EAN, "charge_kw": [1.0, float("inf"), 1.0], "discharge_kw": 1,
            "capacity_kwh": 5, "initial_kwh": [1, 1, 1], "end_kwh": [True, False, True],
        }
    )  # fmt: skip
    frame.to_parquet(folder.path / "batteries.parquet")
    assert faults(folder) == [
        "batteries.parquet, row 1, column end_kwh: True is not a number",
        "batteries.parquet, row 2, column charge_kw: inf is not a finite number",
        "batteries.parquet, row 2, column end_kwh: False is not a number",
        "batteries.parquet, row 3, column end_kwh: True is not a number",
        "batteries.parquet, row 3, column resource: is empty; a value is needed",
    ]


def test_parquet_of_other_tools_is_read_whatever_its_types(folder):
    frame = pd.DataFrame(
        {
            "resource": pd.Categorical(["ev1"]), "connection": [EAN],
            "arrival": pd.to_datetime(["2026-06-01T18:00+02:00"]).astype("datetime64[ns, Europe/Amsterdam]"),
            "departure": ["2026-06-02T07:00+02:00"], "energy_kwh": [20], "charge_kw": [11.0],
            "capacity_kwh": [float("nan")],
        }
    )  # fmt: skip
    frame.to_parquet(folder.path / "ev_sessions.parquet")
    (session,) = folder().register.of(EvSession)
    assert session == EvSession(
        resource="ev1", connection=EAN, arrival=datetime(2026, 6, 1, 16, tzinfo=UTC),
        departure=datetime(2026, 6, 2, 5, tzinfo=UTC), energy_kwh=20.0, charge_kw=11.0,
    )  # fmt: skip
    assert type(session.arrival) is datetime


def test_an_empty_profile_in_parquet_is_refused(folder):
    instants = {"earliest_start": ["2026-06-01T08:00Z"], "latest_end": ["2026-06-01T09:00Z"]}
    table = pa.table(
        {"resource": ["w"], "connection": [EAN], "profile_kw": pa.array([[]], pa.list_(pa.float64())), **instants}
    )
    pq.write_table(table, folder.path / "shiftable_runs.parquet")
    (only,) = faults(folder)
    assert only.startswith("shiftable_runs.parquet, row 1, column profile_kw: [] is not a profile; write powers in kW")


def test_columns_of_a_strange_type_are_refused_in_words(folder):
    pd.DataFrame({"series": [["s"]], "start": [1], "minutes": [{"a": 1}], "value": [True]}).to_parquet(
        folder.path / "prices.parquet"
    )
    assert faults(folder) == [
        "prices.parquet, row 1, column minutes: \"{'a': 1}\" is not a number",
        "prices.parquet, row 1, column start: 1 is not an instant; write it like 2026-03-29T00:15:00+01:00",
        "prices.parquet, row 1, column value: True is not a number",
    ]


def test_parquet_limits_with_nanosecond_times_are_read(folder):
    table = pa.table(
        {
            "congestion_point": [POINT], "first_day": [date(2026, 1, 1)], "last_day": [date(2026, 1, 1)],
            "window_start": pa.array([1], pa.time64("ns")), "window_end": pa.array([61_200], pa.time32("s")),
            "import_kw": [1], "penalty_eur_per_mwh": [1.0],
        }
    )  # fmt: skip
    pq.write_table(table, folder.path / "limits.parquet")
    (limit,) = folder().register.limits
    assert (limit.window_start, limit.window_end, limit.import_kw, limit.export_kw) == (time(0), time(17), 1.0, None)


def test_naive_parquet_timestamps_are_refused(folder):
    start = pd.to_datetime(["2026-06-01T18:00"])
    pd.DataFrame({"series": ["s"], "start": start, "minutes": [15], "value": [1.0]}).to_parquet(
        folder.path / "prices.parquet"
    )
    (only,) = faults(folder)
    assert only.startswith("prices.parquet, row 1, column start: 2026-06-01 18:00:00 has no UTC offset")
