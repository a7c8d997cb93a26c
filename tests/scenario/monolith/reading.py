"""Reads a scenario's folder for the monolith: its own reader, which shares nothing with the product's.

Source: docs/reference/tables.md, docs/reference/scenarios.md, docs/reference/configuration.md.
"""

import csv
import json
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import yaml

DEFAULTS: dict[str, dict[str, float]] = {
    "day_ahead": {"max_buy_kw": 100000, "max_sell_kw": 100000, "product_minutes": 15},
    "intraday": {"spread_eur_per_mwh": 20, "depth_kw": 10000, "closes_before_s": 3600},
    "imbalance": {"penalty_eur_per_mwh": 1000},
    "capacity": {
        "block_hours": 4, "minimum_mw": 1, "step_mw": 1, "sustain_minutes": 60, "shortfall_eur_per_mwh": 1000,
    },
}  # fmt: skip
TABLES = [
    "connections",
    "fixed_loads",
    "generators",
    "batteries",
    "ev_sessions",
    "heat_pumps",
    "shiftable_runs",
    "switched_loads",
    "contracts",
    "limits",
    "limit_groups",
    "connection_limits",
    "connection_tariffs",
    "forecasts",
    "prices",
]


@dataclass(frozen=True, kw_only=True)
class Day:
    """One day of a scenario as it stands in its folder; instants are UTC."""

    period: date
    is_first: bool  # of the scenario's days: only it begins with what tables say
    zone: ZoneInfo
    minutes: int
    settings: dict[str, Any]
    tables: dict[str, list[dict[str, str]]]
    points: dict[str, str]  # connection → congestion point
    parties: dict[str, str]  # connection → the BRP that balances it by itself; "" where several do together

    @property
    def start(self) -> datetime:
        return self.midnight(self.period)

    @property
    def hours(self) -> float:
        return self.minutes / 60

    @property
    def isps(self) -> int:
        return self.isp_of(self.midnight(self.period + timedelta(days=1)))

    def midnight(self, day: date) -> datetime:
        return datetime.combine(day, time(), self.zone).astimezone(UTC)

    def isp_of(self, instant: datetime) -> int:
        """Return the ISP (from 0) in which an instant lies; below 0 or beyond the day elsewhere."""
        return int((instant - self.start) // timedelta(minutes=self.minutes))

    def begin(self, isp: int) -> datetime:
        return self.start + isp * timedelta(minutes=self.minutes)

    def closed(self, at: datetime, before_s: float) -> int:
        """Return how many ISPs have closed at a moment, each so long before it begins."""
        if at < self.start:  # closing begins with the day
            return 0
        return sum(self.begin(i) - timedelta(seconds=before_s) <= at for i in range(self.isps))

    def local(self, isp: int) -> datetime:
        return self.begin(isp).astimezone(self.zone)

    def present(self, first: datetime, end: datetime, isps: range) -> np.ndarray:
        """Return the share of each ISP that lies between two instants."""
        length = timedelta(minutes=self.minutes)
        return np.array(
            [max(min(self.begin(i + 1), end) - max(self.begin(i), first), 0 * length) / length for i in isps]
        )

    def window(self, row: dict[str, str]) -> np.ndarray:
        """Return which ISPs of the day lie in a daily window of local clock time, if it is valid on the day."""
        begin, end = row["window_start"], row["window_end"]
        end = "24:00" if end == "00:00" else end
        clock = [self.local(i).strftime("%H:%M") for i in range(self.isps)]
        inside = [begin <= c < end if begin < end else c >= begin or c < end for c in clock]
        valid = row["first_day"] <= self.period.isoformat() <= (row["last_day"] or "9999")
        return np.array(inside) & valid

    def forecast(self, resource: str, quantity: str) -> np.ndarray:
        return self._series(self._forecasts(resource, quantity), range(self.isps))

    def forecast_after(self, resource: str, quantity: str, isps: range) -> np.ndarray:
        """Return a forecast of ISPs after the day: what is known, else that of the day by the clock."""
        return self._by_the_clock(self.forecast(resource, quantity), self._forecasts(resource, quantity), isps)

    def _forecasts(self, resource: str, quantity: str) -> list[dict[str, str]]:
        return [r for r in self.tables["forecasts"] if (r["resource"], r["quantity"]) == (resource, quantity)]

    def price(self, series: str, isps: range) -> np.ndarray:
        return self._series([r for r in self.tables["prices"] if r["series"] == series], isps)

    def _series(self, rows: list[dict[str, str]], isps: range) -> np.ndarray:
        """Return the values of ISPs; NaN where no interval lies."""
        values = np.full(len(isps), np.nan)
        for row in rows:
            begin = instant(row["start"])
            end = begin + timedelta(minutes=int(row.get("minutes") or self.minutes))
            first, last = self.isp_of(begin) - isps.start, self.isp_of(end) - isps.start
            values[max(first, 0) : max(last, 0)] = float(row["value"])
        return values

    def expected(self, series: str, isps: range) -> np.ndarray:
        """Return expected prices of ISPs after the day: those known, else those of the day before by the clock.

        No result of a later day is known when a day is planned, so its forecast counts.
        """
        rows = [r for r in self.tables["prices"] if r["series"] == "day_ahead_forecast"]
        return self._by_the_clock(self.price(series, range(self.isps)), rows, isps)

    def _by_the_clock(self, of_day: np.ndarray, rows: list[dict[str, str]], isps: range) -> np.ndarray:
        clock = {self.local(i).time(): of_day[i] for i in reversed(range(self.isps))}  # a repeated hour: its first
        values = self._series(rows, range(self.isps, isps.stop))
        for at, i in enumerate(range(self.isps, isps.stop)):
            now = self.local(i).time()
            if np.isnan(values[at]):  # the clock may have skipped this hour the day before
                values[at] = clock[now] if now in clock else clock[now.replace(hour=now.hour + 1)]
            clock[now] = values[at]
        return values[isps.start - self.isps :]


def instant(text: str) -> datetime:
    """Return an instant with offset as UTC."""
    return datetime.fromisoformat(text).astimezone(UTC)


def number(row: dict[str, str], column: str, default: float = 0.0) -> float:
    """Return a value of a table, or what an empty or missing one means."""
    return float(row.get(column) or default)


def read(folder: Path, period: date | None = None) -> Day:
    """Read one day of a scenario's folder, the first one by default; tables that are not there are empty."""
    described = yaml.safe_load((folder / "scenario.yaml").read_text(encoding="utf-8"))
    tables: dict[str, list[dict[str, str]]] = {name: [] for name in TABLES}
    for file in (folder / "tables").glob("*.csv"):
        with file.open(encoding="utf-8", newline="") as lines:
            tables[file.stem] = list(csv.DictReader(line for line in lines if line.strip() and line[0] != "#"))
    listed = json.loads((folder / "cro.json").read_text(encoding="utf-8"))["congestion_points"]
    first = described["period"]
    first = first if isinstance(first, date) else date.fromisoformat(first)
    brps = described.get("brps") or [{"name": ""}]
    alone = {brp["name"] for brp in brps if brp.get("balance") == "itself"}
    return Day(
        period=period or first,
        is_first=(period or first) == first,
        zone=ZoneInfo(described.get("zone", "Europe/Amsterdam")),
        minutes=described.get("isp_minutes", 15),
        settings=described,
        tables=tables,
        points={connection: point["address"] for point in listed for connection in point["connections"]},
        parties={
            row["address"]: brp if (brp := row.get("brp") or brps[0]["name"]) in alone else ""
            for row in tables["connections"]
        },
    )
