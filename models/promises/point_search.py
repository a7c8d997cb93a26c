"""Column generation of one promised congestion point: its linear program, best prices and proven bound."""

from dataclasses import dataclass

import numpy as np
from scipy import sparse

from models.case import Bools, Floats
from models.growing_lp import GrowingLp, LpSolution
from models.promises.rows import PointRows


@dataclass(frozen=True, kw_only=True, eq=False)
class RoundAnswers:
    """Answers of all groups of a point: power (S,2,G,T), kW; cost and bound (S,2,G), EUR, weighted; planned first."""

    power_kw: Floats
    cost_eur: Floats
    bound_eur: Floats


class SearchedPoint:
    """The columns of a point's groups (S,2,G), of which `used` (n) have units, and the best bound so far."""

    def __init__(self, rows: PointRows, used: Bools, fixed_kw: Floats) -> None:
        """Begin with no answers. used (S,2,G): planned, called; fixed_kw (S,T)."""
        self.rows, self.fixed_kw, self.used = rows, fixed_kw, used
        self.cost = rows.cost.copy()
        self._scenario, self._called, _ = np.nonzero(used)
        own, groups = len(rows.scenario), len(self._scenario)
        self._count = own + groups
        wide = sparse.csc_array(rows.matrix, copy=True)
        wide.resize((self._count, len(rows.cost)))
        ones = np.ones(groups)
        self._lp = GrowingLp(
            cost=self.cost, lower=rows.low, upper=rows.high, rows=wide,
            row_lower=np.concatenate([rows.lower, ones]), row_upper=np.concatenate([rows.upper, ones]),
        )  # fmt: skip
        # A group's answer has an entry in each row of its scenario, and one in the row that mixes its answers.
        met = (rows.scenario == self._scenario[:, None]) & (rows.called == self._called[:, None].astype(np.bool_))
        column, row = np.nonzero(np.column_stack([met, np.eye(groups, dtype=np.bool_)]))
        self._rows, self._begins = row, np.searchsorted(column, np.arange(groups + 1))
        self._power = row < own
        self._isp = column[self._power], rows.isp[row[self._power]]
        # What was answered (K): whose answer it is, its power (K,T), kW, and its cost, EUR
        self._whose = np.zeros(0, dtype=np.int64)
        self._power_kw, self._cost_eur = np.zeros((0, fixed_kw.shape[1])), np.zeros(0)
        self.duals = np.zeros(own)
        self._rows_eur, self._groups_eur = 0.0, -np.inf
        self.solution: LpSolution | None = None

    def charge(self, factor: Floats) -> None:
        """Multiply what shortfalls of each scenario (S,) cost by `factor`; what was answered stays."""
        scale = np.where(self.rows.shortfall, factor[self.rows.column_scenario], 1.0)
        self.cost = self.rows.cost * scale
        self._lp.charge(np.arange(len(self.cost)), self.cost)
        self._rows_eur = self.rows.bound(self.duals, self.cost)

    @property
    def bound_eur(self) -> float:
        """The best proven lower bound of the cost, EUR."""
        return self._rows_eur + self._groups_eur

    @property
    def value_eur(self) -> float:
        """The cost of the best mixture of the answers, EUR."""
        assert self.solution is not None
        return self.solution.objective

    def solve(self) -> Floats:
        """Mix the answers as well as possible; return the prices of the rows (M,), EUR per kW."""
        self.solution = self._lp.solve()
        return self.rows.within(self.solution.row_dual[: len(self.rows.scenario)])

    def add(self, duals: Floats, answers: RoundAnswers) -> None:
        """Add the answers at these prices (M,) as columns, and keep the prices if they prove more."""
        groups_eur, rows_eur = float(answers.bound_eur[self.used].sum()), self.rows.bound(duals, self.cost)
        if rows_eur + groups_eur > self.bound_eur:
            self.duals, self._rows_eur, self._groups_eur = duals, rows_eur, groups_eur
        power, cost, count = answers.power_kw[self.used], answers.cost_eur[self.used], len(self._scenario)
        self._whose = np.append(self._whose, np.arange(count))
        self._power_kw, self._cost_eur = np.vstack([self._power_kw, power]), np.append(self._cost_eur, cost)
        values = np.ones(len(self._rows))
        values[self._power] = power[self._isp]
        packed = sparse.csc_array((values, self._rows, self._begins), shape=(self._count, count))
        self._lp.add_columns(cost, packed, np.zeros(count), np.full(count, np.inf))

    def static(self) -> Floats:
        """Return the values (J,), kW, of the columns that are no programs: announced programs first."""
        assert self.solution is not None
        return self.solution.x[: len(self.cost)]

    def programs_kw(self) -> tuple[Floats, Floats, Floats]:
        """Return the programs of the point (S,T), kW, planned and called, and what both cost in each scenario (S,)."""
        assert self.solution is not None
        weight = self.solution.x[len(self.cost) :]
        found = np.stack([self.fixed_kw, self.fixed_kw], axis=0)
        money, some = np.zeros(len(self.fixed_kw)), np.flatnonzero(weight)
        scenario, called = self._scenario[self._whose[some]], self._called[self._whose[some]]
        np.add.at(found, (called, scenario), weight[some, None] * self._power_kw[some])
        np.add.at(money, scenario, weight[some] * self._cost_eur[some])
        return found[0], found[1], money
