"""The table `charge_points`: what it holds, what is refused with file and line, and that it comes back as it went."""

from datetime import date
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agr.connectors.tables.folder import read_folder
from agr.connectors.tables.writing import write_folder
from agr.domain.charge_point import ChargePoint
from agr.domain.register import Connection, Register
from tests.connectors.table_samples import CONNECTIONS, EAN, SESSIONS, faults

HEADER = "charge_point,connection,road,station,evse,protocol,max_kw,phases,unit,min_kw,fallback_kw\n"
GOOD = f"pole-1,{EAN},citrine,CP1,1,2.0.1,11,3,W,,4.14\n"


def test_a_row_is_read_with_its_defaults(folder):
    text = f"charge_point,connection,road,station,protocol,max_kw\npole-1,{EAN},citrine,CP1,1.6,22\n"
    (row,) = folder(connections=CONNECTIONS, charge_points=text).register.charge_points
    assert row == ChargePoint(
        charge_point="pole-1", connection=EAN, road="citrine", station="CP1", protocol="1.6", max_kw=22.0
    )
    assert (row.limit_unit, row.kw_per_a, row.least_kw) == ("A", 0.69, pytest.approx(4.14))


@pytest.mark.parametrize(
    ("row", "words"),
    [
        (f"p,{EAN},r,CP2,1,2.1,11,3,W,,0", "line 3, column protocol: '2.1' is not 1.6 or 2.0.1"),
        (f"p,{EAN},r,CP2,0,1.6,11,3,W,,0", "line 3, column evse: '0' must be 1 to 1000"),
        (f"p,{EAN},r,CP2,1,1.6,11,4,W,,0", "line 3, column phases: '4' must be 1, 2 or 3"),
        (f"p,{EAN},r,CP2,1,1.6,11,3,kW,,0", "line 3, column unit: 'kW' is not A or W"),
        (f"p,{EAN},r,CP2,1,1.6,0,3,W,,0", "line 3, column max_kw: '0' must be positive"),
        (f"p,{EAN},r,CP2,1,1.6,4,3,W,,0", "line 3, column max_kw: 4 is less than 6 A on 3 phases of 230 V, 4.14 kW"),
        (f"p,{EAN},r,CP2,1,1.6,11,3,W,12,0", "line 3, column min_kw: 12 is more than max_kw 11"),
        (f"p,{EAN},r,CP2,1,1.6,11,3,W,,12", "line 3, column fallback_kw: 12 is more than max_kw 11"),
        (
            f"p,{EAN},citrine,CP1,1,2.0.1,11,3,W,,0",
            "line 3, column evse: 1 of station 'CP1' is the charge point in line 2",
        ),
        (
            f"p,{EAN},citrine,CP1,2,1.6,11,3,W,,0",
            "line 3, column protocol: 1.6, but 2.0.1 for the same station in line 2",
        ),
        (f"pole-1,{EAN},r,CP2,1,1.6,11,3,W,,0", "line 3, column charge_point: 'pole-1' appears twice"),
        ("p,ean.000000000000000000,r,CP2,1,1.6,11,3,W,,0", "is not in the table of connections"),
    ],
)
def test_what_is_wrong_is_said_with_file_and_line(folder, row, words):
    (fault,) = faults(folder, connections=CONNECTIONS, charge_points=f"{HEADER}{GOOD}{row}\n")
    assert fault.startswith("charge_points.csv, line 3")
    assert words in fault


SESSION = f"car-1,{EAN},2026-06-01T17:40+02:00,2026-06-02T07:00+02:00,20,11"
OTHER = "ea1.2020-01.org.example:c2"


def test_a_session_names_a_charge_point_behind_its_connection(folder):
    points = f"{HEADER}{GOOD}pole-2,{OTHER},citrine,CP1,2,2.0.1,11,3,W,,0\n"
    sessions = SESSIONS.strip() + ",charge_point\n"
    known = folder(connections=CONNECTIONS, charge_points=points, ev_sessions=f"{sessions}{SESSION},pole-1\n")
    assert known.register.tables()["ev_sessions"][0].charge_point == "pole-1"
    (fault,) = faults(
        folder, connections=CONNECTIONS, charge_points=points, ev_sessions=f"{sessions}{SESSION},pole-2\n"
    )
    assert fault.startswith("ev_sessions.csv, line 2, column charge_point: 'pole-2' lies behind connection ea1")
    (fault,) = faults(folder, connections=CONNECTIONS, ev_sessions=f"{sessions}{SESSION},pole-9\n")
    assert "'pole-9' is not in the table of charge_points" in fault


def test_a_session_that_could_be_at_several_charge_points_is_warned_of(folder):
    points = f"{HEADER}{GOOD}pole-2,{EAN},citrine,CP1,2,2.0.1,11,3,W,,0\n"
    known = folder(connections=CONNECTIONS, charge_points=points, ev_sessions=f"{SESSIONS}{SESSION}\n")
    assert any("ev_sessions.csv, line 2, column charge_point: is empty" in words for words in known.warnings)


_NAMES = st.text(alphabet="abcxyz-7", min_size=1, max_size=8)


@settings(max_examples=25, deadline=None)
@given(
    points=st.lists(
        st.builds(
            ChargePoint,
            charge_point=_NAMES, connection=st.just(EAN), road=_NAMES, station=_NAMES, evse=st.integers(1, 9),
            protocol=st.just("2.0.1"), unit=st.sampled_from([None, "A", "W"]), phases=st.sampled_from([1, 2, 3]),
            max_kw=st.floats(5, 400), min_kw=st.none() | st.floats(0, 5), fallback_kw=st.floats(0, 5),
            carrier=st.sampled_from(["tx_default", "tx"]), max_periods=st.integers(1, 1024),
        ),
        max_size=4, unique_by=(lambda p: p.charge_point, lambda p: (p.road, p.station, p.evse)),
    ),
    parquet=st.booleans(),
)  # fmt: skip
def test_points_come_back_as_they_were_written(tmp_path_factory, points, parquet):
    connection = Connection(address=EAN, first_day=date(2026, 1, 1))
    folder: Path = tmp_path_factory.mktemp("tables")
    register = Register(connections=(connection,), charge_points=tuple(points))
    write_folder(register, folder, "parquet" if parquet else "csv")
    back = read_folder(folder, zone_name="Europe/Amsterdam", isp_minutes=15).register
    assert back.charge_points == register.charge_points
