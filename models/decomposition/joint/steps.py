"""Steps of the interior-point method: what an iterate is worth, and going to the next. Compiled.

The products of slacks and their multipliers, in EUR, measure how far an iterate is from the best one.
Source: docs/explanation/optimisation.md §3.1.
"""

import numpy as np

from models.compiled import compiled
from models.decomposition.joint.connection_lp import ConnectionLp, Iterate


@compiled
def products(p: ConnectionLp, z: Iterate, stores: int, levels: int) -> tuple[float, int]:
    """Return the sum of all products of a slack and its multiplier, and their number."""
    total, count = 0.0, 0
    isps = p.number.shape[0]
    for t in range(isps):
        for i in range(p.number[t]):
            total += z.x[t, i] * z.below[t, i] + (p.most[t, i] - z.x[t, i]) * z.above[t, i]
            count += 2
        for r in range(p.rows[t]):
            total += z.slack[t, r] * z.dual[t, r]
            count += 1
            if p.price[t, r] < np.inf:
                total += z.beyond[t, r] * (p.price[t, r] - z.dual[t, r])
                count += 1
    for k in range(stores):
        for t in range(isps):
            if p.bounded[k, t] > 0.0:
                total += (z.e[k, t] - p.low[k, t]) * z.floor[k, t] + (p.high[k, t] - z.e[k, t]) * z.ceiling[k, t]
                count += 2
        for s in range(p.step_eur.shape[1]):
            if p.step_eur[k, s] > 0.0:
                total += z.end_slack[k, s] * z.end_dual[k, s]
                total += z.end_beyond[k, s] * (p.step_eur[k, s] - z.end_dual[k, s])
                count += 2
    for q in range(levels):
        total += (z.level[q] - p.level_low[q]) * z.rest[q]
        count += 1
    return total, count


@compiled
def go(p: ConnectionLp, z: Iterate, d: Iterate, far: float, dual_far: float, stores: int, levels: int) -> None:
    """Move the iterate along a step."""
    isps = p.number.shape[0]
    for t in range(isps):
        for i in range(p.number[t]):
            z.x[t, i] += far * d.x[t, i]
            z.below[t, i] += dual_far * d.below[t, i]
            z.above[t, i] += dual_far * d.above[t, i]
        for r in range(p.rows[t]):
            z.slack[t, r] += far * d.slack[t, r]
            z.dual[t, r] += dual_far * d.dual[t, r]
            if p.price[t, r] < np.inf:
                z.beyond[t, r] += far * d.beyond[t, r]
    for k in range(stores):
        for t in range(isps):
            z.e[k, t] += far * d.e[k, t]
            if p.bounded[k, t] > 0.0:
                z.floor[k, t] += dual_far * d.floor[k, t]
                z.ceiling[k, t] += dual_far * d.ceiling[k, t]
        for s in range(p.step_eur.shape[1]):
            if p.step_eur[k, s] > 0.0:
                z.end_slack[k, s] += far * d.end_slack[k, s]
                z.end_beyond[k, s] += far * d.end_beyond[k, s]
                z.end_dual[k, s] += dual_far * d.end_dual[k, s]
    for q in range(levels):
        z.level[q] += far * d.level[q]
        z.rest[q] += dual_far * d.rest[q]
