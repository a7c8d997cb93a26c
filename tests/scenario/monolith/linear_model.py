"""A mixed-integer linear model as growing lists of columns and rows, solved by SciPy."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from scipy.optimize import Bounds, LinearConstraint, milp
from scipy.sparse import csr_matrix

Term = tuple[Any, Any]  # columns and coefficients: one for each row, or one for all


def _wide(values: Any, n: int) -> np.ndarray:
    return np.broadcast_to(np.asarray(values), (n,))


@dataclass(frozen=True, kw_only=True)
class Solution:
    """The best answer found and what is proven of all answers, both as value (larger is better)."""

    value: float
    bound: float
    x: np.ndarray


@dataclass(kw_only=True)
class LinearModel:
    """Columns with a value each, rows with two bounds; the total value is to be as large as possible."""

    lower: list[float] = field(default_factory=list)
    upper: list[float] = field(default_factory=list)
    value: list[float] = field(default_factory=list)
    whole: list[int] = field(default_factory=list)
    constant: float = 0.0
    entries: list[tuple[np.ndarray, np.ndarray, np.ndarray]] = field(default_factory=list)
    row_lower: list[np.ndarray] = field(default_factory=list)
    row_upper: list[np.ndarray] = field(default_factory=list)
    rows: int = 0

    def columns(self, n: int, lower: Any, upper: Any, value: Any = 0.0, *, whole: bool = False) -> np.ndarray:
        """Add n columns and return their indices; bounds and values are numbers or arrays (n,)."""
        first = len(self.lower)
        for known, new in ((self.lower, lower), (self.upper, upper), (self.value, value)):
            known.extend(np.broadcast_to(np.asarray(new, dtype=float), (n,)).tolist())
        self.whole.extend([int(whole)] * n)
        return np.arange(first, first + n)

    def each(self, terms: Sequence[Term], lower: Any, upper: Any) -> None:
        """Add n rows `lower <= Σ coefficient·column <= upper`: in row i stands the i-th column of every term."""
        n = max(np.size(columns) for columns, _ in terms)
        at = np.arange(self.rows, self.rows + n)
        for columns, coefficients in terms:
            self.entries.append((at, _wide(columns, n), _wide(coefficients, n)))
        self._close(n, lower, upper)

    def one(self, terms: Sequence[Term], lower: float, upper: float) -> None:
        """Add one row over all columns of all terms."""
        for columns, coefficients in terms:
            n = np.size(columns)
            self.entries.append((np.full(n, self.rows), _wide(columns, n), _wide(coefficients, n)))
        self._close(1, lower, upper)

    def _close(self, n: int, lower: Any, upper: Any) -> None:
        for known, new in ((self.row_lower, lower), (self.row_upper, upper)):
            known.append(np.broadcast_to(np.asarray(new, dtype=float), (n,)))
        self.rows += n

    def solve(self, relative_gap: float = 1e-7, time_limit_s: float = 600.0) -> Solution:
        """Return the best answer; RuntimeError if there is none or the search found none in time."""
        row, column, coefficient = (np.concatenate(parts) for parts in zip(*self.entries, strict=True))
        matrix = csr_matrix((coefficient.astype(float), (row, column)), shape=(self.rows, len(self.lower)))
        found = milp(
            -np.array(self.value),
            integrality=np.array(self.whole),
            bounds=Bounds(np.array(self.lower), np.array(self.upper)),
            constraints=LinearConstraint(matrix, np.concatenate(self.row_lower), np.concatenate(self.row_upper)),
            options={"mip_rel_gap": relative_gap, "time_limit": time_limit_s},
        )
        if found.x is None:
            raise RuntimeError(f"no answer: {found.message}")
        bound = found.fun if found.mip_dual_bound is None else found.mip_dual_bound
        return Solution(value=self.constant - found.fun, bound=self.constant - min(bound, found.fun), x=found.x)
