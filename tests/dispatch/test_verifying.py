"""What a station says that it will follow, beside what it should follow."""

from datetime import timedelta

import pytest

from agr.dispatch.exposure import Held
from agr.dispatch.profiles import wanted_profile as wanted
from agr.dispatch.verifying import Finding, compared
from agr.domain.dispatch import Profile, Step
from tests.dispatch.test_profiles import START, plan, point

DUE = Held(slot=1, profile=wanted(plan(7.0, 7.0, 5.0, 5.0), point(), "W", START), sure=True)


def said(*steps, unit="W", minutes=0, duration_s=3600):
    parts = tuple(Step(after_s=after, limit=limit) for after, limit in steps)
    return Profile(start=START + timedelta(minutes=minutes), unit=unit, steps=parts, duration_s=duration_s)


@pytest.mark.parametrize(
    ("composite", "finding"),
    [
        (said((0, 7000), (1800, 5000)), Finding.AGREES),
        (said((0, 7000), (1840, 5000)), Finding.AGREES),  # its clock is off by 40 s
        (said((0, 10), (1800, 7), unit="A"), Finding.AGREES),  # 6.9 and 4.83 kW, less than 1 A away
        (said((0, 7000), (1800, 9000)), Finding.ABOVE),
        (said((0, 11000)), Finding.ABOVE),
        (said((0, 7000), (1800, 0)), Finding.BELOW),
        (said((0, 7000), duration_s=60), Finding.NOTHING),
    ],
)
def test_how_they_compare(composite, finding):
    assert compared(point(), composite, [DUE]).finding is finding


def test_where_nothing_should_be_in_force_nothing_is_compared():
    assert compared(point(), said((0, 11000)), []).finding is Finding.NOTHING


def test_the_higher_slot_is_what_counts():
    lower = Held(slot=0, profile=said((0, 2000), duration_s=None), sure=True)
    assert compared(point(), said((0, 7000), (1800, 5000)), [lower, DUE]).finding is Finding.AGREES
    after = said((0, 2000), minutes=60)
    assert compared(point(), after, [lower, DUE]).finding is Finding.AGREES
