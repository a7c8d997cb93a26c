"""Contracts, limits and price series of a generated portfolio."""

from datetime import date, time

import numpy as np

from agr.domain.isp import Period
from agr.domain.kinds.battery import Battery
from agr.domain.kinds.fixed_load import FixedLoad
from agr.domain.kinds.generator import Generator
from agr.domain.kinds.heat_pump import HeatPump
from agr.domain.register import Contract, PointLimit, Price, in_window
from agr.scenario.population import Population, Recipe
from agr.scenario.profiles import Floats, Profiles

CONTRACT_SHARE = 0.4  # of the power of the congestion point's large battery
CONTRACT_WINDOW = (time(18), time(22))
EVENING = (time(17), time(23))
NOON = (time(10), time(16))
NOON_SHARE = 0.6  # an export limit, of the highest surplus at noon
LIMIT_PENALTY_EUR_PER_MWH = 2000.0
# EUR/MW/h: median and spread of a lognormal distribution, and a factor per block of 4 local hours
CAPACITY = {
    "fcr_capacity": (11.0, 0.20, (1.1, 1.0, 0.9, 0.9, 1.0, 1.1)),
    "afrr_up_capacity": (7.0, 0.25, (0.6, 1.1, 0.8, 0.7, 1.8, 1.2)),
    "afrr_down_capacity": (8.0, 0.25, (1.0, 0.9, 1.2, 1.5, 0.8, 0.8)),
}


def contracts(recipe: Recipe, population: Population) -> tuple[Contract, ...]:
    """Return one FlexOption per DSO, at its first business park, for a share of the large battery's power."""
    year = recipe.period.day.year
    largest = {b.connection: b.charge_kw for b in population.of(Battery) if b.reserve_kw}
    made: dict[str, Contract] = {}
    for point in population.points:
        if point.address not in population.parks or point.dso in made:
            continue
        power_kw = max(largest.get(connection, 0.0) for connection in point.connections) * CONTRACT_SHARE
        made[point.dso] = Contract(
            contract=f"FO-{point.dso.split('.')[0]}-1", dso=point.dso, congestion_point=point.address,
            first_day=date(year, 1, 1), last_day=date(year, 12, 31), window_start=CONTRACT_WINDOW[0],
            window_end=CONTRACT_WINDOW[1], power_w=-round(power_kw * 1000), availability_eur_per_mw_h=10.0,
            penalty_eur_per_mwh=1000.0,
        )  # fmt: skip
    return tuple(made.values())


def _unsteered_kw(recipe: Recipe, population: Population) -> tuple[dict[str, Floats], dict[str, Floats]]:
    """Return per connection its load, with heat pumps that follow demand, and its solar power; (T,) in kW each."""
    first = [f for f in population.forecasts if f.period == recipe.period]
    value = {(f.resource, f.quantity): np.array(f.values) for f in first}
    nothing = np.zeros(recipe.period.isp_count)
    load: dict[str, Floats] = {}
    sun: dict[str, Floats] = {}
    for fixed in population.of(FixedLoad):
        load[fixed.connection] = load.get(fixed.connection, nothing) + value[fixed.resource, "power_kw"]
    for pump in population.of(HeatPump):
        power_kw = np.minimum(value[pump.resource, "heat_kw"] / value[pump.resource, "cop"], pump.power_kw)
        load[pump.connection] = load.get(pump.connection, nothing) + power_kw
    for generator in population.of(Generator):
        sun[generator.connection] = value[generator.resource, "power_kw"]
    return load, sun


def limits(recipe: Recipe, population: Population) -> tuple[PointLimit, ...]:
    """Return evening import limits at some neighbourhoods, and an export limit at noon where PV is highest."""
    period, year = recipe.period, recipe.period.day.year
    load, sun = _unsteered_kw(recipe, population)
    nothing = np.zeros(period.isp_count)
    streets = [p for p in population.points if p.address not in population.parks]

    def agreed(point: str, window: tuple[time, time], import_kw: float | None, export_kw: float | None) -> PointLimit:
        return PointLimit(
            congestion_point=point, first_day=date(year, 1, 1), last_day=date(year, 12, 31), window_start=window[0],
            window_end=window[1], import_kw=import_kw, export_kw=export_kw,
            penalty_eur_per_mwh=LIMIT_PENALTY_EUR_PER_MWH,
        )  # fmt: skip

    rows = []
    evening = np.array(in_window(period, *EVENING))
    for point in streets[:: recipe.limit_every]:
        total = sum((load.get(c, nothing) for c in point.connections), nothing)
        rows.append(agreed(point.address, EVENING, round(float(total[evening].max()) * recipe.evening_share, 1), None))
    noon = np.array(in_window(period, *NOON))
    surplus = {
        point.address: -sum((load.get(c, nothing) + sun.get(c, nothing) for c in point.connections), nothing)[
            noon
        ].min()
        for point in streets
    }
    sunniest = max(surplus, key=lambda address: surplus[address])
    if surplus[sunniest] > 1.0:
        rows.append(agreed(sunniest, NOON, None, round(float(surplus[sunniest]) * NOON_SHARE, 1)))
    return tuple(rows)


def _price_rows(series: str, period: Period, values: Floats, group: list[int]) -> list[Price]:
    """Return one price per sequence of ISPs with the same number in `group`."""
    starts = period.starts()
    rows = []
    edges = [i for i in range(len(group)) if i == 0 or group[i] != group[i - 1]]
    for first, after in zip(edges, [*edges[1:], len(group)], strict=True):
        rows.append(
            Price(
                series=series, start=starts[first],
                minutes=(after - first) * period.isp_minutes, value=round(float(values[first]), 2),
            )
        )  # fmt: skip
    return rows


def _synthetic(period: Period, random: np.random.Generator, noise: float) -> Floats:
    """Return a synthetic day-ahead curve in EUR/MWh: a morning and an evening peak, a dip at noon, normal noise."""
    hour = np.array([s.astimezone(period.tz).hour + s.minute / 60 for s in period.starts()])
    peaks = 25 * np.exp(-(((hour - 8) / 2) ** 2)) + 60 * np.exp(-(((hour - 19.5) / 2.2) ** 2))
    return np.asarray(70 + peaks - 75 * np.exp(-(((hour - 13) / 3) ** 2)) + random.normal(0, noise, len(hour)))


def _day_before(period: Period, before: Floats) -> Floats:
    """Return the previous day's values at the same wall-clock time: the naive forecast."""
    known = {s.astimezone(period.tz).time(): v for s, v in zip(period.previous().starts(), before, strict=True)}
    last, values = float(before[0]), []
    for start in period.starts():
        last = float(known.get(start.astimezone(period.tz).time(), last))
        values.append(last)
    return np.array(values)


def prices(recipe: Recipe, profiles: Profiles) -> tuple[Price, ...]:
    """Return day-ahead prices of the Periods and the day before, the naive forecast, and capacity prices per block."""
    periods, before = recipe.periods(), recipe.period.previous()
    random = np.random.default_rng([recipe.seed, 1])
    if recipe.real_prices:
        known, step = [profiles.day_ahead(day) for day in (before, *periods)], 60
    else:
        known, step = [_synthetic(day, random, 6.0) for day in (before, *periods)], before.isp_minutes
    series = [(before, known[0], "day_ahead")]
    for day, yesterday, today in zip(periods, known, known[1:], strict=False):
        series += [(day, _day_before(day, yesterday), "day_ahead_forecast"), (day, today, "day_ahead")]
    rows = []
    for day, values, name in series:
        products = [i * day.isp_minutes // step for i in range(day.isp_count)]
        rows += _price_rows(name, day, values, products)
    for name, (median, spread, factors) in CAPACITY.items():
        for day in periods:
            block = day.blocks(4)
            drawn = median * np.array(factors) * np.exp(spread * random.standard_normal(6))
            rows += _price_rows(name, day, drawn[np.array(block)], block)
    return tuple(rows)
