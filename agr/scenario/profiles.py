"""Reads the published profiles from which scenarios are generated: loads, PV, heat, charging, day-ahead prices.

Every value is per hour; an ISP takes the value of the hour it lies in. The profiles describe the calendar of 2025 or a
typical year, so a Period of another year borrows a day: for loads the nearest day of 2025 that is the same weekday, at
the same wall-clock hour; for weather (PV, heat) the same month, day and hour in UTC.
Origins and licences: the README.md of each scenario.
"""

import csv
import gzip
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from agr.domain.errors import InputError
from agr.domain.isp import Period

Floats = NDArray[np.float64]
PROFILE_YEAR = 2025
LOADS = "load_profiles_bdew2025_15min_2025"
SUN = "pv_profile_hourly_typical_year_computed"
HEAT = "heat_demand_heatpump_hourly_typical_year_computed"
CHARGING = "elaadnl_distributions_by_location"
PRICES = "da_price_nl_hourly_2019_2025"

Weather = tuple[int, int, int]  # month, day, hour in UTC
Wall = tuple[date, int]  # local day and wall-clock hour


@dataclass(frozen=True, kw_only=True)
class Charging:
    """When cars arrive, how long they stay and how much they charge at a kind of place. Source: ElaadNL."""

    arrival: Floats  # (96,) share of arrivals per quarter of an hour of the local weekday
    stay_h: Floats  # (101,) hours connected, per percentile
    energy_kwh: Floats  # (101,) energy taken, per percentile


@dataclass(frozen=True, kw_only=True)
class Profiles:
    """All profiles in memory; each method returns one value per ISP of the Period, (T,)."""

    loads: dict[str, dict[Wall, float]]  # h25, g25, … → kW per 1,000 kWh a year
    weather: dict[str, dict[Weather, float]]  # column → value
    charging: dict[str, Charging]  # private, public, workplace
    power_kw: Floats  # (101,) highest charging power, per percentile
    prices: dict[datetime, float]  # UTC hour → EUR/MWh

    def load_kw(self, kind: str, period: Period) -> Floats:
        """Return the consumption, in kW, of a customer that uses 1,000 kWh a year."""
        table, day = self.loads[kind], borrowed_day(period.day)
        return np.array([table.get((day, h), table.get((day, h + 1), 0.0)) for h in _wall_hours(period)])

    def weather_of(self, column: str, period: Period, day: date | None = None) -> Floats:
        """Return a weather-driven column in its own unit; `day`: the day of the year whose weather is used."""
        table, shift = self.weather[column], (day or period.day) - period.day
        utc = [start.astimezone(UTC) + shift for start in period.starts()]
        return np.array([table[t.month, 28 if (t.month, t.day) == (2, 29) else t.day, t.hour] for t in utc])

    def day_ahead(self, period: Period) -> Floats:
        """Return the published day-ahead price, EUR/MWh. Raises InputError when an hour of the Period is missing."""
        hours = [start.replace(minute=0) for start in period.starts()]
        missing = [hour for hour in hours if hour not in self.prices]
        if missing:
            raise InputError(
                f"the price file {PRICES} has no price for {missing[0].isoformat()}; choose another Period"
            )
        return np.array([self.prices[hour] for hour in hours])


def _wall_hours(period: Period) -> list[int]:
    return [start.astimezone(period.tz).hour for start in period.starts()]


def borrowed_day(day: date) -> date:
    """Return the nearest day of the profiles' year that is the same weekday as `day`."""
    same = date(PROFILE_YEAR, day.month, 28 if (day.month, day.day) == (2, 29) else day.day)
    near = [same + timedelta(days=n) for n in (0, 1, -1, 2, -2, 3, -3)]
    found = next(d for d in near if d.weekday() == day.weekday())
    return found if found.year == PROFILE_YEAR else found - timedelta(days=7 if found.year > PROFILE_YEAR else -7)


def _rows(folder: Path, name: str) -> Iterator[dict[str, str]]:
    path = folder / f"{name}.csv.gz"
    try:
        with gzip.open(path, "rt", encoding="utf-8", newline="") as file:
            yield from csv.DictReader(file)
    except OSError as error:
        raise InputError(f"cannot read {path}: {error}; give the folder with the profile files as --data") from error


def _loads(folder: Path, period: Period) -> dict[str, dict[Wall, float]]:
    """Return the mean power of every local hour; the repeated hour is averaged."""
    sums: dict[str, dict[Wall, list[float]]] = defaultdict(lambda: defaultdict(list))
    for row in _rows(folder, LOADS):
        local = datetime.fromisoformat(row.pop("utc_start")).astimezone(period.tz)
        for column, value in row.items():
            sums[column.partition("_")[0]][local.date(), local.hour].append(float(value) * 4)
    return {kind: {hour: sum(v) / len(v) for hour, v in table.items()} for kind, table in sums.items()}


def _weather(folder: Path) -> dict[str, dict[Weather, float]]:
    tables: dict[str, dict[Weather, float]] = defaultdict(dict)
    for name in (SUN, HEAT):
        for row in _rows(folder, name):
            t = datetime.fromisoformat(row.pop("utc_start"))
            for column, value in row.items():
                tables[column][t.month, t.day, t.hour] = float(value)
    return dict(tables)


def _charging(folder: Path) -> tuple[dict[str, Charging], Floats]:
    found: dict[tuple[str, str], list[float]] = defaultdict(list)
    for row in _rows(folder, CHARGING):
        if row["value"]:  # other distributions in the file have gaps
            found[row["distribution"], row["location_type"]].append(float(row["value"]))
    places = {}
    for place in ("private", "public", "workplace"):
        share = np.array(found["arrival_weekday_pct", place])
        places[place] = Charging(
            arrival=share / share.sum(),
            stay_h=np.sort(np.array(found["connection_time_h_by_percentile", place])),
            energy_kwh=np.sort(np.array(found["energy_kwh_by_percentile", place])),
        )
    return places, np.sort(np.array(found["development_power_demand", "2020"]))


def read_profiles(folder: Path, period: Period) -> Profiles:
    """Read all files; local hours are in the Period's zone. Raises InputError naming a missing file."""
    charging, power_kw = _charging(folder)
    prices = {datetime.fromisoformat(row["utc_start"]): float(row["price_eur_mwh"]) for row in _rows(folder, PRICES)}
    return Profiles(
        loads=_loads(folder, period), weather=_weather(folder), charging=charging, power_kw=power_kw, prices=prices
    )
