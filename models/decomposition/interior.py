"""A primal–dual interior-point method for the mixture of columns, made for its shape: few shared rows.

    min c·x,   M x = b,   0 <= x <= u

The rows of a tied congestion point meet only the columns of its own groups; balance and reserve meet all; every group
has one convexity row; whatever else there is (positions, pieces of costs) lies in the shared rows or in one row alone.
So the normal matrix MΘMᵀ is an arrow: convexity rows are eliminated by centring columns, blocks one after the other,
and what remains is dense and small. The work grows with the number of columns, not faster. Mehrotra's predictor and
corrector, then Gondzio's correctors as long as they make the step longer.
Source: Mehrotra, SIAM J. Optim. 2 (1992); Gondzio, Comput. Optim. Appl. 6 (1996); Nocedal & Wright,
Numerical Optimization, ch. 14; docs/optimisation.md §8.4.
"""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from time import perf_counter

import numpy as np
from scipy import sparse
from scipy.linalg import cho_factor, cho_solve
from threadpoolctl import threadpool_limits

from models.case import Bools, Floats, Ints
from models.decomposition.arrow import Arrow, Blocks

_MOST = 100  # iterations
_FEASIBLE = 1e-5  # relative; programs are made exact afterwards
_SHORT = 0.1  # a step that says the products are far apart
_MIDDLE = 0.5  # of the products: on the way back to the middle they shrink to this
_CORRECTORS, _FURTHER, _AROUND, _WORTHWHILE = 3, 0.3, 0.1, 0.02
# Gondzio's correctors: how many, how much longer a step they try, products around the aim, least gain of both steps
_BACK = 0.995  # of the way to the boundary


@dataclass(frozen=True, kw_only=True, eq=False)
class Shaped:
    """A linear program and its shape. Rows: n shared and block rows, and one convexity row per group."""

    cost: Floats  # (V,)
    upper: Floats  # (V,) infinite where there is none
    rows: sparse.csr_array  # (n,V) without the convexity rows
    right: Floats  # (n,)
    block: Ints  # (n,) of each row, −1 where it is shared
    twin: Ints  # (n,) of a shared row: number of the quantity it counts, ascending from the one most groups move
    group: Ints  # (W,) of the first W variables, ascending: these are mixed, w >= 0, Σ w = 1 per group
    group_block: Ints  # (G,) whose rows a group's columns meet beside the shared ones, −1 if none
    plain: Bools  # (G,) equal coefficients in all shared rows of one quantity? The same for all groups of a block


@dataclass(frozen=True, kw_only=True, eq=False)
class Interior:
    """Where the method ended."""

    x: Floats  # (V,)
    objective: float
    solved: bool  # to what was asked for


class _Normal:
    """Factors MΘMᵀ and solves with it."""

    def __init__(self, shape: Shaped, pool: ThreadPoolExecutor) -> None:
        self.shape, self.pool, weights = shape, pool, len(shape.group)
        self.mixed = shape.rows[:, :weights].tocsr()
        self.turned = self.mixed.T.tocsr()
        self.shared = np.flatnonzero(shape.block < 0)
        others = shape.rows[:, weights:].tocsr()
        self.others, self.squares = others[self.shared], others.copy()
        self.squares.data = self.squares.data**2
        self.first = np.searchsorted(shape.group, np.arange(len(shape.group_block)))
        _, chosen, self.twin = np.unique(shape.twin[self.shared], return_index=True, return_inverse=True)
        empty = np.setdiff1d(shape.block[shape.block >= 0], shape.group_block).tolist()  # blocks that no group meets
        # plain columns are known by one row of each quantity, the others by all
        self.plain = Arrow(self._blocks(self.shared[chosen], shape.plain, []), len(chosen))
        self.other = Arrow(self._blocks(self.shared, ~shape.plain, empty), len(self.shared))

    def _blocks(self, quantities: Ints, chosen: Bools, unmet: list[int]) -> Blocks:
        shape = self.shape
        moves = self.mixed[quantities].tocsc()
        most = np.zeros(len(shape.group), dtype=np.int64)
        last = np.diff(moves.indptr) > 0
        moves.sort_indices()
        most[last] = moves.indices[moves.indptr[1:][last] - 1] + 1
        reach = np.maximum.reduceat(most, self.first)[shape.group]  # of its group
        block_of = shape.group_block[shape.group]
        result = Blocks()
        for b in np.unique(shape.group_block[chosen]).tolist():
            rows = np.flatnonzero(shape.block == b) if b >= 0 else np.zeros(0, dtype=np.int64)
            mine = np.flatnonzero((block_of == b) & chosen[shape.group])
            for width in np.unique(reach[mine]).tolist():
                columns = mine[reach[mine] == width]
                result.part(
                    columns, np.unique(shape.group[columns], return_inverse=True)[1],
                    moves[:width, columns].toarray().T, self.mixed[rows][:, columns].toarray().T,
                )  # fmt: skip
            result.close(rows)
        for b in unmet:
            result.close(np.flatnonzero(shape.block == b))
        return result

    def factor(self, theta: Floats) -> None:
        """Factor for Θ (V,)."""
        weights = len(self.shape.group)
        self.theta = theta[:weights]
        self.total = np.add.reduceat(self.theta, self.first)
        diagonal = self.squares @ theta[weights:]
        matrix = (self.others.multiply(theta[weights:][None, :]) @ self.others.T).toarray()
        matrix += self.plain.factor(self.theta, diagonal, self.pool)[np.ix_(self.twin, self.twin)]
        matrix += self.other.factor(self.theta, diagonal, self.pool)
        matrix[np.diag_indices_from(matrix)] *= 1 + 1e-12
        self.core = cho_factor(matrix, lower=True, overwrite_a=True, check_finite=False)

    def solve(self, right: Floats, convex: Floats) -> tuple[Floats, Floats]:
        """Return Δy of the rows (n,) and of the convexity rows (G,)."""
        shape = self.shape
        pull = convex / self.total
        b = right - self.mixed @ (self.theta * pull[shape.group])
        plain, pulled = self.plain.forward(b)
        other, more = self.other.forward(b)
        y = np.zeros(len(right))
        y[self.shared] = cho_solve(self.core, b[self.shared] - pulled[self.twin] - more, check_finite=False)
        self.plain.back(plain, np.bincount(self.twin, y[self.shared], self.plain.size).astype(np.float64), y)
        self.other.back(other, y[self.shared], y)
        moved = self.theta * (self.turned @ y)
        return y, pull - np.add.reduceat(moved, self.first) / self.total


def solve_shaped(shape: Shaped, start: Floats, prices: Floats, *, gap: float, time_left_s: float) -> Interior:
    """Minimise to an absolute gap, from a point (V,) within the bounds, not necessarily on the rows, and prices (n,).

    BLAS has one thread, since several of its own wait for each other on a busy machine; blocks are shared between two
    of ours. Raises numpy.linalg.LinAlgError where rounding spoils the normal matrix.
    """
    with threadpool_limits(1, user_api="blas"), ThreadPoolExecutor() as pool:
        return _Method(shape, start, prices, pool).run(gap, perf_counter() + time_left_s)


class _Method:
    def __init__(self, shape: Shaped, start: Floats, prices: Floats, pool: ThreadPoolExecutor) -> None:
        self.shape, self.normal = shape, _Normal(shape, pool)
        self.bounded = np.isfinite(shape.upper)
        weights = len(shape.group)
        self.y = prices.copy()
        slack = shape.cost - shape.rows.T @ self.y
        self.q = np.minimum.reduceat(slack[:weights], self.normal.first)
        slack[:weights] -= self.q[shape.group]
        missing = np.abs(shape.rows.T) @ np.abs(shape.right - shape.rows @ start)
        width = np.where(self.bounded, shape.upper, np.maximum(2 * start + missing, 1.0))
        width[:weights] = 1.0
        self.x = np.clip(start, 0.02 * width, np.where(self.bounded, 0.98 * width, np.inf))
        self.s = np.where(self.bounded, shape.upper - self.x, 1.0)
        scale = max(float(np.abs(slack[:weights]) @ self.x[:weights]) / max(weights, 1), 1e-9)
        self.zl = np.maximum(slack, 0.0) + scale / self.x
        self.zu = np.where(self.bounded, np.maximum(-slack, 0.0) + scale / self.s, 0.0)

    def _along(self, y: Floats, q: Floats) -> Floats:
        """Return Mᵀ(y, q)."""
        result = self.shape.rows.T @ y
        result[: len(self.shape.group)] += q[self.shape.group]
        return np.asarray(result)

    def _residuals(self) -> tuple[Floats, Floats, Floats]:
        shape = self.shape
        weights = len(shape.group)
        primal = shape.right - shape.rows @ self.x
        convex = 1.0 - np.add.reduceat(self.x[:weights], self.normal.first)
        dual = shape.cost - self._along(self.y, self.q) - self.zl + self.zu
        return primal, convex, dual

    def _gap(self) -> float:
        return float(self.x @ self.zl + self.s[self.bounded] @ self.zu[self.bounded])

    def run(self, wanted: float, deadline: float) -> Interior:
        shape = self.shape
        count = len(self.x) + int(self.bounded.sum())
        size = 1.0 + float(np.abs(shape.right).max(initial=0.0))
        iterations = 0
        while True:
            primal, convex, dual = self._residuals()
            total = self._gap()
            gap = total + abs(float(dual @ self.x))
            infeasible = max(float(np.abs(primal).max(initial=0.0)) / size, float(np.abs(convex).max(initial=0.0)))
            solved = gap <= wanted and infeasible <= _FEASIBLE
            if solved or iterations >= _MOST or perf_counter() > deadline:
                return Interior(x=self.x, objective=float(shape.cost @ self.x), solved=solved)
            iterations += 1
            theta = 1.0 / (self.zl / self.x + np.where(self.bounded, self.zu / self.s, 0.0))
            self.normal.factor(theta)
            low, high = -self.x * self.zl, -self.s * self.zu
            dx, dy, dq, dl, du = self._direction(theta, primal, convex, dual, low, high)
            p, d = self._steps(dx, dl, du)
            after = float((self.x + p * dx) @ (self.zl + d * dl))
            b = self.bounded
            after += float((self.s - p * dx)[b] @ (self.zu + d * du)[b])
            mu = total / count
            aim = mu * (after / total) ** 3
            low = aim - self.x * self.zl - dx * dl
            high = np.where(b, aim - self.s * self.zu + dx * du, 0.0)
            dx, dy, dq, dl, du = self._direction(theta, primal, convex, dual, low, high)
            p, d = self._steps(dx, dl, du)
            for _ in range(_CORRECTORS):
                more_low, more_high = self._outliers(dx, dl, du, p, d, aim)
                better = self._direction(theta, primal, convex, dual, low + more_low, high + more_high)
                further = self._steps(better[0], *better[3:])
                if min(further[0] - p, further[1] - d) < 0.0 or sum(further) < p + d + _WORTHWHILE:
                    break
                low, high, (dx, dy, dq, dl, du), (p, d) = low + more_low, high + more_high, better, further
            if min(p, d) < _SHORT:  # back to the middle: no guess at second order
                low = _MIDDLE * mu - self.x * self.zl
                high = np.where(b, _MIDDLE * mu - self.s * self.zu, 0.0)
                dx, dy, dq, dl, du = self._direction(theta, primal, convex, dual, low, high)
                p, d = self._steps(dx, dl, du)
            p, d = min(_BACK * p, 1.0), min(_BACK * d, 1.0)
            self.x += p * dx
            self.s = np.where(b, self.s - p * dx, 1.0)
            self.y += d * dy
            self.q += d * dq
            self.zl += d * dl
            self.zu += d * du

    def _direction(
        self, theta: Floats, primal: Floats, convex: Floats, dual: Floats, low: Floats, high: Floats
    ) -> tuple[Floats, Floats, Floats, Floats, Floats]:
        shape = self.shape
        weights = len(shape.group)
        push = low / self.x - np.where(self.bounded, high / self.s, 0.0) - dual
        moved = theta * push
        dy, dq = self.normal.solve(
            primal - shape.rows @ moved, convex - np.add.reduceat(moved[:weights], self.normal.first)
        )
        dx = theta * self._along(dy, dq) + moved
        dl = (low - self.zl * dx) / self.x
        du = np.where(self.bounded, (high + self.zu * dx) / self.s, 0.0)
        return dx, dy, dq, dl, du

    def _outliers(self, dx: Floats, dl: Floats, du: Floats, p: float, d: float, aim: float) -> tuple[Floats, Floats]:
        """Return by how much products further along would have to change to lie around `aim`."""
        p, d = min(p + _FURTHER, 1.0), min(d + _FURTHER, 1.0)

        def off(product: Floats) -> Floats:
            wanted = np.clip(product, _AROUND * aim, aim / _AROUND)
            return np.maximum(wanted - product, -aim / _AROUND)

        high = np.where(self.bounded, off((self.s - p * dx) * (self.zu + d * du)), 0.0)
        return off((self.x + p * dx) * (self.zl + d * dl)), high

    def _steps(self, dx: Floats, dl: Floats, du: Floats) -> tuple[float, float]:
        """Return how far to go in x and in the prices before something reaches its bound, 1/_BACK at most."""
        b = self.bounded
        p = min(_room(self.x, dx), _room(self.s[b], -dx[b]))
        return p, min(_room(self.zl, dl), _room(self.zu[b], du[b]))


def _room(value: Floats, change: Floats) -> float:
    falling = change < 0
    return min(float((-value[falling] / change[falling]).min(initial=np.inf)), 1.0 / _BACK)
