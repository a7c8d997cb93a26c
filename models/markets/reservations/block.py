"""FlexOption reservations with called programs in the reference formulation.

Source: docs/reference/formulation.md §3.4.
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
    grouped,
    join_flows,
    linear_sum,
    new_block,
)
from models.case import Case, Floats, Ints
from models.markets.protocols import Allowed, Marginals, PortfolioSums


@dataclass(frozen=True, kw_only=True, eq=False)
class ReservationsBlock:
    """shortfall[k,t] in kW, and the row of each one's congestion point, ISP and sign."""

    shortfall: VariableArray  # (reservation, ISP)
    rows: Variables
    terms: tuple[ObjectiveTerm, ...]
    reserved_kw: Floats  # (K,T) for which they are stated
    row: Ints  # (N,) of each shortfall
    rest_kw: Floats  # (rows,) what each distinct row has beside reservations
    discrete: Discrete = LINEAR

    def allowed(self, case: Case) -> Allowed | None:
        """Return the rows with other amounts; None where reservations differ in sign, or in where there are any."""
        reserved = case.reservations.reserved_kw
        if not np.array_equal(np.sign(reserved), np.sign(self.reserved_kw)):
            return None
        here = reserved[self.shortfall.unit, self.shortfall.isp]
        moved = np.bincount(self.row, weights=here, minlength=len(self.rest_kw)) + self.rest_kw
        _, first = np.unique(self.row, return_index=True)
        up = here[first] > 0
        return Allowed(
            rows=[self.rows[i] for i in first.tolist()], lower=np.where(up, moved, -np.inf),
            upper=np.where(up, np.inf, moved), variables=self.shortfall.variables, most=np.abs(here),
        )  # fmt: skip

    def outcome(self, case: Case, values: Values) -> dict[str, Floats]:
        """Return the shortfalls (K,T), kW."""
        return {"reservation_shortfall_kw": self.shortfall.spread(values, *case.reservations.reserved_kw.shape)}

    def shadow(self, case: Case, marginals: Marginals) -> dict[str, Floats]:
        """Return the value (K,T), EUR, of releasing a MWh; rounding below zero is cut off."""
        released, cells = np.zeros(case.reservations.reserved_kw.shape), self.shortfall
        # Releasing lowers the bound of the shortfall as well: at this bound its reduced cost is taken off again.
        saved = np.minimum(marginals.of_variables(cells.variables), 0.0)
        released[cells.unit, cells.isp] = (np.abs(marginals.of_rows(self.rows)) + saved) * (1000 / case.isp_hours)
        return {"reservation_eur_per_mwh": np.maximum(released, 0.0)}


def cover_reservations(model: Any, case: Case, portfolio: PortfolioSums) -> ReservationsBlock:
    """Add Σ q <= P_c + Σ_k (R_k + s_k) where R < 0, Σ q >= P_c + Σ_k (R_k − s_k) where R > 0, 0 <= s_k <= |R_k|.

    Contracts of one sign at one congestion point and ISP share the row: the same kW is never sold twice.
    q are the called programs of all units at reserved points; those of fixed units are the planned ones.
    """
    called = portfolio.called()
    block, points, fixed_kw = new_block(model, "reservations"), portfolio.points, portfolio.fixed_kw
    data = case.reservations
    shortfall = add_cells(block, "shortfall", data.reserved_kw != 0, 0.0, np.abs(data.reserved_kw))
    reserved = data.reserved_kw[shortfall.unit, shortfall.isp]
    sign = np.sign(reserved)
    at = data.point[shortfall.unit] * case.isps + shortfall.isp
    keys, group = np.unique(at * 2 + (sign > 0), return_inverse=True)
    members = grouped(group, len(keys)) if len(keys) else []
    flow = join_flows(() if called is None else called.flows)
    cells = grouped(flow.point % (len(case.points) + 1) * case.isps + flow.isp, (len(case.points) + 1) * case.isps)

    def rule(_block: Any, i: int) -> Any:
        place, direction = int(keys[i]) // 2, 1.0 if keys[i] % 2 else -1.0
        mine, here = members[i], cells[place]
        variables = [points.power.variables[place]]
        variables += [flow.variables[j] for j in here.tolist()]
        variables += [shortfall.variables[j] for j in mine.tolist()]
        coefficients = np.concatenate([[-1.0], flow.kw_per_unit[here], np.full(len(mine), direction)])
        moved = float(reserved[mine].sum() - fixed_kw.flat[place])
        body = linear_sum(variables, coefficients)
        return (moved, body, None) if direction > 0 else (None, body, moved)

    block.rows = pyo.Constraint(range(len(keys)), rule=rule)
    rows = list(block.rows.values())
    per_kw = case.isp_hours / 1000
    fee = float((data.availability_eur_per_mw_h[:, None] * data.paid_kw).sum()) * per_kw
    penalty = ObjectiveTerm(
        term="reservation shortfall",
        variables=shortfall.variables,
        eur=-data.penalty_eur_per_mwh[shortfall.unit] * per_kw,
    )
    return ReservationsBlock(
        shortfall=shortfall,
        rows=[rows[i] for i in group.tolist()],
        reserved_kw=data.reserved_kw,
        row=group,
        rest_kw=-fixed_kw.reshape(-1)[keys // 2],
        terms=(penalty, ObjectiveTerm(term="availability", variables=[], eur=np.zeros(0), constant_eur=fee)),
    )
