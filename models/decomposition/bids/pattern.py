"""Finds the best pattern of whole bids at given prices, and a bound of the portfolio's cost that counts wholeness.

All holders of reserve and all bids are one subproblem: at prices of energy it is a small mixed-integer program, in
which a few units stand for many holders (holders.py). The few can do whatever the many can, so the program's bound
holds. With the bounds of all other groups it is a Lagrangian bound whose reserve rows are not relaxed: what wholeness
costs is in it. Where holders see too many different prices, all of them are put together at the portfolio's price: then
there is a pattern, but no bound. Source: docs/explanation/optimisation.md §3.5.
"""

from dataclasses import dataclass, replace

import numpy as np

from models.case import Floats
from models.decomposition.bids.holders import Holders, put_together
from models.decomposition.master.restricted_master import RestrictedMaster
from models.decomposition.prices.dual_prices import DualPrices
from models.decomposition.tuning import WholeBids
from models.reference.reserve_only import ReserveProblem, state_reserve
from models.solver import solve_mixed
from models.solver_log import SolverLog


@dataclass(frozen=True, kw_only=True, eq=False)
class Pattern:
    """Whole bids (P,), MW, at the places of the master's free positions, and the bound of the cost of all programs."""

    bids_mw: Floats | None  # None where no bids were found in time
    bound_eur: float


class PatternSearch:
    """Searches patterns for one run; what was stated is kept as long as the same holders are put together."""

    def __init__(self, master: RestrictedMaster, tuning: WholeBids) -> None:
        self._master, self._tuning = master, tuning
        self._stated: list[tuple[Holders, ReserveProblem]] = []

    def best(
        self, prices: DualPrices, groups_eur: Floats, *, most: int, gap_eur: float, time_left_s: float, threads: int,
        log: SolverLog,
    ) -> Pattern:  # fmt: skip
        """Return the best pattern at these prices, given the bounds of all groups (G,), EUR.

        At most `most` units stand for the holders, if their prices allow; otherwise one per class does.
        """
        master = self._master
        holders, stated = self._state(prices, most)
        matrix = replace(stated.matrix, cost=_priced(holders, stated, prices))
        run = solve_mixed(
            matrix, start=np.zeros(0), absolute_gap=self._tuning.gap * gap_eur,
            time_limit_s=min(self._tuning.time * time_left_s, self._tuning.most_s), threads=threads, log=log,
        )  # fmt: skip
        bound = -np.inf
        if holders.exact:
            bound = master.bound_beside(prices, groups_eur, ~master.grouping.group_may_hold) + run.bound
        if not len(run.x):
            return Pattern(bids_mw=None, bound_eur=bound)
        bids = np.zeros(len(master.free.price))
        place = {bid: p for p, bid in enumerate(master.bids, start=master.products)}
        for product, block, column, step_mw in stated.bids:
            if (product, block) in place:
                bids[place[product, block]] = abs(np.round(run.x[column])) * step_mw
        return Pattern(bids_mw=bids, bound_eur=bound)

    def _state(self, prices: DualPrices, most: int) -> tuple[Holders, ReserveProblem]:
        holders = put_together(self._master.case, self._master.grouping, prices, most)
        for before, problem in self._stated:
            if _alike(before, holders):
                return holders, problem
        self._stated.append((holders, state_reserve(holders.case)))
        return self._stated[-1]


def _alike(one: Holders, other: Holders) -> bool:
    return all(np.array_equal(one.rows[name], other.rows[name]) for name in one.rows)


def _priced(holders: Holders, stated: ReserveProblem, prices: DualPrices) -> Floats:
    """Return the cost (V,) with energy at the prices that the units see, and reserve elsewhere at its own."""
    cost = stated.matrix.cost.copy()
    seen, by_point = prices.scenario(), dict(_rows_by_point(holders))
    for flows, power in (
        (stated.planned, seen.planned.power_eur_per_kw),
        (stated.called, seen.called.power_eur_per_kw),
    ):
        for columns, flow in flows:
            rows = np.array([by_point[point] for point in flow.point.tolist()], dtype=np.int64)
            np.add.at(cost, columns, power[rows, flow.isp] * flow.kw_per_unit)
    return cost


def _rows_by_point(holders: Holders) -> list[tuple[int, int]]:
    return [
        (int(point), int(row))
        for name, rows in holders.rows.items()
        for point, row in zip(holders.case.units(name).point.tolist(), rows.tolist(), strict=True)
    ]
