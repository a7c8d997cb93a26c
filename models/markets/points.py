"""Programs of congestion points: P_c[t], the sum over its units, in which every other coupling is stated."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from models.algebra import pyo
from models.block import Flow, VariableArray, add_cells, grouped, join_flows, linear_sum, new_block
from models.case import Case, Floats


@dataclass(frozen=True, kw_only=True, eq=False)
class Points:
    """power[c,t] = P_c[t] in kW, c = C for units in no congestion point."""

    power: VariableArray


def add_points(model: Any, case: Case, flows: Sequence[Flow], fixed_kw: Floats) -> Points:
    """Add P_c[t] = Σ_{r in c} p_r[t], for every congestion point and once for the units in none; fixed_kw (C+1,T)."""
    block = new_block(model, "points")
    rows = len(case.points) + 1
    power = add_cells(block, "power", np.ones((rows, case.isps), dtype=np.bool_), -np.inf, np.inf)
    flow = join_flows(flows)
    groups = grouped(flow.point % rows * case.isps + flow.isp, rows * case.isps)

    def rule(_block: Any, i: int) -> Any:
        mine = groups[i]
        variables = [power.variables[i], *(flow.variables[j] for j in mine.tolist())]
        fixed = float(fixed_kw.flat[i])
        return (fixed, linear_sum(variables, np.append(1.0, -flow.kw_per_unit[mine])), fixed)

    block.sums = pyo.Constraint(range(rows * case.isps), rule=rule)
    return Points(power=power)
