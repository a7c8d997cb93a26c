"""The portfolio's balance and its last resort in the reference formulation.

Source: docs/reference/formulation.md §3.2 and §3.10.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from models.algebra import pyo
from models.block import (
    LINEAR,
    Discrete,
    ObjectiveTerm,
    Values,
    VariableArray,
    Variables,
    add_cells,
    linear_sum,
    new_block,
)
from models.case import Case, Floats
from models.markets.protocols import Allowed, Marginals, PortfolioSums


@dataclass(frozen=True, kw_only=True, eq=False)
class ImbalanceBlock:
    """Short and long in kW; the `unit` of these variables is the balancing group."""

    short: VariableArray
    long: VariableArray
    balance: Variables  # (G·T,) rows
    terms: tuple[ObjectiveTerm, ...]
    fixed_groups_kw: Floats  # (G,T) programs of the units without a choice; no rows without balancing groups
    discrete: Discrete = LINEAR

    def allowed(self, case: Case) -> Allowed:
        """Return the balance with the positions and trades that are decided in a case."""
        decided = -_decided_kw(case, self.fixed_groups_kw)
        return Allowed(rows=self.balance, lower=decided, upper=decided)

    def outcome(self, case: Case, values: Values) -> dict[str, Floats]:
        """Return short and long imbalance (T,), kW, and that of each group (G,T); no group has both at once."""
        groups = len(case.energy_markets())
        short, long = (cells.spread(values, groups, case.isps) for cells in (self.short, self.long))
        both = np.minimum(short, long)
        short, long = short - both, long - both
        whole = {"short_kw": short.sum(axis=0), "long_kw": long.sum(axis=0)}
        return whole | {"group_imbalance_kw": short - long} if case.balancing_groups.name else whole

    def shadow(self, case: Case, marginals: Marginals) -> dict[str, Floats]:
        """Return the value (T,), EUR, of consuming a MWh less in the first group, and (G,T) in each of several."""
        found = (marginals.of_rows(self.balance) * (1000 / case.isp_hours)).reshape(-1, case.isps)
        whole = {"balance_eur_per_mwh": found[0]}
        return whole | {"group_balance_eur_per_mwh": found} if case.balancing_groups.name else whole


def close_balance(model: Any, case: Case, portfolio: PortfolioSums) -> ImbalanceBlock:
    """Add Σ positions of all markets + short[t] − long[t] = Σ_c P_c[t]; committed positions and trades are constant.

    With balancing groups there is such a row for each of them, over its own units.
    """
    block, each = new_block(model, "imbalance"), case.energy_markets()
    always = np.ones((len(each), case.isps), dtype=np.bool_)
    short = add_cells(block, "short", always, 0.0, np.inf)
    long = add_cells(block, "long", always, 0.0, np.inf)
    terms: list[list[tuple[Any, float]]] = [[] for _ in range(len(each) * case.isps)]
    for flow in reversed(portfolio.positions):
        for g, t, variable, kw in zip(
            flow.unit.tolist(), flow.isp.tolist(), flow.variables, flow.kw_per_unit.tolist(), strict=True
        ):
            terms[g * case.isps + t].append((variable, kw))
    for cells, sign in ((short, 1.0), (long, -1.0)):
        for g, t, variable in zip(cells.unit.tolist(), cells.isp.tolist(), cells.variables, strict=True):
            terms[g * case.isps + t].append((variable, sign))
    committed = _decided_kw(case, portfolio.fixed_groups_kw)
    for place, variable, kw in _consumption(case, portfolio):
        terms[place].append((variable, -kw))

    def rule(_block: Any, i: int) -> Any:
        body = linear_sum([v for v, _ in terms[i]], np.array([c for _, c in terms[i]]))
        return (-float(committed[i]), body, -float(committed[i]))

    block.balance = pyo.Constraint(range(len(terms)), rule=rule)
    return ImbalanceBlock(
        short=short, long=long, balance=list(block.balance.values()), terms=(_term(case, short, long),),
        fixed_groups_kw=portfolio.fixed_groups_kw,
    )  # fmt: skip


def _decided_kw(case: Case, fixed_groups_kw: Floats) -> Floats:
    """Return the positions and trades (G·T,) that are no variables; with groups, less what fixed units take."""
    each = case.energy_markets()
    decided = [np.nan_to_num(one.day_ahead.committed_kw) + one.intraday.settled_kw for one in each]
    return np.concatenate(decided) - (fixed_groups_kw.ravel() if case.balancing_groups.name else 0.0)


def _consumption(case: Case, portfolio: PortfolioSums) -> Iterator[tuple[int, Any, float]]:
    """Yield the row (g·T + t), variable and kW per unit of what is consumed: P_c, or units where there are groups."""
    if not case.balancing_groups.name:
        power = portfolio.points.power
        for t, variable in zip(power.isp.tolist(), power.variables, strict=True):
            yield t, variable, 1.0
        return
    for one in portfolio.units:
        rows = case.balanced_in(one.name)[one.flow.unit] * case.isps + one.flow.isp
        yield from zip(rows.tolist(), one.flow.variables, one.flow.kw_per_unit.tolist(), strict=True)


def _term(case: Case, short: VariableArray, long: VariableArray) -> ObjectiveTerm:
    """Return −Σ_t Δ·(short price·short[t] + long price·long[t]), EUR."""
    penal = case.imbalance
    prices = np.concatenate([penal.short_eur_per_mwh[short.isp], penal.long_eur_per_mwh[long.isp]])
    return ObjectiveTerm(
        term="imbalance", variables=short.variables + long.variables, eur=-prices * case.isp_hours / 1000
    )
