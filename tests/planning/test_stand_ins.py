"""What stands in for missing inputs: forecasts of an earlier day by the clock on the wall, results for a forecast."""

from datetime import date, datetime, time, timedelta

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agr.domain.isp import Period, local_instant
from agr.domain.kinds.fixed_load import FixedLoad
from agr.domain.kinds.heat_pump import HeatPump
from agr.domain.price import values_on
from agr.domain.register import Connection, Price, Register
from agr.planning.case import Inputs
from agr.planning.inputs import read_inputs
from agr.planning.memory_inputs import KnownBeforehand
from agr.planning.memory_plans import MemoryPlans
from agr.scenario.description import Description

FIRST = date(2026, 1, 1)
SPRING, AUTUMN = date(2026, 3, 29), date(2026, 10, 25)


def day_prices(series: str, period: Period, value: float = 50.0) -> tuple[Price, ...]:
    return tuple(Price(series=series, start=start, minutes=15, value=value) for start in period.starts())


def read(period: Period, known: Period, now: datetime | None = None, prices: tuple[Price, ...] = ()) -> Inputs:
    """Return the inputs of a Period for which an earlier day's forecasts stand in: each is the local hour."""
    hour = np.array([start.astimezone(known.tz).hour for start in known.starts()], dtype=float)
    register = Register(
        connections=(Connection(address="a", first_day=FIRST),),
        resources=(
            FixedLoad(resource="load", connection="a"),
            HeatPump(resource="pump", connection="a", power_kw=30, buffer_kwh=10, initial_kwh=5, end_kwh=0),
        ),
        prices=prices or day_prices("day_ahead_forecast", period),
    )
    forecasts = {known.day: {("load", "power_kw"): hour, ("pump", "heat_kw"): hour / 10}}
    plans = MemoryPlans(KnownBeforehand(register=register, points=(), free_connections=("a",), forecasts=forecasts))
    described = Description(title="t", question="?", period=period.day)
    found = read_inputs(plans, described, period, now or period.start - timedelta(hours=12))
    assert found is not None
    return found.inputs


@pytest.mark.parametrize(
    ("known", "planned", "isps"),
    [(date(2026, 3, 28), SPRING, 92), (date(2026, 10, 24), AUTUMN, 100), (SPRING, date(2026, 3, 30), 96),
     (AUTUMN, date(2026, 10, 26), 96), (SPRING, AUTUMN, 100)],
)  # fmt: skip
def test_stand_in_forecasts_on_days_of_92_and_100_isps_keep_to_the_clock(known: date, planned: date, isps: int) -> None:
    """The load is 8 kW at 08:00 whatever happened at night; by elapsed time it would be 7 or 9.

    The same holds for a heat demand. 02:00 of a day that follows a skipped hour takes 03:00.
    """
    period = Period(planned)
    found = read(period, Period(known))
    load, heat = found.forecasts["load", "power_kw"], found.forecasts["pump", "heat_kw"]
    assert len(load) == period.isp_count == isps
    hours = [start.astimezone(period.tz).hour for start in period.starts()]
    skipped = {2} if known == SPRING else set()
    assert [int(v) for h, v in zip(hours, load, strict=True) if h not in skipped] == [
        h for h in hours if h not in skipped
    ]
    assert {int(v) for h, v in zip(hours, load, strict=True) if h in skipped} <= {3}
    np.testing.assert_allclose(heat, load / 10)


@given(st.dates(FIRST, date(2030, 12, 30)), st.integers(1, 300), st.integers(4, 23))
@settings(max_examples=60, deadline=None)
def test_stand_in_forecasts_agree_at_every_hour_that_both_days_have_once(first: date, later: int, hour: int) -> None:
    period = Period(first + timedelta(days=later))
    found = read(period, Period(first)).forecasts["load", "power_kw"]
    isp = period.isp_of(local_instant(period.day, time(hour), period.tz)) - 1
    assert found[isp : isp + 4].tolist() == [float(hour)] * 4


def test_before_the_gate_results_stand_in_only_where_there_is_no_forecast() -> None:
    """The forecast covers the morning. The results, which are known in a scenario, fill the afternoon only."""
    period = Period(date(2026, 6, 10))
    expected, results = day_prices("day_ahead_forecast", period, 40.0)[:48], day_prices("day_ahead", period, 90.0)
    early = local_instant(date(2026, 6, 9), time(8), period.tz)
    found = read(period, period.previous(), early, (*expected, *results)).prices
    assert found["day_ahead"][:48] == (None,) * 48
    assert found["day_ahead"][48:] == (90.0,) * 48
    late = local_instant(date(2026, 6, 9), time(13), period.tz)
    assert read(period, period.previous(), late, (*expected, *results)).prices["day_ahead"] == (90.0,) * 96


def test_of_prices_that_begin_together_the_shorter_one_counts() -> None:
    """An hour at 60 and its first quarter at 20, in either order."""
    period = Period(date(2026, 6, 10))
    hour, quarter = (Price(series="s", start=period.start, minutes=m, value=v) for m, v in ((60, 60.0), (15, 20.0)))
    for prices in ((hour, quarter), (quarter, hour)):
        assert values_on(prices, "s", period)[:5] == (20.0, 60.0, 60.0, 60.0, None)
