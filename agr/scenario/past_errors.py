"""How wrong forecasts of the days before a scenario's first one would have been: what promises are drawn from.

Each is made again as of its day's first plan, by the models that forecast the scenario's days, from what was known
then. Of prices a model learns again once a month, not every day. Source: docs/explanation/promises.md §6.
"""

from collections.abc import Iterator, Sequence
from contextlib import suppress
from datetime import timedelta

import numpy as np
from threadpoolctl import threadpool_limits

from agr.domain.errors import PlanError
from agr.domain.isp import Period
from agr.forecasting import Observed, days_of, model, rolling
from agr.forecasting.error_days import NOTHING_PAST, PastForecasts, Predicted
from agr.forecasting.forecast import LEAST_DAYS
from agr.forecasting.models.registry import ALIKE
from agr.scenario.description import OwnForecasts
from agr.scenario.own_forecasts import (
    Wanted,
    first_plan,
    forecast_powers,
    powers_wanted,
    prices_wanted,
    published,
    run_of,
    sessions_wanted,
)
from agr.scenario.scenario import Scenario

_LEARNS_AFTER_DAYS = 30


def past_errors(scenario: Scenario, first: Period) -> PastForecasts:
    """Return what would have been forecast of the days before the first Period, and what happened.

    Nothing where reservations are not planned by probability, and no day for which too little was known to forecast it.
    """
    own, promises = scenario.description.forecasts, scenario.description.planning.promises
    if own is None or not promises.on or not scenario.register.contracts:
        return NOTHING_PAST
    predicted, observed = dict[str, list[Predicted]](), dict[str, Sequence[Observed]]()
    days = [
        Period(first.day - timedelta(days=back), first.zone_name, first.isp_minutes)
        for back in range(promises.days, 0, -1)
    ]
    with threadpool_limits(1):
        for one in _powers_and_sessions(scenario, first):
            observed[one.series] = one.known
        for of in days:
            moment = first_plan(scenario, of)
            for one in _powers_and_sessions(scenario, of):
                with suppress(PlanError):  # too little was known then: the daemon has no forecast of such a day either
                    run = run_of(scenario, own, one, of, moment)
                    said = Predicted(day=of.day, made_at=moment, minutes=run.minutes, mean=run.mean)
                    predicted.setdefault(one.series, []).append(said)
        for one in prices_wanted(scenario, own, first_plan(scenario, first)):
            if one.series == scenario.description.markets.day_ahead.series:
                observed[one.series] = one.known
                predicted[one.series] = list(_prices(scenario, own, one, days))
    return PastForecasts(predicted=predicted, observed=observed)


def _powers_and_sessions(scenario: Scenario, period: Period) -> Iterator[Wanted]:
    """Yield the series at congestion points with contracts, as known at a Period's first plan."""
    moment = first_plan(scenario, period)
    promised = {contract.congestion_point for contract in scenario.register.contracts}
    here = {name for point in scenario.points if point.address in promised for name in point.connections}
    connection_of = scenario.register.connection_of()
    powers = {name: sun for name, sun in forecast_powers(scenario).items() if connection_of[name] in here}
    yield from powers_wanted(scenario, powers, period, moment)
    for one in sessions_wanted(scenario, period, moment):
        if one.series.partition(" ")[2] in promised:
            yield one


def _prices(scenario: Scenario, own: OwnForecasts, one: Wanted, periods: Sequence[Period]) -> Iterator[Predicted]:
    """Yield the price as it would have been forecast on each day: by alike days until the model knows enough."""
    if not one.known:
        return
    days = days_of(one.known, periods[0].zone_name, one.minutes, country=own.country)
    chosen = model(own.model)
    rows = [row for of in periods if LEAST_DAYS < (row := days.row(of.day)) < len(days.values)]
    if not rows:
        return
    lead = 1 if published(scenario, one.series, periods[0].previous()) <= first_plan(scenario, periods[0]) else 2
    enough = max(min(rows), min(chosen.least_days + lead, max(rows) + 1))
    parts = [(model(ALIKE), min(rows), enough), (chosen, enough, max(rows) + 1)]
    for learned, begin, end in parts:
        if begin >= end:
            continue
        found = rolling(days, learned, begin, end, lead=lead, refit_days=_LEARNS_AFTER_DAYS)
        for row, slots in zip(range(begin, end), found.forecast, strict=True):
            of = days.period(row)
            made_at = first_plan(scenario, Period(of.day, of.zone_name, periods[0].isp_minutes))
            yield Predicted(day=of.day, made_at=made_at, minutes=one.minutes, mean=days.on(np.asarray(slots), of))
