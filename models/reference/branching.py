"""Branch and bound over the few whole numbers that matter (reserve bids, starts), on one warm relaxation.

HiGHS' own search spends its time on cuts and heuristics for a hundred thousand columns that are continuous anyway. Here
a node is one dual simplex run from the last basis. Nodes are followed depth first to find good answers; then the one
with the best bound is next, for the proof.
"""

import heapq
from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np

from models.case import Floats, Ints
from models.solver import Relaxation, SolverRun, Status
from models.solver_log import LATE, SolverLog
from models.work_clock import now

_WHOLE = 1e-6
_NEARLY = 0.1


@dataclass(frozen=True, kw_only=True, eq=False)
class Tree:
    """The columns to branch on: whole ones with bounds, and groups of which exactly one column is 1."""

    whole: Ints  # (W,) columns
    lower: Floats  # (W,)
    upper: Floats  # (W,)
    choices: tuple[Ints, ...]  # columns (n,) each


@dataclass(order=True)
class _Node:
    bound: float
    number: int
    lower: Floats = field(compare=False)
    upper: Floats = field(compare=False)
    closed: tuple[Ints, ...] = field(compare=False, default=())  # columns of choices fixed at 0 in this node


@dataclass(frozen=True, kw_only=True, eq=False)
class Branched:
    """The best answer and the proven lower bound of the minimum."""

    best: SolverRun | None
    bound: float


def branch(
    relaxation: Relaxation,
    tree: Tree,
    root: SolverRun,
    best: SolverRun | None,
    *,
    complete: Callable[[Floats], SolverRun | None],
    allowed: Callable[[SolverRun], float],
    deadline: float,
    log: SolverLog,
) -> Branched:
    """Minimise until the gap is allowed or the deadline (on models.work_clock.now) is reached.

    `complete` fixes the whole numbers of a node's x (columns,) and solves the rest, None if no time is left; `allowed`
    returns the gap that ends the search. A node whose completion costs more than its relaxation still counts for the
    bound, which thus stays proven. The log gets a line if the deadline ends the search.
    """
    search = _Search(relaxation, tree, best, complete, allowed, deadline, log)
    return search.run(root)


class _Search:
    def __init__(
        self,
        relaxation: Relaxation,
        tree: Tree,
        best: SolverRun | None,
        complete: Callable[[Floats], SolverRun | None],
        allowed: Callable[[SolverRun], float],
        deadline: float,
        log: SolverLog,
    ) -> None:
        self.relaxation, self.tree, self.best = relaxation, tree, best
        self.complete, self.allowed, self.deadline = complete, allowed, deadline
        self.log = log
        self.open: list[_Node] = []
        self.settled = np.inf  # lowest bound of the nodes given up that may still hold a better answer
        self.made = 0

    def run(self, root: SolverRun) -> Branched:
        columns = np.concatenate([self.tree.whole, *self.tree.choices])
        self._push(root.objective, self.tree.lower, self.tree.upper, ())
        try:
            self._plunge(root)
            while self.open and not self._finished():
                if now() >= self.deadline:
                    self.log.say(f"{LATE} while branching on bids and starts")
                    break
                self._dive(heapq.heappop(self.open))
        finally:
            self.relaxation.release(columns)
        lowest = min([self.settled, *(node.bound for node in self.open)])
        return Branched(best=self.best, bound=min(lowest, self._best_objective()))

    def _plunge(self, root: SolverRun) -> None:
        """Look for a good answer in a few runs: fix all nearly whole columns and one more, until all are whole."""
        lower, upper, run = self.tree.lower.copy(), self.tree.upper.copy(), root
        while bool((lower < upper).any()):
            x = run.x[self.tree.whole]
            off = np.where(lower < upper, np.abs(x - np.round(x)), np.inf)
            fix = off <= max(_NEARLY, float(off.min()))
            for rounded in (np.round(x[fix]), np.floor(x[fix] + _WHOLE)):
                value = np.clip(rounded, self.tree.lower[fix], self.tree.upper[fix])
                lower[fix] = upper[fix] = value
                found = self._solve(_Node(root.objective, 0, lower, upper))
                if found is None or found.status is not Status.INFEASIBLE:
                    break
            if found is None or found.status is not Status.OPTIMAL:
                return
            run = found
        finished = self.complete(run.x)
        if finished is not None and finished.status is Status.OPTIMAL and finished.objective < self._best_objective():
            self.best = finished

    def _best_objective(self) -> float:
        return np.inf if self.best is None else self.best.objective

    def _limit(self) -> float:
        return np.inf if self.best is None else self.best.objective - self.allowed(self.best)

    def _finished(self) -> bool:
        """Return whether the gap is proven, or cannot be: a node given up has a lower bound than all open nodes."""
        lowest = self.open[0].bound
        return min(self.settled, lowest) >= self._limit() or self.settled <= lowest

    def _push(self, bound: float, lower: Floats, upper: Floats, closed: tuple[Ints, ...]) -> _Node:
        self.made += 1
        node = _Node(bound, self.made, lower, upper, closed)
        heapq.heappush(self.open, node)
        return node

    def _dive(self, node: _Node) -> None:
        """Follow the more promising child until no better answer can lie below."""
        current: _Node | None = node
        while current is not None:
            if current.bound >= self._limit():
                self.settled = min(self.settled, current.bound)
                return
            run = self._solve(current)
            if run is None:
                heapq.heappush(self.open, current)
                return
            if run.status is Status.INFEASIBLE:
                return
            if run.status is Status.CUT_OFF:
                self.settled = min(self.settled, self._limit())
                return
            current = self._divide(current, run)

    def _solve(self, node: _Node) -> SolverRun | None:
        relaxation, tree = self.relaxation, self.tree
        relaxation.release(np.concatenate([tree.whole, *tree.choices]))
        relaxation.bound_columns(tree.whole, node.lower, node.upper)
        for columns in node.closed:
            relaxation.bound_columns(columns, np.zeros(len(columns)), np.zeros(len(columns)))
        run = relaxation.solve(self.deadline - now(), "simplex", worth_below=self._limit())
        return None if run.status is Status.TIME_LIMIT else run

    def _divide(self, node: _Node, run: SolverRun) -> _Node | None:
        """Branch on a node; return the child to follow, while the other one waits. None: all columns are whole."""
        bound = max(run.objective, node.bound)
        if bound >= self._limit():
            self.settled = min(self.settled, bound)
            return None
        x = run.x[self.tree.whole]
        off = np.abs(x - np.round(x))
        if off.max(initial=0.0) > _WHOLE:
            return self._split_whole(node, bound, x, off)
        for columns in self.tree.choices:
            free = columns[run.x[columns] > _WHOLE]
            if len(free) > 1:
                return self._split_choice(node, bound, columns, run.x)
        finished = self.complete(run.x)
        if finished is None or finished.status is not Status.OPTIMAL:
            self.settled = min(self.settled, bound)
        else:
            if finished.objective < self._best_objective():
                self.best = finished
            if finished.objective > bound + _WHOLE:
                self.settled = min(self.settled, bound)
        return None

    def _split_whole(self, node: _Node, bound: float, x: Floats, off: Floats) -> _Node:
        i = int(np.argmax(off))
        down, up = node.upper.copy(), node.lower.copy()
        down[i], up[i] = np.floor(x[i]), np.ceil(x[i])
        low = _Node(bound, self.made + 1, node.lower, down, node.closed)
        high = _Node(bound, self.made + 2, up, node.upper, node.closed)
        self.made += 2
        follow, wait = (high, low) if x[i] - np.floor(x[i]) > 0.5 else (low, high)
        heapq.heappush(self.open, wait)
        return follow

    def _split_choice(self, node: _Node, bound: float, columns: Ints, x: Floats) -> _Node:
        """Fix at 0 the starts after the mean one in one child, and those up to it in the other."""
        weight = x[columns]
        middle = min(int(weight @ np.arange(len(columns))), len(columns) - 2)
        early = _Node(bound, self.made + 1, node.lower, node.upper, (*node.closed, columns[middle + 1 :]))
        late = _Node(bound, self.made + 2, node.lower, node.upper, (*node.closed, columns[: middle + 1]))
        self.made += 2
        follow, wait = (early, late) if weight[: middle + 1].sum() >= 0.5 else (late, early)
        heapq.heappush(self.open, wait)
        return follow
