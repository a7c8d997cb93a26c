"""Days of 23 and 25 hours become 24 slots and come back; what is not covered is not known."""

from datetime import date, timedelta

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from agr.domain.isp import Period
from agr.forecasting import Observed, days_of

ZONE = "Europe/Amsterdam"


def observed(first: date, last: date, minutes: int) -> list[Observed]:
    """Return one value per interval: its place."""
    found = []
    day = first
    while day <= last:
        for start in Period(day, ZONE, minutes).starts():
            found.append(Observed(start=start, minutes=minutes, value=float(len(found))))
        day += timedelta(days=1)
    return found


def test_an_hour_that_is_skipped_takes_the_value_before_it_and_a_repeated_one_the_mean() -> None:
    spring = days_of(observed(date(2026, 3, 29), date(2026, 3, 29), 60), ZONE, 60)
    assert spring.values[0].tolist() == [0, 1, 1, *range(2, 23)]
    autumn = days_of(observed(date(2026, 10, 25), date(2026, 10, 25), 60), ZONE, 60)
    assert autumn.values[0].tolist() == [0, 1, 2.5, *range(4, 25)]


@given(
    st.dates(date(2024, 3, 1), date(2026, 11, 20)), st.sampled_from([15, 30, 60]), st.sampled_from([15, 30, 60]),
)  # fmt: skip
def test_a_period_gets_one_value_per_isp_from_the_slot_at_its_wall_clock_time(day: date, slots: int, isp: int) -> None:
    known = days_of(observed(day, day, slots), ZONE, slots)
    period = Period(day, ZONE, isp)
    hours = np.repeat(np.arange(24.0), 60 // slots)
    found = known.on(hours, period)
    assert len(found) == period.isp_count
    assert found.tolist() == [float(start.astimezone(period.tz).hour) for start in period.starts()]
    back = known.by_the_clock(np.arange(Period(day, ZONE, slots).isp_count, dtype=float), slots, known.period(0))
    missing = np.isnan(back).sum() * slots
    assert missing == max(1440 - period.isp_count * isp, 0)


def test_quarters_are_averaged_hours_are_repeated_and_gaps_are_not_known() -> None:
    quarters = days_of(observed(date(2026, 1, 1), date(2026, 1, 2), 15), ZONE, 60)
    assert quarters.values.shape == (2, 24)
    assert quarters.values[0, :2].tolist() == [1.5, 5.5]
    hourly = observed(date(2026, 1, 1), date(2026, 1, 2), 60)
    finer = days_of(hourly[:30] + hourly[31:], ZONE, 15)
    assert finer.values[0, 4:8].tolist() == [1.0] * 4
    assert np.isnan(finer.values[1, 24:28]).all()
    assert finer.complete.tolist() == [True, False]


def test_no_observations_are_refused() -> None:
    with pytest.raises(ValueError, match="no observations"):
        days_of([], ZONE, 60)


def test_public_holidays_count_as_sundays_where_a_country_is_named() -> None:
    values = observed(date(2026, 4, 20), date(2026, 4, 30), 60)
    plain, dutch = days_of(values, ZONE, 60), days_of(values, ZONE, 60, country="NL")
    kings_day = (date(2026, 4, 27) - date(2026, 4, 20)).days
    assert plain.kinds(11)[kings_day] == 0
    assert dutch.kinds(11)[kings_day] == 6
    assert plain.kinds(7).tolist() == [0, 1, 2, 3, 4, 5, 6]
