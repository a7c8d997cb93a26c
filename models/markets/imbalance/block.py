"""The portfolio's balance and its last resort in the reference formulation.

Source: docs/reference/formulation.md §3.2.
"""

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
from models.markets.protocols import Allowed, Marginals, Portfolio


@dataclass(frozen=True, kw_only=True, eq=False)
class ImbalanceBlock:
    """Short and long in kW; the `unit` of these variables is always 0."""

    short: VariableArray
    long: VariableArray
    balance: Variables  # (T,) rows
    terms: tuple[ObjectiveTerm, ...]
    discrete: Discrete = LINEAR

    def allowed(self, case: Case) -> Allowed:
        """Return the balance with the positions and trades that are decided in a case."""
        decided = -_decided_kw(case)
        return Allowed(rows=self.balance, lower=decided, upper=decided)

    def outcome(self, case: Case, values: Values) -> dict[str, Floats]:
        """Return short and long imbalance, never both at once."""
        short, long = (cells.spread(values, 1, case.isps)[0] for cells in (self.short, self.long))
        both = np.minimum(short, long)
        return {"short_kw": short - both, "long_kw": long - both}

    def shadow(self, case: Case, marginals: Marginals) -> dict[str, Floats]:
        """Return the value of a MWh less consumption."""
        return {"balance_eur_per_mwh": marginals.of_rows(self.balance) * (1000 / case.isp_hours)}


def close_balance(model: Any, case: Case, portfolio: Portfolio) -> ImbalanceBlock:
    """Add Σ positions of all markets + short[t] − long[t] = Σ_c P_c[t]; committed positions and trades are constant."""
    block = new_block(model, "imbalance")
    always = np.ones((1, case.isps), dtype=np.bool_)
    short = add_cells(block, "short", always, 0.0, np.inf)
    long = add_cells(block, "long", always, 0.0, np.inf)
    terms: list[list[tuple[Any, float]]] = [[] for _ in range(case.isps)]
    for flow in reversed(portfolio.positions):
        for t, variable, kw in zip(flow.isp.tolist(), flow.variables, flow.kw_per_unit.tolist(), strict=True):
            terms[t].append((variable, kw))
    for cells, sign in ((short, 1.0), (long, -1.0), (portfolio.points.power, -1.0)):
        for t, variable in zip(cells.isp.tolist(), cells.variables, strict=True):
            terms[t].append((variable, sign))
    committed = _decided_kw(case)

    def rule(_block: Any, t: int) -> Any:
        body = linear_sum([v for v, _ in terms[t]], np.array([c for _, c in terms[t]]))
        return (-float(committed[t]), body, -float(committed[t]))

    block.balance = pyo.Constraint(range(case.isps), rule=rule)
    return ImbalanceBlock(
        short=short, long=long, balance=list(block.balance.values()), terms=(_term(case, short, long),)
    )


def _decided_kw(case: Case) -> Floats:
    """Return the positions and trades (T,) that are no variables."""
    decided: Floats = np.nan_to_num(case.day_ahead.committed_kw) + case.intraday.settled_kw
    return decided


def _term(case: Case, short: VariableArray, long: VariableArray) -> ObjectiveTerm:
    """Return −Σ_t Δ·(short price·short[t] + long price·long[t]), EUR."""
    prices = np.concatenate([case.imbalance.short_eur_per_mwh, case.imbalance.long_eur_per_mwh])
    return ObjectiveTerm(
        term="imbalance", variables=short.variables + long.variables, eur=-prices * case.isp_hours / 1000
    )
