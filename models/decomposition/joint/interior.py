"""The linear program of one connection: its devices, what they share, and one state of energy for each store. Compiled.

    min Σ cost·x + Σ price·max(0, rows − right) + Σ level_eur·level + Σ end cost of e[T]
    e[t] = kept·e[t−1] + Σ change·x[t] + drift[t],   low <= e <= high,   0 <= x <= most,   level >= level_low

A primal-dual interior-point method (Mehrotra's predictor and corrector). Only energies connect ISPs, so Newton's
equations are those of a linear-quadratic control problem, and Riccati's recursion solves them in time proportional to
the number of ISPs. A row with a finite price is elastic: going beyond its right side costs that price. Levels border
the system. Source: docs/explanation/optimisation.md §3.1.
"""

from typing import NamedTuple

import numpy as np

from models.case import Floats, Ints
from models.compiled import compiled, inlined

_BACK = 0.995
"""Share of the way to the boundary that a step may go."""
_LEAST = 1e-14


class Program(NamedTuple):
    """One program: T ISPs with up to V variables and R rows of up to N entries; K stores, S end steps, P levels."""

    number: Ints  # (T,) variables
    cost: Floats  # (T,V)
    most: Floats  # (T,V) > 0
    device: Ints  # (T,V) the store whose energy the variable changes, −1 for none
    change: Floats  # (T,V) kWh per kW
    rows: Ints  # (T,)
    right: Floats  # (T,R)
    price: Floats  # (T,R) of going beyond, inf where that is not allowed
    level: Ints  # (T,R) the level that is taken from the row, −1 for none
    entries: Ints  # (T,R)
    at: Ints  # (T,R,N) variables of the row
    sign: Floats  # (T,R,N) their coefficients
    kept: Floats  # (K,)
    drift: Floats  # (K,T)
    low: Floats  # (K,T)
    high: Floats  # (K,T)
    bounded: Floats  # (K,T) 1 where the bounds of energy count, else 0
    start: Floats  # (K,)
    end_eur: Floats  # (K,) per kWh at the end
    step_eur: Floats  # (K,S) >= 0 per kWh beyond step_from at the end
    step_from: Floats  # (K,S)
    level_eur: Floats  # (P,)
    level_low: Floats  # (P,)


class Point(NamedTuple):
    """Values or changes of everything: variables, energies, rows, end steps, levels, and their multipliers."""

    x: Floats  # (T,V)
    below: Floats  # (T,V) multiplier of x >= 0
    above: Floats  # (T,V) of x <= most
    e: Floats  # (K,T)
    floor: Floats  # (K,T)
    ceiling: Floats  # (K,T)
    dual: Floats  # (T,R) of rows
    slack: Floats  # (T,R)
    beyond: Floats  # (T,R)
    end_dual: Floats  # (K,S)
    end_slack: Floats  # (K,S)
    end_beyond: Floats  # (K,S)
    level: Floats  # (P,)
    rest: Floats  # (P,) multiplier of level >= level_low


class Newton(NamedTuple):
    """Factors and right sides of Newton's equations."""

    curve: Floats  # (T,R) of rows
    end_curve: Floats  # (K,S)
    value: Floats  # (T,K,K)
    factor: Floats  # (T,V,V)
    gain: Floats  # (T,V,K)
    right: Floats  # (T,V)
    right_e: Floats  # (K,T)
    miss: Floats  # (K,T) of energy
    row_miss: Floats  # (T,R)
    end_miss: Floats  # (K,S)
    step: Floats  # (T,V)
    scratch: Floats  # (4,K)
    of_levels: Floats  # (P,T,V) changes of x per kW of each level
    border: Floats  # (P,P+1)


@compiled
def new_program(isps: int, variables: int, rows: int, entries: int, stores: int, steps: int, levels: int) -> Program:
    """Return a program of zeros of these sizes."""
    return Program(
        np.zeros(isps, dtype=np.int64), np.zeros((isps, variables)), np.zeros((isps, variables)),
        np.zeros((isps, variables), dtype=np.int64), np.zeros((isps, variables)), np.zeros(isps, dtype=np.int64),
        np.zeros((isps, rows)), np.zeros((isps, rows)), np.zeros((isps, rows), dtype=np.int64),
        np.zeros((isps, rows), dtype=np.int64), np.zeros((isps, rows, entries), dtype=np.int64),
        np.zeros((isps, rows, entries)), np.zeros(stores), np.zeros((stores, isps)), np.zeros((stores, isps)),
        np.zeros((stores, isps)), np.zeros((stores, isps)), np.zeros(stores), np.zeros(stores),
        np.zeros((stores, steps)), np.zeros((stores, steps)), np.zeros(levels), np.zeros(levels),
    )  # fmt: skip


@compiled
def new_point(isps: int, variables: int, rows: int, stores: int, steps: int, levels: int) -> Point:
    """Return a point of zeros."""
    return Point(
        np.zeros((isps, variables)), np.zeros((isps, variables)), np.zeros((isps, variables)),
        np.zeros((stores, isps)), np.zeros((stores, isps)), np.zeros((stores, isps)),
        np.zeros((isps, rows)), np.zeros((isps, rows)), np.zeros((isps, rows)),
        np.zeros((stores, steps)), np.zeros((stores, steps)), np.zeros((stores, steps)),
        np.zeros(levels), np.zeros(levels),
    )  # fmt: skip


@compiled
def new_newton(isps: int, variables: int, rows: int, stores: int, steps: int, levels: int) -> Newton:
    """Return working arrays of zeros."""
    return Newton(
        np.zeros((isps, rows)), np.zeros((stores, steps)), np.zeros((isps, stores, stores)),
        np.zeros((isps, variables, variables)), np.zeros((isps, variables, stores)), np.zeros((isps, variables)),
        np.zeros((stores, isps)), np.zeros((stores, isps)), np.zeros((isps, rows)), np.zeros((stores, steps)),
        np.zeros((isps, variables)), np.zeros((4, stores)), np.zeros((levels, isps, variables)),
        np.zeros((levels, levels + 1)),
    )  # fmt: skip


@inlined
def _row_value(p: Program, x: Floats, t: int, r: int) -> float:
    total = 0.0
    for n in range(p.entries[t, r]):
        total += p.sign[t, r, n] * x[t, p.at[t, r, n]]
    return total


@compiled
def _begin(  # noqa: C901 - one pass over all ISPs
    p: Program, z: Point, stores: int, levels: int, eur: float
) -> None:  # fmt: skip
    """Write a first point in the middle of all bounds, with multipliers of about `eur`."""
    isps = p.number.shape[0]
    for k in range(stores):
        for t in range(isps):
            z.e[k, t] = 0.5 * (p.low[k, t] + p.high[k, t])
            if p.bounded[k, t] > 0.0:
                z.floor[k, t] = z.ceiling[k, t] = eur
        for s in range(p.step_eur.shape[1]):
            gap = p.step_from[k, s] - z.e[k, isps - 1]
            z.end_slack[k, s], z.end_beyond[k, s] = max(gap, 0.0) + 1.0, max(-gap, 0.0) + 1.0
            z.end_dual[k, s] = 0.5 * p.step_eur[k, s]
    for q in range(levels):
        z.level[q], z.rest[q] = p.level_low[q] + 1.0, 0.5 * p.level_eur[q]
    for t in range(isps):
        for i in range(p.number[t]):
            z.x[t, i] = 0.5 * p.most[t, i]
            z.below[t, i] = z.above[t, i] = eur
    for q in range(levels):
        highest = z.level[q]
        for t in range(isps):
            for r in range(p.rows[t]):
                if p.level[t, r] == q:
                    highest = max(highest, _row_value(p, z.x, t, r) - p.right[t, r] + 0.1)
        z.level[q] = highest
    for t in range(isps):
        for r in range(p.rows[t]):
            gap = p.right[t, r] - _row_value(p, z.x, t, r)
            if p.level[t, r] >= 0:
                gap += z.level[p.level[t, r]]
            z.slack[t, r] = max(gap, 0.0) + 0.1
            z.beyond[t, r] = max(-gap, 0.0) + 0.1
            z.dual[t, r] = min(eur, 0.5 * p.price[t, r])


@compiled
def _products(p: Program, z: Point, stores: int, levels: int) -> tuple[float, int]:
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
def _misses(p: Program, z: Point, n: Newton, stores: int) -> float:
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
            value = _row_value(p, z.x, t, r) - p.right[t, r] + z.slack[t, r]
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


@inlined
def _curve(slack: float, dual: float, beyond: float, price: float) -> float:
    """Return by how much a row's multiplier rises per kW."""
    if price < np.inf:
        return 1.0 / (slack / dual + beyond / (price - dual))
    return dual / slack


@compiled
def _factor(  # noqa: C901 - one pass over all ISPs
    p: Program, z: Point, n: Newton, stores: int, levels: int
) -> None:  # fmt: skip
    """Factor Newton's equations at the present point, backwards in time."""
    isps = p.number.shape[0]
    value, before = np.zeros((stores, stores)), np.zeros((stores, stores))
    for k in range(stores):
        for s in range(p.step_eur.shape[1]):
            if p.step_eur[k, s] > 0.0:
                n.end_curve[k, s] = _curve(z.end_slack[k, s], z.end_dual[k, s], z.end_beyond[k, s], p.step_eur[k, s])
                value[k, k] += n.end_curve[k, s]
    for t in range(isps - 1, -1, -1):
        for k in range(stores):
            if p.bounded[k, t] > 0.0:
                value[k, k] += z.floor[k, t] / (z.e[k, t] - p.low[k, t])
                value[k, k] += z.ceiling[k, t] / (p.high[k, t] - z.e[k, t])
        for k in range(stores):
            for o in range(stores):
                n.value[t, k, o] = value[k, o]
        m, h = p.number[t], n.factor[t]
        for i in range(m):
            for j in range(i + 1):
                a, b = p.device[t, i], p.device[t, j]
                h[i, j] = p.change[t, i] * p.change[t, j] * value[a, b] if a >= 0 and b >= 0 else 0.0
            h[i, i] += z.below[t, i] / z.x[t, i] + z.above[t, i] / (p.most[t, i] - z.x[t, i])
        for r in range(p.rows[t]):
            curve = _curve(z.slack[t, r], z.dual[t, r], z.beyond[t, r], p.price[t, r])
            n.curve[t, r] = curve
            for a in range(p.entries[t, r]):
                i, weight = p.at[t, r, a], curve * p.sign[t, r, a]
                for b in range(p.entries[t, r]):
                    j = p.at[t, r, b]
                    if j <= i:
                        h[i, j] += weight * p.sign[t, r, b]
        for i in range(m):
            for j in range(i + 1):
                total = h[i, j]
                for c in range(j):
                    total -= h[i, c] * h[j, c]
                if i == j:
                    h[i, i] = np.sqrt(max(total, 1e-30))
                else:
                    h[i, j] = total / h[j, j]
        g = n.gain[t]
        for k in range(stores):
            for i in range(m):
                a = p.device[t, i]
                total = p.change[t, i] * value[a, k] * p.kept[k] if a >= 0 else 0.0
                for c in range(i):
                    total -= h[i, c] * g[c, k]
                g[i, k] = total / h[i, i]  # half solved: value falls by the product of two of these
        for k in range(stores):
            for o in range(stores):
                total = p.kept[k] * value[k, o] * p.kept[o]
                for i in range(m):
                    total -= g[i, k] * g[i, o]
                before[k, o] = total
        for k in range(stores):
            for i in range(m - 1, -1, -1):
                total = g[i, k]
                for c in range(i + 1, m):
                    total -= h[c, i] * g[c, k]
                g[i, k] = total / h[i, i]
            for o in range(stores):
                value[k, o] = 0.5 * (before[k, o] + before[o, k])


@compiled
def _substitute(  # noqa: C901 - one pass over all ISPs
    p: Program, n: Newton, stores: int, with_energy: bool, dx: Floats, de: Floats
) -> None:  # fmt: skip
    """Solve for the changes of variables (T,V) and energies (K,T), given the right sides in `n`."""
    isps, back, seen = p.number.shape[0], n.scratch[0], n.scratch[1]
    back[:stores] = 0.0
    for t in range(isps - 1, -1, -1):
        m, h = p.number[t], n.factor[t]
        for k in range(stores):
            if with_energy:
                back[k] += n.right_e[k, t]
            seen[k] = back[k]
            if with_energy:
                for o in range(stores):
                    seen[k] += n.value[t, k, o] * n.miss[o, t]
        step = n.step[t]
        for i in range(m):
            total = n.right[t, i]
            if p.device[t, i] >= 0:
                total += p.change[t, i] * seen[p.device[t, i]]
            for c in range(i):
                total -= h[i, c] * step[c]
            step[i] = total / h[i, i]
        for i in range(m - 1, -1, -1):
            total = step[i]
            for c in range(i + 1, m):
                total -= h[c, i] * step[c]
            step[i] = total / h[i, i]
        for k in range(stores):
            total = seen[k]
            for i in range(m):
                if p.device[t, i] >= 0:
                    total -= n.value[t, k, p.device[t, i]] * p.change[t, i] * step[i]
            back[k] = p.kept[k] * total
    past = n.scratch[2]
    past[:stores] = 0.0
    for t in range(isps):
        m = p.number[t]
        for i in range(m):
            total = -n.step[t, i]
            for k in range(stores):
                total -= n.gain[t, i, k] * past[k]
            dx[t, i] = total
        for k in range(stores):
            past[k] = p.kept[k] * past[k] + (n.miss[k, t] if with_energy else 0.0)
        for i in range(m):
            if p.device[t, i] >= 0:
                past[p.device[t, i]] += p.change[t, i] * dx[t, i]
        for k in range(stores):
            de[k, t] = past[k]


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
def _direction(  # noqa: C901 - one pass over all ISPs
    p: Program, z: Point, n: Newton, d: Point, c: Point, target: float, stores: int, levels: int
) -> None:  # fmt: skip
    """Write the step d to products of `target`, corrected by the products c of an earlier step."""
    isps = p.number.shape[0]
    for t in range(isps):
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
    for k in range(stores):
        for t in range(isps):
            n.right_e[k, t] = 0.0
            if p.bounded[k, t] > 0.0:
                n.right_e[k, t] = (target - c.ceiling[k, t]) / (p.high[k, t] - z.e[k, t])
                n.right_e[k, t] -= (target - c.floor[k, t]) / (z.e[k, t] - p.low[k, t])
        n.right_e[k, isps - 1] += p.end_eur[k]
        for s in range(p.step_eur.shape[1]):
            if p.step_eur[k, s] > 0.0:
                d.end_dual[k, s] = _row_shift(
                    z.end_slack[k, s], z.end_dual[k, s], z.end_beyond[k, s], p.step_eur[k, s], n.end_miss[k, s],
                    target, c.end_slack[k, s], c.end_beyond[k, s],
                )  # fmt: skip
                n.right_e[k, isps - 1] += z.end_dual[k, s] + n.end_curve[k, s] * d.end_dual[k, s]
    _substitute(p, n, stores, True, d.x, d.e)
    if levels > 0:
        _move_levels(p, z, n, d, c, target, stores, levels)
    for t in range(isps):
        for i in range(p.number[t]):
            dx, x, left = d.x[t, i], z.x[t, i], p.most[t, i] - z.x[t, i]
            d.below[t, i] = (target - c.below[t, i] - z.below[t, i] * dx) / x - z.below[t, i]
            d.above[t, i] = (target - c.above[t, i] + z.above[t, i] * dx) / left - z.above[t, i]
        for r in range(p.rows[t]):
            moved = _row_value(p, d.x, t, r)
            if p.level[t, r] >= 0:
                moved -= d.level[p.level[t, r]]
            dual = n.curve[t, r] * (moved + d.dual[t, r])
            d.dual[t, r] = dual
            d.slack[t, r] = (target - c.slack[t, r] - z.slack[t, r] * dual) / z.dual[t, r] - z.slack[t, r]
            if p.price[t, r] < np.inf:
                left = p.price[t, r] - z.dual[t, r]
                d.beyond[t, r] = (target - c.beyond[t, r] + z.beyond[t, r] * dual) / left - z.beyond[t, r]
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
def _respond_to_levels(p: Program, n: Newton, stores: int, levels: int, unused: Floats) -> None:
    """Write the change of the variables per kW of each level."""
    isps = p.number.shape[0]
    for q in range(levels):
        n.right[:, :] = 0.0
        for t in range(isps):
            for r in range(p.rows[t]):
                if p.level[t, r] == q:
                    for a in range(p.entries[t, r]):
                        n.right[t, p.at[t, r, a]] -= p.sign[t, r, a] * n.curve[t, r]
        _substitute(p, n, stores, False, n.of_levels[q], unused)


@compiled
def _move_levels(  # noqa: C901 - one pass over all ISPs
    p: Program, z: Point, n: Newton, d: Point, c: Point, target: float, stores: int, levels: int
) -> None:  # fmt: skip
    """Write the changes of levels, and add what follows from them to those of variables and energies."""
    isps, border = p.number.shape[0], n.border
    border[:, :] = 0.0
    for q in range(levels):
        left = z.level[q] - p.level_low[q]
        border[q, q] += z.rest[q] / left
        border[q, levels] = (target - c.rest[q]) / left - p.level_eur[q]
        for t in range(isps):
            for r in range(p.rows[t]):
                if p.level[t, r] != q:
                    continue
                curve = n.curve[t, r]
                border[q, q] += curve
                border[q, levels] += z.dual[t, r] + curve * (_row_value(p, d.x, t, r) + d.dual[t, r])
                for o in range(levels):
                    border[q, o] -= curve * _row_value(p, n.of_levels[o], t, r)
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
    past = n.scratch[3]
    past[:stores] = 0.0
    for t in range(isps):
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


@inlined
def _until(value: float, change: float, length: float) -> float:
    return min(length, -value / change) if change < 0.0 else length


@compiled
def _lengths(p: Program, z: Point, d: Point, stores: int, levels: int) -> tuple[float, float]:
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
def _go(p: Program, z: Point, d: Point, far: float, dual_far: float, stores: int, levels: int) -> None:
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
def _bend(p: Program, d: Point, c: Point, stores: int, levels: int) -> None:
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
def _forget(c: Point) -> None:
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
def solve(
    p: Program, z: Point, d: Point, c: Point, n: Newton, stores: int, levels: int, eur: float, enough_eur: float,
    most: int,
) -> int:  # fmt: skip
    """Solve the program to z until its gap is `enough_eur`, in at most `most` steps; return their number.

    `eur` is about what a kW costs in an ISP.
    """
    _begin(p, z, stores, levels, eur)
    for number in range(most):
        total, count = _products(p, z, stores, levels)
        worst = _misses(p, z, n, stores)
        if (total <= enough_eur and worst <= 1e-7) or not np.isfinite(total):
            return number
        _factor(p, z, n, stores, levels)
        if levels > 0:
            _respond_to_levels(p, n, stores, levels, d.e)
        _forget(c)
        _direction(p, z, n, d, c, 0.0, stores, levels)
        far, dual_far = _lengths(p, z, d, stores, levels)
        far, dual_far = min(far, 1.0), min(dual_far, 1.0)
        mean = total / count
        hoped = _after(p, z, d, far, dual_far, stores, levels) / count
        target = mean * min((max(hoped, 0.0) / max(mean, _LEAST)) ** 3, 1.0)
        _bend(p, d, c, stores, levels)
        _direction(p, z, n, d, c, target, stores, levels)
        far, dual_far = _lengths(p, z, d, stores, levels)
        far, dual_far = min(_BACK * far, 1.0), min(_BACK * dual_far, 1.0)
        if not np.isfinite(_after(p, z, d, far, dual_far, stores, levels)):
            return number  # rounding has spoilt the equations: the point before is as good as it gets
        _go(p, z, d, far, dual_far, stores, levels)
    return most


@compiled
def _after(p: Program, z: Point, d: Point, far: float, dual_far: float, stores: int, levels: int) -> float:
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
