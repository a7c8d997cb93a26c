"""Stopping rules of a search, of column generation and of a run: each alone, on a handmade record."""

from math import inf

import pytest

from models.decomposition.cycles import Cycle
from models.decomposition.stopping import (
    BoundStays,
    CloseEnough,
    CostStays,
    CycleLimit,
    Interrupted,
    Proven,
    Stalled,
    StopReason,
)
from models.decomposition.tuning import Cycles

TUNING = Cycles(stalled=0.8, stalls=2.0, narrow=2.0, narrow_stall=0.25)


def cycles(*gaps):
    """Cycles that left these gaps where 1 EUR was asked for."""
    return [Cycle(gap_eur=gap, asked_eur=1.0) for gap in gaps]


@pytest.mark.parametrize(
    ("now", "cancelled", "reason"),
    [
        (9.9, False, None),
        (9.9, True, StopReason.CANCELLED),
        (10.0, False, StopReason.TIME_LIMIT),
        (11.0, True, StopReason.TIME_LIMIT),
    ],
)
def test_a_run_is_interrupted_by_its_deadline_or_by_whoever_cancels_it(now, cancelled, reason):
    rule = Interrupted(deadline_s=10.0, cancelled=lambda: cancelled, clock=lambda: now)
    assert rule.reason() is reason
    assert rule.left_s() == pytest.approx(max(10.0 - now, 0.0))


@pytest.mark.parametrize(("now", "unkept", "left"), [(9, False, 1), (9, True, 5), (12, True, 2), (14, True, 0)])
def test_overtime_is_for_programs_that_break_promises(now, unkept, left):
    rule = Interrupted(deadline_s=10.0, cancelled=lambda: False, clock=lambda: now, overtime_s=4.0)
    assert rule.left_s(unkept=unkept) == left
    assert rule.reason(unkept=unkept) is (None if left else StopReason.TIME_LIMIT)
    assert (rule.reason() is None) == (now < 10)


@pytest.mark.parametrize(
    ("bound", "value", "reason"),
    [(101.0, 100.0, StopReason.PROVEN), (101.1, 100.0, None), (5.0, -inf, None), (99.0, 100.0, StopReason.PROVEN)],
)
def test_a_program_is_proven_where_bound_and_value_are_within_the_gap(bound, value, reason):
    rule = Proven(relative_gap=0.01)
    assert rule.reason(bound_eur=bound, value_eur=value, gross_cost_eur=100.0) is reason


def test_cycles_are_limited():
    assert CycleLimit(most=2).reason(cycles(9.0)) is None
    assert CycleLimit(most=2).reason(cycles(9.0, 1.0)) is StopReason.CYCLE_LIMIT


@pytest.mark.parametrize(
    ("gaps", "reason"),
    [
        ((), None),
        ((10.0,), None),
        ((10.0, 9.0), None),  # one stall
        ((10.0, 9.0, 8.1), StopReason.STALLED),
        ((10.0, 9.0, 7.0), None),  # progress in between
        ((10.0, 9.0, 7.0, 6.0), None),
        ((10.0, 5.0, 4.5, 4.5), StopReason.STALLED),
        ((1.5, 1.4, 1.4, 1.4), None),  # stalls after narrow misses count a quarter
        ((1.5,) * 8, None),
        ((1.5,) * 9, StopReason.STALLED),
    ],
)
def test_a_run_stalls_where_cycles_in_a_row_leave_nearly_the_least_gap(gaps, reason):
    assert Stalled(tuning=TUNING).reason(cycles(*gaps)) is reason


@pytest.mark.parametrize(
    ("bounds", "reason"),
    [
        ([1.0, 1.0, 1.0], None),  # too early to judge
        ([1.0, 1.0, 1.0, 1.4], StopReason.BOUND_STAYS),
        ([1.0, 1.0, 1.0, 1.6], None),
        ([0.0, 9.0, 9.0, 9.0, 9.2], StopReason.BOUND_STAYS),
    ],
)
def test_a_search_ends_where_its_bound_stays(bounds, reason):
    assert BoundStays(patience=3, little_eur=0.5).reason(bounds) is reason


def test_columns_are_close_enough_where_the_last_cost_is():
    rule = CloseEnough(enough_eur=2.0)
    assert rule.reason([1.0, 3.0]) is None
    assert rule.reason([3.0, 2.0]) is StopReason.CLOSE_ENOUGH


@pytest.mark.parametrize(
    ("above", "reason"),
    [
        ([10.0, 10.0], None),  # too early to judge
        ([10.0, 10.0, 9.0], StopReason.COST_STAYS),
        ([10.0, 10.0, 8.0], None),
        ([99.0, 10.0, 10.0, 9.0], StopReason.COST_STAYS),
    ],
)
def test_column_generation_ends_where_the_cost_stays(above, reason):
    assert CostStays(watched=2, flat=0.85).reason(above) is reason
