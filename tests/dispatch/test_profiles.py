"""From a plan in kW per ISP to limits in whole W or A, never more than was planned."""

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agr.dispatch.profiles import (
    PointPlan,
    Stay,
    constant,
    due_for_renewal,
    first_difference,
    limit_of,
    share_there,
    wanted_profile,
)
from agr.domain.charge_point import ChargePoint
from agr.domain.isp import Period

START = datetime(2026, 3, 28, 18, 0, tzinfo=UTC)
ISP = timedelta(minutes=15)


def point(**more):
    given: dict[str, Any] = {
        "charge_point": "p", "connection": "c", "road": "r", "station": "s", "protocol": "2.0.1", "max_kw": 11.0,
    }  # fmt: skip
    return ChargePoint(**(given | more))


def plan(*kw, stays=None, start=START):
    starts = tuple(start + place * ISP for place in range(len(kw)))
    whole = (Stay(arrival=start, departure=start + len(kw) * ISP),)
    return PointPlan(starts=starts, isp=ISP, kw=kw, stays=whole if stays is None else stays)


def limits(profile):
    return [(step.after_s, step.limit) for step in profile.steps]


points = st.builds(
    point, phases=st.sampled_from([1, 2, 3]), volts=st.sampled_from([110.0, 220.0, 230.0, 240.5]),
    max_kw=st.floats(5, 400), min_kw=st.none() | st.floats(0, 5),
)  # fmt: skip


@given(kw=st.floats(-50, 500), point=points, unit=st.sampled_from(["A", "W"]))
def test_a_limit_is_whole_and_never_more_than_planned_or_possible(kw, point, unit):
    limit = limit_of(kw, point, unit)
    size = point.kw_per_a if unit == "A" else 0.001
    assert isinstance(limit, int)
    assert 0 <= limit * size <= max(min(kw, point.max_kw), 0) + 2e-6
    assert limit == 0 or limit * size >= point.least_kw - 1e-5  # a car that gets a limit can charge with it
    if kw >= point.least_kw + size and kw <= point.max_kw:
        assert limit * size > kw - size - 1e-5  # and not a step less than that


@pytest.mark.parametrize(
    ("kw", "unit", "expected"),
    [
        (4.14, "A", 6), (4.139, "A", 0), (4.14, "W", 4140), (4.1399, "W", 0), (11.0, "A", 15), (22.0, "W", 11_000),
        (-3.0, "W", 0), (7.4, "W", 7400), (0.0, "A", 0),
    ],
)  # fmt: skip
def test_limits_of_a_three_phase_point(kw, unit, expected):
    assert limit_of(kw, point(), unit) == expected


def test_equal_neighbours_are_one_period_and_the_profile_ends_with_the_departure():
    stays = (Stay(arrival=START, departure=START + 4 * ISP),)
    found = wanted_profile(plan(7.0, 7.0, 7.0, 5.0, 0.0, 0.0, stays=stays), point(), "W", START)
    assert (found.start, found.duration_s, limits(found)) == (START, 3600, [(0, 7000), (2700, 5000)])


def test_isps_that_are_over_are_left_out():
    found = wanted_profile(plan(7.0, 6.0, 5.0), point(), "W", START + timedelta(minutes=20))
    assert (found.start, limits(found)) == (START + ISP, [(0, 6000), (900, 5000)])


def test_a_car_that_is_there_for_a_part_of_an_isp_gets_its_energy_in_that_part():
    stays = (Stay(arrival=START + timedelta(minutes=5), departure=START + timedelta(minutes=36)),)
    found = wanted_profile(plan(6.0, 6.0, 2.4, 6.0, stays=stays), point(), "W", START)
    assert limits(found) == [(0, 9000), (900, 6000)]  # 2.4 kW over 6 of 15 minutes is 6 kW
    assert found.end == START + 3 * ISP
    flat = wanted_profile(plan(6.0, 6.0, 5.4, 6.0, stays=stays), point(), "W", START, spread=False)
    assert limits(flat) == [(0, 6000), (1800, 5400)]


def test_between_two_sessions_the_fallback_counts_and_without_one_there_is_no_profile():
    stays = (
        Stay(arrival=START, departure=START + ISP),
        Stay(arrival=START + 2 * ISP, departure=START + 3 * ISP),
    )
    found = wanted_profile(plan(7.0, 0.0, 8.0, stays=stays), point(fallback_kw=4.5), "W", START)
    assert limits(found) == [(0, 7000), (900, 4500), (1800, 8000)]
    assert wanted_profile(plan(0.0, 0.0, stays=()), point(), "W", START) is None


def test_a_plan_of_more_periods_than_the_station_takes_is_cut_and_renewed_when_half_is_over():
    kw = [5.0, 6.0, 7.0, 8.0, 9.0, 10.0, 5.0, 6.0]
    small = point(max_periods=5)
    found = wanted_profile(plan(*kw), small, "W", START)
    assert len(found.steps) == 5
    assert found.end == START + 5 * ISP
    later = START + 2 * ISP
    assert not due_for_renewal(found, wanted_profile(plan(*kw), small, "W", START + ISP), START + ISP)
    renewed = wanted_profile(plan(*kw), small, "W", later)
    assert due_for_renewal(found, renewed, later)
    assert first_difference(found, renewed, later) is None
    assert renewed.end == START + 7 * ISP


def test_a_change_is_told_from_when_it_counts():
    old = wanted_profile(plan(7.0, 7.0, 7.0), point(), "W", START)
    new = wanted_profile(plan(7.0, 7.0, 5.0), point(), "W", START + timedelta(minutes=3))
    assert first_difference(old, new, START + timedelta(minutes=3)) == START + 2 * ISP
    assert first_difference(old, old, START) is None
    assert first_difference(old, constant(0, "W", START), START) == START


@given(spans=st.lists(st.tuples(st.integers(-30, 30), st.integers(0, 40)), max_size=5))
def test_the_share_is_that_of_the_minutes_in_which_a_car_is_there(spans):
    stays = [
        Stay(arrival=START + timedelta(minutes=a), departure=START + timedelta(minutes=a + n)) for a, n in spans
    ]  # fmt: skip
    minutes = {minute for a, n in spans for minute in range(a, a + n) if 0 <= minute < 15}
    assert share_there(START, START + ISP, stays) == pytest.approx(len(minutes) / 15)


@pytest.mark.parametrize(("day", "count"), [(date(2026, 3, 29), 92), (date(2026, 10, 25), 100)])
def test_a_day_on_which_clocks_change_has_its_limits_at_the_right_instants(day, count):
    period = Period(day)
    kw = tuple(5.0 + place % 2 for place in range(count))
    starts = tuple(period.starts())
    stays = (Stay(arrival=period.start, departure=period.end),)
    whole = PointPlan(starts=starts, isp=ISP, kw=kw, stays=stays)
    found = wanted_profile(whole, point(max_periods=200), "W", period.start)
    assert (found.start, found.end) == (period.start, period.end)
    for start, power in zip(starts, kw, strict=True):
        assert found.limit_at(start) == found.limit_at(start + ISP - timedelta(seconds=1)) == power * 1000


@settings(max_examples=60, deadline=None)
@given(
    kw=st.lists(st.floats(-2, 15), min_size=1, max_size=30), point=points, unit=st.sampled_from(["A", "W"]),
    most=st.integers(1, 12), passed=st.integers(0, 400),
)  # fmt: skip
def test_no_instant_has_more_than_its_isp_was_planned_to_have(kw, point, unit, most, passed):
    point = ChargePoint(**(vars(point) | {"max_periods": most}))
    now = START + timedelta(minutes=passed)
    found = wanted_profile(plan(*kw), point, unit, now)
    if found is None:
        assert START + len(kw) * ISP <= now
        return
    assert len(found.steps) <= most
    assert found.steps[0].after_s == 0
    assert all(a.after_s < b.after_s and a.limit != b.limit for a, b in zip(found.steps, found.steps[1:], strict=False))
    for place, power in enumerate(kw):
        start = START + place * ISP
        said = found.kw_at(start + timedelta(minutes=1), point)
        assert said is None or said <= max(min(power, point.max_kw), 0) + 2e-6
