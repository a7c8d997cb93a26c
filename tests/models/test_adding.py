"""Sums of rows by place are those of np.add.at, to the bit."""

import numpy as np
import pytest

from models.adding import sum_rows


@pytest.mark.parametrize("shape", [(), (96,), (2, 7)])
@pytest.mark.parametrize("rows", [0, 1, 5000])
@pytest.mark.parametrize("kind", [np.float64, np.float32])
def test_sums_are_those_of_adding_row_by_row_to_the_bit(
    rows: int, shape: tuple[int, ...], kind: type[np.floating]
) -> None:
    rng = np.random.default_rng(rows)
    values = (rng.normal(size=(rows, *shape)) * 10.0 ** rng.integers(-9, 9, (rows, *shape))).astype(kind)
    place = rng.integers(-1, 40, rows)  # -1, as units in no congestion point have, is the last
    due = np.zeros((41, *shape))
    np.add.at(due, place, values)
    assert sum_rows(values, place, 41).tobytes() == due.tobytes()
    np.add.at(due, place, values)
    assert sum_rows(values, place, 41, sum_rows(values, place, 41)).tobytes() == due.tobytes()


def test_a_place_that_is_not_there_is_an_error() -> None:
    with pytest.raises(IndexError, match=r"0\.\.3, not within 3"):
        sum_rows(np.ones((2, 4)), np.array([0, 3]), 3)
    with pytest.raises(IndexError, match=r"-4"):
        sum_rows(np.ones((2, 4)), np.array([0, -4]), 3)
