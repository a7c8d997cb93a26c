"""Equations that fall into parts with a common border, against numpy on the whole matrix."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import sparse

from models.decomposition.whole.arrow import NO_PART, Arrow, Parts


def matrix(part, seed, *, across=()):
    """Return a positive definite matrix and what makes rows meet: columns within one part and the border."""
    rng, columns = np.random.default_rng(seed), list[np.ndarray]()
    for one in {*part.tolist()}:
        inside = (part == one) | (part == NO_PART)
        columns += [rng.normal(size=len(part)) * inside for _ in range(int(inside.sum()))]
    columns += [np.isin(np.arange(len(part)), rows) * 1.0 for rows in across]
    met = np.stack(columns, axis=1)
    return met @ met.T + np.diag(rng.uniform(0.5, 1.0, len(part))), sparse.csr_array(met)


@given(st.integers(0, 10_000), st.integers(4, 7), st.integers(5, 8), st.integers(1, 2), st.booleans())
@settings(max_examples=40, deadline=None)
def test_parts_are_solved_as_the_whole(seed, parts, each, border, mixed):
    part = np.concatenate([np.repeat(np.arange(parts), each), np.full(border, NO_PART)])
    if mixed:  # rows of a part need not stand next to each other
        part = np.random.default_rng(seed).permutation(part)
    whole, met = matrix(part, seed)
    found = Parts.of(part, [met])
    assert len(found.rows) == parts
    right = np.random.default_rng(seed + 1).normal(size=(len(part), 3))
    arrow = Arrow(found, whole.copy())
    assert arrow.solve(right) == pytest.approx(np.linalg.solve(whole, right), rel=1e-7, abs=1e-9)
    assert arrow.solve(right[:, 0]) == pytest.approx(np.linalg.solve(whole, right[:, 0]), rel=1e-7, abs=1e-9)


def test_rows_of_two_parts_that_meet_are_solved_together():
    part = np.concatenate([np.repeat(np.arange(4), 5), [NO_PART]])
    whole, met = matrix(part, 1, across=[(0, 7)])
    found = Parts.of(part, [met])
    assert not found.rows
    right = np.arange(len(part), dtype=np.float64)
    assert Arrow(found, whole.copy()).solve(right) == pytest.approx(np.linalg.solve(whole, right))


def test_parts_that_save_no_work_are_solved_together():
    part = np.concatenate([np.repeat(np.arange(4), 2), np.full(40, NO_PART)])
    assert not Parts.of(part, [matrix(part, 2)[1]]).rows


@pytest.mark.parametrize("row", [0, -1])
def test_equations_that_are_not_positive_definite_are_refused(row):
    part = np.concatenate([np.repeat(np.arange(4), 5), [NO_PART]])
    whole, met = matrix(part, 3)
    whole[row, row] = -1.0
    with pytest.raises(np.linalg.LinAlgError):
        Arrow(Parts.of(part, [met]), whole)
