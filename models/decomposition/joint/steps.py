"""Steps of the interior-point method: how far they may go, what they lead to, and going. Compiled.

The products of slacks and their multipliers, in EUR, measure how far a point is from the best one.
Source: docs/explanation/optimisation.md §3.1.
"""

import numpy as np

from models.compiled import compiled, inlined
from models.decomposition.joint.program import Point, Program


@compiled
def products(p: Program, z: Point, stores: int, levels: int) -> tuple[float, int]:
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


@inlined
def _until(value: float, change: float, length: float) -> float:
    """Return the length, or less where the value is zero before."""
    return min(length, -value / change) if change < 0.0 else length


@compiled
def lengths(p: Program, z: Point, d: Point, stores: int, levels: int) -> tuple[float, float]:
    """Return how far values, and multipliers, may go before one is zero."""
    isps, far, dual_far = p.number.shape[0], 1e30, 1e30
    for t in range(isps):
        for i in range(p.number[t]):
            far = _until(z.x[t, i], d.x[t, i], far)
            far = _until(p.most[t, i] - z.x[t, i], -d.x[t, i], far)
            dual_far = _until(z.below[t, i], d.below[t, i], dual_far)
            dual_far = _until(z.above[t, i], d.above[t, i], dual_far)
        for r in range(p.rows[t]):
            far = _until(z.slack[t, r], d.slack[t, r], far)
            dual_far = _until(z.dual[t, r], d.dual[t, r], dual_far)
            if p.price[t, r] < np.inf:
                far = _until(z.beyond[t, r], d.beyond[t, r], far)
                dual_far = _until(p.price[t, r] - z.dual[t, r], -d.dual[t, r], dual_far)
    for k in range(stores):
        for t in range(isps):
            if p.bounded[k, t] > 0.0:
                far = _until(z.e[k, t] - p.low[k, t], d.e[k, t], far)
                far = _until(p.high[k, t] - z.e[k, t], -d.e[k, t], far)
                dual_far = _until(z.floor[k, t], d.floor[k, t], dual_far)
                dual_far = _until(z.ceiling[k, t], d.ceiling[k, t], dual_far)
        for s in range(p.step_eur.shape[1]):
            if p.step_eur[k, s] > 0.0:
                far = _until(z.end_slack[k, s], d.end_slack[k, s], far)
                far = _until(z.end_beyond[k, s], d.end_beyond[k, s], far)
                dual_far = _until(z.end_dual[k, s], d.end_dual[k, s], dual_far)
                dual_far = _until(p.step_eur[k, s] - z.end_dual[k, s], -d.end_dual[k, s], dual_far)
    for q in range(levels):
        far = _until(z.level[q] - p.level_low[q], d.level[q], far)
        dual_far = _until(z.rest[q], d.rest[q], dual_far)
    return far, dual_far


@compiled
def go(p: Program, z: Point, d: Point, far: float, dual_far: float, stores: int, levels: int) -> None:
    """Move the point along a step."""
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


@compiled
def bend(p: Program, d: Point, c: Point, stores: int, levels: int) -> None:
    """Write the products of the changes of slacks and multipliers."""
    isps = p.number.shape[0]
    for t in range(isps):
        for i in range(p.number[t]):
            c.below[t, i], c.above[t, i] = d.x[t, i] * d.below[t, i], -d.x[t, i] * d.above[t, i]
        for r in range(p.rows[t]):
            c.slack[t, r] = d.slack[t, r] * d.dual[t, r]
            if p.price[t, r] < np.inf:
                c.beyond[t, r] = -d.beyond[t, r] * d.dual[t, r]
    for k in range(stores):
        for t in range(isps):
            c.floor[k, t], c.ceiling[k, t] = d.e[k, t] * d.floor[k, t], -d.e[k, t] * d.ceiling[k, t]
        for s in range(p.step_eur.shape[1]):
            c.end_slack[k, s] = d.end_slack[k, s] * d.end_dual[k, s]
            c.end_beyond[k, s] = -d.end_beyond[k, s] * d.end_dual[k, s]
    for q in range(levels):
        c.rest[q] = d.level[q] * d.rest[q]


@compiled
def forget(c: Point) -> None:
    """Set the products of an earlier step to zero."""
    c.below[:, :] = 0.0
    c.above[:, :] = 0.0
    c.slack[:, :] = 0.0
    c.beyond[:, :] = 0.0
    c.floor[:, :] = 0.0
    c.ceiling[:, :] = 0.0
    c.end_slack[:, :] = 0.0
    c.end_beyond[:, :] = 0.0
    c.rest[:] = 0.0


@compiled
def after(p: Program, z: Point, d: Point, far: float, dual_far: float, stores: int, levels: int) -> float:
    """Return the sum of all products after a step."""
    isps, total = p.number.shape[0], 0.0
    for t in range(isps):
        for i in range(p.number[t]):
            dx = far * d.x[t, i]
            total += (z.x[t, i] + dx) * (z.below[t, i] + dual_far * d.below[t, i])
            total += (p.most[t, i] - z.x[t, i] - dx) * (z.above[t, i] + dual_far * d.above[t, i])
        for r in range(p.rows[t]):
            dual = z.dual[t, r] + dual_far * d.dual[t, r]
            total += (z.slack[t, r] + far * d.slack[t, r]) * dual
            if p.price[t, r] < np.inf:
                total += (z.beyond[t, r] + far * d.beyond[t, r]) * (p.price[t, r] - dual)
    for k in range(stores):
        for t in range(isps):
            if p.bounded[k, t] > 0.0:
                e = z.e[k, t] + far * d.e[k, t]
                total += (e - p.low[k, t]) * (z.floor[k, t] + dual_far * d.floor[k, t])
                total += (p.high[k, t] - e) * (z.ceiling[k, t] + dual_far * d.ceiling[k, t])
        for s in range(p.step_eur.shape[1]):
            if p.step_eur[k, s] > 0.0:
                dual = z.end_dual[k, s] + dual_far * d.end_dual[k, s]
                total += (z.end_slack[k, s] + far * d.end_slack[k, s]) * dual
                total += (z.end_beyond[k, s] + far * d.end_beyond[k, s]) * (p.step_eur[k, s] - dual)
    for q in range(levels):
        total += (z.level[q] + far * d.level[q] - p.level_low[q]) * (z.rest[q] + dual_far * d.rest[q])
    return total
