"""What a station says that it will follow, beside what it should follow."""

from datetime import timedelta

import pytest

from agr.dispatch.exposure import PossibleProfile
from agr.dispatch.profiles import wanted_profile as wanted
from agr.dispatch.verifying import Agreement, compared
from agr.domain.dispatch import LimitStep, Profile
from tests.dispatch.test_profiles import START, plan, point

DUE = PossibleProfile(slot=1, profile=wanted(plan(7.0, 7.0, 5.0, 5.0), point(), "W", START), sure=True)


def said(*steps, unit="W", minutes=0, duration_s=3600):
    parts = tuple(LimitStep(after_s=after, limit=limit) for after, limit in steps)
    return Profile(start=START + timedelta(minutes=minutes), unit=unit, steps=parts, duration_s=duration_s)


@pytest.mark.parametrize(
    ("composite", "finding"),
    [
        (said((0, 7000), (1800, 5000)), Agreement.AGREES),
        (said((0, 7000), (1840, 5000)), Agreement.AGREES),  # its clock is off by 40 s
        (said((0, 10), (1800, 7), unit="A"), Agreement.AGREES),  # 6.9 and 4.83 kW, less than 1 A away
        (said((0, 7000), (1800, 9000)), Agreement.ABOVE),
        (said((0, 11000)), Agreement.ABOVE),
        (said((0, 7000), (1800, 0)), Agreement.BELOW),
        (said((0, 7000), duration_s=60), Agreement.NOTHING),
    ],
)
def test_how_they_compare(composite, finding):
    assert compared(point(), composite, [DUE]).finding is finding


def test_where_nothing_should_be_in_force_nothing_is_compared():
    assert compared(point(), said((0, 11000)), []).finding is Agreement.NOTHING


def test_the_higher_slot_is_what_counts():
    lower = PossibleProfile(slot=0, profile=said((0, 2000), duration_s=None), sure=True)
    assert compared(point(), said((0, 7000), (1800, 5000)), [lower, DUE]).finding is Agreement.AGREES
    after = said((0, 2000), minutes=60)
    assert compared(point(), after, [lower, DUE]).finding is Agreement.AGREES
