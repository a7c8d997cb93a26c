"""Solves the whole problem with given bids, for one pattern of bids after another: it is stated once.

Bids are columns with equal bounds. What they lack is a shortfall, as of awarded capacity, so that there is always an
answer. Source: docs/explanation/optimisation.md §3.5.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from time import perf_counter

import numpy as np
from scipy import sparse

from models.case import Case, Floats, Ints
from models.decomposition.bids.apart import ProgramsApart, called_columns
from models.headroom import KW_PER_MW
from models.markets.balancing_capacity.block import BalancingCapacityBlock
from models.matrix import Matrix
from models.objective import gross_eur
from models.outcome import Outcome
from models.reference.around import directed_around
from models.reference.mip_search import INTERIOR, NEAR, SMALL, SearchResult
from models.reference.problem import stated
from models.reference.reading import Problem, read_outcome
from models.reference.rounding import EXACT, columns_of, solve_fixed, values_of
from models.solver import Relaxation, SolverRun, Status
from models.solver_log import SolverLog
from models.work_clock import now

NO_MW = 1e-9
"""What a bid may lack that counts as held."""
Bids = Mapping[tuple[int, int], float]
"""MW by product and block."""


@dataclass(frozen=True, kw_only=True)
class AnyBids:
    """What the whole costs at least with bids that need not be whole, EUR, and the whole ones nearest to its bids."""

    bound_eur: float  # −inf if there was no time
    nearest: Bids


class FixedBids:
    """One case, solved with any bids. `simple`: nothing but bids, starts and directions is whole in it."""

    def __init__(
        self, case: Case, *, threads: int, log: SolverLog, apart: bool = False, large_from: int = INTERIOR
    ) -> None:
        """State the case; with `apart`, planned programs are solved first where it is large, and called ones beside.

        `large_from`: rows or columns from which the interior-point method is used.
        """
        self._case, self._threads = case, threads
        began = perf_counter()
        self._problem, matrix = stated(case)
        self._columns = columns_of(matrix, self._problem.discrete)
        self._matrix, self._short = _with_shortfalls(matrix, self._problem, case)
        self._relaxation = Relaxation(self._matrix, threads=threads, log=log)
        self.simple = not len(self._columns.on) and not self._columns.states
        self._large = max(matrix.rows.shape) > large_from
        self._apart = self._programs_apart() if apart and self._large else None
        self._stated_s = perf_counter() - began
        self._free_solved = False  # whether the last basis is that of the whole with any bids

    def _programs_apart(self) -> ProgramsApart | None:
        called = called_columns(self._problem, self._matrix)
        apart = ProgramsApart(self._matrix, called, threads=self._threads) if called.any() else None
        return apart if apart is not None and np.isfinite(apart.least_eur) else None

    @property
    def apart(self) -> bool:
        """Return whether planned programs are solved first, which ends where called ones cost something beside them."""
        return self._apart is not None

    def knows(self, bids: Bids) -> bool:
        """Return whether each of the bids (MW) above zero could be made in the case."""
        known = {(whole.product, whole.block) for whole in self._problem.discrete.wholes}
        return all(key in known for key, mw in bids.items() if mw > 0)

    def best(self, bids: Bids, *, relative_gap: float, time_left_s: float) -> Outcome | None:
        """Return the best program with these bids; None if there was no time, or they are not allowed.

        It ends as `gap open` where rounding starts costs more than `relative_gap` of gross cost, or where bids cannot
        be held: what they lack is in the outcome, but in no term.
        """
        began, deadline = perf_counter(), now() + time_left_s
        columns, lower, upper = self._bounds(bids)
        self._relaxation.bound_columns(columns, lower, upper)
        try:
            relaxed = self._relaxed(columns, lower, upper, deadline)
            if relaxed.status is not Status.OPTIMAL:
                return None
            run = self._rounded(relaxed, bids, deadline)
        finally:
            self._relaxation.release(columns)
        if run is None or run.status is not Status.OPTIMAL:
            return None
        share = relative_gap if len(self._matrix.cost) > SMALL else min(relative_gap, EXACT)
        return self._read(run, relaxed.objective, share * self._gross_eur(run), began)

    def with_any(self, *, time_left_s: float) -> AnyBids:
        """Return a bound of the least cost with any bids that are held, whole or not, and the whole ones nearest to it.

        Planned apart, it leaves out what called programs ask for. The next bids are solved from its basis: they mostly
        differ little.
        """
        algorithm = "ipm" if self._large else "simplex"
        if self._apart is not None:
            run = self._apart.planned(time_left_s, algorithm)
        else:
            run = self._relaxation.solve(time_left_s, algorithm)
        if run.status is not Status.OPTIMAL:
            return AnyBids(bound_eur=-np.inf, nearest={})
        self._free_solved = True
        steps = np.round(run.x[self._columns.whole])
        wholes = self._problem.discrete.wholes
        nearest = {
            (one.product, one.block): float(n) * self._case.reserves[one.product].step_mw
            for one, n in zip(wholes, np.where(steps >= self._columns.least, steps, 0.0).tolist(), strict=True)
        }
        return AnyBids(bound_eur=run.objective, nearest=nearest)

    def _relaxed(self, columns: Ints, lower: Floats, upper: Floats, deadline: float) -> SolverRun:
        """Return the relaxation's best answer with these bids: from planned and called programs apart if possible.

        Once called programs have cost something beside the planned ones, they are no longer tried apart.
        """
        algorithm = "ipm" if self._large and not self._free_solved else "simplex"
        self._free_solved = False
        if self._apart is not None:
            self._apart.bound_columns(columns, lower, upper)
            planned = self._apart.planned(deadline - now(), algorithm)
            self._apart.bound_columns(columns, self._matrix.lower[columns], self._matrix.upper[columns])
            if planned.status is Status.OPTIMAL:
                within = EXACT * max(abs(planned.objective), 1.0)
                joined = self._apart.joined(planned, self._relaxation, within=within, deadline=deadline)
                if joined is not None:
                    return joined
            self._apart, algorithm = None, "ipm" if self._large else "simplex"
        return self._relaxation.solve(deadline - now(), algorithm)

    def _rounded(self, relaxed: SolverRun, bids: Bids, deadline: float) -> SolverRun | None:
        """Return the answer with whole starts and one direction of each pair."""
        if self._large:
            near = directed_around(
                self._relaxation, self._matrix, self._columns, relaxed, threads=self._threads, deadline=deadline
            )
            if near is not None and near.objective - relaxed.objective <= NEAR * self._gross_eur(near):
                return near
        none = np.zeros(len(self._columns.first), dtype=np.bool_)
        return solve_fixed(self._relaxation, self._columns, relaxed.x, self._steps(bids), none, deadline)

    def _gross_eur(self, run: SolverRun) -> float:
        return gross_eur(self._problem.terms, values_of(self._matrix, run.x))

    def _read(self, run: SolverRun, bound: float, allowed: float, began: float) -> Outcome:
        missing = np.zeros((len(self._case.reserves), self._case.isps))
        for (product, isp), column in self._short.items():
            missing[product, isp] = max(float(run.x[column]), 0.0)
        if bool((missing > NO_MW).any()):
            bound = -np.inf  # it counts what bids lack, and the outcome does not
        found = SearchResult(
            x=run.x, row_dual=run.row_dual, reduced_cost=run.reduced_cost, objective=run.objective, bound=bound,
            gap_allowed=allowed, late=False,
        )  # fmt: skip
        seconds = {"build": self._stated_s, "solve": perf_counter() - began}
        self._stated_s = 0.0
        outcome = read_outcome(self._case, self._problem, self._matrix, found, seconds)
        return replace(outcome, reserve_shortfall_mw=outcome.reserve_shortfall_mw + missing)

    def _steps(self, bids: Bids) -> Floats:
        wholes, reserves = self._problem.discrete.wholes, self._case.reserves
        return np.array([
            np.round(bids.get((whole.product, whole.block), 0.0) / reserves[whole.product].step_mw) for whole in wholes
        ])  # fmt: skip

    def _bounds(self, bids: Bids) -> tuple[Ints, Floats, Floats]:
        """Return the columns (n,) of bids and of what they lack, and their bounds."""
        steps, switched = self._steps(bids), self._columns.switch >= 0
        block = {r: reserve.block for r, reserve in enumerate(self._case.reserves)}
        most = [bids.get((r, int(block[r][isp])), 0.0) for r, isp in self._short]
        columns = np.concatenate([
            self._columns.whole, self._columns.switch[switched], np.array(list(self._short.values()), dtype=np.int64),
        ])  # fmt: skip
        fixed = np.concatenate([steps, (steps[switched] > 0).astype(np.float64)])
        return columns, np.append(fixed, np.zeros(len(most))), np.append(fixed, np.array(most))


def _with_shortfalls(matrix: Matrix, problem: Problem, case: Case) -> tuple[Matrix, dict[tuple[int, int], int]]:
    """Return the problem with a column for what free bids lack in each ISP, and (product, ISP) → its column."""
    first, columns, entries = len(matrix.cost), dict[tuple[int, int], int](), list[tuple[int, int]]()
    for held in (block for block in problem.markets.values() if isinstance(block, BalancingCapacityBlock)):
        keys = zip(held.product.tolist(), held.isp.tolist(), strict=True)
        for key, row in zip(keys, matrix.rows_at(held.rows).tolist(), strict=True):
            if (key[0], int(case.reserves[key[0]].block[key[1]])) in held.bids:
                entries.append((row, columns.setdefault(key, first + len(columns))))
    rates = [case.reserves[product].shortfall_eur_per_mwh * case.isp_hours for product, _ in columns]
    count, rows = len(columns), [row for row, _ in entries]
    more = sparse.coo_array(
        (np.full(len(entries), KW_PER_MW), (rows, [column - first for _, column in entries])),
        shape=(matrix.rows.shape[0], count),
    )
    wider = replace(
        matrix,
        cost=np.append(matrix.cost, rates),
        lower=np.append(matrix.lower, np.zeros(count)),
        upper=np.append(matrix.upper, np.zeros(count)),
        whole=np.append(matrix.whole, np.zeros(count, dtype=np.bool_)),
        rows=sparse.csc_array(sparse.hstack([matrix.rows, more])),
    )
    return wider, columns
