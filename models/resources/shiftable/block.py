"""Shiftable runs: a fixed profile with one free start. Source: docs/reference/formulation.md §2.4."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from models.algebra import pyo
from models.block import Choice, Discrete, Flow, Known, ObjectiveTerm, Values, Variables, called_units, new_block
from models.case import Bools, Case, Ints
from models.outcome import Fields
from models.resources.shiftable.programs import TERM


@dataclass(frozen=True, kw_only=True, eq=False)
class ShiftableBlock:
    """start[u,s] = 1 if unit u starts in ISP s."""

    unit: Ints  # (N,)
    start: Ints  # (N,)
    variables: Variables
    flow: Flow
    discrete: Discrete
    own: Bools  # (U,)
    terms: tuple[ObjectiveTerm, ...]
    held: None = None

    def programs(self, case: Case, values: Values) -> Fields:
        """Return the chosen starts (U,), and the first possible start of units without variables."""
        result = case.shiftable.first_start.copy()
        on = values(self.variables) > 0.5
        result[self.unit[on]] = self.start[on]
        return {"start": result}


def add_shiftable(model: Any, case: Case, called: bool) -> ShiftableBlock:
    """Add binaries start[u,s], s in first..last, Σ_s start[u,s] = 1; p[u,t] = Σ_s profile[u,t−s]·start[u,s].

    Money, EUR: the expected cost of what lies after the Period; a called program has none.
    """
    data = case.shiftable
    block = new_block(model, "called_shiftable" if called else "shiftable")
    own = called_units(case, data.point) if called else np.ones(len(data.point), dtype=np.bool_)
    units = np.flatnonzero(own)
    index = [(u, s) for u in units.tolist() for s in range(int(data.first_start[u]), int(data.last_start[u]) + 1)]
    if index:
        block.start = pyo.Var(pyo.Set(initialize=index, dimen=2), within=pyo.Binary)
    variables = list(block.start.values()) if index else []
    unit = np.array([u for u, _ in index], dtype=np.int64)
    start = np.array([s for _, s in index], dtype=np.int64)
    choices: dict[int, Variables] = {u: [] for u in units.tolist()}
    for (u, _), variable in zip(index, variables, strict=True):
        choices[u].append(variable)
    if choices:
        block.once = pyo.Constraint(pyo.Set(initialize=list(choices)), rule=lambda _b, u: sum(choices[u]) == 1)
    return ShiftableBlock(
        unit=unit,
        start=start,
        variables=variables,
        flow=_flow(case, unit, start, variables),
        discrete=Discrete(
            choices=tuple(Choice(variables=v) for v in choices.values()),
            known=(Known(variables=variables, field="start", index=(unit,), equals=start, called=called),),
        ),
        own=own,
        terms=() if called or not data.later_eur.any() else (_later(case, unit, start, variables),),
    )


def _later(case: Case, unit: Ints, start: Ints, variables: Variables) -> ObjectiveTerm:
    """Return −later_eur of every start after which ISPs of the run lie after the Period."""
    data = case.shiftable
    after = start + data.length[unit] - case.isps
    some = np.flatnonzero(after > 0)
    return ObjectiveTerm(
        term=TERM,
        variables=[variables[i] for i in some.tolist()],
        eur=-data.later_eur[unit[some], after[some] - 1].astype(np.float64),
    )


def _flow(case: Case, unit: Ints, start: Ints, variables: Variables) -> Flow:
    data = case.shiftable
    offset = np.arange(data.profile_kw.shape[1])
    inside = np.minimum(data.length[unit], case.isps - start)
    running = (offset < inside[:, None]) & (data.profile_kw[unit] != 0)
    row, step = np.nonzero(running)
    return Flow(
        variables=[variables[i] for i in row.tolist()],
        kw_per_unit=data.profile_kw[unit[row], step],
        unit=unit[row],
        point=data.point[unit[row]],
        isp=start[row] + step,
    )
