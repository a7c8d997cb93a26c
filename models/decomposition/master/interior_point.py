"""A primal–dual interior-point method for the master LP, made for its shape: few shared rows.

    min c·x,   M x = b,   0 <= x <= u

The rows of a priced congestion point meet only the columns of its own groups; balance and reserve meet all; every
group has one convexity row; all other variables (positions, pieces of costs) lie in the shared rows or in one row
alone. So the normal matrix MΘMᵀ is a block arrowhead: convexity rows are eliminated by centring columns, blocks one
after the other, and what remains is dense and small. The work grows in proportion to the number of columns. Mehrotra's
predictor and corrector come first, then Gondzio's correctors as long as they make the step longer. HiGHS, which does
not know the shape, takes two to five times the processor time (benchmarks/README.md).
Source: Mehrotra, SIAM J. Optim. 2 (1992); Gondzio, Comput. Optim. Appl. 6 (1996); Nocedal & Wright,
Numerical Optimization, ch. 14; docs/explanation/optimisation.md §3.4.
"""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cache

import numpy as np
from scipy import sparse
from scipy.linalg import cho_factor, cho_solve
from threadpoolctl import ThreadpoolController

from models.case import Bools, Floats, Ints
from models.decomposition.master.block_columns import Packed, pack
from models.decomposition.master.block_elimination import BlockMatrix
from models.decomposition.master_tuning import InteriorPoint
from models.decomposition.tuning import DEFAULT
from models.work_clock import now


@dataclass(frozen=True, kw_only=True, eq=False)
class BlockLp:
    """A linear program with its block structure. Rows: n shared and block rows, and one convexity row per group."""

    cost: Floats  # (V,)
    upper: Floats  # (V,) infinite where none
    plain: Packed  # of the first W variables: those that meet one row of each quantity
    other: Packed  # the rest of them, which meet any shared rows
    others: sparse.csc_array  # (n,V−W) of all other variables
    right: Floats  # (n,)
    shared: Ints  # (s,) rows that belong to no block
    quantity: Ints  # (s,) of each shared row: the quantity it counts
    group: Ints  # (W,) of the first W variables, ascending: their weights are >= 0, with the sum 1 per group


def block_lp(
    *,
    cost: Floats,
    upper: Floats,
    moves: sparse.csc_array,
    others: sparse.csc_array,
    right: Floats,
    block: Ints,
    twin: Ints,
    group: Ints,
    group_block: Ints,
    plain: Bools,
    tuning: InteriorPoint = DEFAULT.interior,
) -> BlockLp:
    """Return a program with columns packed by its blocks; `moves` (n,W) and `others` (n,V−W) have no convexity rows.

    cost, upper (V,), right (n,), group (W,): as in BlockLp. block (n,): each row's block, −1 where it is shared.
    twin (n,): number of the quantity that a shared row counts, ascending from the one that most groups move.
    group_block (G,): the block whose rows a group's columns meet besides shared ones, −1 if none. plain (G,): whether
    coefficients are equal in all shared rows of a quantity; the same for all groups of a block.
    """
    shared = np.flatnonzero(block < 0)
    _, chosen, quantity = np.unique(twin[shared], return_index=True, return_inverse=True)
    empty = np.setdiff1d(block[block >= 0], group_block)

    def packed(quantities: Ints, groups: Bools, unmet: Ints) -> Packed:
        number = np.full(len(right), -1)
        number[quantities] = np.arange(len(quantities))
        return pack(moves, number, block, group, group_block, groups, unmet, tuning.width_step)

    return BlockLp(
        cost=cost, upper=upper, plain=packed(shared[chosen], plain, empty[:0]), other=packed(shared, ~plain, empty),
        others=others, right=right, shared=shared, quantity=quantity, group=group,
    )  # fmt: skip


@dataclass(frozen=True, kw_only=True, eq=False)
class InteriorSolution:
    """The point at which the method ended."""

    x: Floats  # (V,)
    objective: float
    solved: bool  # whether the gap and feasibility asked for are reached


class _NormalEquations:
    """Multiplies with M, factors MΘMᵀ and solves with it."""

    def __init__(self, shape: BlockLp, pool: ThreadPoolExecutor, tuning: InteriorPoint) -> None:
        self.shape, self.pool, self.weights, self.shared = shape, pool, len(shape.group), shape.shared
        self.others = shape.others.tocsr()
        self.turned = self.others.T
        self.pieces, self.squares = self.others[self.shared], self.others.copy()
        self.pieces_turned, self.scaled = self.pieces.T, self.pieces.copy()
        self.squares.data = self.squares.data**2
        self.first = np.searchsorted(shape.group, np.arange(shape.group.max(initial=-1) + 1))
        self.quantities = int(shape.quantity.max(initial=-1)) + 1
        self.plain, self.other = (
            BlockMatrix(packed, size, tuning)
            for packed, size in ((shape.plain, self.quantities), (shape.other, len(self.shared)))
        )

    def times(self, x: Floats) -> Floats:
        """Return Mx (n,) without the convexity rows."""
        out = np.asarray(self.others @ x[self.weights :])
        mixed = x[: self.weights]
        plain = self.plain.times(mixed, out, self.pool)
        out[self.shared] += self.other.times(mixed, out, self.pool) + plain[self.shape.quantity]
        return out

    def along(self, y: Floats) -> Floats:
        """Return Mᵀy (V,) without the convexity rows."""
        out = np.concatenate([np.zeros(self.weights), self.turned @ y])
        shared = y[self.shared]
        self.plain.along(self._once(shared), y, out, self.pool)
        self.other.along(shared, y, out, self.pool)
        return out

    def _once(self, shared: Floats) -> Floats:
        """Return the prices of quantities, given those of the rows that count them."""
        return np.bincount(self.shape.quantity, shared, self.quantities).astype(np.float64)

    def factor(self, theta: Floats) -> None:
        """Factor the normal matrix for Θ (V,)."""
        self.theta = theta
        self.total = np.add.reduceat(theta[: self.weights], self.first)
        diagonal = self.squares @ theta[self.weights :]
        self.scaled.data = self.pieces.data * theta[self.weights :][self.pieces.indices]
        matrix = (self.scaled @ self.pieces_turned).toarray()
        matrix += self.plain.factor(theta, diagonal, self.pool)[np.ix_(self.shape.quantity, self.shape.quantity)]
        matrix += self.other.factor(theta, diagonal, self.pool)
        matrix[np.diag_indices_from(matrix)] *= 1 + 1e-12
        self.core = cho_factor(matrix, lower=True, overwrite_a=True, check_finite=False)

    def solve(self, primal: Floats, convex: Floats, push: Floats) -> tuple[Floats, Floats, Floats]:
        """Return Δy (n,), Δq (G,) and Δx (V,) = Θ(Mᵀ(Δy, Δq) + push) with MΔx = primal, and convex in its rows."""
        mixed, theta = slice(self.weights), self.theta
        moved = theta * push
        pull = (convex - np.add.reduceat(moved[mixed], self.first)) / self.total
        moved[mixed] += theta[mixed] * pull[self.shape.group]
        b = primal - self.times(moved)
        plain, pulled = self.plain.forward(b, self.pool)
        other, more = self.other.forward(b, self.pool)
        y, shared = np.zeros(len(primal)), self.shared
        y[shared] = cho_solve(self.core, b[shared] - pulled[self.shape.quantity] - more, check_finite=False)
        self.plain.back(plain, self._once(y[shared]), y, self.pool)
        self.other.back(other, y[shared], y, self.pool)
        dx = theta * self.along(y)
        less = np.add.reduceat(dx[mixed], self.first) / self.total
        dx[mixed] -= theta[mixed] * less[self.shape.group]
        return y, pull - less, dx + moved


def solve_block_lp(
    shape: BlockLp, start: Floats, prices: Floats, *, gap: float, time_left_s: float, threads: int = 2,
    tuning: InteriorPoint = DEFAULT.interior,
) -> InteriorSolution:  # fmt: skip
    """Minimise to an absolute gap, from a point (V,) within the bounds, on the rows or not, and prices (n,).

    BLAS uses one thread, since its threads wait for each other on a busy machine; the blocks are shared between two
    threads of ours, where `threads` allows. Raises numpy.linalg.LinAlgError where rounding spoils the normal matrix.
    """
    with _libraries().limit(limits=1, user_api="blas"), ThreadPoolExecutor(threads) as pool:
        return _Method(shape, start, prices, pool, tuning).run(gap, now() + time_left_s)


@cache
def _libraries() -> ThreadpoolController:
    """Return what limits the threads of BLAS; looking its libraries up takes longer than a small program."""
    return ThreadpoolController()


class _Method:
    def __init__(
        self, shape: BlockLp, start: Floats, prices: Floats, pool: ThreadPoolExecutor, tuning: InteriorPoint
    ) -> None:
        self.shape, self.normal, self.tuning = shape, _NormalEquations(shape, pool, tuning), tuning
        self.bounded = np.isfinite(shape.upper)
        weights = len(shape.group)
        self.y = prices.copy()
        slack = shape.cost - self.normal.along(self.y)
        self.q = np.minimum.reduceat(slack[:weights], self.normal.first)
        slack[:weights] -= self.q[shape.group]
        missing = np.abs(self.normal.others.T) @ np.abs(shape.right - self.normal.times(start))
        room = np.where(self.bounded[weights:], shape.upper[weights:], np.maximum(2 * start[weights:] + missing, 1.0))
        # halfway to equal weights, and pieces where their products are about those of weights: from points whose
        # products are far apart, or small compared with what the rows miss, the first steps are short
        mixed = 0.5 * start[:weights] + 0.5 / np.bincount(shape.group)[shape.group]
        product = tuning.piece_product * float(slack[:weights] @ mixed) / max(weights, 1)
        inside = np.clip(product / np.maximum(np.abs(slack[weights:]), 1e-99), tuning.edge * room, tuning.midst * room)
        self.x = np.append(mixed, np.clip(start[weights:], inside, room - inside))
        self.s = np.where(self.bounded, shape.upper - self.x, 1.0)
        above, below = np.maximum(slack, 0.0), np.where(self.bounded, np.maximum(-slack, 0.0), 0.0)
        least = max(
            tuning.least_product * float(above @ self.x + below @ self.s) / (len(slack) + int(self.bounded.sum())),
            1e-9,
        )
        self.zl = above + least / self.x
        self.zu = np.where(self.bounded, below + least / self.s, 0.0)

    def _residuals(self) -> tuple[Floats, Floats, Floats]:
        shape = self.shape
        weights = len(shape.group)
        primal = shape.right - self.normal.times(self.x)
        convex = 1.0 - np.add.reduceat(self.x[:weights], self.normal.first)
        dual = shape.cost - self.normal.along(self.y) - self.zl + self.zu
        dual[:weights] -= self.q[shape.group]
        return primal, convex, dual

    def _gap(self) -> float:
        return float(self.x @ self.zl + self.s[self.bounded] @ self.zu[self.bounded])

    def run(self, wanted: float, deadline: float) -> InteriorSolution:
        shape = self.shape
        count = len(self.x) + int(self.bounded.sum())
        size = 1.0 + float(np.abs(shape.right).max(initial=0.0))
        iterations = 0
        while True:
            primal, convex, dual = self._residuals()
            total = self._gap()
            gap = total + abs(float(dual @ self.x))
            infeasible = max(float(np.abs(primal).max(initial=0.0)) / size, float(np.abs(convex).max(initial=0.0)))
            solved = gap <= wanted and infeasible <= self.tuning.feasibility
            if solved or iterations >= self.tuning.iterations or now() > deadline:
                return InteriorSolution(x=self.x, objective=float(shape.cost @ self.x), solved=solved)
            iterations += 1
            theta = 1.0 / (self.zl / self.x + np.where(self.bounded, self.zu / self.s, 0.0))
            self.normal.factor(theta)
            low, high = -self.x * self.zl, -self.s * self.zu
            dx, dy, dq, dl, du = self._direction(primal, convex, dual, low, high)
            p, d = self._steps(dx, dl, du)
            after = float((self.x + p * dx) @ (self.zl + d * dl))
            b = self.bounded
            after += float((self.s - p * dx)[b] @ (self.zu + d * du)[b])
            mu = total / count
            aim = mu * (after / total) ** 3
            low = aim - self.x * self.zl - dx * dl
            high = np.where(b, aim - self.s * self.zu + dx * du, 0.0)
            dx, dy, dq, dl, du = self._direction(primal, convex, dual, low, high)
            p, d = self._steps(dx, dl, du)
            for _ in range(self.tuning.correctors):
                more_low, more_high = self._outliers(dx, dl, du, p, d, aim)
                better = self._direction(primal, convex, dual, low + more_low, high + more_high)
                further = self._steps(better[0], *better[3:])
                if min(further[0] - p, further[1] - d) < 0.0 or sum(further) < p + d + self.tuning.worthwhile:
                    break
                low, high, (dx, dy, dq, dl, du), (p, d) = low + more_low, high + more_high, better, further
            if min(p, d) < self.tuning.short:  # a step to the middle, without second-order terms
                low = self.tuning.middle * mu - self.x * self.zl
                high = np.where(b, self.tuning.middle * mu - self.s * self.zu, 0.0)
                dx, dy, dq, dl, du = self._direction(primal, convex, dual, low, high)
                p, d = self._steps(dx, dl, du)
            p, d = min(self.tuning.back * p, 1.0), min(self.tuning.back * d, 1.0)
            self.x += p * dx
            self.s = np.where(b, self.s - p * dx, 1.0)
            self.y += d * dy
            self.q += d * dq
            self.zl += d * dl
            self.zu += d * du

    def _direction(
        self, primal: Floats, convex: Floats, dual: Floats, low: Floats, high: Floats
    ) -> tuple[Floats, Floats, Floats, Floats, Floats]:
        push = low / self.x - np.where(self.bounded, high / self.s, 0.0) - dual
        dy, dq, dx = self.normal.solve(primal, convex, push)
        dl = (low - self.zl * dx) / self.x
        du = np.where(self.bounded, (high + self.zu * dx) / self.s, 0.0)
        return dx, dy, dq, dl, du

    def _outliers(self, dx: Floats, dl: Floats, du: Floats, p: float, d: float, aim: float) -> tuple[Floats, Floats]:
        """Return by how much the products at longer steps must change to lie around `aim`."""
        p, d = min(p + self.tuning.further, 1.0), min(d + self.tuning.further, 1.0)

        def off(product: Floats) -> Floats:
            wanted = np.clip(product, self.tuning.around * aim, aim / self.tuning.around)
            return np.maximum(wanted - product, -aim / self.tuning.around)

        high = np.where(self.bounded, off((self.s - p * dx) * (self.zu + d * du)), 0.0)
        return off((self.x + p * dx) * (self.zl + d * dl)), high

    def _steps(self, dx: Floats, dl: Floats, du: Floats) -> tuple[float, float]:
        """Return the steps in x and in the prices at which something reaches its bound, 1/back at most."""
        b = self.bounded
        most = 1.0 / self.tuning.back
        p = min(_room(self.x, dx, most), _room(self.s[b], -dx[b], most))
        return p, min(_room(self.zl, dl, most), _room(self.zu[b], du[b], most))


def _room(value: Floats, change: Floats, most: float) -> float:
    falling = change < 0
    return min(float((-value[falling] / change[falling]).min(initial=np.inf)), most)
