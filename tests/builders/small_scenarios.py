"""Scenarios of a few resources at one connection, for results that can be worked out by hand."""

from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Any

import numpy as np

from agr.domain.isp import Period
from agr.domain.register import CongestionPoint, Connection, Price, Register
from agr.planning.case import Inputs
from agr.planning.inputs import read_inputs
from agr.planning.memory_plans import MemoryPlans
from agr.scenario.day import world_of
from agr.scenario.description import Description, periods_between
from agr.scenario.own_forecasts import as_known
from agr.scenario.record import Run
from agr.scenario.scenario import Scenario

DAY = date(2026, 6, 10)
CONNECTION, POINT = "ea1.2024-01.example.agr:c1", "ea1.2024-01.example.dso:cp"
HOUR = timedelta(hours=1)


def at(hour: float, minute: int = 0, *, day: date = DAY) -> datetime:
    """Return an instant: hours and minutes that have passed since the day's local midnight; 24 is the next midnight."""
    return Period(day).start + hour * HOUR + timedelta(minutes=minute)


def hourly(usual: float, *others: tuple[int, int, float]) -> list[float]:
    """Return 24 hourly prices: `usual`, but others from one hour to another."""
    prices = [usual] * 24
    for first, end, price in others:
        prices[first:end] = [price] * (end - first)
    return prices


def series(name: str, prices: Sequence[float], day: date) -> tuple[Price, ...]:
    """Return hourly prices of a day, beginning at local midnight; the last one lasts to the day's end."""
    hours = int((Period(day).end - Period(day).start) / HOUR)
    values = [*prices, *[prices[-1]] * hours][:hours]
    return tuple(Price(series=name, start=at(h, day=day), minutes=60, value=v) for h, v in enumerate(values))


def small_scenario(
    *resources: Any,
    prices: Sequence[float] | Sequence[Sequence[float]] = (50.0,) * 24,
    days: int = 1,
    first_day: date = DAY,
    names: Sequence[str] = ("day_ahead_forecast", "day_ahead"),
    forecasts: Mapping[tuple[str, str], float] | None = None,
    points: bool = True,
    connections: bool = True,
    isp_minutes: int = 15,
    **described: Any,
) -> Scenario:
    """Return a scenario without intraday trade; `prices` are those of every day, or of one day after the other."""
    last = first_day + timedelta(days=days - 1)
    of_day = prices if isinstance(prices[0], Sequence) else [prices] * (days + 1)
    known = [
        price
        for name in names
        for i, values in enumerate(of_day)
        for price in series(name, values, first_day + timedelta(days=i))  # type: ignore[arg-type]
    ]
    settings = {"markets": {"intraday": {"depth_kw": 0}}} | described
    description = Description.model_validate(
        {
            "title": "small", "question": "what?", "period": first_day, "last_period": last, "agr": "agr.example",
            "cros": ["cro.example"], "dsos": ["dso.example"], "isp_minutes": isp_minutes, **settings,
        }
    )  # fmt: skip
    point = CongestionPoint(
        address=POINT, dso="dso.example", connections=(CONNECTION,) if connections else (),
        intraday_redispatch_by="AGR",
    )  # fmt: skip
    periods = periods_between(Period(first_day, isp_minutes=isp_minutes), last)
    flat = {
        period.day: {key: np.full(period.isp_count, value) for key, value in (forecasts or {}).items()}
        for period in periods
    }
    return Scenario(
        name="small",
        description=description,
        register=Register(
            connections=(Connection(address=CONNECTION, first_day=date(2026, 1, 1)),) if connections else (),
            resources=resources,
            prices=tuple(known),
        ),
        points=(point,) if points else (),
        free_connections=() if points or not connections else (CONNECTION,),
        forecasts=flat if forecasts else {},
    )


def terms(run: Run) -> dict[str, float]:
    """Return the money of the plans in force, summed over the days, by term."""
    return dict(run.outcome["totals"]["terms_eur"])


def last_powers(run: Run, resource: str, column: str = "power_kw") -> dict[datetime, float]:
    """Return instant (UTC) → power of a resource in the last plan of each Period, where it is not 0."""
    mine = run.programs[run.programs["resource"] == resource]
    last = mine.groupby("period", observed=True)["step"].transform(lambda steps: steps.astype(str).iloc[-1])
    rows = mine[mine["step"].astype(str) == last]
    found: dict[Any, float] = rows[column].to_dict()
    return {when.to_pydatetime().astimezone(UTC): kw for when, kw in found.items() if abs(kw) > 1e-9}


def inputs_at(scenario: Scenario, period: Period, now: datetime) -> Inputs:
    """Return the inputs of a Period's first plan at a given moment."""
    plans = MemoryPlans(as_known(scenario, (period,), world_of(scenario)))
    found = read_inputs(plans, scenario.description, period, now)
    assert found is not None
    return found.inputs
