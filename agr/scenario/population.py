"""Draws a portfolio: connections at congestion points with their resources. Reproducible from the recipe's seed.

The constants here and in the scenario's README state what is drawn and from which distribution. No value drawn is a
measurement. Connection addresses use the GS1 prefix 299, which no company owns.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta

import numpy as np

from agr.domain.errors import InputError
from agr.domain.isp import Period, local_instant
from agr.domain.kinds.battery import Battery
from agr.domain.kinds.ev_session import EvSession
from agr.domain.kinds.fixed_load import FixedLoad
from agr.domain.kinds.generator import Generator
from agr.domain.kinds.heat_pump import HeatPump
from agr.domain.kinds.kind import Resource, Row
from agr.domain.kinds.shiftable_run import ShiftableRun
from agr.domain.register import CongestionPoint, Connection, Forecast
from agr.scenario.profiles import Charging, Floats, Profiles

FREE_SHARE = 0.025  # share of the connections that lie in no congestion point
PARK_CONNECTIONS = 12  # businesses at a business park; all other congestion points are neighbourhoods
LARGE_BATTERIES = ((1000.0, 2000.0), (750.0, 1500.0), (1000.0, 2000.0), (500.0, 1000.0))  # kW, kWh, in turn
EFFICIENCY = 0.95  # each way
BATTERY_WEAR_EUR_PER_MWH = 8.0
CAR_EFFICIENCY = 0.9
BATTERY_LOSS_PER_DAY = 0.01  # share of the content
BUFFER_LOSS_PER_DAY = 0.3


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """What to generate, and from which seed."""

    period: Period
    seed: int
    connections: int
    points: int
    dsos: tuple[str, ...]
    weather_day: date | None = None  # of the typical year; None: the Period's own day of the year
    real_prices: bool = True  # published day-ahead prices, else synthetic prices
    days: int = 1  # Periods with forecasts, sessions and prices, from `period` on
    limit_every: int = 4  # one neighbourhood in this many has an import limit
    evening_share: float = 0.8  # import limit as a share of the highest unmanaged load in the evening
    site: str | None = None  # one of agr.scenario.sites instead: one congestion point of one DSO

    def __post_init__(self) -> None:
        if self.days < 1 or self.limit_every < 1:
            raise InputError("give at least one day, and an import limit at one neighbourhood in at least one")
        if self.site is not None:
            if len(self.dsos) != 1:
                raise InputError(f"a site lies at one congestion point of one DSO; {len(self.dsos)} are given")
            return
        if not 1 <= len(self.dsos) < self.points or self.connections < 4 * self.points:
            raise InputError(
                f"{self.connections} connections at {self.points} congestion points of {len(self.dsos)} DSOs cannot be "
                "made: give at least 4 connections a congestion point and more congestion points than DSOs"
            )

    def periods(self) -> tuple[Period, ...]:
        """Return every Period."""
        found = [self.period]
        while len(found) < self.days:
            found.append(found[-1].next())
        return tuple(found)

    def weather_on(self, period: Period) -> date | None:
        """Return the day of the typical year whose weather a Period has."""
        return None if self.weather_day is None else self.weather_day + (period.day - self.period.day)


@dataclass(kw_only=True)
class Population:
    """The portfolio under construction."""

    connections: list[Connection] = field(default_factory=list)
    resources: list[Resource] = field(default_factory=list)
    forecasts: list[Forecast] = field(default_factory=list)
    points: list[CongestionPoint] = field(default_factory=list)
    parks: list[str] = field(default_factory=list)  # congestion points that are business parks
    free: list[str] = field(default_factory=list)

    def of(self, row: type[Row]) -> list[Row]:
        """Return what was drawn of one kind."""
        return [found for found in self.resources if isinstance(found, row)]


def ean(number: int) -> str:
    """Return a fictitious EAN-18 address with a right check digit (GS1 mod 10, weights 3, 1, 3, …)."""
    body = f"299{number:014d}"
    total = sum(int(digit) * (3 if i % 2 == 0 else 1) for i, digit in enumerate(body))
    return f"ean.{body}{-total % 10}"


def point_address(dso: str, number: int) -> str:
    """Return a congestion point's address under its DSO's reversed domain."""
    return f"ea1.2024-01.{'.'.join(reversed(dso.split('.')))}:cp-{number:03d}"


class Drawer:
    """Draws one connection after another; a seed relies on the order of draws."""

    def __init__(self, recipe: Recipe, profiles: Profiles) -> None:
        self.recipe, self.profiles, self.period = recipe, profiles, recipe.period
        self.random = np.random.default_rng(recipe.seed)
        self.all = Population()
        self._number = 0
        self.days = recipe.periods()
        weather = {c: [profiles.weather_of(c, day, recipe.weather_on(day)) for day in self.days] for c in (
            "pv_south35_kw_per_kwp", "pv_eastwest10_kw_per_kwp", "efh_heat_kwh_per_10000kwh", "cop_ashp_floor",
            "cop_ashp_radiator")}  # fmt: skip
        self.sun = (weather["pv_south35_kw_per_kwp"], weather["pv_eastwest10_kw_per_kwp"])
        self.heat_kw = weather["efh_heat_kwh_per_10000kwh"]  # of a house of 10,000 kWh of heat a year
        self.cop = (weather["cop_ashp_floor"], weather["cop_ashp_radiator"])
        self.loads = {kind: [profiles.load_kw(kind, day) / 1000 for day in self.days] for kind in ("h25", "g25")}

    def connect(self) -> tuple[str, str]:
        """Add a connection; return its address and the number in the names of its resources."""
        self._number += 1
        address = ean(self._number)
        self.all.connections.append(Connection(address=address, first_day=date(self.period.day.year, 1, 1)))
        return address, f"{self._number:05d}"

    def home(self) -> str:
        """Add a house: always a load; PV 45 %, battery 20 %, heat pump 25 %, charger with a car 25 %."""
        address, number = self.connect()
        self._load(address, number, "h25", self._lognormal(2800, 0.45))
        chances = self.random.random(4)
        if chances[0] < 0.45:
            self._sun(address, number, self.random.uniform(2.5, 6.5))
        if chances[1] < 0.20:
            self._battery(address, number, 5, 10, wear=BATTERY_WEAR_EUR_PER_MWH)
        if chances[2] < 0.25:
            self._heat_pump(address, number, self._lognormal(9000, 0.25))
        if chances[3] < 0.25:
            self._car(address, number, self.profiles.charging["private"])
        return address

    def business(self) -> str:
        """Add a business: always a load; PV 50 %, 2 to 5 workplace or public charging points 50 %, battery 15 %."""
        address, number = self.connect()
        self._load(address, number, "g25", self._lognormal(120_000, 0.6))
        chances = self.random.random(3)
        if chances[0] < 0.5:
            self._sun(address, number, self.random.uniform(40, 200))
        if chances[1] < 0.5:
            place = "workplace" if self.random.random() < 0.7 else "public"
            for plug in range(int(self.random.integers(2, 6))):
                self._car(address, f"{number}-{plug + 1}", self.profiles.charging[place])
        if chances[2] < 0.15:
            self._battery(address, number, 100, 200, wear=BATTERY_WEAR_EUR_PER_MWH)
        return address

    def large_battery(self, charge_kw: float, capacity_kwh: float) -> str:
        """Add a battery with its own connection, prequalified for balancing capacity."""
        address, number = self.connect()
        self._battery(address, number, charge_kw, capacity_kwh, wear=BATTERY_WEAR_EUR_PER_MWH, reserve_kw=charge_kw)
        return address

    def industry(self) -> str:
        """Add a plant with a run of two and a half hours, to be made between 06:00 and 18:00."""
        address, number = self.connect()
        self._load(address, number, "g25", 400_000.0)
        day, tz = self.period.day, self.period.tz
        self.all.resources.append(
            ShiftableRun(
                resource=f"run-{number}",
                connection=address,
                earliest_start=local_instant(day, time(6), tz),
                latest_end=local_instant(day, time(18), tz),
                profile_kw=(120.0, 260.0, 300.0, 300.0, 300.0, 280.0, 280.0, 200.0, 150.0, 80.0),
            )
        )
        return address

    def _lognormal(self, median: float, sigma: float) -> float:
        return round(float(median * np.exp(sigma * self.random.standard_normal())), 0)

    def _forecast(self, resource: str, quantity: str, profile: Sequence[Floats], factor: float = 1.0) -> None:
        """Add the forecast of every day: that day's profile times a factor."""
        for period, values in zip(self.days, profile, strict=True):
            rounded = tuple(round(float(v), 3) for v in values * factor)
            self.all.forecasts.append(Forecast(resource=resource, quantity=quantity, period=period, values=rounded))

    def _load(self, address: str, number: str, kind: str, kwh_a_year: float) -> None:
        self.all.resources.append(FixedLoad(resource=f"load-{number}", connection=address))
        self._forecast(f"load-{number}", "power_kw", self.loads[kind], kwh_a_year)

    def _sun(self, address: str, number: str, kwp: float) -> None:
        self.all.resources.append(Generator(resource=f"pv-{number}", connection=address, curtailment_eur_per_mwh=1.0))
        self._forecast(f"pv-{number}", "power_kw", self.sun[int(self.random.random() < 0.4)], -round(kwp, 1))

    def _battery(
        self, address: str, number: str, power_kw: float, capacity_kwh: float, *, wear: float, reserve_kw: float = 0.0
    ) -> None:
        kept = round(capacity_kwh * 0.4, 1)
        self.all.resources.append(
            Battery(
                resource=f"bat-{number}", connection=address, charge_kw=power_kw, discharge_kw=power_kw,
                capacity_kwh=capacity_kwh, initial_kwh=kept, end_kwh=_after_a_day(kept, BATTERY_LOSS_PER_DAY),
                minimum_kwh=round(capacity_kwh * 0.05, 1),
                charge_efficiency=EFFICIENCY, discharge_efficiency=EFFICIENCY, loss_per_day=BATTERY_LOSS_PER_DAY,
                wear_eur_per_mwh=wear, reserve_kw=reserve_kw,
            )
        )  # fmt: skip

    def _heat_pump(self, address: str, number: str, heat_kwh_a_year: float) -> None:
        cop = self.cop[int(self.random.random() < 0.5)]
        buffer_kwh = float(self.random.choice([6.0, 10.0, 15.0]))
        self.all.resources.append(
            HeatPump(
                resource=f"hp-{number}", connection=address, power_kw=max(2.5, round(heat_kwh_a_year / 4000, 1)),
                buffer_kwh=buffer_kwh, initial_kwh=buffer_kwh / 2,
                end_kwh=_after_a_day(buffer_kwh / 2, BUFFER_LOSS_PER_DAY), loss_per_day=BUFFER_LOSS_PER_DAY,
            )
        )  # fmt: skip
        self._forecast(f"hp-{number}", "heat_kw", self.heat_kw, heat_kwh_a_year / 10_000)
        self._forecast(f"hp-{number}", "cop", cop)

    def _car(self, address: str, number: str, place: Charging) -> None:
        """Add a session per day, and one that arrives the day before; sessions do not overlap each other."""
        published_kw = self._percentile(self.profiles.power_kw)
        charge_kw = min((3.7, 7.4, 11.0), key=lambda kw: abs(kw - published_kw))
        busy_until = self.period.start
        for arrival, departure, energy_kwh in self._visits(place, charge_kw):
            hours_before = max((self.period.start - arrival) / timedelta(hours=1), 0.0)
            full_before = hours_before * charge_kw * CAR_EFFICIENCY >= energy_kwh
            if departure <= busy_until or full_before or (arrival >= self.period.start and arrival < busy_until):
                continue
            busy_until = departure
            self.all.resources.append(
                EvSession(
                    resource=f"ev-{number}-{arrival.astimezone(self.period.tz):%d}", connection=address,
                    arrival=arrival, departure=departure,
                    energy_kwh=energy_kwh, charge_kw=charge_kw, charge_efficiency=CAR_EFFICIENCY,
                )
            )  # fmt: skip

    def _visits(self, place: Charging, charge_kw: float) -> Iterator[tuple[datetime, datetime, float]]:
        for period in (self.period.previous(), *self.days):
            quarter = int(self.random.choice(96, p=place.arrival))
            minutes = quarter * 15 + int(self.random.integers(0, 15))
            stay_h = max(self._percentile(place.stay_h), 0.5)
            most = 0.95 * CAR_EFFICIENCY * charge_kw * stay_h  # so that every need can be met
            energy_kwh = round(max(min(self._percentile(place.energy_kwh), most), 0.5), 2)
            wall = time(minutes // 60, minutes % 60)
            arrival = local_instant(period.day, wall, period.tz)
            yield arrival, arrival + timedelta(minutes=round(stay_h * 60)), energy_kwh

    def _percentile(self, quantiles: Floats) -> float:
        return float(np.interp(self.random.uniform(0, 100), np.arange(101), quantiles))


def _after_a_day(kwh: float, loss_per_day: float) -> float:
    """Return the energy that an idle store keeps for 25 hours, the longest day, so that it may stay idle."""
    return round(kwh * float((1 - loss_per_day) ** (25 / 24)) - 0.005, 2)


def _is_park(place: int, of_dso: int) -> bool:
    return place % 4 == 2 or (of_dso < 3 and place == of_dso - 1)


def populate(recipe: Recipe, profiles: Profiles) -> Population:
    """Draw the portfolio: the DSOs' congestion points in turn, then the connections outside all congestion points."""
    draw = Drawer(recipe, profiles)
    owner = [recipe.dsos[i * len(recipe.dsos) // recipe.points] for i in range(recipe.points)]
    parks = [_is_park(i - owner.index(dso), owner.count(dso)) for i, dso in enumerate(owner)]
    free = max(2, round(recipe.connections * FREE_SHARE))
    at_park = min(PARK_CONNECTIONS, (recipe.connections - free) // recipe.points)
    homes = recipe.connections - free - at_park * sum(parks)
    streets = parks.count(False)
    made = 0
    for i, dso in enumerate(owner):
        address = point_address(dso, i + 1)
        if parks[i]:
            size = LARGE_BATTERIES[len(draw.all.parks) % len(LARGE_BATTERIES)]
            first = [draw.large_battery(*size), draw.industry() if not draw.all.parks else draw.business()]
            at = [*first, *(draw.business() for _ in range(at_park - 2))]
            draw.all.parks.append(address)
        else:
            share = homes * (made + 1) // streets - homes * made // streets
            # every fourth neighbourhood has its own battery
            shared = [draw.large_battery(500.0, 1000.0)] if made % 4 == 1 else []
            at = [*shared, *(draw.home() for _ in range(share - len(shared)))]
            made += 1
        draw.all.points.append(
            CongestionPoint(
                address=address, dso=dso, connections=tuple(at), mutex_offers=i % 3 == 0,
                intraday_redispatch_by=None if i % 5 == 3 else "AGR",
            )
        )  # fmt: skip
    draw.all.free.extend(draw.home() for _ in range(free))
    return draw.all
