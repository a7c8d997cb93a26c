"""Shiftable runs: a fixed profile with one free start. Source: docs/reference/formulation.md §2.4."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import pyomo.environ as pyo

from models.block import Choice, Flow, Values, Variables, new_block
from models.case import Case, Floats, Ints


@dataclass(frozen=True, kw_only=True, eq=False)
class ShiftableBlock:
    """start[u,s] = 1 if unit u starts in ISP s."""

    unit: Ints  # (N,)
    start: Ints  # (N,)
    variables: Variables
    flow: Flow
    choices: tuple[Choice, ...]

    def starts(self, values: Values, otherwise: Ints) -> Ints:
        """Return the chosen start (U,), `otherwise` (U,) for units without variables."""
        result = otherwise.copy()
        on = values(self.variables) > 0.5
        result[self.unit[on]] = self.start[on]
        return result


def add_shiftable(model: Any, case: Case, *, name: str, units: Ints) -> ShiftableBlock:
    """Add binaries start[u,s], s in first..last, Σ_s start[u,s] = 1; p[u,t] = Σ_s profile[u,t−s]·start[u,s]."""
    data = case.shiftable
    block = new_block(model, name)
    index = [(u, s) for u in units.tolist() for s in range(int(data.first_start[u]), int(data.last_start[u]) + 1)]
    block.start = pyo.Var(pyo.Set(initialize=index, dimen=2), within=pyo.Binary)
    variables = list(block.start.values())
    unit = np.array([u for u, _ in index], dtype=np.int64)
    start = np.array([s for _, s in index], dtype=np.int64)
    choices: dict[int, Variables] = {u: [] for u in units.tolist()}
    for (u, _), variable in zip(index, variables, strict=True):
        choices[u].append(variable)
    block.once = pyo.Constraint(pyo.Set(initialize=list(choices)), rule=lambda _b, u: sum(choices[u]) == 1)
    return ShiftableBlock(
        unit=unit,
        start=start,
        variables=variables,
        flow=_flow(case, unit, start, variables),
        choices=tuple(Choice(variables=v) for v in choices.values()),
    )


def _flow(case: Case, unit: Ints, start: Ints, variables: Variables) -> Flow:
    data = case.shiftable
    offset = np.arange(data.profile_kw.shape[1])
    running = (offset < data.length[unit][:, None]) & (data.profile_kw[unit] != 0)
    row, step = np.nonzero(running)
    return Flow(
        variables=[variables[i] for i in row.tolist()],
        kw_per_unit=data.profile_kw[unit[row], step],
        point=data.point[unit[row]],
        isp=start[row] + step,
    )


def run_program_kw(case: Case, start: Ints) -> Floats:
    """Return the programs (U,T) of all runs for their starts (U,)."""
    data = case.shiftable
    program = np.zeros((len(data.point), case.isps))
    for u, (first, length) in enumerate(zip(start.tolist(), data.length.tolist(), strict=True)):
        program[u, first : first + length] = data.profile_kw[u, :length]
    return program
