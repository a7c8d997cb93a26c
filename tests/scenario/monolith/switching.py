"""Columns and rows of one switched load.

Source: docs/reference/formulation.md §2.5, docs/reference/tables.md.
"""

import numpy as np

from tests.scenario.monolith.linear_model import LinearModel
from tests.scenario.monolith.reading import Day
from tests.scenario.monolith.units import Switched


def switched(model: LinearModel, day: Day, unit: Switched, comfort: float, *, own: bool) -> np.ndarray:
    """State a switched load; return the columns of its power, (T,)."""
    alone = LinearModel()
    _moves(alone, day, unit, missed=1.0, start_eur=0.0)
    least = round(-alone.solve().value)
    cost = comfort * unit.power_kw * day.hours
    on, missing = _moves(model, day, unit, missed=cost if least else None, start_eur=unit.start_eur if own else 0.0)
    if least:
        model.one([(missing, 1.0)], 0.0, float(least))
        model.constant += 0.0 if own else cost * least  # what nobody could meet is charged to the plan only
    power = model.columns(day.isps, 0.0, unit.power_kw)
    model.each([(power, 1.0), (on, -unit.power_kw)], 0.0, 0.0)
    return power


def _moves(
    model: LinearModel, day: Day, unit: Switched, *, missed: float | None, start_eur: float
) -> tuple[np.ndarray, np.ndarray]:
    """State what it may do in words of single ISPs: a start forbids stops, and a stop forbids starts, for a time."""
    n = day.isps
    allowed = np.zeros(n)
    for isps, _, _ in unit.windows:
        allowed[isps] = 1.0
    if unit.before < 0:
        allowed[: max(unit.rest + unit.before, 0)] = 0.0
    on = model.columns(n, 0.0, allowed, whole=True)
    start = model.columns(n, 0.0, unit.may_start.astype(float), -start_eur, whole=True)
    stop = model.columns(n, 0.0, 1.0, whole=True)
    model.each([(start, 1.0), (stop, 1.0)], -np.inf, 1.0)
    model.one([(on[0], 1.0), (start[0], -1.0), (stop[0], 1.0)], float(unit.before > 0), float(unit.before > 0))
    model.each([(on[1:], 1.0), (on[:-1], -1.0), (start[1:], -1.0), (stop[1:], 1.0)], 0.0, 0.0)
    for t in range(n):
        for s in range(t, min(t + unit.run, n)):
            model.one([(on[s], 1.0), (start[t], -1.0)], 0.0, np.inf)
        for s in range(t, min(t + unit.rest, n)):
            model.one([(on[s], 1.0), (stop[t], 1.0)], -np.inf, 1.0)
    missing = np.array([], dtype=int)
    for isps, least, most in unit.windows:
        terms = [(on[isps], 1.0)]
        if missed is not None:
            unmet, excess = (model.columns(1, 0.0, np.inf, -missed) for _ in range(2))
            terms += [(unmet, 1.0), (excess, -1.0)]
            missing = np.concatenate([missing, unmet, excess])
        model.one(terms, float(least), float(most))
    return on, missing
