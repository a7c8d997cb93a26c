"""What a store begins with: measured, plus what is still planned until then."""

from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from agr.dispatch.contents import Content, PlannedPath, content_at_start

START = datetime(2026, 3, 29, 23, 0, tzinfo=UTC)
HOUR = timedelta(hours=1)
BORDERS = [START - (4 - i) * HOUR for i in range(5)]
PATH = PlannedPath(borders=BORDERS, kwh=np.array([50.0, 60.0, 60.0, 30.0, 40.0]))


def begin(at, kwh, now=START, path=PATH, longest=HOUR, capacity=100.0):
    return content_at_start(Content(at=at, kwh=kwh), START, now, path, longest, capacity)


def test_what_is_still_planned_after_the_measurement_is_added():
    at = START - timedelta(hours=3, minutes=30)  # the plan wants 55 kWh there
    found = begin(at, 45.0, now=at + timedelta(minutes=10))
    assert found.kwh == pytest.approx(45.0 + 40.0 - 55.0)
    assert found.age == timedelta(minutes=10)


def test_a_content_stays_between_empty_and_full():
    at = START - 2 * HOUR  # the plan goes from 60 to 40
    assert begin(at, 5.0, now=at).kwh == 0.0
    assert begin(START - HOUR, 95.0, now=START - HOUR, capacity=100.0).kwh == 100.0


def test_once_the_period_runs_only_the_age_at_its_start_counts():
    found = begin(START - timedelta(minutes=30), 45.0, now=START + 5 * HOUR)
    assert found.age == timedelta(minutes=30)
    assert found.kwh == pytest.approx(45.0 + 40.0 - 35.0)


def test_what_is_too_old_does_not_count():
    at = START - 3 * HOUR
    assert begin(at, 45.0, now=at + HOUR).kwh is not None
    assert begin(at, 45.0, now=at + HOUR + timedelta(seconds=1)).kwh is None


def test_without_a_plan_of_the_day_before_the_reading_must_be_near_the_start():
    assert begin(START - HOUR, 45.0, path=None).kwh == 45.0
    assert begin(START - 2 * HOUR, 45.0, now=START - 2 * HOUR, path=None).kwh is None
    before_the_path = BORDERS[0] - HOUR
    assert begin(before_the_path, 45.0, now=before_the_path).kwh is None


@given(st.integers(0, 4 * 3600), st.floats(0, 100))
def test_who_keeps_to_the_plan_begins_where_the_plan_ends(seconds, deviation):
    at = START - timedelta(seconds=seconds)
    planned = float(np.interp(at.timestamp(), [b.timestamp() for b in BORDERS], PATH.kwh))
    assert begin(at, planned, now=at).kwh == pytest.approx(40.0)
    kwh = begin(at, planned + deviation, now=at).kwh
    assert kwh == pytest.approx(min(40.0 + deviation, 100.0))
