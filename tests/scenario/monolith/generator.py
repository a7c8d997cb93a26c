"""Makes small random scenarios, as folders: a day, a few connections, and a few devices of every class behind them.

Values are few and round, so that ties are frequent; zero and negative prices, classes without rows, cars that come and
go within an ISP, contents that cannot be reached, and sessions and runs over midnight all occur.
"""

import csv
import json
from collections.abc import Callable, Sequence
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import yaml

from tests.scenario.monolith.products import ZONE, add_price, product, text
from tests.scenario.monolith.wider import CLOCK, KINDS, SEVERAL

DAYS = [date(2026, 6, 10)] * 4 + [date(2026, 3, 29), date(2026, 10, 25)]
POINTS = tuple(f"ea1.2024-01.example.dso:cp-{i}" for i in range(2))
HOUR = timedelta(hours=1)
Row = dict[str, Any]


class Draw:
    """Random choices from a seed."""

    def __init__(self, seed: int) -> None:
        self.rng = np.random.default_rng(seed)

    def of(self, *values: Any) -> Any:
        """Return one of the values."""
        return values[self.rng.integers(len(values))]

    def within(self, low: float, high: float, digits: int = 2) -> float:
        """Return a number between two, rounded."""
        return round(float(self.rng.uniform(low, high)), digits)

    def chance(self, share: float) -> bool:
        """Return true in that share of cases."""
        return bool(self.rng.random() < share)


class World:
    """The day of one scenario and the tables that grow."""

    def __init__(self, seed: int, kinds: Sequence[str] = ()) -> None:
        self.draw = Draw(seed)
        self.day: date = self.draw.of(*DAYS)
        self.minutes: int = self.draw.of(60, 60, 60, 30, 15)
        if CLOCK in kinds:
            self.day, self.minutes = DAYS[4 + seed % 2], 15
        self.days = 1
        if SEVERAL in kinds and "rolling" not in kinds:
            self.day, self.days = self.day - timedelta(days=seed // 2 % 2), 2 + (seed % 5 == 0)
        self.start, self.end = self.midnight(0), self.midnight(self.days)
        self.hours = int((self.end - self.start) / HOUR)
        self.tables: dict[str, list[Row]] = {}
        self.points: list[str] = []  # congestion points that are listed
        self.connections = [f"ea1.2024-01.example.agr:c{i}" for i in range(self.draw.of(1, 2, 3, 4))]
        self.capacity: list[Row] = []
        self.limit_group: dict[str, str] = {}
        self.planning: Row = {"threads": 1, "relative_gap": 1e-6}
        self.markets: Row = {}
        self.events: list[Row] = []
        self.revelations: list[Row] = []
        self.trading: Row = {}
        self.stay_eur_per_mwh = 0.0
        self.brps: list[Row] = []
        self.brp: dict[str, str] = {}
        self.negative = self.draw.chance(0.4)

    def midnight(self, days: int) -> datetime:
        """Return the local midnight so many days later, in UTC."""
        return datetime.combine(self.day + timedelta(days=days), time(), ZONE).astimezone(UTC)

    def add(self, table: str, **row: Any) -> None:
        """Add a row to a table."""
        self.tables.setdefault(table, []).append(row)

    def device(self, table: str, **row: Any) -> str:
        """Add a device behind a random connection; return its name."""
        name = f"{table}-{len(self.tables.get(table, []))}"
        self.add(table, resource=name, connection=self.draw.of(*self.connections), **row)
        return name

    def hourly(self, name: str, quantity: str, values: Sequence[float]) -> None:
        """Add a forecast of whole hours."""
        for hour, value in enumerate(values):
            start = text(self.start + hour * HOUR)
            self.add("forecasts", resource=name, quantity=quantity, start=start, minutes=60, value=value)

    def reserve_kw(self, most: float) -> float:
        """Return prequalified power, where there is a product to hold it for."""
        return self.draw.of(0, most, most / 2) if self.capacity else 0.0


def make(folder: Path, seed: int, kinds: Sequence[str] = ()) -> Path:
    """Write the scenario of a seed, widened by some of `KINDS`, into a new folder and return it."""
    world = World(seed, kinds)
    markets = _markets(world)
    classes: tuple[Callable[[World], None], ...] = (_load, _sun, _battery, _car, _car, _heat_pump, _run)
    for _ in range(int(world.draw.rng.integers(1, 6))):
        world.draw.of(*classes)(world)
    listed = _points(world)
    world.points = [point["address"] for point in listed["congestion_points"]]
    world.markets, world.stay_eur_per_mwh, world.events = markets, world.draw.of(0, 1, 30), _events(world)
    for kind in kinds:
        KINDS[kind](world, Draw(seed + 1_000_000))
    described = {
        "title": f"seed {seed}", "question": "Is the plan worth what it can be worth?", "period": world.day,
        "last_period": world.day + timedelta(days=world.days - 1),
        "isp_minutes": world.minutes, "agr": "agr.example", "cros": ["cro.example"], "dsos": ["dso.example"],
        "markets": world.markets, "planning": world.planning, "stay_eur_per_mwh": world.stay_eur_per_mwh,
        "events": world.events, "brps": world.brps, "revelations": world.revelations,
        "trading": world.trading,
    }  # fmt: skip
    (folder / "tables").mkdir(parents=True)
    (folder / "scenario.yaml").write_text(yaml.safe_dump(described, sort_keys=False), encoding="utf-8")
    (folder / "cro.json").write_text(json.dumps(listed, indent=1), encoding="utf-8")
    for address in world.connections:
        group = world.limit_group.get(address, "")
        world.add(
            "connections", address=address, first_day="2026-01-01", last_day="", limit_group=group,
            brp=world.brp.get(address, ""),
        )  # fmt: skip
    for name, rows in world.tables.items():
        with (folder / "tables" / f"{name}.csv").open("w", encoding="utf-8", newline="") as file:
            writer = csv.DictWriter(file, list(rows[0]))
            writer.writeheader()
            writer.writerows(rows)
    return folder


def _markets(world: World) -> Row:
    draw = world.draw
    usual = [draw.within(0, 120, 0) for _ in range(3)] + [0.0] * draw.chance(0.3)
    today = usual + [-draw.within(0, 150, 0)] * world.negative
    tomorrow = world.negative or world.end - world.midnight(world.days - 1) != 24 * HOUR or draw.chance(0.5)
    for series in ("day_ahead_forecast", "day_ahead"):
        for hour in range(world.hours):
            add_price(world, series, world.start + hour * HOUR, 60, draw.of(*today))
    for hour in range(24 * tomorrow):
        price = draw.of(*usual)
        for series in ("day_ahead_forecast", "day_ahead"):
            add_price(world, series, world.end + hour * HOUR, 60, price)
    if draw.chance(0.4):
        world.capacity = [product(world, draw, i) for i in range(draw.of(1, 1, 2))]
    most = draw.of(100000, 100000, 100000, 3)
    return {
        "day_ahead": {"product_minutes": draw.of(world.minutes, 60), "max_buy_kw": most, "max_sell_kw": most},
        "intraday": {"spread_eur_per_mwh": draw.of(0, 7, 20), "depth_kw": draw.of(0, 2, 10000)},
        "imbalance": {"penalty_eur_per_mwh": draw.of(300, 1000)},
        "capacity": world.capacity,
    }


def _load(world: World) -> None:
    name = world.device("fixed_loads")
    world.hourly(name, "power_kw", [world.draw.of(0, 0, 1, 4.5) for _ in range(world.hours)])


def _sun(world: World) -> None:
    draw = world.draw
    name = world.device("generators", curtailment_eur_per_mwh=draw.of(0, 5), reserve_kw=0)
    world.hourly(name, "power_kw", [-draw.of(1, 3.5, 8) if 8 <= hour % 24 < 18 else 0 for hour in range(world.hours)])


def _battery(world: World) -> None:
    draw = world.draw
    power, capacity = draw.of(2, 5, 10), draw.of(3, 8, 20)
    least = draw.of(0, 0, 1)
    world.device(
        "batteries", charge_kw=power, discharge_kw=draw.of(power, 3), capacity_kwh=capacity,
        initial_kwh=draw.within(0 if draw.chance(0.2) else least, capacity * draw.of(1, 1, 1, 1.2)),
        end_kwh=draw.within(least, capacity), minimum_kwh=least, charge_efficiency=draw.of(1, 0.95, 0.9),
        discharge_efficiency=draw.of(1, 0.95, 0.9), loss_per_day=draw.of(0, 0.02), wear_eur_per_mwh=draw.of(0, 8, 20),
        reserve_kw=world.reserve_kw(min(power, 3)), end_worth_eur_per_mwh=draw.of(0, 40),
    )  # fmt: skip


def _car(world: World) -> None:
    draw = world.draw
    minute = timedelta(minutes=1)
    arrival = world.start + int(draw.rng.integers(-4 * 60, (world.hours - 1) * 60)) * minute
    arrival = max(arrival, world.start) if draw.chance(0.5) else arrival
    stay = int(draw.of(draw.rng.integers(3, 40), draw.rng.integers(60, 14 * 60), 120)) * minute
    departure = max(min(arrival + stay, world.midnight(world.days + 1) - HOUR), world.start + minute)
    power, gain = draw.of(3.7, 11, 7.4), draw.of(1, 0.9)
    home = any(world.midnight(i) <= arrival < departure <= world.midnight(i + 1) for i in range(world.days))
    most = power * gain * ((departure - max(arrival, world.start)) / HOUR)
    initial = draw.of(0, 2, 10)
    energy = max(round(most * draw.of(0.1, 0.3, 0.6, 0.95), 2), 0.01)
    two_way = (home or (world.days > 1 and not world.negative)) and draw.chance(0.3)
    world.device(
        "ev_sessions", arrival=text(arrival), departure=text(departure), energy_kwh=energy, charge_kw=power,
        charge_min_kw=0 if two_way else draw.of(0, 0, 1.4, power), discharge_kw=draw.of(power, 3) if two_way else 0,
        initial_kwh=initial, capacity_kwh=draw.of("", round(initial + energy + draw.of(0, 5), 2)),
        charge_efficiency=gain, discharge_efficiency=draw.of(1, 0.9), wear_eur_per_mwh=draw.of(0, 0, 10),
        reserve_kw=world.reserve_kw(3) if "batteries" in world.tables else 0,
    )  # fmt: skip


def _heat_pump(world: World) -> None:
    draw = world.draw
    buffer = draw.of(4, 12)
    name = world.device(
        "heat_pumps", power_kw=draw.of(2, 3), buffer_kwh=buffer, initial_kwh=draw.within(0, buffer),
        end_kwh=draw.of(0, 2, buffer), loss_per_day=draw.of(0, 0.3), wear_eur_per_mwh=draw.of(0, 5),
        reserve_kw=world.reserve_kw(2), end_worth_eur_per_mwh=draw.of(0, 15),
    )  # fmt: skip
    world.hourly(name, "heat_kw", [draw.of(0, 1, 3.5) for _ in range(world.hours)])
    world.hourly(name, "cop", [draw.of(2, 3, 3.5) for _ in range(world.hours)])


def _run(world: World) -> None:
    draw = world.draw
    if world.minutes != 15:
        return
    quarter = timedelta(minutes=15)
    length = int(draw.rng.integers(1, 9))
    earliest = world.start + int(draw.rng.integers(-8, world.hours * 4)) * quarter
    end = max(earliest, world.start) + (length + int(draw.of(0, 3, 40))) * quarter
    powers = [draw.of(0, 1, 2, 2.5) for _ in range(length - 1)] + [1.5]
    powers[0] += world.days > 1 and not powers[0]  # so that programs show on which day it began
    world.device(
        "shiftable_runs", earliest_start=text(earliest), latest_end=text(min(end, world.midnight(world.days + 1))),
        profile_kw=" ".join(map(str, powers)),
    )  # fmt: skip


def _points(world: World) -> Row:
    draw = world.draw
    places = {address: draw.of(*POINTS, *POINTS, None) for address in world.connections}
    listed = []
    for point in POINTS:
        connections = [address for address, place in places.items() if place == point]
        if not connections:
            continue
        listed.append(
            {
                "address": point, "dso": "dso.example", "mutex_offers": False, "day_ahead_redispatch_by": "AGR",
                "intraday_redispatch_by": "AGR", "connections": connections,
            }
        )  # fmt: skip
        usual = {"congestion_point": point, "first_day": "2026-01-01", "last_day": "2026-12-31"}
        if draw.chance(0.4):
            world.add(
                "limits", **usual, **_window(draw), import_kw=draw.of("", 2, 5), export_kw=draw.of(0, 3),
                penalty_eur_per_mwh=draw.of(50, 2000),
            )  # fmt: skip
        for _ in range(draw.of(0, 0, 1, 1, 2)):
            world.add(
                "contracts", contract=f"FO-{len(world.tables.get('contracts', []))}", dso="dso.example", **usual,
                **_window(draw), power_w=draw.of(-1000, -2500, -6000, 1500), availability_eur_per_mw_h=draw.of(0, 10),
                penalty_eur_per_mwh=draw.of(100, 1000),
            )  # fmt: skip
    return {"congestion_points": listed, "free_connections": [a for a, p in places.items() if p is None]}


def _window(draw: Draw) -> Row:
    begin = int(draw.rng.integers(0, 24))
    end = (begin + int(draw.rng.integers(1, 7))) % 24
    return {"window_start": f"{begin:02}:00", "window_end": f"{end:02}:00"}


def _events(world: World) -> list[Row]:
    contracts = world.tables.get("contracts", [])
    if not contracts or world.draw.chance(0.4):
        return []
    released = []
    for i in range(world.days):
        day = world.day + timedelta(days=i)
        at = text(datetime.combine(day - timedelta(days=1), time(14), ZONE))
        share = world.draw.of(0, 0.5)
        released.append(
            {"kind": "release", "at": at, "contract": contracts[0]["contract"], "keep_share": share, "period": day}
        )
    return released
