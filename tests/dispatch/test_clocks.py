"""A clock that is behind is told from messages that waited: those catch up with the present."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agr.dispatch.clocks import LONG, StationClock, Trust, off_of, words_of

NOW = datetime(2026, 3, 29, 18, 0, tzinfo=UTC)
ALLOWED = timedelta(minutes=2)


def seconds(number):
    return timedelta(seconds=number)


def clock():
    return StationClock(allowed=ALLOWED)


@pytest.mark.parametrize("late", [160, 3600, 7200.5, 86_400 * 9000, -160, -3600])
def test_a_clock_that_stays_as_far_off_is_off_until_it_is_right(late):
    one = clock()
    one.told(NOW - seconds(late), NOW)
    assert one.trust is (Trust.DOUBTFUL if late > 0 else Trust.AHEAD)
    one.told(NOW - seconds(late) + LONG - seconds(1), NOW + LONG - seconds(1))
    assert one.trust is not Trust.OFF
    one.told(NOW - seconds(late) + LONG + seconds(30), NOW + LONG)  # its back-end is not always as quick
    assert one.trust is Trust.OFF
    assert abs(one.late - seconds(late)) <= seconds(30)
    one.told(NOW + 2 * LONG - seconds(late), NOW + 2 * LONG)
    assert one.trust is Trust.OFF
    one.told(NOW + 3 * LONG - seconds(119), NOW + 3 * LONG)
    assert (one.trust, one.late) == (Trust.RIGHT, timedelta(0))


@settings(max_examples=50)
@given(
    away_s=st.integers(300, 200_000), every_s=st.sampled_from([10, 60, 300, 900]),
    took_s=st.floats(0.05, 3), count=st.integers(2, 400),
)  # fmt: skip
def test_what_waited_while_a_station_was_away_never_makes_its_clock_wrong(away_s, every_s, took_s, count):
    one, heard = clock(), NOW
    for number in range(count):
        at = NOW - seconds(away_s) + seconds(every_s * number)
        heard = max(heard + seconds(took_s), at)
        one.told(at, heard)
        assert one.trust is not Trust.OFF
    one.told(heard, heard + seconds(took_s))
    assert one.trust is Trust.RIGHT


@pytest.mark.parametrize("late", [3600, -3600, 86_400])
def test_how_far_it_is_off_is_kept_in_words(late):
    assert off_of(words_of(seconds(late))) == seconds(late)
