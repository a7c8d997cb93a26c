"""Generates scenarios/public-charging: cars at public charge points, which nobody announces before they come.

python -m agr.scenario.public_charging --out scenarios/public-charging --prices benchmarks/data/day_ahead_nl.parquet

Everything but the prices is drawn: sessions of six weeks before the day, and of the day. On each day the number of cars
has a common spread of 15 % beside chance, as was measured on real public sessions.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from heapq import heapify, heapreplace
from pathlib import Path

import numpy as np

from agr.connectors.actuals import read_actuals
from agr.domain.charge_point import ChargePoint
from agr.domain.isp import Period, local_instant
from agr.domain.kinds.battery import Battery
from agr.domain.kinds.ev_session import EvSession
from agr.domain.kinds.fixed_load import FixedLoad
from agr.domain.register import CongestionPoint, Connection, Forecast, PointLimit, Price, Register
from agr.forecasting import Observed
from agr.scenario.writing import cro_json, plain_csv, tables, utc, write_generated

DAY, SEED, WEEKS, ZONE = date(2024, 11, 6), 19, 6, "Europe/Amsterdam"
DSO, CAR_KW, POLE_KW = "north-grid.example", 7.4, 11.0
GROUPS = {"ea1.2024-01.example.north-grid:harbour": 32.0, "ea1.2024-01.example.north-grid:market": 24.0}
"""Congestion point → mean number of sessions on a working day."""
PRICE_DAYS = 150
"""Earlier days whose prices are shipped with the scenario."""
POLES = 24
"""Charge points in each group."""
COMMON = 0.15
BUILDING = "parking building"
_ARRIVES = np.array([1, 1, 1, 1, 1, 2, 6, 14, 18, 12, 8, 8, 9, 8, 8, 10, 14, 22, 20, 14, 10, 7, 4, 2], dtype=float)


@dataclass(frozen=True, kw_only=True)
class _Car:
    group: str
    arrival: datetime
    departure: datetime
    energy_kwh: float


def files(prices: Path) -> dict[str, bytes]:
    """Return the generated files of the folder, by name. Raises TableError where prices cannot be read."""
    draw = np.random.default_rng(SEED)
    day = Period(DAY, ZONE)
    days = [Period(DAY - timedelta(days=back), ZONE) for back in range(7 * WEEKS, -2, -1)]
    cars = [car for period in days for group, mean in GROUPS.items() for car in _cars(draw, period, group, mean)]
    cars.sort(key=lambda car: (car.arrival, car.group))
    # the day's, and those that are still there when it begins
    mine = [car for car in cars if car.arrival < day.end and car.departure > day.start]
    before = [car for car in cars if car.departure <= day.start]
    load = {period.day: _load(draw, period) for period in days}
    told = [row.observed for row in read_actuals(prices) if row.series == "day_ahead"]
    made = {f"tables/{name}": text for name, text in tables(_register(mine, load[DAY], told, day), day.tz).items()}
    made["cro.json"] = cro_json(_points(), ())
    rows = [(car.group, utc(car.arrival), utc(car.departure), f"{car.energy_kwh:g}") for car in before]
    made["sessions.csv"] = plain_csv(("group", "arrival", "departure", "energy_kwh"), rows)
    known = [
        (f"power_kw {BUILDING}", utc(start), "60", f"{value:g}")
        for period in days[:-2]
        for start, value in zip(Period(period.day, ZONE, 60).starts(), load[period.day], strict=True)
    ]
    earliest = day.start - timedelta(days=PRICE_DAYS)
    made["prices_before.csv"] = plain_csv(
        ("series", "start", "minutes", "value"),
        [("day_ahead", utc(one.start), "60", f"{one.value:g}") for one in told if earliest <= one.start < day.start],
    )
    made["loads.csv"] = plain_csv(("series", "start", "minutes", "value"), known)
    return made


def _cars(draw: np.random.Generator, period: Period, group: str, mean: float) -> Iterator[_Car]:
    weekend = period.day.weekday() >= 5
    busy = mean * (0.8 if weekend else 1.0) * float(np.clip(draw.normal(1.0, COMMON), 0.5, 1.5))
    share = np.roll(_ARRIVES, 2) if weekend else _ARRIVES
    hours = draw.choice(24, int(draw.poisson(busy)), p=share / share.sum())
    for hour in np.sort(hours):
        arrival = local_instant(period.day, time(int(hour), int(draw.integers(0, 60))), period.tz)
        night = hour >= 17
        stay = float(np.clip(draw.lognormal(np.log(9.0 if night else 3.0), 0.5), 0.5, 16.0))
        energy = min(float(draw.lognormal(np.log(11.0), 0.6)), 0.85 * CAR_KW * stay)
        yield _Car(
            group=group, arrival=arrival, departure=arrival + timedelta(minutes=round(stay * 60)),
            energy_kwh=round(energy, 1),
        )  # fmt: skip


def _load(draw: np.random.Generator, period: Period) -> list[float]:
    """Return what the parking building takes per hour, kW: light and lifts, less at weekends."""
    hour = np.array(Period(period.day, period.zone_name, 60).wall_clock_minutes()) // 60
    usual = 12.0 + 18.0 * ((hour >= 7) & (hour < 22)) * (0.6 if period.day.weekday() >= 5 else 1.0)
    return [round(float(value), 1) for value in usual * draw.normal(1.0, 0.06, len(hour))]


def _register(cars: Sequence[_Car], load: Sequence[float], prices: Sequence[Observed], day: Period) -> Register:
    first = date(DAY.year, 1, 1)
    poles = {
        group: [
            ChargePoint(
                charge_point=f"{group.rpartition(':')[2]} {n:02d}", connection=_connection(g, n), road="csms",
                station=f"{group.rpartition(':')[2]}-{n:02d}", max_kw=POLE_KW, protocol="2.0.1",
            )
            for n in range(1, POLES + 1)
        ]
        for g, group in enumerate(GROUPS)
    }  # fmt: skip
    every = [pole for group in poles.values() for pole in group]
    building = _connection(0, POLES + 1)
    sessions = [
        session for group, mine in poles.items() for session in _placed([c for c in cars if c.group == group], mine)
    ]
    power = tuple(value for value in load for _ in range(4))
    return Register(
        connections=tuple(
            Connection(address=one, first_day=first) for one in (*(pole.connection for pole in every), building)
        ),
        resources=(
            FixedLoad(resource=BUILDING, connection=building),
            Battery(
                resource="harbour battery", connection=building, charge_kw=100.0, discharge_kw=100.0,
                capacity_kwh=200.0, initial_kwh=100.0, end_kwh=100.0, charge_efficiency=0.95, discharge_efficiency=0.95,
                wear_eur_per_mwh=5.0,
            ),
            *sorted(sessions, key=lambda one: one.resource),
        ),
        charge_points=tuple(every),
        limits=tuple(
            PointLimit(
                congestion_point=group, first_day=first, last_day=date(DAY.year, 12, 31), window_start=time(17),
                window_end=time(20), import_kw=60.0, export_kw=None, penalty_eur_per_mwh=500.0,
            )
            for group in GROUPS
        ),
        forecasts=(Forecast(resource=BUILDING, quantity="power_kw", period=day, values=power),),
        prices=tuple(
            Price(series="day_ahead", start=one.start, minutes=60, value=one.value)
            for one in prices
            if day.start <= one.start < day.end
        ),
    )  # fmt: skip


def _placed(cars: Sequence[_Car], poles: Sequence[ChargePoint]) -> Iterator[EvSession]:
    """Yield the sessions, each at the charge point that has been free for longest; a car that finds none drives on."""
    free = [(datetime.min.replace(tzinfo=UTC), place) for place in range(len(poles))]
    heapify(free)
    for number, car in enumerate(cars, start=1):
        if free[0][0] > car.arrival:
            continue
        pole = poles[heapreplace(free, (car.departure, free[0][1]))[1]]
        yield EvSession(
            resource=f"{car.group.rpartition(':')[2]} car {number:02d}", connection=pole.connection,
            arrival=car.arrival, departure=car.departure, energy_kwh=car.energy_kwh, charge_kw=CAR_KW,
            charge_point=pole.charge_point,
        )  # fmt: skip


def _points() -> tuple[CongestionPoint, ...]:
    behind = {
        group: tuple(_connection(g, n) for n in range(1, POLES + (2 if g == 0 else 1)))
        for g, group in enumerate(GROUPS)
    }
    return tuple(
        CongestionPoint(address=group, dso=DSO, connections=mine, intraday_redispatch_by="AGR")
        for group, mine in behind.items()
    )  # fmt: skip


def _connection(group: int, number: int) -> str:
    return f"ea1.2024-01.example.chargers:{group + 1}{number:03d}"


def main(words: Sequence[str] | None = None) -> None:
    """Write the folder's generated files."""
    write_generated("public_charging", __doc__, files, words)


if __name__ == "__main__":
    main()
