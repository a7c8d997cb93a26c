"""Price series of any resolution, mapped to the ISPs of a Period."""

from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agr.domain.isp import Period
from agr.domain.price import values_on
from agr.domain.register import Price

DAY = Period(date(2026, 6, 1))
MIDNIGHT = datetime(2026, 5, 31, 22, tzinfo=UTC)  # 2026-06-01 00:00 +02:00


def price(minute, minutes, value, series="day_ahead"):
    return Price(series=series, start=MIDNIGHT + timedelta(minutes=minute), minutes=minutes, value=value)


def test_hourly_prices_hold_for_each_quarter():
    values = values_on([price(60 * h, 60, h + 0.1) for h in range(24)], "day_ahead", DAY)
    assert values == tuple(isp // 4 + 0.1 for isp in range(96))


def test_finer_prices_are_averaged():
    values = values_on([price(0, 5, 1.0), price(5, 5, 2.0), price(10, 5, 6.0)], "day_ahead", DAY)
    assert values[0] == pytest.approx(3.0)  # (1 + 2 + 6) / 3
    assert values[1:] == (None,) * 95


def test_an_isp_with_a_part_missing_has_no_price():
    assert values_on([price(0, 14, 1.0), price(15, 15, 2.0)], "day_ahead", DAY)[:2] == (None, 2.0)


def test_prices_of_the_days_around_and_of_other_series_are_left_out():
    rows = [price(-60, 60, 1.0), price(1440, 60, 2.0), price(0, 1440, 3.0, series="other")]
    assert values_on(rows, "day_ahead", DAY) == (None,) * 96


def test_a_price_that_began_before_midnight_counts_from_midnight():
    assert values_on([price(-30, 60, 7.0)], "day_ahead", DAY)[:3] == (7.0, 7.0, None)


def test_where_two_overlap_the_later_start_counts_in_any_order():
    rows = [price(15, 15, 9.0), price(0, 60, 1.0)]
    assert values_on(rows, "day_ahead", DAY)[:5] == (1.0, 9.0, 1.0, 1.0, None)


@pytest.mark.parametrize(("day", "count"), [(date(2026, 3, 29), 92), (date(2026, 10, 25), 100)])
def test_on_dst_days_every_isp_gets_its_own_price(day, count):
    period = Period(day)
    rows = [Price(series="s", start=start, minutes=15, value=float(i)) for i, start in enumerate(period.starts())]
    assert values_on(reversed(rows), "s", period) == tuple(float(i) for i in range(count))


@given(st.lists(st.floats(-1e6, 1e6), min_size=96, max_size=96))
def test_prices_of_one_isp_come_back_exactly(numbers):
    assert values_on([price(15 * i, 15, v) for i, v in enumerate(numbers)], "day_ahead", DAY) == tuple(numbers)
