"""Agreed limits in the reference formulation. Source: docs/reference/formulation.md §3.3."""

from dataclasses import dataclass
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
from models.case import Case, Floats
from models.markets.protocols import Marginals, PortfolioSums, QuietBlock


@dataclass(frozen=True, kw_only=True, eq=False)
class LimitsBlock(QuietBlock):
    """Soft bounds of P_c, with their rows in the order of their breaches."""

    breach_import: VariableArray  # (limit, ISP)
    breach_export: VariableArray
    import_rows: Variables
    export_rows: Variables
    terms: tuple[ObjectiveTerm, ...]
    discrete: Discrete = LINEAR

    def shadow(self, case: Case, marginals: Marginals) -> dict[str, Floats]:
        """Return the value (L,T), EUR, of one more MWh of each limit; rounding below zero is cut off."""
        per_mwh, shape = 1000 / case.isp_hours, case.limits.import_kw.shape
        imports, exports = np.zeros(shape), np.zeros(shape)
        imports[self.breach_import.unit, self.breach_import.isp] = -marginals.of_rows(self.import_rows) * per_mwh
        exports[self.breach_export.unit, self.breach_export.isp] = -marginals.of_rows(self.export_rows) * per_mwh
        return {
            "limit_import_eur_per_mwh": np.maximum(imports, 0.0),
            "limit_export_eur_per_mwh": np.maximum(exports, 0.0),
        }


def limit_congestion(model: Any, case: Case, portfolio: PortfolioSums) -> LimitsBlock:
    """Add P_c[t] − breach <= import[l,t] and P_c[t] + breach >= export[l,t], where such a bound exists."""
    block, points = new_block(model, "limits"), portfolio.points
    limits = case.limits
    sides = []
    for name, bound, sign in (("import", limits.import_kw, 1.0), ("export", limits.export_kw, -1.0)):
        breach = add_cells(block, f"breach_{name}", np.isfinite(bound), 0.0, np.inf)
        at = (limits.point[breach.unit] % (len(case.points) + 1) * case.isps + breach.isp).tolist()
        most = (sign * bound[breach.unit, breach.isp]).tolist()

        def rule(
            _block: Any,
            i: int,
            at: list[int] = at,
            most: list[float] = most,
            sign: float = sign,
            breach: VariableArray = breach,
        ) -> Any:
            pair = [points.power.variables[at[i]], breach.variables[i]]
            return (None, linear_sum(pair, np.array([sign, -1.0])), most[i])

        block.add_component(f"{name}_rows", pyo.Constraint(range(len(at)), rule=rule))
        sides.append((breach, list(block.component(f"{name}_rows").values())))
    (breach_import, import_rows), (breach_export, export_rows) = sides
    breached = np.concatenate([breach_import.unit, breach_export.unit])
    penalty = ObjectiveTerm(
        term="limit breach",
        variables=breach_import.variables + breach_export.variables,
        eur=-limits.penalty_eur_per_mwh[breached] * case.isp_hours / 1000,
    )
    return LimitsBlock(
        breach_import=breach_import,
        breach_export=breach_export,
        import_rows=import_rows,
        export_rows=export_rows,
        terms=(penalty,),
    )
