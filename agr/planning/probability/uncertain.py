"""What is known of the errors of forecasts, and which congestion points' reservations they concern."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from math import ceil

import numpy as np
from numpy.typing import NDArray

from agr.domain.isp import Period
from agr.domain.kinds.quantities import POWER
from agr.domain.register import Portfolio, Register
from agr.forecasting.error_days import ErrorDays, PastForecasts, error_days
from agr.forecasting.sessions import SESSION_SERIES
from agr.planning.case import Inputs
from agr.planning.case.build import reserved_kw
from agr.settings.promises import Promises
from agr.store.forecast_runs import POWER_SERIES, ForecastRun

LEAST_FRESH = 10
"""Fewest days on which a promise is counted: fewer would say nothing."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Uncertain:
    """The part of a plan's inputs at promised congestion points, and the errors of its forecasts."""

    inputs: Inputs  # without the sessions that stand in
    session_runs: Mapping[Period, Mapping[str, ForecastRun]]  # from which they are made; empty: none stand in
    now: datetime
    price_series: str | None  # None: prices are results, and certain
    errors: ErrorDays

    @property
    def points(self) -> tuple[str, ...]:
        """The promised congestion points."""
        return tuple(point.address for point in self.inputs.portfolio.points)


@dataclass(frozen=True, kw_only=True)
class DaySplit:
    """Which of the known days are planned for, which make the margin, and which are counted on."""

    planned: tuple[int, ...]
    margin: tuple[int, ...]
    fresh: tuple[int, ...]


def least_margin(promises: Promises) -> int:
    """Return how many days a margin takes at least."""
    return ceil(promises.probability / (1 - promises.probability) - 1e-9)


def least_days(promises: Promises) -> int:
    """Return how many days with known errors it takes to promise anything."""
    return promises.scenarios + least_margin(promises) + LEAST_FRESH


def split(promises: Promises, days: int, period: Period) -> DaySplit:
    """Deal the known days out: at random, the same way for the same seed, Period and number of days."""
    order = np.random.default_rng([promises.seed, period.day.toordinal()]).permutation(days).tolist()
    others = days - promises.scenarios
    margin = max(min(others // 2, others - LEAST_FRESH), least_margin(promises))
    first, second = promises.scenarios, promises.scenarios + margin
    return DaySplit(planned=tuple(order[:first]), margin=tuple(order[first:second]), fresh=tuple(order[second:]))


def promised_points(inputs: Inputs) -> frozenset[str]:
    """Return the congestion points where something is reserved that may still be called."""
    known = {point.address for point in inputs.portfolio.points}
    return frozenset(
        one.congestion_point
        for one in inputs.register.contracts
        if one.congestion_point in known and reserved_kw(inputs, one)[0].any()
    )


def series_of(inputs: Inputs, points: frozenset[str], price_series: str | None, sessions: bool) -> tuple[str, ...]:
    """Return the series whose errors matter to plans of these congestion points."""
    connection_of = inputs.register.connection_of()
    at = inputs.portfolio.point_of()
    powers = (
        POWER_SERIES + name
        for name, quantity in sorted(inputs.forecasts)
        if quantity == POWER.name and at.get(connection_of.get(name, "")) in points
    )
    cars = (begins + point for point in sorted(points) for begins in SESSION_SERIES) if sessions else ()
    return (*powers, *cars, *(() if price_series is None else (price_series,)))


def uncertain(
    inputs: Inputs, points: frozenset[str], session_runs: Mapping[Period, Mapping[str, ForecastRun]],
    past: PastForecasts,
    now: datetime, price_series: str | None,
) -> Uncertain:  # fmt: skip
    """Return what is known; `inputs` are the whole portfolio's, before sessions stand in."""
    known = error_days(past.predicted, past.observed, inputs.period, least_days(inputs.planning.promises))
    return Uncertain(
        inputs=only(inputs, points), session_runs=session_runs, now=now, errors=known,
        price_series=price_series if price_series in known.errors else None,
    )  # fmt: skip


def only(inputs: Inputs, points: frozenset[str]) -> Inputs:
    """Return the inputs with nothing but what lies at some congestion points."""
    kept = tuple(point for point in inputs.portfolio.points if point.address in points)
    here = {connection for point in kept for connection in point.connections}
    known = inputs.register
    resources = tuple(row for row in known.resources if row.connection in here)
    names = {row.resource for row in resources}
    return replace(
        inputs,
        portfolio=Portfolio(period=inputs.portfolio.period, points=kept),
        register=Register(
            connections=tuple(row for row in known.connections if row.address in here),
            resources=resources,
            contracts=tuple(row for row in known.contracts if row.congestion_point in points),
            limits=tuple(row for row in known.limits if row.congestion_point in points),
            limit_groups=known.limit_groups,
            connection_limits=known.connection_limits,
            charge_points=tuple(row for row in known.charge_points if row.connection in here),
            connection_tariffs=known.connection_tariffs,
        ),
        forecasts={key: values for key, values in inputs.forecasts.items() if key[0] in names},
        stay_eur_per_mwh=0.0,
    )


def totals(known: Uncertain, place: int, point: str) -> dict[str, tuple[float, float]]:
    """Return the cars, load and generation of a drawn day at a congestion point, each with its forecast."""
    found: dict[str, list[NDArray[np.float64]]] = {}
    period, inputs = known.inputs.period, known.inputs
    here = {c for one in inputs.portfolio.points if one.address == point for c in one.connections}
    connection_of = inputs.register.connection_of()
    for (name, quantity), values in inputs.forecasts.items():
        series = POWER_SERIES + name
        if quantity == POWER.name and connection_of.get(name) in here and series in known.errors.errors:
            error = known.errors.on(series, place, period, period.isp_minutes)
            what = "generation" if values.sum() < 0 else "load"
            found.setdefault(what, []).append(np.abs(np.array([(values + error).sum(), values.sum()])))
    run = known.session_runs.get(period, {}).get(SESSION_SERIES[0] + point)
    if run is not None and run.series in known.errors.errors:
        error = known.errors.on(run.series, place, period, run.minutes)
        found["cars"] = [np.array([np.maximum(run.mean + error, 0.0).sum(), run.mean.sum()])]
    sums = {what: np.sum(rows, axis=0).tolist() for what, rows in found.items()}
    return {what: (drawn, forecast) for what, (drawn, forecast) in sums.items()}
