"""The estimate of what other whole bids cost, by hand."""

import numpy as np
import pytest

from models.decomposition.bids.surrogate import Surrogate, Tried, groups_of


def surrogate(**given):
    return Surrogate(**{
        "least_eur": 10.0, "best": np.array([1.4, 0.2]), "bend": np.diag([2.0, 1.0]), "most": np.array([3.0, 3.0]),
        "minimum": np.ones(2), "group": np.array([0, 1]), **given,
    })  # fmt: skip


def lacking(cost_eur, slope_eur, missed_eur):
    """What is known from bids that could not all be held; the estimate does not look at the program itself."""
    return Tried(
        outcome=None, bound_eur=cost_eur, slope_eur=np.array(slope_eur), missed_eur=np.array(missed_eur), lost=1,
        held=np.zeros(2),
    )  # fmt: skip


def test_what_looks_best_is_the_nearest_at_first_and_avoids_what_was_found_dear():
    known = surrogate()
    bids, cost = known.next([known.best], [])
    assert bids.tolist() == [1.0, 0.0]
    assert cost == pytest.approx(10 + 0.5 * (2.0 * 0.16 + 0.04))
    known.tell(bids, lacking(20.0, [-5.0, 0.0], [0.0, 0.0]))  # a plane: 15 with two steps of the first
    bids, cost = known.next([known.best], [bids])
    assert bids.tolist() == [3.0, 0.0]
    assert cost == pytest.approx(10 + 0.5 * (2.0 * 1.6**2 + 0.04))


def test_what_one_group_lacks_is_expected_of_bids_that_do_not_lower_it():
    known = surrogate(best=np.array([2.0, 2.0]))
    known.tell(np.array([2.0, 2.0]), lacking(16.0, [6.0, 6.0], [6.0, 0.0]))
    found = known.below(np.array([[2.0, 2.0], [1.0, 2.0], [2.0, 1.0]]))
    assert found.tolist() == [16.0, 11.0, 16.5]


def test_bids_below_their_minimum_are_none():
    known = surrogate(minimum=np.array([2.0, 2.0]))
    bids, _ = known.next([known.best], [])
    assert bids.tolist() == [2.0, 0.0]


def test_nothing_is_proposed_where_nothing_can_be_held():
    known = surrogate(most=np.zeros(2))
    first, _ = known.next([known.best], [])
    assert first.tolist() == [0.0, 0.0]
    assert known.next([known.best], [first]) is None


def test_bids_of_overlapping_hours_are_one_group():
    hours = np.array([[1, 1, 0, 0], [0, 1, 1, 0], [0, 0, 0, 1]], dtype=bool)
    assert groups_of(list(hours)).tolist() == [0, 0, 1]
    assert not len(groups_of([]))
