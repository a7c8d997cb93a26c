"""Moments of the market day as settings give them."""

from datetime import UTC, date, datetime, time

import pytest
from pydantic import ValidationError

from agr.domain.isp import Period
from agr.settings import CapacityProduct, MarketTime, Settings, Timetable


def test_moments_of_a_period_are_utc_instants_in_order():
    moments = Timetable().moments(Period(date(2026, 6, 1)))
    assert moments == [
        (name, datetime(2026, 5, day, hour, minute, tzinfo=UTC))  # +02:00
        for name, day, hour, minute in (
            ("portfolio_query", 31, 4, 30), ("portfolio_last_call", 31, 4, 55), ("first_plan", 31, 5, 0),
            ("day_ahead_gate", 31, 10, 0), ("day_ahead_results", 31, 10, 55), ("prognosis_last_safe_start", 31, 12, 45),
            ("prognosis_gate", 31, 13, 0),
        )
    ] + [("retention_job", datetime(2026, 6, 1, 1, 0, tzinfo=UTC))]  # fmt: skip


def test_moments_follow_the_wall_clock_over_a_dst_change():
    before, after = (dict(Timetable().moments(Period(date(2026, 3, day)))) for day in (29, 30))
    assert before["day_ahead_gate"] == datetime(2026, 3, 28, 11, tzinfo=UTC)
    assert after["day_ahead_gate"] == datetime(2026, 3, 29, 10, tzinfo=UTC)


def test_a_capacity_gate_days_ahead_is_compared_by_its_day():
    product = CapacityProduct(
        name="x", direction="up", series="s", max_mw=1, gate=MarketTime(at=time(8), days_before=2)
    )
    with pytest.raises(ValidationError, match="x's gate"):
        Settings(domain="agr.example.com", markets={"capacity": [product]})
