"""A small portfolio of one's own to begin with: a depot, an office and a solar field, as tables to change.

The folder is a scenario, so a practice day with stand-ins for the CRO and the DSO runs at once, and its tables are what
`agr import` reads. Numbers are round, so that they are easy to follow and to replace.
"""

from datetime import date, datetime, time, timedelta
from math import pi, sin
from pathlib import Path

from agr.domain.errors import TableError
from agr.domain.isp import Period
from agr.domain.kinds.battery import Battery
from agr.domain.kinds.ev_session import EvSession
from agr.domain.kinds.fixed_load import FixedLoad
from agr.domain.kinds.generator import Generator
from agr.domain.register import CongestionPoint, Connection, Contract, Forecast, PointLimit, Price, Register
from agr.scenario import writing

CRO, DSO = "cro.example", "dso.example"
DEPOT, OFFICE, FIELD = "ean.299000000000000015", "ean.299000000000000022", "ean.299000000000000039"
NORTH, SOUTH = "ea1.2024-01.example.dso:north", "ea1.2024-01.example.dso:south"
CONTRACT = "FO-depot"

_SCENARIO = """\
title: Our first own day
question: Does a portfolio of our own keep every promise for a day?
period: {day}
zone: {zone}
isp_minutes: {minutes}

agr: {domain}
cros: [{cro}] # stand-ins that answer on this machine in a practice day
dsos: [{dso}]

events:
  - kind: release # the DSO gives back half of what it had reserved
    at: {release}
    contract: {contract}
    keep_share: 0.5
"""


def write_example_day(folder: Path, domain: str, period: Period) -> tuple[Path, ...]:
    """Write the tables and the practice day of a Period; return what was written.

    Raises TableError where something would be overwritten, and then writes nothing.
    """
    points = (
        CongestionPoint(address=NORTH, dso=DSO, connections=(DEPOT, OFFICE), intraday_redispatch_by="AGR"),
        CongestionPoint(address=SOUTH, dso=DSO, connections=(FIELD,)),
    )
    files = {f"tables/{name}": text for name, text in writing.tables(example(period), period.tz).items()}
    files["cro.json"] = writing.cro_json(points, ())
    files["scenario.yaml"] = _scenario(domain, period).encode()
    there = [folder / name for name in files if (folder / name).exists()]
    if there:
        words = "exists already and was not overwritten; choose another folder"
        raise TableError([f"{path}: {words}" for path in there], so="nothing was written")
    try:
        writing.write(folder, files)
    except OSError as error:
        raise TableError(
            [f"{folder}: cannot be written ({error.strerror}); check the folder"], so="the folder is incomplete"
        ) from error
    return tuple(folder / name for name in sorted(files))


def _scenario(domain: str, period: Period) -> str:
    release = _local(period, period.day - timedelta(days=1), 14)
    return _SCENARIO.format(
        day=period.day, zone=period.zone_name, minutes=period.isp_minutes, domain=domain, cro=CRO, dso=DSO,
        release=release.isoformat(), contract=CONTRACT,
    )  # fmt: skip


def _local(period: Period, day: date, hour: int) -> datetime:
    return datetime.combine(day, time(hour), tzinfo=period.tz)


def example(period: Period) -> Register:
    """Return the register: three connections, six resources, a contract, a limit, and the day's forecasts and prices.

    Two cars stay overnight, so they are there on the Period's morning and come back in its evening.
    """
    first, last = date(period.day.year, 1, 1), date(period.day.year, 12, 31)
    evening = (period.day - timedelta(days=1), period.day)
    cars = tuple(
        EvSession(
            resource=f"van {number} from {night:%d %b}", connection=DEPOT, arrival=_local(period, night, 18),
            departure=_local(period, night + timedelta(days=1), 7), energy_kwh=60.0, charge_kw=22.0, charge_min_kw=4.0,
        )
        for number in (1, 2)
        for night in evening
    )  # fmt: skip
    battery = Battery(
        resource="depot battery", connection=DEPOT, charge_kw=100.0, discharge_kw=100.0, capacity_kwh=200.0,
        initial_kwh=100.0, end_kwh=100.0, charge_efficiency=0.95, discharge_efficiency=0.95, wear_eur_per_mwh=5.0,
    )  # fmt: skip
    return Register(
        connections=tuple(Connection(address=address, first_day=first) for address in (DEPOT, OFFICE, FIELD)),
        resources=(
            FixedLoad(resource="depot building", connection=DEPOT), FixedLoad(resource="office", connection=OFFICE),
            Generator(resource="solar field", connection=FIELD, curtailment_eur_per_mwh=5.0), battery, *cars,
        ),
        contracts=(
            Contract(
                contract=CONTRACT, dso=DSO, congestion_point=NORTH, first_day=first, last_day=last,
                window_start=time(17), window_end=time(19), power_w=-40_000, availability_eur_per_mw_h=20.0,
                penalty_eur_per_mwh=1000.0,
            ),
        ),
        limits=(
            PointLimit(
                congestion_point=NORTH, first_day=first, last_day=last, window_start=time(0), window_end=time(0),
                import_kw=250.0, export_kw=None, penalty_eur_per_mwh=500.0,
            ),
        ),
        forecasts=(
            Forecast(resource="depot building", quantity="power_kw", period=period, values=_load(period, 10.0, 20.0)),
            Forecast(resource="office", quantity="power_kw", period=period, values=_load(period, 5.0, 30.0)),
            Forecast(resource="solar field", quantity="power_kw", period=period, values=_sun(period, 150.0)),
        ),
        prices=(*_prices("day_ahead_forecast", period, 0.0), *_prices("day_ahead", period, 2.0)),
    )  # fmt: skip


def _hours(period: Period) -> list[float]:
    local = (start.astimezone(period.tz) for start in period.starts())
    return [at.hour + at.minute / 60 for at in local]


def _load(period: Period, night_kw: float, day_kw: float) -> tuple[float, ...]:
    return tuple(day_kw if 7 <= hour < 18 else night_kw for hour in _hours(period))


def _sun(period: Period, peak_kw: float) -> tuple[float, ...]:
    """Return production, negative, from 6 to 20 o'clock."""
    return tuple(-round(peak_kw * max(sin(pi * (hour - 6) / 14), 0.0), 1) + 0.0 for hour in _hours(period))


def _prices(series: str, period: Period, extra: float) -> tuple[Price, ...]:
    """Return quarter-hourly prices: cheap at night and at noon, dear in the morning and in the evening."""
    length = period.isp_minutes
    return tuple(
        Price(series=series, start=start, minutes=length, value=_price(hour) + extra)
        for start, hour in zip(period.starts(), _hours(period), strict=True)
    )


def _price(hour: float) -> float:
    for until, price in ((6, 45.0), (10, 95.0), (16, 25.0), (22, 140.0)):
        if hour < until:
            return price
    return 60.0
