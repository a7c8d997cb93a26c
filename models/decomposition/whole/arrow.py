"""Factors equations of linking rows that fall into parts: rows of one congestion point meet those of no other.

What all parts share, the border, is what is left once the parts are solved: the balance, and reserve.
Source: docs/explanation/optimisation.md §3.9.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from scipy import linalg, sparse

from models.case import Floats, Ints

NO_PART = -1
_WORTHWHILE = 0.5
"""Share of the work of factoring all rows at once below which parts are factored by themselves."""


Rows: TypeAlias = Ints | slice
"""Numbers of rows, or all from one to another, which takes less time."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Parts:
    """Rows (m,) of each part, and those of the border (k,) that meet any of each part's, as places in the border."""

    rows: tuple[Rows, ...]
    near: tuple[Rows, ...]
    border: Rows

    @staticmethod
    def of(part: Ints, meeting: Sequence[sparse.csr_array]) -> "Parts":
        """Return the parts of rows, part (n,), NO_PART for the border.

        meeting (n,·): rows that have an entry in one column meet each other. Where rows of two parts do, or parts save
        no work, all rows are one border.
        """
        met = sparse.csc_array(sparse.hstack([sparse.csc_array(one != 0.0) for one in meeting]))
        column = np.repeat(np.arange(met.shape[1]), np.diff(met.indptr))
        of = part[met.indices]
        inside = of != NO_PART
        first, last = np.full(met.shape[1], len(part)), np.full(met.shape[1], NO_PART)
        np.minimum.at(first, column[inside], of[inside])
        np.maximum.at(last, column[inside], of[inside])
        whole = Parts(rows=(), near=(), border=slice(0, len(part)))
        if bool((last > first).any()):
            return whole
        border = np.flatnonzero(part == NO_PART)
        place = np.full(len(part), -1)
        place[border] = np.arange(len(border))
        rows, near = list[Ints](), list[Ints]()
        for one in np.unique(part[part != NO_PART]).tolist():
            mine = (last[column] == one) & ~inside
            rows.append(np.flatnonzero(part == one))
            near.append(np.unique(place[met.indices[mine]]))
        work = sum(len(mine) * (len(mine) + len(beside)) ** 2 for mine, beside in zip(rows, near, strict=True))
        if work + len(border) ** 3 / 3 > _WORTHWHILE * len(part) ** 3 / 3:
            return whole
        return Parts(rows=tuple(map(_run, rows)), near=tuple(map(_run, near)), border=_run(border))


def _run(rows: Ints) -> Rows:
    """Return rows in ascending order as a slice where none is left out."""
    if len(rows) and int(rows[-1] - rows[0]) == len(rows) - 1:
        return slice(int(rows[0]), int(rows[-1]) + 1)
    return rows


def _block(matrix: Floats, rows: Rows, columns: Rows) -> Floats:
    """Return some rows and columns of a matrix, a view where both are slices."""
    return np.asarray(matrix[rows][:, columns])


class Arrow:
    """Factored equations. Raises LinAlgError where these are not positive definite, because of rounding."""

    def __init__(self, parts: Parts, matrix: Floats) -> None:
        """Factor a symmetric matrix (n,n), which is overwritten."""
        self._parts = parts
        border = _block(matrix, parts.border, parts.border)
        self._factors, self._beside = list[Floats](), list[Floats]()
        for rows, near in zip(parts.rows, parts.near, strict=True):
            factor = linalg.cholesky(_block(matrix, rows, rows), lower=True, overwrite_a=True, check_finite=False)
            beside = _forward(factor, _block(_block(matrix, rows, parts.border), slice(None), near))
            _take(border, near, beside.T @ beside)
            self._factors.append(factor)
            self._beside.append(beside)
        self._border = linalg.cholesky(border, lower=True, overwrite_a=True, check_finite=False)

    def solve(self, right: Floats) -> Floats:
        """Return the solution (n,…) for a right-hand side."""
        parts, result = self._parts, np.empty_like(right)
        border, pulled = right[parts.border].copy(), list[Floats]()
        for rows, near, factor, beside in zip(parts.rows, parts.near, self._factors, self._beside, strict=True):
            mine = _forward(factor, right[rows])
            border[near] -= beside.T @ mine
            pulled.append(mine)
        border = linalg.cho_solve((self._border, True), border, check_finite=False)
        result[parts.border] = border
        for rows, near, factor, beside, mine in zip(
            parts.rows, parts.near, self._factors, self._beside, pulled, strict=True
        ):
            result[rows] = linalg.solve_triangular(
                factor, mine - beside @ border[near], trans=1, lower=True, check_finite=False
            )
        return result


def _take(matrix: Floats, rows: Rows, less: Floats) -> None:
    """Take `less` (k,k) away from some rows and the same columns."""
    matrix[(rows, rows) if isinstance(rows, slice) else np.ix_(rows, rows)] -= less


def _forward(factor: Floats, right: Floats) -> Floats:
    return np.asarray(linalg.solve_triangular(factor, right, lower=True, check_finite=False))
