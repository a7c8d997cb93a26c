"""Orders of flexibility in the reference formulation. Source: docs/reference/formulation.md §3.8."""

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from models.algebra import pyo
from models.block import (
    LINEAR,
    Discrete,
    ObjectiveTerm,
    VariableArray,
    Variables,
    add_cells,
    linear_sum,
    new_block,
)
from models.case import Case
from models.markets.protocols import Allowed, PortfolioSums, QuietBlock


@dataclass(frozen=True, kw_only=True, eq=False)
class OrdersBlock(QuietBlock):
    """What is not delivered of each order: only what it costs is of interest."""

    terms: tuple[ObjectiveTerm, ...]
    most: VariableArray | None = None  # (order, ISP) of what is drawn beyond most_kw
    least: VariableArray | None = None  # likewise for least_kw
    rows: Variables = field(default_factory=list)  # of `most`, then of `least`
    discrete: Discrete = LINEAR

    def allowed(self, case: Case) -> Allowed | None:
        """Return ±P_c[t] − missing <= ±bound; a row whose bound the case does not have allows everything."""
        orders = case.orders
        if self.most is None or self.least is None:
            return None if len(orders.name) else Allowed(rows=[], lower=np.zeros(0), upper=np.zeros(0))
        for cells, bound in ((self.most, orders.most_kw), (self.least, orders.least_kw)):
            if np.isfinite(bound).sum() > np.isfinite(bound[cells.unit, cells.isp]).sum():
                return None
        upper = np.concatenate([
            orders.most_kw[self.most.unit, self.most.isp], -orders.least_kw[self.least.unit, self.least.isp]
        ])  # fmt: skip
        return Allowed(rows=self.rows, lower=np.full(len(upper), -np.inf), upper=upper)


def keep_orders(model: Any, case: Case, portfolio: PortfolioSums) -> OrdersBlock:
    """Add P_c[t] − missing <= most[o,t] and P_c[t] + missing >= least[o,t], where such a bound exists."""
    orders = case.orders
    if not len(orders.name):
        return OrdersBlock(terms=())
    block, power = new_block(model, "orders"), portfolio.points.power.variables
    found, rows = [], list[Any]()
    for name, bound, sign in (("most", orders.most_kw, 1.0), ("least", orders.least_kw, -1.0)):
        missing = add_cells(block, f"missing_{name}", np.isfinite(bound), 0.0, np.inf)
        at = (orders.point[missing.unit] * case.isps + missing.isp).tolist()
        most = (sign * bound[missing.unit, missing.isp]).tolist()

        def rule(
            _block: Any,
            i: int,
            at: list[int] = at,
            most: list[float] = most,
            sign: float = sign,
            missing: Any = missing,
        ) -> Any:
            pair = [power[at[i]], missing.variables[i]]
            return (None, linear_sum(pair, np.array([sign, -1.0])), most[i])

        stated = pyo.Constraint(range(len(at)), rule=rule)
        block.add_component(f"{name}_rows", stated)
        rows += stated.values()
        found.append(missing)
    penalty = orders.penalty_eur_per_mwh[np.concatenate([cells.unit for cells in found])]
    term = ObjectiveTerm(
        term="order shortfall", variables=[variable for cells in found for variable in cells.variables],
        eur=-penalty * case.isp_hours / 1000,
    )  # fmt: skip
    paid = ObjectiveTerm(
        term="flexibility sold", variables=[], eur=np.zeros(0), constant_eur=float(orders.price_eur.sum())
    )
    terms = (term, paid) if orders.price_eur.any() else (term,)
    return OrdersBlock(terms=terms, most=found[0], least=found[1], rows=rows)
