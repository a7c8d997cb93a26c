"""A folder of tables is read, and every fault in it is found, named and located."""

from datetime import UTC, date, datetime, time

import pytest

from agr.connectors.tables.folder import read_folder
from agr.domain.errors import TableError
from agr.domain.kinds.battery import Battery
from agr.domain.kinds.ev_session import EvSession
from agr.domain.kinds.shiftable_run import ShiftableRun
from agr.domain.kinds.switched_load import SwitchedLoad
from agr.domain.register import Connection, Contract, PointLimit
from tests.connectors.table_samples import (
    BATTERIES,
    CONTRACTS,
    EAN,
    GENERATORS,
    LIMITS,
    LOADS,
    POINT,
    RUNS,
    SESSIONS,
    faults,
)


def test_tables_are_read_with_comments_defaults_and_quoted_names(folder):
    reading = folder(
        batteries="# our batteries\n\n" + BATTERIES + f'"depot, hall 1",{EAN},50,60,100,50,50\n',
        shiftable_runs=RUNS + f"wash-1, {EAN} ,2026-06-01T08:00+02:00,2026-06-01T12:00Z,2 0.5  0.5\n",
    )
    assert reading.warnings == ()
    assert reading.register.connections == (
        Connection(address=EAN, first_day=date(2026, 1, 1)),
        Connection(address="ea1.2020-01.org.example:c2", first_day=date(2026, 1, 1), last_day=date(2026, 12, 31)),
    )
    assert reading.register.of(Battery) == (
        Battery(
            resource="depot, hall 1", connection=EAN, charge_kw=50, discharge_kw=60, capacity_kwh=100, initial_kwh=50,
            end_kwh=50,
        ),
    )  # fmt: skip
    assert reading.register.of(ShiftableRun) == (
        ShiftableRun(
            resource="wash-1", connection=EAN, earliest_start=datetime(2026, 6, 1, 6, tzinfo=UTC),
            latest_end=datetime(2026, 6, 1, 12, tzinfo=UTC), profile_kw=(2.0, 0.5, 0.5),
        ),
    )  # fmt: skip


def test_contracts_and_limits_are_read_with_windows_to_the_end_of_the_day(folder):
    reading = folder(
        contracts=CONTRACTS + f"C1,dso.example.org,{POINT},2026-01-01,2026-12-31,17:00,24:00,-50000,1.5,500\n",
        limits=LIMITS + f"{POINT},2026-01-01,2026-12-31,00:00,00:00,250,,500\n",
    )
    assert reading.register.contracts == (
        Contract(
            contract="C1", dso="dso.example.org", congestion_point=POINT, first_day=date(2026, 1, 1),
            last_day=date(2026, 12, 31), window_start=time(17), window_end=time(0), power_w=-50_000,
            availability_eur_per_mw_h=1.5, penalty_eur_per_mwh=500.0,
        ),
    )  # fmt: skip
    assert reading.register.limits == (
        PointLimit(
            congestion_point=POINT, first_day=date(2026, 1, 1), last_day=date(2026, 12, 31), window_start=time(0),
            window_end=time(0), import_kw=250.0, export_kw=None, penalty_eur_per_mwh=500.0,
        ),
    )  # fmt: skip


def test_a_name_may_be_used_by_one_resource_only_in_all_tables(folder):
    found = faults(folder, generators=GENERATORS, fixed_loads=GENERATORS)
    assert found == [
        "generators.csv, line 2, column resource: 'pv-1' appears twice, first in fixed_loads.csv, line 2; every one "
        "needs its own name"
    ]


def test_a_connection_that_changes_its_group_has_one_row_at_a_time(folder):
    rows = f"address,first_day,last_day,limit_group\n{EAN},2026-01-01,2026-06-30,a\n{EAN},2026-07-01,,b\n"
    [found] = faults(folder, connections=rows, limit_groups="group\na\nb\n")
    assert found == (
        f"connections.csv, line 3, column address: '{EAN}' appears twice, first in connections.csv, line 2; a "
        "connection has one row, whose days, brp and limit_group hold as long as it stands: keep the row that holds "
        "now, and import the other when its days come"
    )


def test_what_is_doubtful_is_loaded_with_a_warning(folder):
    reading = folder(
        connections=f"address,first_day\n{EAN},2026-01-01\nean.871685900012636542,2026-01-01\n"
        "ean.123456789012,2026-01-01\n",
        ev_sessions=SESSIONS + f"ev1,{EAN},2026-06-01T18:00Z,2026-06-01T20:00Z,50,11\n"
        f"ev2,{EAN},2026-06-01T18:00Z,2026-06-01T20:00Z,22,11\n",
        contracts=CONTRACTS + f"C,dso.example.org,{POINT},2026-01-01,2026-02-01,17:00,18:00,0,0,0\n",
    )
    assert reading.warnings == (
        "connections.csv, line 3, column address: ean.871685900012636542 has a wrong check digit; compare it with the "
        "grid operator's list",
        "contracts.csv, line 2, column power_w: 0 reserves nothing",
        "ev_sessions.csv, line 2, column energy_kwh: 50 cannot be charged: 11 kW for 2.00 h gives 22 kWh; the rest "
        "will be reported as a shortfall",
    )
    assert [session.energy_kwh for session in reading.register.of(EvSession)] == [50.0, 22.0]


def test_faults_of_the_connections_table_are_not_blamed_on_its_users(folder):
    assert faults(folder, connections="address\n" + EAN + "\n", generators=GENERATORS) == [
        "connections.csv: column first_day is missing; add it"
    ]
    (only,) = faults(folder, connections=f"address,first_day\n{EAN},soon\n", generators=GENERATORS)
    assert "'soon'" in only


def test_resources_need_a_table_of_connections(folder):
    (only,) = faults(folder, connections=None, generators=GENERATORS)
    assert "is not in the table of connections" in only


def test_readme_yaml_and_hidden_files_are_ignored_others_are_not(folder):
    for name in ("README.md", "scenario.yaml", ".hidden.csv"):
        (folder.path / name).write_text("x")
    (folder.path / "results").mkdir()
    assert len(folder().register.connections) == 2
    (folder.path / "batteries.xlsx").write_text("x")
    assert faults(folder)[0].startswith("batteries.xlsx: is not a table; save it as batteries.csv or batteries.parquet")


def test_an_empty_or_missing_folder_is_said(tmp_path):
    with pytest.raises(TableError, match="has no tables; known are batteries"):
        read_folder(tmp_path, zone_name="Europe/Amsterdam", isp_minutes=15)
    with pytest.raises(TableError, match="is not a folder that can be read"):
        read_folder(tmp_path / "nowhere", zone_name="Europe/Amsterdam", isp_minutes=15)


def test_files_that_are_not_text_or_not_parquet_are_said(folder):
    (folder.path / "batteries.csv").write_bytes(b"resource\n\xff\n")
    (folder.path / "generators.parquet").write_bytes(b"no parquet")
    found = faults(folder)
    assert found[0] == "batteries.csv: is not UTF-8 text (byte 9); save it as UTF-8"
    assert found[1].startswith("generators.parquet: cannot be read: ")


def test_hours_that_do_not_fit_into_their_window_are_doubtful(folder):
    reading = folder(switched_loads=LOADS + f"s,{EAN},2,00:00-06:00 4; 22:30-24:00 2,15\n")
    assert [str(warning) for warning in reading.warnings] == [
        "switched_loads.csv, line 2, column needs: 2 hours do not fit into the 1.5 of the window from 22:30; the rest "
        "will be reported as a shortfall"
    ]
    assert reading.register.of(SwitchedLoad)[0].initial_minutes == 15
