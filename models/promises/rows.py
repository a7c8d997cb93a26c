"""What ties the scenarios of one promised congestion point: its rows, and the columns that are no programs.

Every row adds up power of one scenario and ISP, planned or called. Source: docs/explanation/promises.md §2.
"""

from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
from scipy import sparse

from models.case import Bools, Case, Floats, Ints
from models.promises.scenarios import Scenarios


@dataclass(frozen=True, kw_only=True)
class Terms:
    """What a promise costs where it is not kept.

    A program may differ from the announced one by `tolerance_kw` at no cost, and at `deviation_eur_per_mwh` beyond.
    """

    deviation_eur_per_mwh: float
    tolerance_kw: float = 0.0


@dataclass(frozen=True, kw_only=True, eq=False)
class PointRows:
    """Rows (M,) and static columns (J,): first the announced program of the ISPs tied (K,), then pieces of costs."""

    scenario: Ints  # (M,)
    isp: Ints  # (M,)
    called: Bools  # (M,)
    lower: Floats  # (M,) of flexible power, kW
    upper: Floats  # (M,)
    matrix: sparse.csc_array  # (M,J)
    cost: Floats  # (J,) EUR
    low: Floats  # (J,)
    high: Floats  # (J,) finite
    tied: Ints  # (K,) ISPs
    shortfall: Bools  # (J,) whether it is a shortfall of a call
    column_scenario: Ints  # (J,) −1 of announced programs

    @cached_property
    def _across(self) -> Any:
        return self.matrix.T.tocsr()

    def bound(self, duals: Floats, cost: Floats) -> float:
        """Return the least of all that is no program, EUR, at prices `duals` of rows (M,); any prices prove a bound.

        cost (J,): of the static columns, EUR.
        """
        right = np.where(duals > 0, self.lower, self.upper)
        if bool((np.isinf(right) & (duals != 0)).any()):
            return -np.inf
        reduced = cost - self._across @ duals
        return float(duals @ np.where(np.isinf(right), 0.0, right)) + float(
            np.minimum(reduced * self.low, reduced * self.high).sum()
        )

    def within(self, duals: Floats) -> Floats:
        """Return the prices `duals` (M,), EUR per kW, with those of a wrong sign, which are rounding, put to 0."""
        wrong = ((duals > 0) & np.isinf(self.lower)) | ((duals < 0) & np.isinf(self.upper))
        return np.where(wrong, 0.0, duals)

    def prices(self, duals: Floats, scenarios: int, isps: int) -> tuple[Floats, Floats]:
        """Return what a kW of flexible power costs beyond its own price, planned (S,T) and called (S,T), EUR.

        duals (M,): prices of the rows.
        """
        found = np.zeros((2, scenarios, isps))
        np.add.at(found, (self.called.astype(np.int64), self.scenario, self.isp), -duals)
        return found[0], found[1]


@dataclass(kw_only=True)
class _Stated:
    rows: list[tuple[int, int, bool, float, float]] = field(default_factory=list)
    entries: list[tuple[int, int, float]] = field(default_factory=list)
    columns: list[tuple[float, float, float, bool, int]] = field(default_factory=list)

    def row(self, scenario: int, isp: int, called: bool, lower: float, upper: float) -> int:
        self.rows.append((scenario, isp, called, lower, upper))
        return len(self.rows) - 1

    def piece(self, row: int, sign: float, cost: float, high: float, *, shortfall: bool, scenario: int) -> None:
        self.entries.append((row, len(self.columns), sign))
        self.columns.append((cost, 0.0, high, shortfall, scenario))


def point_rows(
    world: Scenarios, point: int, terms: Terms | None, fixed_kw: Floats, low_kw: Floats, high_kw: Floats,
    announced_kw: Floats | None,
) -> PointRows:  # fmt: skip
    """Return the rows of a congestion point; fixed_kw, low_kw and high_kw (least and most flexible power) are (S,T).

    `announced_kw` (T,): what has been announced; None: it is to be found. Without `terms` only calls are stated.
    """
    case, per_kw = world.cases[0], world.cases[0].isp_hours / 1000
    contracts = np.flatnonzero(case.reservations.point == point)
    reserved = case.reservations.reserved_kw[contracts]
    tied = np.flatnonzero((reserved != 0).any(axis=0))
    least, most = (fixed_kw + low_kw).min(axis=0), (fixed_kw + high_kw).max(axis=0)
    down, up = np.minimum(reserved, 0).sum(axis=0), np.maximum(reserved, 0).sum(axis=0)
    lowest, highest = least - up, most - down  # beyond these an announced program makes no call easier
    stated, announce = _Stated(), {}
    for t in tied.tolist():
        announce[t] = len(stated.columns)
        bounds = (lowest[t], highest[t]) if announced_kw is None else (announced_kw[t], announced_kw[t])
        stated.columns.append((0.0, float(bounds[0]), float(bounds[1]), False, -1))
    away = np.abs(announced_kw) if announced_kw is not None else 0.0
    far = np.abs(lowest) + np.abs(highest) + np.abs(down) + np.abs(up) + away + 1.0
    for s, weight in enumerate(world.weight.tolist()):
        for t in tied.tolist():
            fixed = float(fixed_kw[s, t])
            if terms is not None:
                _deviation(stated, terms, s, t, fixed, weight * per_kw, announce[t], far[t])
            for sign in (-1.0, 1.0):
                _call(stated, case, contracts, s, t, sign, fixed, weight, announce[t], far[t])
        if terms is not None:
            _limits(stated, case, point, s, weight, fixed_kw[s], low_kw[s], high_kw[s])
    scenario, isp, called, lower, upper = (np.array(values) for values in zip(*stated.rows, strict=True))
    cost, low, high, shortfall, owner = (np.array(values) for values in zip(*stated.columns, strict=True))
    row_of, column_of, value = (np.array(values) for values in zip(*stated.entries, strict=True))
    return PointRows(
        scenario=scenario, isp=isp, called=called.astype(np.bool_), lower=lower, upper=upper,
        matrix=sparse.csc_array((value, (row_of, column_of)), shape=(len(stated.rows), len(stated.columns))),
        cost=cost, low=low, high=high, tied=tied, shortfall=shortfall.astype(np.bool_), column_scenario=owner,
    )  # fmt: skip


def _deviation(
    stated: _Stated, terms: Terms, s: int, t: int, fixed: float, weight_per_kw: float, announce: int, far: float
) -> None:
    """State −δ <= P − a − over + under <= δ."""
    row = stated.row(s, t, False, -fixed - terms.tolerance_kw, -fixed + terms.tolerance_kw)
    stated.entries.append((row, announce, -1.0))
    for sign in (-1.0, 1.0):
        dear = weight_per_kw * terms.deviation_eur_per_mwh
        stated.piece(row, sign, dear, 2 * far, shortfall=False, scenario=s)


def _call(
    stated: _Stated, case: Case, contracts: Ints, s: int, t: int, sign: float, fixed: float, weight: float,
    announce: int, far: float,
) -> None:  # fmt: skip
    """State Q − a <= ΣR + shortfall of contracts with R < 0 (sign −1), or Q − a >= ΣR − shortfall of the others."""
    amount = np.maximum(sign * case.reservations.reserved_kw[contracts, t], 0.0)
    mine = contracts[amount > 0]
    if not len(mine):
        return
    right = sign * float(amount.sum()) - fixed
    row = stated.row(s, t, True, *((-np.inf, right) if sign < 0 else (right, np.inf)))
    stated.entries.append((row, announce, -1.0))
    per_kw, penalty = weight * case.isp_hours / 1000, case.reservations.penalty_eur_per_mwh
    for k in mine[np.argsort(penalty[mine], kind="stable")].tolist():
        most = abs(float(case.reservations.reserved_kw[k, t]))
        stated.piece(row, sign, float(penalty[k]) * per_kw, most, shortfall=True, scenario=s)
    worst = float(penalty[mine].max()) * per_kw
    stated.piece(row, sign, worst, 3 * far, shortfall=True, scenario=s)  # a call may even be answered the wrong way


def _limits(
    stated: _Stated, case: Case, point: int, s: int, weight: float, fixed: Floats, low: Floats, high: Floats
) -> None:
    """State limits of the planned program where they can bind; a breach has its price."""
    for k in np.flatnonzero(case.limits.point == point).tolist():
        price = weight * float(case.limits.penalty_eur_per_mwh[k]) * case.isp_hours / 1000
        for t in range(case.isps):
            least, most = float(fixed[t] + low[t]), float(fixed[t] + high[t])
            import_kw, export_kw = float(case.limits.import_kw[k, t]), float(case.limits.export_kw[k, t])
            if most > import_kw:
                row = stated.row(s, t, False, -np.inf, import_kw - float(fixed[t]))
                stated.piece(
                    row, -1.0, price, most - import_kw + max(import_kw - least, 0), shortfall=False, scenario=s
                )
            if least < export_kw:
                row = stated.row(s, t, False, export_kw - float(fixed[t]), np.inf)
                stated.piece(row, 1.0, price, export_kw - least + max(most - export_kw, 0), shortfall=False, scenario=s)
