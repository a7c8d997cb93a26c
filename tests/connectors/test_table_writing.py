"""Written tables read back exactly."""

from datetime import UTC, date, datetime, time, timedelta, timezone

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from agr.connectors.tables.folder import read_folder
from agr.connectors.tables.writing import write_folder
from agr.domain import register as p
from agr.domain.errors import TableError
from agr.domain.isp import Period
from agr.domain.kinds.battery import Battery
from agr.domain.kinds.ev_session import EvSession
from agr.domain.kinds.fixed_load import FixedLoad
from agr.domain.kinds.generator import Generator
from agr.domain.kinds.heat_pump import HeatPump
from agr.domain.kinds.shiftable_run import ShiftableRun
from agr.domain.kinds.switched_load import SwitchedLoad

NAMES = st.text(min_size=1, max_size=20).filter(
    lambda text: text.isprintable() and text == text.strip() and not text.startswith("#")
)
BRPS = st.none() | NAMES
ADDRESSES = st.integers(0, 10**17 - 1).map(lambda n: f"ean.{n:012d}")
POINT = "ea1.2020-01.org.example:p, 1"
AMOUNTS = st.floats(0, 1e9)
MONEY = st.floats(0, 1e6)
SHARES = st.floats(0.01, 1)
DAYS = st.dates(date(2020, 1, 1), date(2035, 12, 30))
ZONES = st.integers(-14 * 60, 14 * 60).map(lambda minutes: timezone(timedelta(minutes=minutes)))
INSTANTS = st.datetimes(datetime(2020, 1, 1), datetime(2035, 1, 1), timezones=ZONES)  # noqa: DTZ001
CLOCKS = st.times()


@st.composite
def resources(draw, connection):
    """One resource of any kind but without its name."""
    kind = draw(
        st.sampled_from(["fixed_loads", "generators", "batteries", "ev_sessions", "heat_pumps", "shiftable_runs",
                         "switched_loads"])
    )  # fmt: skip
    where = {"connection": connection}
    power, other, energy = draw(AMOUNTS), draw(AMOUNTS), draw(AMOUNTS)
    if kind == "fixed_loads":
        return kind, FixedLoad, where
    if kind == "generators":
        return kind, Generator, where | {"curtailment_eur_per_mwh": draw(MONEY), "reserve_kw": power}
    if kind == "batteries":
        inside = st.floats(0, energy)
        more = {"minimum_kwh": 0.0, "charge_efficiency": draw(SHARES), "loss_per_day": draw(st.floats(0, 0.99))}
        more |= {"initial_kwh": draw(inside), "end_kwh": draw(inside), "reserve_kw": draw(st.floats(0, power))}
        return kind, Battery, where | more | {"charge_kw": power, "discharge_kw": other, "capacity_kwh": energy}
    if kind == "heat_pumps":
        return (
            kind,
            HeatPump,
            where | {"power_kw": power, "buffer_kwh": energy, "initial_kwh": energy, "reserve_kw": power},
        )
    if kind == "switched_loads":
        needs = draw(st.sampled_from(["00:00-24:00 0", "01:30-06:00 2.5-4; 12:00-16:00 1", "06:00-24:00 30"]))
        more = {"min_run_minutes": draw(AMOUNTS), "initial_minutes": draw(st.floats(1, 1e4)), "start_eur": draw(MONEY)}
        return kind, SwitchedLoad, where | more | {"power_kw": power, "needs": needs}
    start = draw(INSTANTS)
    if kind == "ev_sessions":
        more = {"capacity_kwh": draw(st.none() | st.just(energy)), "wear_eur_per_mwh": draw(MONEY)}
        end = start + timedelta(microseconds=draw(st.integers(1, 10**12)))
        return kind, EvSession, where | more | {
            "arrival": start, "departure": end, "energy_kwh": energy, "charge_kw": power, "discharge_kw": other,
        }  # fmt: skip
    profile = tuple(draw(st.lists(st.floats(-1e6, 1e6), min_size=1, max_size=5)))
    end = start + timedelta(minutes=15 * len(profile) + 15)
    return kind, ShiftableRun, where | {"earliest_start": start, "latest_end": end, "profile_kw": profile}


@st.composite
def contracts(draw, name):
    first = draw(DAYS)
    start, end = draw(CLOCKS), draw(CLOCKS)
    return p.Contract(
        contract=name, dso="dso.example.org", congestion_point=POINT, first_day=first,
        last_day=first + timedelta(days=9),
        window_start=start, window_end=end if start != end else time(0), power_w=draw(st.integers(-(10**9), 10**9)),
        availability_eur_per_mw_h=draw(MONEY), penalty_eur_per_mwh=draw(MONEY),
    )  # fmt: skip


@st.composite
def limits(draw):
    first = draw(DAYS)
    return p.PointLimit(
        congestion_point=POINT, first_day=first, last_day=first, window_start=time(0), window_end=time(0),
        import_kw=draw(st.none() | AMOUNTS), export_kw=draw(AMOUNTS), penalty_eur_per_mwh=draw(MONEY),
    )  # fmt: skip


@st.composite
def registers(draw):
    addresses = draw(st.lists(ADDRESSES, max_size=3, unique=True))
    tables = {table: [] for table in p.ROWS}
    for address in addresses:
        last = draw(st.none() | st.just(date(2036, 1, 1)))
        tables["connections"].append(p.Connection(address=address, first_day=draw(DAYS), last_day=last, brp=draw(BRPS)))
    for name in draw(st.lists(NAMES, max_size=4, unique=True)) if addresses else []:
        kind, row, values = draw(resources(draw(st.sampled_from(addresses))))
        tables[kind].append(row(resource=name, **values))
        quantities = {"fixed_loads": ["power_kw"], "heat_pumps": ["cop", "heat_kw"]}.get(kind, [])
        for quantity, day in (
            draw(st.lists(st.tuples(st.sampled_from(quantities), DAYS), max_size=2, unique=True)) if quantities else []
        ):
            period = Period(day)
            low = draw(st.floats(1e-6, 1e6))
            values = tuple(low + isp / 7 for isp in range(period.isp_count))
            tables["forecasts"].append(p.Forecast(resource=name, quantity=quantity, period=period, values=values))
    tables["contracts"] = [draw(contracts(name)) for name in draw(st.lists(NAMES, max_size=2, unique=True))]
    tables["limits"] = draw(st.lists(limits(), max_size=2))
    for series in draw(st.lists(NAMES, max_size=2, unique=True)):
        start = draw(INSTANTS)
        tables["prices"] += [
            p.Price(series=series, start=start + timedelta(minutes=15 * i), minutes=15, value=value)
            for i, value in enumerate(draw(st.lists(st.floats(-1e4, 1e4), max_size=4)))
        ]
    return p.register_of(tables)


@pytest.mark.parametrize("form", ["csv", "parquet"])
@settings(deadline=None, max_examples=60, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
@given(register=registers())
def test_any_register_is_read_back_exactly(tmp_path_factory, form, register):
    folder = tmp_path_factory.mktemp("tables")
    write_folder(register, folder, form)
    assert read_folder(folder, zone_name="Europe/Amsterdam", isp_minutes=15).register == register


def test_a_folder_with_tables_is_left_alone(tmp_path):
    (tmp_path / "prices.csv").write_text("mine")
    with pytest.raises(TableError, match=r"prices.csv: already exists; choose an empty folder"):
        write_folder(p.Register(), tmp_path)
    assert (tmp_path / "prices.csv").read_text() == "mine"
    assert not (tmp_path / "connections.csv").exists()


def test_a_folder_nobody_may_write_is_said(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(TableError, match="cannot be written"):
        write_folder(p.Register(), tmp_path / "file")


def test_csv_is_readable_by_people(tmp_path):
    price = p.Price(series="da", start=datetime(2026, 6, 1, tzinfo=UTC), minutes=15, value=-0.1)
    write_folder(p.Register(prices=(price,)), tmp_path / "new")
    assert (tmp_path / "new" / "prices.csv").read_text() == (
        "series,start,minutes,value\nda,2026-06-01T00:00:00+00:00,15,-0.1\n"
    )
