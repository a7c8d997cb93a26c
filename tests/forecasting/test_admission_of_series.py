"""Which values are refused, with which reason; the others are kept."""

from datetime import UTC, datetime, timedelta

import numpy as np
import pytest

from agr.forecasting import Observed
from agr.forecasting.admission import admitted

START = datetime(2026, 9, 30, 22, tzinfo=UTC)  # midnight in Amsterdam
NOW = START + timedelta(days=40)
ZONE = "Europe/Amsterdam"


def hours(count: int, *, first: datetime = START, scale: float = 1.0) -> list[Observed]:
    values = 100 + 20 * np.random.default_rng(1).normal(size=count)
    return [
        Observed(start=first + timedelta(hours=n), minutes=60, value=float(v) * scale) for n, v in enumerate(values)
    ]


def test_good_rows_are_all_kept() -> None:
    rows = hours(24 * 30)
    assert admitted(rows, NOW, ZONE, price=False) == (list(range(len(rows))), [])


def test_two_values_for_one_moment_are_both_refused_and_an_equal_one_once() -> None:
    rows = hours(5)
    doubled = Observed(start=rows[2].start, minutes=60, value=7.0)
    same = Observed(start=rows[3].start, minutes=60, value=rows[3].value)
    kept, refused = admitted([*rows, doubled, same], NOW, ZONE, price=True)
    assert kept == [0, 1, 3, 4]
    assert [one.place for one in refused] == [2, 5, 6]
    assert "has two values" in refused[0].why
    assert "give each its UTC offset" in refused[0].why
    assert "given twice with the same value" in refused[2].why


def test_measured_values_of_the_future_are_refused_but_published_prices_are_not() -> None:
    rows = hours(3, first=NOW - timedelta(hours=1))
    kept, refused = admitted(rows, NOW, ZONE, price=False)
    assert kept == [0]
    assert "is not over yet" in refused[0].why
    assert admitted(rows, NOW, ZONE, price=True)[1] == []


@pytest.mark.parametrize(("value", "count", "frozen"), [(5.0, 26, True), (5.0, 24, False), (0.0, 60, False)])
def test_values_that_stand_still_for_more_than_a_day_are_refused(value: float, count: int, frozen: bool) -> None:
    rows = [Observed(start=START + timedelta(hours=n), minutes=60, value=value) for n in range(count)]
    kept, refused = admitted(rows, NOW, ZONE, price=False)
    assert len(refused) == (count - 1 if frozen else 0)
    assert 0 in kept


def test_a_value_that_comes_hour_by_hour_and_stands_still_is_refused_once_a_day_is_over() -> None:
    taken, refused = hours(30), []
    for n in range(30):
        one = Observed(start=START + timedelta(hours=30 + n), minutes=60, value=5.0)
        kept, why = admitted([one], NOW, ZONE, price=False, earlier=taken)
        refused += why
        taken = [*taken, one] if kept else taken
    assert len(taken) == 30 + 24
    assert "nothing can be learned from what stands still" in refused[0].why
    other = Observed(start=START + timedelta(hours=60), minutes=60, value=101.0)
    assert admitted([other], NOW, ZONE, price=False, earlier=taken) == ([0], [])


def test_a_day_in_another_unit_is_refused() -> None:
    earlier = hours(24 * 20)
    kept, refused = admitted(
        hours(24, first=START + timedelta(days=20), scale=1000), NOW, ZONE, price=True, earlier=earlier
    )
    assert kept == []
    assert "another unit" in refused[0].why


@pytest.mark.parametrize("scale", [1000.0, 0.001])
@pytest.mark.parametrize("each", [1, 3])
@pytest.mark.parametrize("hour", [0, 13])
def test_values_in_another_unit_that_come_a_few_at_a_time_are_refused_from_the_fourth_on(
    scale: float, each: int, hour: int
) -> None:
    taken, refused, begun = hours(24 * 20 + hour), list[str](), 24 * 20 + hour
    for n in range(0, 12, each):
        few = hours(each, first=START + timedelta(hours=begun + n), scale=scale)
        kept, why = admitted(few, NOW, ZONE, price=True, earlier=taken)
        refused += [one.why for one in why]
        taken += [few[place] for place in kept]
    assert len(refused) == 12 - 3
    assert "the 3 values before it" in refused[0]
    good = Observed(start=START + timedelta(hours=begun + 12), minutes=60, value=101.0)  # the unit was put right
    assert admitted([good], NOW, ZONE, price=True, earlier=taken) == ([0], [])


def test_a_price_that_spikes_for_three_hours_and_a_machine_that_stands_are_taken_one_by_one() -> None:
    for values in ([40_000.0] * 3 + [100.0], [0.01, 0.0, 0.01, 0.0, 0.01, 0.01]):
        taken = hours(24 * 20)
        for n, value in enumerate(values):
            one = Observed(start=START + timedelta(days=20, hours=n), minutes=60, value=value)
            assert admitted([one], NOW, ZONE, price=True, earlier=taken) == ([0], [])
            taken.append(one)


def test_the_days_of_another_unit_are_those_of_the_clock_on_the_wall() -> None:
    earlier = hours(24 * 20)
    midnight = START + timedelta(days=20)
    wrong = hours(24, first=midnight, scale=1000)
    after = hours(24, first=midnight + timedelta(days=1))
    kept, refused = admitted([*wrong, *after], NOW, ZONE, price=True, earlier=earlier)
    assert kept == list(range(24, 48))
    assert len(refused) == 24
    # of days of UTC, the first has two wrong hours, too few to tell, and the second two good ones
    assert admitted([*wrong, *after], NOW, "UTC", price=True, earlier=earlier)[0] != kept


def test_what_occurs_every_other_day_is_no_outlier() -> None:
    rows = hours(24 * 20)
    for place in range(5, len(rows), 48):  # a machine that runs for an hour
        rows[place] = Observed(start=rows[place].start, minutes=60, value=900.0)
    assert admitted(rows, NOW, ZONE, price=False)[1] == []


def test_an_outlier_of_a_measured_power_is_refused_and_a_price_spike_is_real() -> None:
    rows = hours(24 * 20)
    rows[100] = Observed(start=rows[100].start, minutes=60, value=900.0)
    _, refused = admitted(rows, NOW, ZONE, price=False)
    assert [one.place for one in refused] == [100]
    assert "interquartile ranges" in refused[0].why
    assert admitted(rows, NOW, ZONE, price=True)[1] == []
