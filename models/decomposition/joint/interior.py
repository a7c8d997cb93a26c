"""Solves the linear program of one connection by a primal-dual interior-point method. Compiled.

Mehrotra's predictor and corrector: a first direction aims at products of zero, and shows what a second one can reach.
Source: docs/explanation/optimisation.md §3.1.
"""

import numpy as np

from models.compiled import compiled, inlined
from models.decomposition.joint.connection_lp import ConnectionLp, Iterate, Newton, row_value
from models.decomposition.joint.direction import direct, respond_to_levels
from models.decomposition.joint.newton import factor
from models.decomposition.joint.steps import go, products

_BACK = 0.995
"""Share of the way to the boundary that a step may go; a larger one takes fewer steps, but may end them too near it."""
_LEAST = 1e-14
"""Mean product, EUR, below which nothing is divided by it."""


@compiled
def solve(
    p: ConnectionLp, z: Iterate, d: Iterate, c: Iterate, n: Newton, stores: int, levels: int, eur: float,
    enough_eur: float, most: int,
) -> int:  # fmt: skip
    """Solve the LP to z until its gap is `enough_eur`, in at most `most` steps; return their number.

    `eur` is roughly what a kW costs in one ISP, and scales the first multipliers.
    """
    _begin_energies(p, z, stores, eur)
    _begin_rows(p, z, levels, eur)
    total, count = products(p, z, stores, levels)
    for number in range(most):
        worst = _misses(p, z, n, stores)
        if (total <= enough_eur and worst <= 1e-7) or not np.isfinite(total):
            return number
        factor(p, z, n, stores)
        if levels > 0:
            respond_to_levels(p, n, stores, levels, d.e)
        far, dual_far, gained, both = direct(p, z, n, d, c, 0.0, True, stores, levels)
        far, dual_far = min(far, 1.0), min(dual_far, 1.0)
        mean = total / count
        hoped = (total + far * gained[0] + dual_far * gained[1] + far * dual_far * both) / count
        target = mean * min((max(hoped, 0.0) / max(mean, _LEAST)) ** 3, 1.0)
        far, dual_far, gained, both = direct(p, z, n, d, c, target, False, stores, levels)
        far, dual_far = min(_BACK * far, 1.0), min(_BACK * dual_far, 1.0)
        if not np.isfinite(far * gained[0] + dual_far * gained[1] + far * dual_far * both):
            return number  # rounding has spoilt the equations: the iterate before is as good as it gets
        go(p, z, d, far, dual_far, stores, levels)
        total, count = products(p, z, stores, levels)
    return most


@inlined
def _begin_energies(p: ConnectionLp, z: Iterate, stores: int, eur: float) -> None:
    """Write energies in the middle of their bounds, with multipliers of about `eur`."""
    isps = p.number.shape[0]
    for k in range(stores):
        for t in range(isps):
            z.e[k, t] = 0.5 * (p.low[k, t] + p.high[k, t])
            z.floor[k, t] = z.ceiling[k, t] = eur if p.bounded[k, t] > 0.0 else 0.0
        for s in range(p.step_eur.shape[1]):
            gap = p.step_from[k, s] - z.e[k, isps - 1]
            z.end_slack[k, s], z.end_beyond[k, s] = max(gap, 0.0) + 1.0, max(-gap, 0.0) + 1.0
            z.end_dual[k, s] = 0.5 * p.step_eur[k, s]


@inlined
def _begin_rows(p: ConnectionLp, z: Iterate, levels: int, eur: float) -> None:
    """Write variables in the middle of their bounds, and levels and slacks of rows that suit them."""
    isps = p.number.shape[0]
    for t in range(isps):
        for i in range(p.number[t]):
            z.x[t, i] = 0.5 * p.most[t, i]
            z.below[t, i] = z.above[t, i] = eur
    for q in range(levels):
        highest, z.rest[q] = p.level_low[q] + 1.0, 0.5 * p.level_eur[q]
        for t in range(isps):
            for r in range(p.rows[t]):
                if p.level[t, r] == q:
                    highest = max(highest, row_value(p, z.x, t, r) - p.right[t, r] + 0.1)
        z.level[q] = highest
    for t in range(isps):
        for r in range(p.rows[t]):
            gap = p.right[t, r] - row_value(p, z.x, t, r)
            if p.level[t, r] >= 0:
                gap += z.level[p.level[t, r]]
            z.slack[t, r] = max(gap, 0.0) + 0.1
            z.beyond[t, r] = max(-gap, 0.0) + 0.1
            z.dual[t, r] = min(eur, 0.5 * p.price[t, r])


@compiled
def _misses(p: ConnectionLp, z: Iterate, n: Newton, stores: int) -> float:
    """Write by how much energies and rows are missed; return the largest of all, kWh or kW."""
    isps, worst = p.number.shape[0], 0.0
    for k in range(stores):
        before = p.start[k]
        for t in range(isps):
            n.miss[k, t] = p.kept[k] * before + p.drift[k, t] - z.e[k, t]
            before = z.e[k, t]
    for t in range(isps):
        for i in range(p.number[t]):
            if p.device[t, i] >= 0:
                n.miss[p.device[t, i], t] += p.change[t, i] * z.x[t, i]
        for r in range(p.rows[t]):
            value = row_value(p, z.x, t, r) - p.right[t, r] + z.slack[t, r]
            if p.price[t, r] < np.inf:
                value -= z.beyond[t, r]
            if p.level[t, r] >= 0:
                value -= z.level[p.level[t, r]]
            n.row_miss[t, r] = value
            worst = max(worst, abs(value))
    for k in range(stores):
        for t in range(isps):
            worst = max(worst, abs(n.miss[k, t]))
        for s in range(p.step_eur.shape[1]):
            n.end_miss[k, s] = z.e[k, isps - 1] - z.end_beyond[k, s] + z.end_slack[k, s] - p.step_from[k, s]
    return worst
