"""How a scenario's day goes on while it runs: regular plans of the rest, what is measured, and prices that turn out."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from agr.domain.isp import Period, period_of
from agr.domain.kinds import KINDS
from agr.domain.plan import Reason, ReasonKind
from agr.planning.measured_now import read_measured
from agr.planning.memory_plans import MemoryPlans
from agr.planning.present import Paths
from agr.scenario.description import DsoRequest, Measurement
from agr.scenario.scenario import Scenario
from agr.schedule.rolling import deviation, rolling_reason


@dataclass(frozen=True, kw_only=True)
class ScenarioEvent:
    """Something that happens to a Period."""

    at: datetime
    period: Period
    happen: Callable[[MemoryPlans], None]
    asks: bool = False  # whether it asks for a plan
    request: DsoRequest | None = None  # what a DSO requests


def course_of(scenario: Scenario, period: Period) -> list[ScenarioEvent]:
    """Return what happens while a Period runs; at the same instant, what is measured comes before a regular plan."""
    differs = [*_measured(scenario, period), *_revealed(scenario, period)]
    return [*differs, *_regular(scenario, period), *(_last(scenario, period) if differs else ())]


def _last(scenario: Scenario, period: Period) -> Iterator[ScenarioEvent]:
    """Yield a last plan, which changes nothing any more: it shows what the day has come to."""
    at = period.end - timedelta(seconds=scenario.description.markets.intraday.closes_before_s)
    reason = Reason(kind=ReasonKind.ROLLING, text="what the day has come to")
    yield ScenarioEvent(at=max(at, period.start), period=period, happen=_asking(period, reason, at), asks=True)


def _regular(scenario: Scenario, period: Period) -> Iterator[ScenarioEvent]:
    every = timedelta(minutes=scenario.description.planning.rolling.every_minutes)
    at = period.start
    while every and at < period.end:
        yield ScenarioEvent(at=at, period=period, happen=_asking(period, rolling_reason(period, at), at), asks=True)
        at += every


def _asking(period: Period, reason: Reason, at: datetime) -> Callable[[MemoryPlans], None]:
    return lambda plans: plans.ask(period, reason, at)


def _running(scenario: Scenario, at: datetime) -> Period:
    return period_of(at, scenario.description.zone, scenario.description.isp_minutes)


def _revealed(scenario: Scenario, period: Period) -> Iterator[ScenarioEvent]:
    for one in scenario.description.revelations:
        if _running(scenario, one.at) == period:
            reason = Reason(kind=ReasonKind.FORECAST, reference=one.becomes, text=f"{one.series} is {one.becomes}")

            def happen(plans: MemoryPlans, series: str = one.series, becomes: str = one.becomes) -> None:
                plans.reveal(series, becomes)

            yield ScenarioEvent(at=one.at, period=period, happen=happen)
            if scenario.description.planning.rolling.on:
                yield ScenarioEvent(at=one.at, period=period, happen=_asking(period, reason, one.at), asks=True)


def _measured(scenario: Scenario, period: Period) -> Iterator[ScenarioEvent]:
    last = dict[str, datetime]()
    for one in scenario.description.measurements:
        if _running(scenario, one.at) == period:
            asks = scenario.description.planning.rolling.on_deviation
            yield ScenarioEvent(at=one.at, period=period, happen=_measuring(scenario, period, one, last), asks=asks)


def _measuring(
    scenario: Scenario, period: Period, one: Measurement, last: dict[str, datetime]
) -> Callable[[MemoryPlans], None]:  # fmt: skip
    """Return what measures a store, and asks for a plan where the settings say so. `last`: when one was asked for."""
    rolling = scenario.description.planning.rolling

    def happen(plans: MemoryPlans) -> None:
        number = plans.number_in_force(period.day)
        paths = Paths(None if number is None else plans.solved(number), period)
        kwh = one.stored_kwh
        if kwh is None:
            planned = paths.at(one.resource, one.at) or 0.0
            kwh = min(max(planned + (one.off_kwh or 0.0), 0.0), _capacity_kwh(scenario, one.resource))
        plans.measure(one.resource, one.at, kwh)
        if not rolling.on_deviation or number is None:
            return
        if "asked" in last and one.at - last["asked"] < timedelta(minutes=rolling.least_minutes):
            return
        found = read_measured(plans, scenario.register, plans.forecasts(period), paths, one.at)
        reason = deviation(found, rolling)
        if reason is not None:
            last["asked"] = one.at
            plans.ask(period, reason, one.at)

    return happen


def _capacity_kwh(scenario: Scenario, resource: str) -> float:
    rows = ((kind, row) for kind in KINDS for row in scenario.register.of(kind.row))
    kwh = next((kind.capacity_kwh(row) for kind, row in rows if row.resource == resource), None)
    return float("inf") if kwh is None else kwh
