"""Where plans look ahead, what batteries and buffers hold counts what it can do on the days after: audited."""

from dataclasses import replace
from datetime import date

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agr.domain.isp import Period
from agr.domain.kinds.battery import Battery
from agr.planning.case import build
from agr.planning.case_audit import audit_case
from agr.settings import Planning
from tests.builders.entered import DAYS, HEAT_PUMP, batteries, world

BATTERY = Battery(
    resource="battery", connection="b", charge_kw=4.0, discharge_kw=3.0, capacity_kwh=10.0, initial_kwh=5.0,
    end_kwh=1.0, charge_efficiency=0.95, discharge_efficiency=0.93, wear_eur_per_mwh=3.0,
)  # fmt: skip
HOURS = st.lists(st.integers(-50, 200), min_size=25, max_size=25)


def looking_ahead(period, resources, days, prices, known):
    """Return the inputs of a day; of so many of the days after, prices (by hours) and heat are known."""
    periods = [period.next(), period.next().next()][:days]
    later = [{"day_ahead_forecast": tuple(float(prices[i // 4]) for i in range(p.isp_count))} for p in periods[:known]]
    heat = tuple(
        {("pump", "heat_kw"): np.linspace(0.5, 4.0, p.isp_count), ("pump", "cop"): np.full(p.isp_count, 2.5)}
        for p in periods[:known]
    )
    return replace(
        world(period, resources), planning=Planning(look_ahead_days=days), later_prices=later[0] if later else {},
        further_prices=tuple([*later[1:], *[{}] * days][: days - 1]),
        later_forecasts=tuple([*heat, *[{}] * days][:days]),
    )  # fmt: skip


@given(st.sampled_from(DAYS), HOURS, st.integers(1, 2), st.integers(0, 2), batteries())
@settings(max_examples=60, deadline=None)
def test_the_worth_of_any_store_has_no_findings(day: date, hours, days, known, battery) -> None:
    inputs = looking_ahead(Period(day), (battery, HEAT_PUMP), days, hours, known)
    assert audit_case(inputs, build(inputs)) == ()


@pytest.mark.parametrize("day", [date(2026, 1, 15), date(2026, 3, 28), date(2026, 10, 24)], ids=str)
def test_a_worth_at_other_prices_or_of_other_heat_is_found(day: date) -> None:
    """The two later days have 92 or 100 ISPs where clocks change on them."""
    hours = [20 + 7 * (hour % 5) for hour in range(25)]
    right = looking_ahead(Period(day), (BATTERY, HEAT_PUMP), 1, hours, 1)
    assert audit_case(right, build(right)) == ()
    dearer = looking_ahead(Period(day), (BATTERY, HEAT_PUMP), 1, [price + 1 for price in hours], 1)
    found = audit_case(right, build(dearer))
    assert {words.split(":")[0] for words in found} == {"case, battery", "case, pump"}
    assert all("worth of what it holds at midnight" in words for words in found)
    warm = replace(right, later_forecasts=tuple({k: 0.5 * v for k, v in one.items()} for one in right.later_forecasts))
    assert {words.split(":")[0] for words in audit_case(right, build(warm))} == {"case, pump"}
    without = replace(right, planning=Planning())
    assert audit_case(without, build(without)) == ()
    assert audit_case(without, build(right)) != ()
