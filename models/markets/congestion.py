"""Congestion points: agreed limits, and FlexOption reservations with called programs.

Source: docs/reference/formulation.md §3.3 and §3.4.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyomo.environ as pyo

from models.block import (
    Flow,
    ObjectiveTerm,
    VariableArray,
    Variables,
    add_cells,
    grouped,
    join_flows,
    linear_sum,
    new_block,
)
from models.case import Case, Floats
from models.markets.points import Points


@dataclass(frozen=True, kw_only=True, eq=False)
class LimitRows:
    """Soft bounds of P_c, with their rows in the order of their breaches."""

    breach_import: VariableArray  # (limit, ISP)
    breach_export: VariableArray
    import_rows: Variables
    export_rows: Variables
    worth: tuple[ObjectiveTerm, ...]


@dataclass(frozen=True, kw_only=True, eq=False)
class ReservationRows:
    """shortfall[k,t] in kW, and for each of them the row of its congestion point, ISP and sign."""

    shortfall: VariableArray  # (reservation, ISP)
    rows: Variables
    worth: tuple[ObjectiveTerm, ...]


def limit_congestion(model: Any, case: Case, points: Points) -> LimitRows:
    """P_c[t] − breach <= import[l,t] and P_c[t] + breach >= export[l,t], where such a bound exists."""
    block = new_block(model, "limits")
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
    return LimitRows(
        breach_import=breach_import,
        breach_export=breach_export,
        import_rows=import_rows,
        export_rows=export_rows,
        worth=(penalty,),
    )


def cover_reservations(
    model: Any, case: Case, points: Points, called: Sequence[Flow], fixed_kw: Floats
) -> ReservationRows:
    """Σ q <= P_c + Σ_k (R_k + s_k) where R < 0, Σ q >= P_c + Σ_k (R_k − s_k) where R > 0, 0 <= s_k <= |R_k|.

    Contracts of one sign at one congestion point and ISP share the row: the same kW is never sold twice.
    `called` are the programs q of all units at reserved points but the fixed ones, which are in fixed_kw (C+1,T).
    """
    block = new_block(model, "reservations")
    data = case.reservations
    shortfall = add_cells(block, "shortfall", data.reserved_kw != 0, 0.0, np.abs(data.reserved_kw))
    reserved = data.reserved_kw[shortfall.unit, shortfall.isp]
    sign = np.sign(reserved)
    at = data.point[shortfall.unit] * case.isps + shortfall.isp
    keys, group = np.unique(at * 2 + (sign > 0), return_inverse=True)
    members = grouped(group, len(keys)) if len(keys) else []
    flow = join_flows(called)
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
    fee = float((data.availability_eur_per_mw_h[:, None] * np.abs(data.reserved_kw)).sum()) * per_kw
    penalty = ObjectiveTerm(
        term="reservation shortfall",
        variables=shortfall.variables,
        eur=-data.penalty_eur_per_mwh[shortfall.unit] * per_kw,
    )
    return ReservationRows(
        shortfall=shortfall,
        rows=[rows[i] for i in group.tolist()],
        worth=(penalty, ObjectiveTerm(term="availability", variables=[], eur=np.zeros(0), constant_eur=fee)),
    )
