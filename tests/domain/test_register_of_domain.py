"""Windows, contracts and portfolios."""

from dataclasses import FrozenInstanceError
from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agr.domain.isp import Period
from agr.domain.register import CongestionPoint, Contract, Portfolio, in_window, window

SPRING, AUTUMN, ORDINARY = (Period(day) for day in (date(2026, 3, 29), date(2026, 10, 25), date(2026, 6, 1)))
QUARTERS = st.integers(0, 95).map(lambda quarter: time(quarter // 4, quarter % 4 * 15))


def contract(**changes):
    values: dict[str, Any] = {
        "contract": "C1", "dso": "dso.example.org", "congestion_point": "ea1.2020-01.org.example:1",
        "first_day": date(2026, 6, 1), "last_day": date(2026, 6, 30), "window_start": time(17), "window_end": time(20),
        "power_w": -50_000, "availability_eur_per_mw_h": 1.0, "penalty_eur_per_mwh": 500.0,
    }  # fmt: skip
    return Contract(**(values | changes))


def isps(flags):
    return [number for number, inside in enumerate(flags, start=1) if inside]


def test_window_of_an_ordinary_day_is_counted_in_quarters_from_midnight():
    # 17:00 is ISP 17·4 + 1 = 69; 20:00 is ISP 81, excluded
    assert isps(in_window(ORDINARY, time(17), time(20))) == list(range(69, 81))


@pytest.mark.parametrize(("period", "first"), [(SPRING, 65), (AUTUMN, 73)])
def test_window_after_a_dst_change_moves_by_an_hour_of_isps(period, first):
    assert isps(in_window(period, time(17), time(20))) == list(range(first, first + 12))


def test_window_in_the_changed_hour_is_missing_in_spring_and_twice_as_long_in_autumn():
    assert isps(in_window(SPRING, time(2), time(3))) == []
    assert isps(in_window(AUTUMN, time(2), time(3))) == list(range(9, 17))


def test_end_at_midnight_is_the_end_of_the_day():
    assert isps(in_window(ORDINARY, time(23), time(0))) == [93, 94, 95, 96]
    assert all(in_window(ORDINARY, time(0), time(0)))


def test_window_over_midnight_takes_both_ends_of_the_day():
    assert isps(in_window(ORDINARY, time(22), time(1))) == [1, 2, 3, 4, *range(89, 97)]


@settings(deadline=None)
@given(st.dates(date(2020, 1, 1), date(2035, 1, 1)), QUARTERS, QUARTERS)
def test_an_isp_is_inside_exactly_when_walking_forward_from_the_window_s_start_meets_it_first(day, start, end):
    """Oracle: on the 24-hour dial, minutes from the window's start to the ISP are fewer than to the window's end."""
    period, tz = Period(day), ZoneInfo("Europe/Amsterdam")
    instant, expected = datetime.combine(day, time(0), tz).astimezone(UTC), []

    def dial(from_, to):
        return ((to.hour - from_.hour) * 60 + to.minute - from_.minute) % 1440

    while instant.astimezone(tz).date() == day:
        expected.append(dial(start, instant.astimezone(tz)) < (dial(start, end) or 1440))
        instant += timedelta(minutes=15)
    assert list(in_window(period, start, end)) == expected


def test_window_gives_the_power_inside_and_zero_outside():
    values = window(ORDINARY, time(0), time(0, 30), -5)
    assert values[:3] == (-5, -5, 0)
    assert sum(values) == -10


def test_contract_reserves_in_its_window_on_its_days_only():
    assert sum(contract().contracted_w(ORDINARY)) == -50_000 * 12
    assert contract().contracted_w(Period(date(2026, 6, 30)))[68] == -50_000
    for outside in (ORDINARY.previous(), Period(date(2026, 7, 1))):
        assert contract().contracted_w(outside) == (0,) * 96
    assert contract(first_day=date(2026, 1, 1)).contracted_w(SPRING) == (0,) * 64 + (-50_000,) * 12 + (0,) * 16


def test_contract_outside_its_days_has_as_many_isps_as_the_day():
    assert contract().contracted_w(AUTUMN) == (0,) * 100


def test_portfolio_knows_the_congestion_point_of_each_connection():
    points = (
        CongestionPoint(address="P1", dso="d", connections=("A", "B")),
        CongestionPoint(address="P2", dso="d", connections=("C",)),
    )
    portfolio = Portfolio(period=ORDINARY, points=points, free_connections=("F",))
    assert portfolio.point_of() == {"A": "P1", "B": "P1", "C": "P2"}


def test_values_are_frozen():
    with pytest.raises(FrozenInstanceError):
        contract().power_w = 0
