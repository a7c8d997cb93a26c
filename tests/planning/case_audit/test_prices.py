"""Prices per ISP against the rows of the table: any resolution, overlaps, gaps, and days on which clocks change."""

from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from agr.domain.isp import Period
from agr.domain.price import values_on
from agr.domain.register import Price
from agr.planning.case_audit import audit_prices
from tests.builders.entered import DAYS, world


def rows(day: date) -> st.SearchStrategy[list[Price]]:
    """Return prices of two series that may overlap and leave gaps."""
    return st.lists(
        st.builds(
            lambda series, begin, minutes, value: Price(
                series=series, start=datetime.combine(day, time(0), UTC) + timedelta(minutes=begin), minutes=minutes,
                value=value,
            ),
            st.sampled_from(("day_ahead_forecast", "day_ahead")), st.integers(-300, 1500),
            st.sampled_from((5, 15, 60, 240, 1440)), st.floats(-100, 300),
        ),
        max_size=12,
    )  # fmt: skip


def per_isp(quoted: list[Price], period: Period) -> dict[str, Any]:
    return {name: values_on(quoted, name, period) for name in {row.series for row in quoted}}


@given(st.sampled_from(DAYS), st.data())
@settings(max_examples=80, deadline=None)
def test_prices_as_they_are_read_have_no_findings(day: date, data: st.DataObject) -> None:
    quoted, period = data.draw(rows(day)), Period(day)
    inputs = replace(world(period, ()), prices=per_isp(quoted, period))
    assert audit_prices(inputs, quoted) == ()


def hourly(day: date, period: Period) -> list[Price]:
    hours = period.isp_count // 4
    return [
        Price(series="day_ahead_forecast", start=period.start + timedelta(hours=h), minutes=60, value=40.0 + h)
        for h in range(hours)
    ]


@given(st.sampled_from(DAYS), st.integers(-4, 4).filter(bool), st.sampled_from((1.0, -1.0)))
@settings(max_examples=30, deadline=None)
def test_prices_that_are_moved_or_turned_round_are_found(day: date, isps: int, sign: float) -> None:
    period = Period(day)
    quoted = hourly(day, period)
    values = [sign * value for value in values_on(quoted, "day_ahead_forecast", period) if value is not None]
    inputs = replace(
        world(period, ()),
        prices={"day_ahead_forecast": tuple(values[(i - isps) % len(values)] for i in range(len(values)))},
    )
    assert any("prices day_ahead_forecast" in words for words in audit_prices(inputs, quoted))


def test_results_may_be_unknown_before_the_gate_but_not_other_than_they_are() -> None:
    period = Period(DAYS[0])
    quoted = hourly(DAYS[0], period)
    quoted += [replace(row, series="day_ahead", value=row.value + 1) for row in quoted]
    known = per_isp(quoted, period)
    nothing = {**known, "day_ahead": (None,) * 96}
    assert audit_prices(replace(world(period, ()), prices=nothing), quoted) == ()
    swapped = {**known, "day_ahead": known["day_ahead_forecast"]}
    assert audit_prices(replace(world(period, ()), prices=swapped), quoted)
