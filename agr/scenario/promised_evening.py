"""Generates scenarios/promised-evening: a supermarket, a bakery and a battery whose evening may be called by the DSO.

python -m agr.scenario.promised_evening --out scenarios/promised-evening --prices benchmarks/data/day_ahead_nl.parquet

Everything but the prices is drawn: what both take on the days before, and on the day. Each day has a spread that all
its hours have in common beside that of each hour, as measured loads have.
"""

from collections.abc import Mapping, Sequence
from datetime import date, time, timedelta
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from agr.connectors.actuals import read_actuals
from agr.domain.isp import Period
from agr.domain.kinds.battery import Battery
from agr.domain.kinds.fixed_load import FixedLoad
from agr.domain.register import CongestionPoint, Connection, Contract, Forecast, PointLimit, Price, Register
from agr.forecasting import Observed
from agr.scenario.writing import cro_json, plain_csv, tables, utc, write_generated

Floats = NDArray[np.float64]
DAY, SEED, DAYS, ZONE = date(2024, 11, 13), 19, 70, "Europe/Amsterdam"
DSO, POINT = "north-grid.example", "ea1.2024-01.example.north-grid:high-street"
COMMON, OWN = 0.12, 0.05
"""Standard deviations of the logarithms of a load's random factors: one for the whole day, and one for each hour."""
LOADS = {"supermarket": (25.0, 45.0), "bakery": (4.0, 22.0)}
"""Load → (kW at night, kW more by day)."""
OPEN = {"supermarket": (7, 21), "bakery": (3, 18)}
RESERVED_KW, FROM, UNTIL = 72.0, time(17), time(20)


def files(prices: Path) -> dict[str, bytes]:
    """Return the generated files of the folder, by name. Raises TableError where prices cannot be read."""
    draw = np.random.default_rng(SEED)
    days = [Period(DAY - timedelta(days=back), ZONE, 60) for back in range(DAYS, -1, -1)]
    used = {period.day: _used(draw, period) for period in days}
    told = [row.observed for row in read_actuals(prices) if row.series == "day_ahead"]
    day = Period(DAY, ZONE)
    made = {f"tables/{name}": text for name, text in tables(_register(used[DAY], told, day), day.tz).items()}
    made["cro.json"] = cro_json(
        (CongestionPoint(address=POINT, dso=DSO, connections=tuple(map(_connection, LOADS))),), ()
    )  # fmt: skip
    made["loads.csv"] = plain_csv(
        ("series", "start", "minutes", "value"),
        [
            (f"power_kw {name}", utc(start), "60", f"{value:g}")
            for period in days[:-2]  # the day before is not over when the first plan is made
            for name in LOADS
            for start, value in zip(period.starts(), used[period.day][name], strict=True)
        ],
    )
    return made


def _used(draw: np.random.Generator, period: Period) -> dict[str, Floats]:
    """Return what each load takes per hour of a day, kW."""
    hour = np.array(period.wall_clock_minutes()) // 60
    busy = draw.lognormal(0.0, COMMON) * (0.85 if period.day.weekday() == 6 else 1.0)
    found = {}
    for name, (night, more) in LOADS.items():
        first, last = OPEN[name]
        evening = np.where((hour >= 16) & (hour < 19), 1.3, 1.0)
        usual = night + more * busy * evening * ((hour >= first) & (hour < last))
        found[name] = np.round(usual * draw.lognormal(0.0, OWN, len(hour)), 1)
    return found


def _register(used: Mapping[str, Floats], prices: Sequence[Observed], day: Period) -> Register:
    first, last = date(DAY.year, 1, 1), date(DAY.year, 12, 31)
    shop = _connection("supermarket")
    return Register(
        connections=tuple(Connection(address=_connection(name), first_day=first) for name in LOADS),
        resources=(
            *(FixedLoad(resource=name, connection=_connection(name)) for name in LOADS),
            Battery(
                resource="battery", connection=shop, charge_kw=80.0, discharge_kw=80.0, capacity_kwh=220.0,
                initial_kwh=110.0, end_kwh=110.0, charge_efficiency=0.95, discharge_efficiency=0.95,
                wear_eur_per_mwh=5.0,
            ),
        ),
        contracts=(
            Contract(
                contract="FO-evening", dso=DSO, congestion_point=POINT, first_day=first, last_day=last,
                window_start=FROM, window_end=UNTIL, power_w=-int(1000 * RESERVED_KW),
                availability_eur_per_mw_h=12.0, penalty_eur_per_mwh=500.0,
            ),
        ),
        limits=(
            PointLimit(
                congestion_point=POINT, first_day=first, last_day=last, window_start=time(0), window_end=time(0),
                import_kw=250.0, export_kw=None, penalty_eur_per_mwh=500.0,
            ),
        ),
        forecasts=tuple(
            Forecast(resource=name, quantity="power_kw", period=day, values=tuple(np.repeat(values, 4).tolist()))
            for name, values in used.items()
        ),
        prices=tuple(
            Price(series="day_ahead", start=one.start, minutes=60, value=one.value)
            for one in prices
            if day.start <= one.start < day.end
        ),
    )  # fmt: skip


def _connection(name: str) -> str:
    return f"ea1.2024-01.example.high-street:{name}"


def main(words: Sequence[str] | None = None) -> None:
    """Write the folder's generated files."""
    write_generated("promised_evening", __doc__, files, words)


if __name__ == "__main__":
    main()
