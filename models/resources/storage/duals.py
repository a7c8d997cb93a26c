"""The best reserve in the room that a unit has left: a linear program of four rows, its dual and its solution.

maximise Σ reward·held with Σ_up held <= u, Σ_down held <= v, Σ_up sustain·held <= m, Σ_down sustain·held <= n.
Source: docs/explanation/optimisation.md §2.
"""

import numpy as np

from models.case import Bools, Floats, Ints
from models.compiled import compiled

_TINY = 1e-15
"""Reward in EUR per kW below which it is rounding."""


@compiled
def _solve4(matrix: Floats, right: Floats) -> bool:
    """Solve matrix·x = right in place, x into right; False where the matrix is singular."""
    for i in range(4):
        pivot = i
        for r in range(i + 1, 4):
            if abs(matrix[r, i]) > abs(matrix[pivot, i]):
                pivot = r
        if abs(matrix[pivot, i]) < 1e-10:
            return False
        for c in range(4):
            matrix[i, c], matrix[pivot, c] = matrix[pivot, c], matrix[i, c]
        right[i], right[pivot] = right[pivot], right[i]
        for r in range(4):
            if r != i:
                factor = matrix[r, i] / matrix[i, i]
                for c in range(i, 4):
                    matrix[r, c] -= factor * matrix[i, c]
                right[r] -= factor * right[i]
    for i in range(4):
        right[i] /= matrix[i, i]
    return True


@compiled
def dual_vertices(  # noqa: C901 - tests the corner of every four sides
    eur_per_kw: Floats, needs: Floats, traded: Bools
) -> tuple[Floats, Ints]:
    """Return the vertices (H,T,M,4) of {y >= 0: needs·y >= reward} that none undercuts, and their number (H,T).

    eur_per_kw (H,R,T); needs (R,4): what a kW of each product takes of the rooms u, v, m, n; traded (R,T).
    """
    rewards, products, isps = eur_per_kw.shape
    most = (products + 4) * (products + 1) // 2  # vertices that so many sides can have in four dimensions
    found, number = np.zeros((rewards, isps, most, 4)), np.zeros((rewards, isps), dtype=np.int64)
    rows, right = np.zeros((products + 4, 4)), np.zeros(products + 4)
    matrix, y = np.zeros((4, 4)), np.zeros(4)
    for h in range(rewards):
        for t in range(isps):
            m, scale = 4, 0.0
            for i in range(4):
                rows[i, :], right[i] = 0.0, 0.0
                rows[i, i] = 1.0
            for r in range(products):
                if traded[r, t] and eur_per_kw[h, r, t] > 0.0:
                    rows[m], right[m] = needs[r], eur_per_kw[h, r, t]
                    scale = max(scale, right[m])
                    m += 1
            if m == 4:
                continue
            for a in range(m):
                for b in range(a + 1, m):
                    for c in range(b + 1, m):
                        for d in range(c + 1, m):
                            for i, row in enumerate((a, b, c, d)):
                                matrix[i], y[i] = rows[row], right[row]
                            if not _solve4(matrix, y):
                                continue
                            feasible = True
                            for row in range(m):
                                left = 0.0
                                for i in range(4):
                                    left += rows[row, i] * y[i]
                                feasible = feasible and left >= right[row] - 1e-12 * scale
                            if feasible:
                                number[h, t] = _keep(found[h, t], number[h, t], np.maximum(y, 0.0), 1e-13 * scale)
    return found, number


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
    """Pivot a tableau (5,N), costs last, until no cost is negative, by Bland's rule."""
    last = tableau.shape[1] - 1
    for _ in range(100):
        enter = -1
        for c in range(last):
            if tableau[4, c] < -_TINY:
                enter = c
                break
        if enter < 0:
            return
        leave, ratio = -1, np.inf
        for i in range(4):
            if tableau[i, enter] > 1e-12 and tableau[i, last] < ratio * tableau[i, enter]:
                leave, ratio = i, tableau[i, last] / tableau[i, enter]
        if leave < 0:
            return
        tableau[leave] /= tableau[leave, enter]
        for i in range(5):
            factor = tableau[i, enter]
            if i != leave and factor != 0.0:
                for c in range(last + 1):
                    tableau[i, c] -= factor * tableau[leave, c]


@compiled
def _basic_value(tableau: Floats, column: int) -> float:
    """Return the value of a column's variable, and clear its row, which has only one basic variable."""
    found = -1
    for i in range(4):
        if tableau[i, column] == 1.0 and found < 0:
            found = i
        elif tableau[i, column] != 0.0:
            return 0.0
    if found < 0 or abs(tableau[4, column]) > _TINY:
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

    eur_per_kw, traded (R,T); tableau (5,R+5) is scratch. Products without reward are held as well where room is left.
    """
    products = needs.shape[0]
    tableau[:, :] = 0.0
    for r in range(products):
        if traded[r, t]:
            tableau[:4, r] = needs[r]
            tableau[4, r] = -eur_per_kw[r, t]
    for i in range(4):
        tableau[i, products + i] = 1.0
        tableau[i, products + 4] = max(rooms[i], 0.0)
    _optimise(tableau)
    for r in range(products):
        held[r, t] = _basic_value(tableau, r) if traded[r, t] else 0.0
    for r in range(products):
        if traded[r, t]:
            more = np.inf
            for i in range(4):
                if needs[r, i] > 0.0:
                    left = rooms[i]
                    for other in range(products):
                        left -= needs[other, i] * held[other, t]
                    more = min(more, left / needs[r, i])
            held[r, t] += max(more, 0.0)
