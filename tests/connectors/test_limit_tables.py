"""Limits of connections and groups in tables: what is read, and every fault of the tree at once."""

from datetime import date, time
from pathlib import Path

import pytest

from agr.connectors.tables.folder import read_folder
from agr.connectors.tables.writing import write_folder
from agr.domain.errors import TableError
from agr.domain.register import ConnectionLimit, LimitGroup, Register

A, B = "ean.871685900012636543", "ea1.2020-01.org.example:depot"
CONNECTIONS = f"address,first_day,limit_group\n{A},2026-01-01,street\n{B},2026-01-01,\n"
GROUPS = "group,parent\nstreet,station\nstation,\n"
LIMITS = "at,first_day,import_kw,export_kw,penalty_eur_per_mwh\n"


def read(folder: Path, **tables: str) -> Register:
    for table, text in tables.items():
        (folder / f"{table}.csv").write_text(text, encoding="utf-8")
    return read_folder(folder, zone_name="Europe/Amsterdam", isp_minutes=15).register


def faults(folder: Path, **tables: str) -> list[str]:
    with pytest.raises(TableError) as error:
        read(folder, **tables)
    return [str(fault) for fault in error.value.faults]


def test_a_tree_is_read_and_written_back(tmp_path: Path) -> None:
    limits = LIMITS.replace("\n", ",last_day,window_start,window_end\n")
    limits += f"{A},2026-01-01,17.25,,1000,,,\nstreet,2026-01-01,,80,300,2026-12-31,17:00,21:00\n"
    register = read(tmp_path, connections=CONNECTIONS, limit_groups=GROUPS, connection_limits=limits)
    assert [connection.limit_group for connection in register.connections] == ["street", None]
    assert register.limit_groups == (LimitGroup(group="street", parent="station"), LimitGroup(group="station"))
    assert register.connection_limits == (
        ConnectionLimit(
            at=A, first_day=date(2026, 1, 1), import_kw=17.25, export_kw=None, penalty_eur_per_mwh=1000.0,
        ),
        ConnectionLimit(
            at="street", first_day=date(2026, 1, 1), last_day=date(2026, 12, 31), window_start=time(17),
            window_end=time(21), import_kw=None, export_kw=80.0, penalty_eur_per_mwh=300.0,
        ),
    )  # fmt: skip
    for written in ("csv", "parquet"):
        write_folder(register, tmp_path / written, written)  # type: ignore[arg-type]
        again = read_folder(tmp_path / written, zone_name="Europe/Amsterdam", isp_minutes=15).register
        assert again == register


def test_every_fault_of_a_tree_is_named_at_once(tmp_path: Path) -> None:
    found = faults(
        tmp_path,
        connections=CONNECTIONS.replace(",street", ",stret"),
        limit_groups=f"group,parent\nstreet,station\nstation,street\nhouse,nowhere\n{B},\nstreet,\n",
        connection_limits=LIMITS + f"{A},2026-01-01,,,1000\nstrete,2026-01-01,5,,1000\n{B},2026-01-01,-5,,1000\n",
    )
    expected = (
        "connections.csv, line 2, column limit_group: 'stret' is not in the table of limit_groups",
        "limit_groups.csv, line 2, column parent: lies in itself: street in station in street",
        "limit_groups.csv, line 3, column parent: lies in itself: station in street in station",
        "limit_groups.csv, line 4, column parent: 'nowhere' is not in the table of limit_groups",
        f"limit_groups.csv, line 5, column group: {B!r} is a connection too",
        "limit_groups.csv, line 6, column group: 'street' appears twice, first in limit_groups.csv, line 2",
        "connection_limits.csv, line 2, column import_kw: and export_kw are both empty",
        "connection_limits.csv, line 3, column at: 'strete' is neither in the table of connections nor in that of "
        "limit_groups; did you mean street?",
        "connection_limits.csv, line 4, column import_kw: '-5' must not be negative",
    )
    for words in expected:
        assert any(words in fault for fault in found), (words, found)


@pytest.mark.parametrize("text", ["group,parent\na,a\n", "group,parent\na,b\nb,c\nc,a\n"])
def test_a_group_in_itself_is_refused(tmp_path: Path, text: str) -> None:
    found = faults(tmp_path, connections="address,first_day\n", limit_groups=text)
    assert len(found) == text.count("\n") - 1
    assert all("lies in itself" in fault for fault in found)


def test_the_same_limit_twice_is_refused_and_another_in_the_same_place_is_not(tmp_path: Path) -> None:
    row = f"{A},2026-01-01,17.25,,1000\n"
    other = f"{A},2026-01-01,25,,1000\n"
    (fault,) = faults(
        tmp_path, connections=CONNECTIONS, limit_groups=GROUPS, connection_limits=LIMITS + row + other + row
    )
    assert "connection_limits.csv, line 4, column at: the whole row is the same as that in line 2" in fault
    assert len(read(tmp_path, connection_limits=LIMITS + row + other).connection_limits) == 2


def test_limits_in_another_unit_and_free_breaches_are_doubted_where_they_are(tmp_path: Path) -> None:
    rows = f"{A},2026-01-01,17.25,,1000\n{A},2026-01-01,17250,,1000\nstreet,2026-01-01,0.1,,0\n{A},2026-01-01,20,,0.3\n"
    tables = {"connections": CONNECTIONS, "limit_groups": GROUPS, "connection_limits": LIMITS + rows}
    for table, text in tables.items():
        (tmp_path / f"{table}.csv").write_text(text, encoding="utf-8")
    found = [str(w) for w in read_folder(tmp_path, zone_name="Europe/Amsterdam", isp_minutes=15).warnings]
    expected = (
        "connection_limits.csv, line 3, column import_kw: " + A + ": 17,250 kW is more than most connections take",
        "connection_limits.csv, line 4, column import_kw: street: 0.1 kW is less than one house takes",
        "connection_limits.csv, line 4, column penalty_eur_per_mwh: street: 0 EUR/MWh: breaking the limit would cost",
        "connection_limits.csv, line 5, column penalty_eur_per_mwh: " + A + ": 0.3 EUR/MWh is very little",
    )
    limits = [words for words in found if words.startswith("connection_limits")]
    assert len(limits) == len(expected), limits
    for words in expected:
        assert any(one.startswith(words) for one in limits), (words, limits)
