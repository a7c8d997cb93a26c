"""The best reserve in the room that a unit has left: a linear program of few rows, its dual and its solution.

maximise Σ reward·held with Σ_up held <= u, Σ_down held <= v, Σ_up d·held <= m, Σ_down d·held <= n, where d is how long
a product lasts, and m and n are the less of the rooms at both ends of the ISP: K = 4 rows.
Source: docs/explanation/optimisation.md §2.
"""

import numpy as np

from models.case import Bools, Floats, Ints
from models.compiled import compiled

_TINY = 1e-15
"""Reward in EUR per kW below which it is rounding."""


@compiled
def _solve(matrix: Floats, right: Floats) -> bool:
    """Solve matrix·x = right in place, x into right; False where the matrix is singular."""
    rows = len(right)
    for i in range(rows):
        pivot = i
        for r in range(i + 1, rows):
            if abs(matrix[r, i]) > abs(matrix[pivot, i]):
                pivot = r
        if abs(matrix[pivot, i]) < 1e-10:
            return False
        for c in range(rows):
            matrix[i, c], matrix[pivot, c] = matrix[pivot, c], matrix[i, c]
        right[i], right[pivot] = right[pivot], right[i]
        for r in range(rows):
            if r != i:
                factor = matrix[r, i] / matrix[i, i]
                for c in range(i, rows):
                    matrix[r, c] -= factor * matrix[i, c]
                right[r] -= factor * right[i]
    for i in range(rows):
        right[i] /= matrix[i, i]
    return True


@compiled
def dual_vertices(eur_per_kw: Floats, needs: Floats, traded: Bools) -> tuple[Floats, Ints]:
    """Return the vertices (H,T,M,K) of {y >= 0: needs·y >= reward} that none undercuts, and their number (H,T).

    eur_per_kw (H,R,T); needs (R,K): what a kW of each product takes of the rooms; traded (R,T).
    """
    rewards, products, isps = eur_per_kw.shape
    dims = needs.shape[1]
    most = (products + 4) * (products + 1) // 2  # vertices that so many sides can have in four dimensions
    found, number = np.zeros((rewards, isps, most, dims)), np.zeros((rewards, isps), dtype=np.int64)
    rows, right = np.zeros((products + dims, dims)), np.zeros(products + dims)
    for h in range(rewards):
        for t in range(isps):
            m, scale = dims, 0.0
            for i in range(dims):
                rows[i, :], right[i] = 0.0, 0.0
                rows[i, i] = 1.0
            for r in range(products):
                if traded[r, t] and eur_per_kw[h, r, t] > 0.0:
                    rows[m], right[m] = needs[r], eur_per_kw[h, r, t]
                    scale = max(scale, float(right[m]))
                    m += 1
            if m > dims:
                number[h, t] = _corners(rows[:m], right[:m], scale, found[h, t])
    return found, number


@compiled
def _corners(rows: Floats, right: Floats, scale: float, found: Floats) -> int:
    """Write the vertices of {rows·y >= right} that none undercuts to found, by testing the corner of every K sides."""
    m, dims = rows.shape
    matrix, y, sides, number = np.zeros((dims, dims)), np.zeros(dims), np.arange(dims), 0
    while True:
        for i in range(dims):
            matrix[i], y[i] = rows[sides[i]], right[sides[i]]
        if _solve(matrix, y):
            feasible = True
            for row in range(m):
                left = 0.0
                for i in range(dims):
                    left += rows[row, i] * y[i]
                feasible = feasible and left >= right[row] - 1e-12 * scale
            if feasible:
                number = _keep(found, number, np.maximum(y, 0.0), 1e-13 * scale)
        i = dims - 1  # the next combination of sides
        while i >= 0 and sides[i] == m - dims + i:
            i -= 1
        if i < 0:
            return number
        sides[i] += 1
        for k in range(i + 1, dims):
            sides[k] = sides[k - 1] + 1


@compiled
def _keep(found: Floats, number: int, y: Floats, tiny: float) -> int:
    """Add a vertex unless another undercuts it; drop the vertices it undercuts. Return their number."""
    for k in range(number):
        if (found[k] <= y + tiny).all():
            return number
    kept = 0
    for k in range(number):
        if not (y <= found[k] + tiny).all():
            found[kept] = found[k]
            kept += 1
    found[kept] = y
    return kept + 1


@compiled
def _optimise(tableau: Floats) -> None:
    """Pivot a tableau (K+1,N), costs last, until no cost is negative, by Bland's rule."""
    last, rows = tableau.shape[1] - 1, tableau.shape[0] - 1
    for _ in range(100):
        enter = -1
        for c in range(last):
            if tableau[rows, c] < -_TINY:
                enter = c
                break
        if enter < 0:
            return
        leave, ratio = -1, np.inf
        for i in range(rows):
            if tableau[i, enter] > 1e-12 and tableau[i, last] < ratio * tableau[i, enter]:
                leave, ratio = i, tableau[i, last] / tableau[i, enter]
        if leave < 0:
            return
        tableau[leave] /= tableau[leave, enter]
        for i in range(rows + 1):
            factor = tableau[i, enter]
            if i != leave and factor != 0.0:
                for c in range(last + 1):
                    tableau[i, c] -= factor * tableau[leave, c]


@compiled
def _basic_value(tableau: Floats, column: int) -> float:
    """Return the value of a column's variable, and clear its row, which has only one basic variable."""
    found, rows = -1, tableau.shape[0] - 1
    for i in range(rows):
        if tableau[i, column] == 1.0 and found < 0:
            found = i
        elif tableau[i, column] != 0.0:
            return 0.0
    if found < 0 or abs(tableau[rows, column]) > _TINY:
        return 0.0
    value: float = max(tableau[found, -1], 0.0)
    tableau[found, -1] = 0.0
    return value


@compiled
def hold(
    eur_per_kw: Floats, needs: Floats, traded: Bools, t: int, rooms: tuple[float, float, float, float],
    tableau: Floats, held: Floats,
) -> None:  # fmt: skip
    """Write the best reserve in ISP t to held (R,T), by the simplex method.

    eur_per_kw, traded (R,T), needs (R,K): see layout; rooms: K, kW; tableau (K+1,R+K+1) is scratch. Products without
    reward are held as well where room is left.
    """
    products, rows = needs.shape
    tableau[:, :] = 0.0
    for r in range(products):
        if traded[r, t]:
            tableau[:rows, r] = needs[r]
            tableau[rows, r] = -eur_per_kw[r, t]
    for i in range(rows):
        tableau[i, products + i] = 1.0
        tableau[i, products + rows] = max(rooms[i], 0.0)
    _optimise(tableau)
    for r in range(products):
        held[r, t] = _basic_value(tableau, r) if traded[r, t] else 0.0
    for r in range(products):
        if traded[r, t]:
            more = np.inf
            for i in range(rows):
                if needs[r, i] > 0.0:
                    left = rooms[i]
                    for other in range(products):
                        left -= needs[other, i] * held[other, t]
                    more = min(more, left / needs[r, i])
            held[r, t] += max(more, 0.0)
