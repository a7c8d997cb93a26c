"""Forecasts of our own of a scenario's days: each made at its day's first plan, from what was known then.

What is forecast is what has a history in the scenario. Of it, the tables say what then happens: a price is known once
its auction is published, the power of a load or generator when the day is over, a charging session when it begins. So a
past day can be played as it would have been, and no plan sees what came later. Source: docs/how-to/forecast.md.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from hashlib import sha256

import numpy as np
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

from agr.connectors.actuals import ActualRow
from agr.domain.errors import PlanError
from agr.domain.isp import Period, period_of
from agr.domain.kinds.ev_session import EvSession
from agr.domain.kinds.fixed_load import FixedLoad
from agr.domain.kinds.generator import Generator
from agr.domain.kinds.quantities import POWER
from agr.domain.register import Portfolio
from agr.forecasting import (
    DayForecast,
    Days,
    Forecasting,
    ForecastModelError,
    Observed,
    days_of,
    forecast,
    slot_minutes,
)
from agr.forecasting.models.registry import ALIKE
from agr.forecasting.sessions import ELSEWHERE, SESSION_SERIES, Session, count
from agr.planning.memory_inputs import KnownBeforehand
from agr.planning.stand_ins import points_by_group
from agr.scenario.description import OwnForecasts
from agr.scenario.scenario import Forecasts, Scenario
from agr.store.forecast_runs import POWER_SERIES, ForecastRun

Floats = NDArray[np.float64]
LEARNED, ALIKE_DAYS = timedelta(days=1100), timedelta(days=100)
"""How far back prices are learned from, and how far back similar days are looked for."""
PUBLISHED_AFTER = timedelta(hours=1)
"""How long after the gate results of capacity auctions are usually published."""
HOUR = 60


def known_beforehand(scenario: Scenario) -> Scenario:
    """Return the scenario as if everything in its tables were known from the start."""
    planning = scenario.description.planning
    sessions = planning.sessions.model_copy(update={"stand_in": False})
    update = {"forecasts": None, "planning": planning.model_copy(update={"sessions": sessions})}
    return replace(scenario, description=scenario.description.model_copy(update=update))


def forecast_prices(scenario: Scenario) -> dict[str, str]:
    """Return price series that are forecast → the series that plans would take a given forecast from."""
    own, market = scenario.description.forecasts, scenario.description.markets.day_ahead
    if own is None or not own.prices:
        return {}
    capacity = {product.series for product in scenario.description.markets.capacity if product.max_mw > 0}
    names = {market.series: market.forecast_series} | {name: name for name in capacity}
    return {name: given for name, given in names.items() if name in scenario.past.series}


def forecast_powers(scenario: Scenario) -> dict[str, bool]:
    """Return the loads and generators that are forecast → whether it is a generator."""
    own = scenario.description.forecasts
    if own is None or not own.loads:
        return {}
    found = {row.resource: kind is Generator for kind in (FixedLoad, Generator) for row in scenario.register.of(kind)}
    return {name: sun for name, sun in found.items() if POWER_SERIES + name in scenario.past.series}


def published(scenario: Scenario, series: str, period: Period) -> datetime:
    """Return when the prices of a Period are known."""
    described = scenario.description
    for product in described.markets.capacity:
        if product.series == series:
            return product.gate.gate(product.name).instant(period) + PUBLISHED_AFTER
    return dict(described.timetable.moments(period))["day_ahead_results"]


def arrivals(scenario: Scenario) -> dict[str, datetime]:
    """Return the sessions that nobody knows before they begin → when that is."""
    own = scenario.description.forecasts
    if own is None or own.sessions is None:
        return {}
    return {row.resource: row.arrival for row in scenario.register.of(EvSession) if row.resource not in own.booked}


def as_known(scenario: Scenario, periods: Sequence[Period], world: KnownBeforehand) -> KnownBeforehand:
    """Return what is known before the days begin, with the forecasts that will be made.

    Raises PlanError, saying why, where one cannot be made.
    """
    if scenario.description.forecasts is None:
        return world
    prices, powers, cars = forecast_prices(scenario), forecast_powers(scenario), arrivals(scenario)
    made = (run for period in periods for run in forecast_runs(scenario, period))
    runs = tuple(replace(run, id=number) for number, run in enumerate(made, start=1))
    given = {forecast for series, forecast in prices.items() if forecast != series}
    begins = first_plan(scenario, periods[0])
    register = replace(
        world.register, prices=tuple(row for row in world.register.prices if row.series not in given)
    )  # fmt: skip
    hidden: Forecasts = {
        day: {key: values for key, values in known.items() if key not in {(name, POWER.name) for name in powers}}
        for day, known in world.forecasts.items()
    }
    return replace(
        world, register=register, forecasts=hidden, runs=runs, unpublished=frozenset(prices),
        to_come=frozenset(name for name, at in cars.items() if at > begins),
    )  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class Wanted:
    """A series to forecast, from the values that were known."""

    series: str
    known: Sequence[Observed]
    minutes: int
    model: str
    least: float = -np.inf
    most: float = np.inf


def forecast_runs(scenario: Scenario, period: Period) -> list[ForecastRun]:
    """Return the forecasts of a Period. Raises PlanError, saying why, where one cannot be made."""
    own = scenario.description.forecasts
    if own is None:
        return []
    moment = first_plan(scenario, period)
    with threadpool_limits(1):  # the same bits on every machine, and no threads that wait for each other
        wanted = (
            *prices_wanted(scenario, own, moment), *powers_wanted(scenario, forecast_powers(scenario), period, moment),
            *sessions_wanted(scenario, period, moment),
        )  # fmt: skip
        return [run_of(scenario, own, one, period, moment) for one in wanted]


def first_plan(scenario: Scenario, period: Period) -> datetime:
    """Return when the first plan of a Period is made."""
    return dict(scenario.description.timetable.moments(period))["first_plan"]


def run_of(scenario: Scenario, own: OwnForecasts, one: Wanted, period: Period, moment: datetime) -> ForecastRun:
    """Return the forecast of a series for a Period. Raises PlanError, saying why, where it cannot be made."""
    if not one.known:
        raise PlanError(f"{one.series} cannot be forecast for {period}: nothing of it is known at {moment}")
    days = days_of(one.known, period.zone_name, one.minutes, country=own.country)
    made = _made(scenario, one, days, period)
    of = Period(period.day, period.zone_name, one.minutes)
    mean = np.clip(days.on(made.mean, of), one.least, one.most)
    return ForecastRun(
        series=one.series, model=made.model, made_at=moment, period=period.day, minutes=one.minutes, mean=mean,
        notes=made.notes,
    )  # fmt: skip


def _made(scenario: Scenario, one: Wanted, days: Days, period: Period) -> DayForecast:
    row = days.row(period.day)
    digest = sha256(days.known(row).values.tobytes() + f"{one.model} {days.first} {row} {days.country}".encode())
    key = digest.hexdigest()
    if key not in scenario.past.made:
        try:
            scenario.past.made[key] = forecast(days, row, Forecasting(model=one.model, bands=False))
        except ForecastModelError as error:
            raise PlanError(f"{one.series} cannot be forecast for {period}: {error}") from error
    return scenario.past.made[key]


def prices_wanted(scenario: Scenario, own: OwnForecasts, moment: datetime) -> Iterator[Wanted]:
    """Yield the price series that are forecast, with what was known of them by then."""
    for name in forecast_prices(scenario):
        known = [*_history(scenario, name, moment), *_earlier_prices(scenario, name, moment)]
        recent = [one for one in known if one.start >= moment - LEARNED]
        yield Wanted(series=name, known=recent, minutes=slot_minutes(recent), model=own.model)


def powers_wanted(
    scenario: Scenario, powers: Mapping[str, bool], period: Period, moment: datetime
) -> Iterator[Wanted]:  # fmt: skip
    """Yield the series of loads and generators (→ whether it is one), with what was known of them by then."""
    for name, sun in powers.items():
        known = [*_history(scenario, POWER_SERIES + name, moment), *_earlier_powers(scenario, name, moment)]
        recent = [one for one in known if one.start >= moment - ALIKE_DAYS]
        minutes = max(slot_minutes(recent), period.isp_minutes)
        yield Wanted(
            series=POWER_SERIES + name, known=recent, minutes=minutes, model=ALIKE, most=0.0 if sun else np.inf
        )  # fmt: skip


def sessions_wanted(scenario: Scenario, period: Period, moment: datetime) -> Iterator[Wanted]:
    """Yield the series of charging sessions by group, with what was counted by then."""
    for name, recent in _counted(scenario, period, moment).items():
        yield Wanted(series=name, known=recent, minutes=HOUR, model=ALIKE, least=0.0)


def _history(scenario: Scenario, series: str, moment: datetime) -> Iterator[Observed]:
    """Yield what was known of a series: prices from their publication on, other values when their interval is over."""
    at = dict[date, datetime]()
    price = series in forecast_prices(scenario)
    for row in scenario.past.series.get(series, ()):
        if (row.received_at or _come(scenario, row, at, price=price)) <= moment:
            yield row.observed


def _come(scenario: Scenario, row: ActualRow, at: dict[date, datetime], *, price: bool) -> datetime:
    if not price:
        return row.observed.start + timedelta(minutes=row.observed.minutes)
    period = period_of(row.observed.start, scenario.description.zone, scenario.description.isp_minutes)
    if period.day not in at:
        at[period.day] = published(scenario, row.series, period)
    return at[period.day]


def _earlier_prices(scenario: Scenario, series: str, moment: datetime) -> Iterator[Observed]:
    """Yield the prices of the scenario's tables that were published by then."""
    for period in scenario.description.periods():
        if published(scenario, series, period) <= moment:
            for row in scenario.register.prices:
                if row.series == series and period.start <= row.start < period.end:
                    yield Observed(start=row.start, minutes=row.minutes, value=row.value)


def _earlier_powers(scenario: Scenario, resource: str, moment: datetime) -> Iterator[Observed]:
    for period in scenario.description.periods():
        values = scenario.forecasts.get(period.day, {}).get((resource, POWER.name))
        if period.end <= moment and values is not None:
            for start, value in zip(period.starts(), values, strict=True):
                yield Observed(start=start, minutes=period.isp_minutes, value=float(value))


def _counted(scenario: Scenario, period: Period, moment: datetime) -> dict[str, list[Observed]]:
    """Return the series of charging sessions by group, of the days that were counted by then."""
    found: dict[str, list[Observed]] = {}
    oldest = period_of(moment - ALIKE_DAYS, period.zone_name, HOUR)
    for group, sessions in _sessions(scenario, period).items():
        first = period_of(min(one.arrival for one in sessions), period.zone_name, HOUR)
        day, recent = max(first, oldest, key=lambda one: one.day), dict[date, list[Session]]()
        for one in sessions:
            if oldest.start <= one.arrival < moment:
                recent.setdefault(period_of(one.arrival, period.zone_name, HOUR).day, []).append(one)
        while day.end <= moment:
            counted = count(recent.get(day.day, ()), day)
            for begins, values in counted.series() if counted.known_at <= moment else ():
                found.setdefault(begins + group, []).extend(
                    Observed(start=start, minutes=HOUR, value=float(value))
                    for start, value in zip(day.starts(), values, strict=True)
                )
            day = day.next()
    names = (begins + group for group in sorted(scenario.past.sessions) for begins in SESSION_SERIES)
    return {name: found.get(name, []) for name in names}


def counted_on(scenario: Scenario, series: str, period: Period) -> Floats:
    """Return what came of a group's series per interval of a Period, (N,), of sessions that are in the tables."""
    begins = next(begins for begins in SESSION_SERIES if series.startswith(begins))
    sessions = _sessions(scenario, period).get(series.removeprefix(begins), [])
    return dict(count(sessions, period).series())[begins]


def _sessions(scenario: Scenario, period: Period) -> dict[str, list[Session]]:
    """Return the sessions of each group: those before the first day, and those of the tables."""
    found = {group: [row.session for row in rows] for group, rows in scenario.past.sessions.items()}
    portfolio = Portfolio(period=period, points=scenario.points, free_connections=scenario.free_connections)
    points = points_by_group(scenario.register, portfolio)
    group_of = {row.connection: group for group, rows in points.items() for row in rows}
    for row in scenario.register.of(EvSession):
        group = group_of.get(row.connection, ELSEWHERE)
        if group in found:
            found[group].append(Session(arrival=row.arrival, departure=row.departure, energy_kwh=row.energy_kwh))
    return found
