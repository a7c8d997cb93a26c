"""Column generation of one promised congestion point: its linear program, best prices and proven bound."""

from dataclasses import dataclass

import numpy as np
from scipy import sparse

from models.case import Bools, Floats, Ints
from models.growing_lp import GrowingLp, LpSolution
from models.promises.rows import PointRows


@dataclass(frozen=True, kw_only=True, eq=False)
class RoundAnswers:
    """Answers of all groups of a point: power (S,2,G,T), kW; cost and bound (S,2,G), EUR, weighted; planned first."""

    power_kw: Floats
    cost_eur: Floats
    bound_eur: Floats


class PointSearch:
    """The columns of a point's groups (S,2,G), of which `used` have units, and the best bound so far."""

    def __init__(self, rows: PointRows, used: Bools, fixed_kw: Floats) -> None:
        """Begin with no answers. used (S,2,G): planned, called; fixed_kw (S,T)."""
        self.rows, self.fixed_kw = rows, fixed_kw
        self.used = used
        self.cost = rows.cost.copy()
        self._place = np.full(self.used.shape, -1, dtype=np.int64)
        self._place[self.used] = len(rows.scenario) + np.arange(int(self.used.sum()))
        self._of = {
            (s, called): np.flatnonzero((rows.scenario == s) & (rows.called == bool(called)))
            for s in range(len(used)) for called in (0, 1)
        }  # fmt: skip
        count = len(rows.scenario) + int(self.used.sum())
        wide = sparse.csc_array(rows.matrix, copy=True)
        wide.resize((count, len(rows.cost)))
        ones = np.ones(int(self.used.sum()))
        self._count = count
        self._lp = GrowingLp(
            cost=self.cost, lower=rows.low, upper=rows.high, rows=wide,
            row_lower=np.concatenate([rows.lower, ones]), row_upper=np.concatenate([rows.upper, ones]),
        )  # fmt: skip
        self._scenario, self._called, self._power, self._cost = list[int](), list[int](), list[Floats](), list[float]()
        self.duals = np.zeros(len(rows.scenario))
        self._groups_eur = -np.inf
        self.solution: LpSolution | None = None

    def charge(self, factor: Floats) -> None:
        """Multiply what shortfalls of each scenario (S,) cost by `factor`; what was answered stays."""
        scale = np.where(self.rows.shortfall, factor[self.rows.column_scenario], 1.0)
        self.cost = self.rows.cost * scale
        self._lp.charge(np.arange(len(self.cost)), self.cost)

    @property
    def bound_eur(self) -> float:
        """The best proven lower bound of the cost, EUR."""
        return self.rows.bound(self.duals, self.cost) + self._groups_eur

    @property
    def value_eur(self) -> float:
        """The cost of the best mixture of the answers, EUR."""
        assert self.solution is not None
        return self.solution.objective

    def solve(self) -> Floats:
        """Mix the answers as well as possible; return the prices of the rows (M,)."""
        self.solution = self._lp.solve()
        return self.rows.within(self.solution.row_dual[: len(self.rows.scenario)])

    def add(self, duals: Floats, answers: RoundAnswers) -> None:
        """Add the answers at these prices (M,) as columns, and keep the prices if they prove more."""
        groups_eur = float(answers.bound_eur[self.used].sum())
        if self.rows.bound(duals, self.cost) + groups_eur > self.bound_eur:
            self.duals, self._groups_eur = duals, groups_eur
        row, column, value, costs = list[Ints](), list[Ints](), list[Floats](), list[float]()
        for (s, called), mine in self._of.items():
            groups = np.flatnonzero(self.used[s, called])
            power = answers.power_kw[s, called, groups]
            first = len(costs)
            row.append(np.concatenate([np.tile(mine, len(groups)), self._place[s, called, groups]]))
            numbers = first + np.arange(len(groups))
            column.append(np.concatenate([np.repeat(numbers, len(mine)), numbers]))
            value.append(np.concatenate([power[:, self.rows.isp[mine]].ravel(), np.ones(len(groups))]))
            costs += answers.cost_eur[s, called, groups].tolist()
            self._scenario += [s] * len(groups)
            self._called += [called] * len(groups)
            self._power += list(power)
        self._cost += costs
        packed = sparse.csc_array(
            (np.concatenate(value), (np.concatenate(row), np.concatenate(column))), shape=(self._count, len(costs))
        )
        self._lp.add_columns(np.array(costs), packed, np.zeros(len(costs)), np.full(len(costs), np.inf))

    def static(self) -> Floats:
        """Return the values of the columns (J,) that are no programs: announced programs first."""
        assert self.solution is not None
        return self.solution.x[: len(self.cost)]

    def programs_kw(self) -> tuple[Floats, Floats, Floats]:
        """Return the programs of the point (S,T), kW, planned and called, and what both cost in each scenario (S,)."""
        assert self.solution is not None
        weight = self.solution.x[len(self.cost) :]
        found = np.stack([self.fixed_kw, self.fixed_kw], axis=0).copy()
        money = np.zeros(len(self.fixed_kw))
        if len(weight):
            at = (np.array(self._called), np.array(self._scenario))
            np.add.at(found, at, weight[:, None] * np.array(self._power))
            np.add.at(money, at[1], weight * np.array(self._cost))
        return found[0], found[1], money
