"""Finds the best pattern of whole bids at given prices, and a bound of the portfolio's cost that counts wholeness.

All holders of reserve and all bids are one subproblem: at prices of energy it is a small mixed-integer program, in
which a few units stand for many holders (holders.py). The few can do whatever the many can, so the program's bound
holds. With the bounds of all other groups it is a Lagrangian bound whose reserve rows are not relaxed: what wholeness
costs is in it. Each set of known prices bounds the cost of all the rest from below, linearly in the holders' power, so
the program counts them together: its bound is that of the best mixture of these prices. Where holders see too many
different prices, all of them are put together at the portfolio's price: then there is a pattern, but no bound.
Source: docs/explanation/optimisation.md §3.5.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from scipy import sparse

from models.case import Floats
from models.decomposition.bids.holders import Holders, put_together
from models.decomposition.master.restricted_master import RestrictedMaster
from models.decomposition.prices.dual_prices import DualPrices
from models.decomposition.tuning import WholeBids
from models.matrix import NEGLIGIBLE, Matrix
from models.reference.reserve_only import ReserveProblem, state_reserve
from models.solver import solve_mixed
from models.solver_log import SolverLog


@dataclass(frozen=True, kw_only=True, eq=False)
class Pattern:
    """Whole bids (P,), MW, at the places of the master's free positions, and the bound of the cost of all programs."""

    bids_mw: Floats | None  # None where no bids were found in time
    cost_eur: float  # the least that the rest and the holders can cost with these bids, by what is known of them
    bound_eur: float


@dataclass(frozen=True, kw_only=True, eq=False)
class PricedGroups:
    """Prices, and the bounds of all groups (G,) at them, EUR."""

    prices: DualPrices
    groups_eur: Floats


class PatternSearch:
    """Searches patterns for one run; what was stated is kept as long as the same holders are put together."""

    def __init__(self, master: RestrictedMaster, tuning: WholeBids) -> None:
        self._master, self._tuning = master, tuning
        self._stated: list[tuple[Holders, ReserveProblem]] = []
        self._last: tuple[ReserveProblem, Floats] | None = None  # the last answer, of the holders' columns

    def best(
        self, known: Sequence[PricedGroups], *, most: int, gap_eur: float, time_left_s: float, threads: int,
        log: SolverLog,
    ) -> Pattern:  # fmt: skip
        """Return the best pattern at the mixture of known prices at which the bound is best.

        At most `most` units stand for the holders, if their prices allow; otherwise one per class does, at the prices
        that became known last.
        """
        master = self._master
        holders, stated = self._state([one.prices for one in known], most)
        if holders.exact:
            matrix = _bounded(holders, stated, known, [self._beside_eur(one) for one in known])
        else:
            matrix = replace(stated.matrix, cost=_priced(holders, stated, known[-1].prices))
        run = solve_mixed(
            matrix, start=self._start(stated, matrix, len(known)), absolute_gap=self._tuning.gap * gap_eur,
            time_limit_s=min(self._tuning.time * time_left_s, self._tuning.most_s), threads=threads, log=log,
            few=True,
        )  # fmt: skip
        bound = run.bound if holders.exact else -np.inf
        if not len(run.x):
            return Pattern(bids_mw=None, cost_eur=np.inf, bound_eur=bound)
        self._last = stated, run.x[: len(stated.matrix.cost)]
        bids = np.zeros(len(master.free.price))
        place = {bid: p for p, bid in enumerate(master.bids, start=master.products)}
        for product, block, column, step_mw in stated.bids:
            if (product, block) in place:
                bids[place[product, block]] = abs(np.round(run.x[column])) * step_mw
        return Pattern(bids_mw=bids, cost_eur=run.objective if holders.exact else -np.inf, bound_eur=bound)

    def _start(self, stated: ReserveProblem, matrix: Matrix, bounds: int) -> Floats:
        """Return the last answer as a start (V,), empty where it belongs to other holders.

        Only the last column, the cost of the rest, may have changed: it is the most that the last `bounds` rows ask.
        """
        if self._last is None or self._last[0] is not stated:
            return np.zeros(0)
        held = self._last[1]
        if len(matrix.cost) == len(held):
            return held
        rows = sparse.csr_array(matrix.rows)[-bounds:, : len(held)]
        return np.append(held, float((matrix.row_lower[-bounds:] - rows @ held).max()))

    def _beside_eur(self, known: PricedGroups) -> float:
        master = self._master
        return master.bound_beside(known.prices, known.groups_eur, ~master.grouping.group_may_hold)

    def _state(self, prices: Sequence[DualPrices], most: int) -> tuple[Holders, ReserveProblem]:
        holders = put_together(self._master.case, self._master.grouping, prices, most)
        for before, problem in self._stated:
            if _alike(before, holders):
                return holders, problem
        self._stated.append((holders, state_reserve(holders.case)))
        return self._stated[-1]


def _alike(one: Holders, other: Holders) -> bool:
    return all(np.array_equal(one.rows[name], other.rows[name]) for name in one.rows)


def _bounded(
    holders: Holders, stated: ReserveProblem, known: Sequence[PricedGroups], beside_eur: Sequence[float]
) -> Matrix:
    """Return the problem with a last column for the cost of the rest, and a row for its bound at each set of prices.

    The rest costs at least what the bound is at any prices, `beside_eur`, and the holders' power at these prices.
    """
    matrix, none = stated.matrix, sparse.csc_array((stated.matrix.rows.shape[0], 1))
    power = np.array([_priced(holders, stated, one.prices) - matrix.cost for one in known])
    power[np.abs(power) < NEGLIGIBLE] = 0.0
    bounds = sparse.hstack([sparse.csc_array(-power), np.ones((len(known), 1))])
    return replace(
        matrix,
        cost=np.append(matrix.cost, 1.0),
        lower=np.append(matrix.lower, -np.inf),
        upper=np.append(matrix.upper, np.inf),
        whole=np.append(matrix.whole, np.False_),
        rows=sparse.csc_array(sparse.vstack([sparse.hstack([matrix.rows, none]), bounds])),
        row_lower=np.append(matrix.row_lower, beside_eur),
        row_upper=np.append(matrix.row_upper, np.full(len(known), np.inf)),
    )


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
