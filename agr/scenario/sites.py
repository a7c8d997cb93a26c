"""Draws sites whose customers pay for what their connections draw: a depot of electric vans, a neighbourhood of homes.

Tariffs are those of real rules of one year; the README of each scenario cites them. Everything else is drawn as in
agr.scenario.population, from the same profiles.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import date, datetime, time

from agr.domain.isp import Period, local_instant
from agr.domain.kinds.ev_session import EvSession
from agr.domain.register import CongestionPoint, ConnectionLimit, ConnectionTariff, LimitGroup
from agr.scenario.population import BATTERY_WEAR_EUR_PER_MWH, CAR_EFFICIENCY, Drawer, Population, Recipe, point_address
from agr.scenario.profiles import Profiles

PENALTY_EUR_PER_MWH = 1000.0
DEPOT_KW, CHARGERS, VANS = 150.0, 40, 28
FUSE_KW = 17.25  # 3 × 25 A
FEEDER_KW_PER_HOME = 4.0
ENERGY_TAX_EUR_PER_MWH = {"homes": 108.80, "businesses": 39.43}
"""Dutch energy tax on electricity in 2024, without VAT: for up to 10,000 kWh a year, and for more than 50,000 kWh."""
PEAK_EUR_PER_KW = 3.37
"""Flemish capacity tariff of 2023 for the highest quarter of an hour in a month; average of the DSOs, without VAT."""


@dataclass(frozen=True, kw_only=True)
class Site:
    """What is drawn: the portfolio, and what its connections may draw and pay."""

    drawn: Population
    limit_groups: tuple[LimitGroup, ...]
    connection_limits: tuple[ConnectionLimit, ...]
    connection_tariffs: tuple[ConnectionTariff, ...]


def depot(recipe: Recipe, profiles: Profiles) -> Site:
    """Return a depot: 28 vans that charge overnight, 12 cars of its staff, solar panels, a building, one connection.

    Vans come back between 15:30 and 18:30, leave from 05:30 to 08:00 and need 10 to 30 kWh; staff are there from about
    08:00 to 17:00, and their cars need 5 to 25 kWh. All charge at 11 kW.
    """
    draw, first = Drawer(recipe, profiles), date(recipe.period.day.year, 1, 1)
    address, number = draw.connect()
    draw._load(address, number, "g25", 60_000.0)
    draw._sun(address, number, 100.0)
    days = [recipe.period.previous(), *draw.days]
    for k in range(CHARGERS):
        for day in days if k < VANS else days[1:]:
            begin, end, kwh = (15.5, 18.5), (5.5, 8.0), (10.0, 30.0)
            if k >= VANS:
                begin, end, kwh = (7.5, 9.0), (15.5, 18.0), (5.0, 25.0)
            arrival = _at(day, draw.random.uniform(*begin))
            departure = _at(day.next() if k < VANS else day, draw.random.uniform(*end))
            draw.all.resources.append(
                EvSession(
                    resource=f"ev-{k + 1:02d}-{day.day:%d}", connection=address, arrival=arrival, departure=departure,
                    energy_kwh=round(float(draw.random.uniform(*kwh)), 1), charge_kw=11.0,
                    charge_efficiency=CAR_EFFICIENCY,
                )
            )  # fmt: skip
    _place(draw.all, recipe, (address,))
    limit = ConnectionLimit(
        at=address, first_day=first, import_kw=DEPOT_KW, export_kw=DEPOT_KW, penalty_eur_per_mwh=PENALTY_EUR_PER_MWH
    )
    tax = ConnectionTariff(connection=address, first_day=first, import_eur_per_mwh=ENERGY_TAX_EUR_PER_MWH["businesses"])
    peak = ConnectionTariff(connection=address, first_day=first, peak_eur_per_kw=PEAK_EUR_PER_KW, peak_reached_kw=60.0)
    return Site(drawn=draw.all, limit_groups=(), connection_limits=(limit,), connection_tariffs=(tax, peak))


def neighbourhood(recipe: Recipe, profiles: Profiles) -> Site:
    """Return homes with solar panels, a battery, a car and a heat pump each, on two feeders of one transformer."""
    draw, first = Drawer(recipe, profiles), date(recipe.period.day.year, 1, 1)
    for _ in range(recipe.connections):
        address, number = draw.connect()
        draw._load(address, number, "h25", draw._lognormal(2800, 0.45))
        draw._sun(address, number, draw.random.uniform(2.5, 6.5))
        draw._battery(address, number, 5, 10, wear=BATTERY_WEAR_EUR_PER_MWH)
        draw._heat_pump(address, number, draw._lognormal(9000, 0.25))
        draw._car(address, number, profiles.charging["private"])
    homes = draw.all.connections
    for k, home in enumerate(homes):
        homes[k] = replace(home, limit_group=f"feeder-{1 + 2 * k // len(homes)}")
    addresses = tuple(home.address for home in homes)
    _place(draw.all, recipe, addresses)
    most = {**dict.fromkeys(addresses, FUSE_KW), "transformer": round(0.9 * FEEDER_KW_PER_HOME * len(homes), 1)}
    most |= dict.fromkeys(("feeder-1", "feeder-2"), round(FEEDER_KW_PER_HOME * len(homes) / 2, 1))
    return Site(
        drawn=draw.all,
        limit_groups=(
            LimitGroup(group="feeder-1", parent="transformer"), LimitGroup(group="feeder-2", parent="transformer"),
            LimitGroup(group="transformer"),
        ),
        connection_limits=tuple(
            ConnectionLimit(at=at, first_day=first, import_kw=kw, export_kw=kw, penalty_eur_per_mwh=PENALTY_EUR_PER_MWH)
            for at, kw in most.items()
        ),
        connection_tariffs=tuple(
            ConnectionTariff(connection=at, first_day=first, import_eur_per_mwh=ENERGY_TAX_EUR_PER_MWH["homes"])
            for at in addresses
        ),
    )  # fmt: skip


SITES: dict[str, Callable[[Recipe, Profiles], Site]] = {"depot": depot, "neighbourhood": neighbourhood}


def _at(period: Period, hour: float) -> datetime:
    minutes = round(hour * 60)
    return local_instant(period.day, time(minutes // 60, minutes % 60), period.tz)


def _place(drawn: Population, recipe: Recipe, addresses: tuple[str, ...]) -> None:
    """Put all connections at one congestion point."""
    (dso,) = recipe.dsos
    drawn.points.append(CongestionPoint(address=point_address(dso, 1), dso=dso, connections=addresses))
