"""Directions of the interior-point method: the step of every value and multiplier to products of a target. Compiled.

Newton's equations give variables and energies; levels border them, so each level's effect on variables is found once
per factor; all multipliers follow. Source: docs/explanation/optimisation.md §3.1.
"""

import numpy as np

from models.case import Floats
from models.compiled import compiled, inlined
from models.decomposition.joint.newton import substitute
from models.decomposition.joint.program import Newton, Point, Program, row_value


@inlined
def _row_shift(
    slack: float, dual: float, beyond: float, price: float, miss: float, target: float, bent: float, bent_beyond: float
) -> float:  # fmt: skip
    """Return what is added to the change of a row's value before its curve gives the change of its multiplier."""
    shift = miss + (target - bent) / dual - slack
    if price < np.inf:
        shift -= (target - bent_beyond) / (price - dual) - beyond
    return shift


@compiled
def direct(p: Program, z: Point, n: Newton, d: Point, c: Point, target: float, stores: int, levels: int) -> None:
    """Write the step d to products of `target`, EUR, corrected by the products c of an earlier step."""
    _write_right(p, z, n, d, c, target)
    _write_right_of_energies(p, z, n, d, c, target, stores)
    substitute(p, n, stores, True, d.x, d.e)
    if levels > 0:
        _write_border(p, z, n, d, c, target, levels)
        _move_levels(p, z, n, d, c, target, levels)
        _follow_levels(p, n, d, stores, levels)
    _write_multipliers(p, z, n, d, c, target)
    _write_multipliers_of_energies(p, z, n, d, c, target, stores)


@inlined
def _write_right(p: Program, z: Point, n: Newton, d: Point, c: Point, target: float) -> None:
    """Write the right sides of variables, and what is added to the changes of rows."""
    for t in range(p.number.shape[0]):
        for i in range(p.number[t]):
            n.right[t, i] = (
                p.cost[t, i] - (target - c.below[t, i]) / z.x[t, i]
                + (target - c.above[t, i]) / (p.most[t, i] - z.x[t, i])
            )  # fmt: skip
        for r in range(p.rows[t]):
            shift = _row_shift(
                z.slack[t, r], z.dual[t, r], z.beyond[t, r], p.price[t, r], n.row_miss[t, r], target,
                c.slack[t, r], c.beyond[t, r],
            )  # fmt: skip
            d.dual[t, r] = shift
            price = z.dual[t, r] + n.curve[t, r] * shift
            for a in range(p.entries[t, r]):
                n.right[t, p.at[t, r, a]] += p.sign[t, r, a] * price


@inlined
def _write_right_of_energies(
    p: Program, z: Point, n: Newton, d: Point, c: Point, target: float, stores: int
) -> None:  # fmt: skip
    """Write the right sides of energies, and what is added to the changes of end steps."""
    last = p.number.shape[0] - 1
    for k in range(stores):
        for t in range(last + 1):
            n.right_e[k, t] = 0.0
            if p.bounded[k, t] > 0.0:
                n.right_e[k, t] = (target - c.ceiling[k, t]) / (p.high[k, t] - z.e[k, t])
                n.right_e[k, t] -= (target - c.floor[k, t]) / (z.e[k, t] - p.low[k, t])
        n.right_e[k, last] += p.end_eur[k]
        for s in range(p.step_eur.shape[1]):
            if p.step_eur[k, s] > 0.0:
                d.end_dual[k, s] = _row_shift(
                    z.end_slack[k, s], z.end_dual[k, s], z.end_beyond[k, s], p.step_eur[k, s], n.end_miss[k, s],
                    target, c.end_slack[k, s], c.end_beyond[k, s],
                )  # fmt: skip
                n.right_e[k, last] += z.end_dual[k, s] + n.end_curve[k, s] * d.end_dual[k, s]


@inlined
def _write_multipliers(p: Program, z: Point, n: Newton, d: Point, c: Point, target: float) -> None:
    """Write the changes of multipliers and slacks of variables and rows."""
    for t in range(p.number.shape[0]):
        for i in range(p.number[t]):
            dx, x, left = d.x[t, i], z.x[t, i], p.most[t, i] - z.x[t, i]
            d.below[t, i] = (target - c.below[t, i] - z.below[t, i] * dx) / x - z.below[t, i]
            d.above[t, i] = (target - c.above[t, i] + z.above[t, i] * dx) / left - z.above[t, i]
        for r in range(p.rows[t]):
            moved = row_value(p, d.x, t, r)
            if p.level[t, r] >= 0:
                moved -= d.level[p.level[t, r]]
            dual = n.curve[t, r] * (moved + d.dual[t, r])
            d.dual[t, r] = dual
            d.slack[t, r] = (target - c.slack[t, r] - z.slack[t, r] * dual) / z.dual[t, r] - z.slack[t, r]
            if p.price[t, r] < np.inf:
                left = p.price[t, r] - z.dual[t, r]
                d.beyond[t, r] = (target - c.beyond[t, r] + z.beyond[t, r] * dual) / left - z.beyond[t, r]


@inlined
def _write_multipliers_of_energies(
    p: Program, z: Point, n: Newton, d: Point, c: Point, target: float, stores: int
) -> None:  # fmt: skip
    """Write the changes of multipliers and slacks of energies and end steps."""
    isps = p.number.shape[0]
    for k in range(stores):
        for t in range(isps):
            if p.bounded[k, t] > 0.0:
                de, over, under = d.e[k, t], z.e[k, t] - p.low[k, t], p.high[k, t] - z.e[k, t]
                d.floor[k, t] = (target - c.floor[k, t] - z.floor[k, t] * de) / over - z.floor[k, t]
                d.ceiling[k, t] = (target - c.ceiling[k, t] + z.ceiling[k, t] * de) / under - z.ceiling[k, t]
        for s in range(p.step_eur.shape[1]):
            if p.step_eur[k, s] > 0.0:
                dual = n.end_curve[k, s] * (d.e[k, isps - 1] + d.end_dual[k, s])
                d.end_dual[k, s] = dual
                d.end_slack[k, s] = (
                    (target - c.end_slack[k, s] - z.end_slack[k, s] * dual) / z.end_dual[k, s] - z.end_slack[k, s]
                )  # fmt: skip
                left = p.step_eur[k, s] - z.end_dual[k, s]
                d.end_beyond[k, s] = (
                    (target - c.end_beyond[k, s] + z.end_beyond[k, s] * dual) / left - z.end_beyond[k, s]
                )  # fmt: skip


@compiled
def respond_to_levels(p: Program, n: Newton, stores: int, levels: int, unused: Floats) -> None:
    """Write the change of the variables per kW of each level; `unused` (K,T) is overwritten."""
    isps = p.number.shape[0]
    for q in range(levels):
        n.right[:, :] = 0.0
        for t in range(isps):
            for r in range(p.rows[t]):
                if p.level[t, r] == q:
                    for a in range(p.entries[t, r]):
                        n.right[t, p.at[t, r, a]] -= p.sign[t, r, a] * n.curve[t, r]
        substitute(p, n, stores, False, n.of_levels[q], unused)


@inlined
def _write_border(
    p: Program, z: Point, n: Newton, d: Point, c: Point, target: float, levels: int
) -> None:  # fmt: skip
    """Write the equations (P,P+1) of the changes of levels."""
    border = n.border
    border[:, :] = 0.0
    for q in range(levels):
        left = z.level[q] - p.level_low[q]
        border[q, q] += z.rest[q] / left
        border[q, levels] = (target - c.rest[q]) / left - p.level_eur[q]
        for t in range(p.number.shape[0]):
            for r in range(p.rows[t]):
                if p.level[t, r] != q:
                    continue
                curve = n.curve[t, r]
                border[q, q] += curve
                border[q, levels] += z.dual[t, r] + curve * (row_value(p, d.x, t, r) + d.dual[t, r])
                for o in range(levels):
                    border[q, o] -= curve * row_value(p, n.of_levels[o], t, r)


@inlined
def _move_levels(
    p: Program, z: Point, n: Newton, d: Point, c: Point, target: float, levels: int
) -> None:  # fmt: skip
    """Write the changes of levels and their multipliers."""
    border = n.border
    for q in range(levels):  # few levels, and positive definite: no pivoting
        for o in range(q + 1, levels):
            factor = border[o, q] / border[q, q]
            for a in range(q, levels + 1):
                border[o, a] -= factor * border[q, a]
    for q in range(levels - 1, -1, -1):
        total = border[q, levels]
        for o in range(q + 1, levels):
            total -= border[q, o] * d.level[o]
        d.level[q] = total / border[q, q]
        left = z.level[q] - p.level_low[q]
        d.rest[q] = (target - c.rest[q] - z.rest[q] * d.level[q]) / left - z.rest[q]


@inlined
def _follow_levels(p: Program, n: Newton, d: Point, stores: int, levels: int) -> None:
    """Add what follows from the changes of levels to those of variables and energies."""
    past = n.scratch[3]
    past[:stores] = 0.0
    for t in range(p.number.shape[0]):
        for k in range(stores):
            past[k] *= p.kept[k]
        for i in range(p.number[t]):
            moved = 0.0
            for q in range(levels):
                moved += d.level[q] * n.of_levels[q, t, i]
            d.x[t, i] += moved
            if p.device[t, i] >= 0:
                past[p.device[t, i]] += p.change[t, i] * moved
        for k in range(stores):
            d.e[k, t] += past[k]
