"""Directions of the interior-point method: the step of every value and multiplier towards a target product. Compiled.

Newton's equations give variables and energies; levels border them, so each level's effect on variables is found once
per factor; all multipliers follow.
Source: docs/explanation/optimisation.md §3.1.
"""

from models.case import Floats
from models.compiled import compiled, inlined
from models.decomposition.joint.connection_lp import ConnectionLp, Iterate, Newton, row_value
from models.decomposition.joint.newton import substitute


@inlined
def _row_shift(
    slack: float, to_free: float, beyond: float, to_price: float, miss: float, target: float, bent: float,
    bent_beyond: float,
) -> float:  # fmt: skip
    """Return what is added to the change of a row's value before its curve gives the change of its multiplier."""
    shift = miss + (target - bent) * to_free - slack
    if to_price > 0.0:
        shift -= (target - bent_beyond) * to_price - beyond
    return shift


@compiled
def direct(
    p: ConnectionLp, z: Iterate, n: Newton, d: Iterate, c: Iterate, target: float, first: bool, stores: int, levels: int
) -> tuple[float, float, tuple[float, float], float]:  # fmt: skip
    """Write to d the step towards products of `target`, EUR; return how far it may go, and what that changes.

    The `first` step writes the products of its own changes to c; a later step is corrected by them. Returns four
    things: the length that values may go before one of them is zero; the same for multipliers; by how much the sum of
    all products changes per length of values, and of multipliers, EUR; and by how much per product of both lengths.
    """
    _write_right(p, z, n, d, c, target, first)
    _write_right_of_energies(p, z, n, d, c, target, first, stores)
    substitute(p, n, stores, True, d.x, d.e)
    if levels > 0:
        _write_border(p, z, n, d, c, target, first, levels)
        _move_levels(p, z, n, d, c, target, first, levels)
        _follow_levels(p, n, d, stores, levels)
    rate, dual_rate, gain, dual_gain, both = _write_multipliers(p, z, n, d, c, target, first)
    for part in (
        _write_multipliers_of_rows(p, z, n, d, c, target, first),
        _write_multipliers_of_energies(p, z, n, d, c, target, first, stores),
    ):
        rate, dual_rate = max(rate, part[0], 1e-30), max(dual_rate, part[1], 1e-30)
        gain, dual_gain, both = gain + part[2], dual_gain + part[3], both + part[4]
    for q in range(levels):
        left, rest = z.level[q] - p.level_low[q], z.rest[q]
        rate, dual_rate = max(rate, -d.level[q] / left), max(dual_rate, -d.rest[q] / rest)
        gain, dual_gain, both = gain + d.level[q] * rest, dual_gain + left * d.rest[q], both + d.level[q] * d.rest[q]
        if first:
            c.rest[q] = d.level[q] * d.rest[q]
    return 1.0 / rate, 1.0 / dual_rate, (gain, dual_gain), both


@inlined
def _write_right(p: ConnectionLp, z: Iterate, n: Newton, d: Iterate, c: Iterate, target: float, first: bool) -> None:
    """Write the right sides of variables, and what is added to the changes of rows."""
    for t in range(p.number.shape[0]):
        for i in range(p.number[t]):
            n.right[t, i] = p.cost[t, i]
            if not first:
                n.right[t, i] += (target - c.above[t, i]) * n.to_most[t, i] - (target - c.below[t, i]) * n.to_zero[t, i]
        for r in range(p.rows[t]):
            bent, bent_beyond = (0.0, 0.0) if first else (c.slack[t, r], c.beyond[t, r])
            shift = _row_shift(
                z.slack[t, r], n.to_free[t, r], z.beyond[t, r], n.to_price[t, r], n.row_miss[t, r], target, bent,
                bent_beyond,
            )  # fmt: skip
            d.dual[t, r] = shift
            price = z.dual[t, r] + n.curve[t, r] * shift
            for a in range(p.entries[t, r]):
                n.right[t, p.at[t, r, a]] += p.sign[t, r, a] * price


@inlined
def _write_right_of_energies(
    p: ConnectionLp, z: Iterate, n: Newton, d: Iterate, c: Iterate, target: float, first: bool, stores: int
) -> None:  # fmt: skip
    """Write the right sides of energies, and what is added to the changes of end steps."""
    last = p.number.shape[0] - 1
    for k in range(stores):
        for t in range(last + 1):
            n.right_e[k, t] = 0.0
            if not first and p.bounded[k, t] > 0.0:
                n.right_e[k, t] = (target - c.ceiling[k, t]) * n.to_high[k, t]
                n.right_e[k, t] -= (target - c.floor[k, t]) * n.to_low[k, t]
        n.right_e[k, last] += p.end_eur[k]
        for s in range(p.step_eur.shape[1]):
            if p.step_eur[k, s] > 0.0:
                bent, bent_beyond = (0.0, 0.0) if first else (c.end_slack[k, s], c.end_beyond[k, s])
                d.end_dual[k, s] = _row_shift(
                    z.end_slack[k, s], 1.0 / z.end_dual[k, s], z.end_beyond[k, s],
                    1.0 / (p.step_eur[k, s] - z.end_dual[k, s]), n.end_miss[k, s], target, bent, bent_beyond,
                )  # fmt: skip
                n.right_e[k, last] += z.end_dual[k, s] + n.end_curve[k, s] * d.end_dual[k, s]


@inlined
def _write_multipliers(
    p: ConnectionLp, z: Iterate, n: Newton, d: Iterate, c: Iterate, target: float, first: bool
) -> tuple[float, float, float, float, float]:  # fmt: skip
    """Write the changes of multipliers of variables, and return what `direct` adds up.

    That is by what share values, and multipliers, shrink at most; and the changes of the sum of products.
    """
    rate = dual_rate = gain = dual_gain = both = 0.0
    for t in range(p.number.shape[0]):
        for i in range(p.number[t]):
            dx, below, above = d.x[t, i], z.below[t, i], z.above[t, i]
            zero, most = n.to_zero[t, i], n.to_most[t, i]
            low, high = target, target
            if not first:
                low, high = target - c.below[t, i], target - c.above[t, i]
            fewer, more = (low - below * dx) * zero - below, (high + above * dx) * most - above
            d.below[t, i], d.above[t, i] = fewer, more
            rate = max(rate, -dx * zero, dx * most)
            if -fewer > dual_rate * below:
                dual_rate = -fewer / below
            if -more > dual_rate * above:
                dual_rate = -more / above
            gain += dx * (below - above)
            dual_gain += z.x[t, i] * fewer + (p.most[t, i] - z.x[t, i]) * more
            both += dx * (fewer - more)
            if first:
                c.below[t, i], c.above[t, i] = dx * fewer, -dx * more
    return rate, dual_rate, gain, dual_gain, both


@inlined
def _write_multipliers_of_rows(
    p: ConnectionLp, z: Iterate, n: Newton, d: Iterate, c: Iterate, target: float, first: bool
) -> tuple[float, float, float, float, float]:  # fmt: skip
    """Write the changes of multipliers and slacks of rows, and return what `direct` adds up."""
    rate = dual_rate = gain = dual_gain = both = 0.0
    for t in range(p.number.shape[0]):
        for r in range(p.rows[t]):
            moved = row_value(p, d.x, t, r)
            if p.level[t, r] >= 0:
                moved -= d.level[p.level[t, r]]
            multiplier, slack, free, left = z.dual[t, r], z.slack[t, r], n.to_free[t, r], n.to_price[t, r]
            dual = n.curve[t, r] * (moved + d.dual[t, r])
            low = target if first else target - c.slack[t, r]
            change = (low - slack * dual) * free - slack
            d.dual[t, r], d.slack[t, r] = dual, change
            dual_rate = max(dual_rate, -dual * free, dual * left)
            if -change > rate * slack:
                rate = -change / slack
            gain, dual_gain, both = gain + change * multiplier, dual_gain + slack * dual, both + change * dual
            if first:
                c.slack[t, r] = change * dual
            if left > 0.0:
                beyond = z.beyond[t, r]
                high = target if first else target - c.beyond[t, r]
                change = (high + beyond * dual) * left - beyond
                d.beyond[t, r] = change
                if -change > rate * beyond:
                    rate = -change / beyond
                gain, both = gain + change * (p.price[t, r] - multiplier), both - change * dual
                dual_gain -= beyond * dual
                if first:
                    c.beyond[t, r] = -change * dual
    return rate, dual_rate, gain, dual_gain, both


@inlined
def _write_multipliers_of_energies(
    p: ConnectionLp, z: Iterate, n: Newton, d: Iterate, c: Iterate, target: float, first: bool, stores: int
) -> tuple[float, float, float, float, float]:  # fmt: skip
    """Write the changes of multipliers and slacks of energies and end steps, and return what `direct` adds up."""
    isps = p.number.shape[0]
    rate = dual_rate = gain = dual_gain = both = 0.0
    for k in range(stores):
        for t in range(isps):
            if p.bounded[k, t] <= 0.0:
                continue
            de, floor, ceiling = d.e[k, t], z.floor[k, t], z.ceiling[k, t]
            low, high = n.to_low[k, t], n.to_high[k, t]
            at_low, at_high = target, target
            if not first:
                at_low, at_high = target - c.floor[k, t], target - c.ceiling[k, t]
            fewer, more = (at_low - floor * de) * low - floor, (at_high + ceiling * de) * high - ceiling
            d.floor[k, t], d.ceiling[k, t] = fewer, more
            rate = max(rate, -de * low, de * high)
            if -fewer > dual_rate * floor:
                dual_rate = -fewer / floor
            if -more > dual_rate * ceiling:
                dual_rate = -more / ceiling
            gain += de * (floor - ceiling)
            dual_gain += (z.e[k, t] - p.low[k, t]) * fewer + (p.high[k, t] - z.e[k, t]) * more
            both += de * (fewer - more)
            if first:
                c.floor[k, t], c.ceiling[k, t] = de * fewer, -de * more
        for s in range(p.step_eur.shape[1]):
            if p.step_eur[k, s] <= 0.0:
                continue
            multiplier, slack, beyond = z.end_dual[k, s], z.end_slack[k, s], z.end_beyond[k, s]
            left = p.step_eur[k, s] - multiplier
            dual = n.end_curve[k, s] * (d.e[k, isps - 1] + d.end_dual[k, s])
            low, high = target, target
            if not first:
                low, high = target - c.end_slack[k, s], target - c.end_beyond[k, s]
            fewer, more = (low - slack * dual) / multiplier - slack, (high + beyond * dual) / left - beyond
            d.end_dual[k, s], d.end_slack[k, s], d.end_beyond[k, s] = dual, fewer, more
            rate = max(rate, -fewer / slack, -more / beyond)
            dual_rate = max(dual_rate, -dual / multiplier, dual / left)
            gain, dual_gain = gain + fewer * multiplier + more * left, dual_gain + (slack - beyond) * dual
            both += (fewer - more) * dual
            if first:
                c.end_slack[k, s], c.end_beyond[k, s] = fewer * dual, -more * dual
    return rate, dual_rate, gain, dual_gain, both


@compiled
def respond_to_levels(p: ConnectionLp, n: Newton, stores: int, levels: int, unused: Floats) -> None:
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
    p: ConnectionLp, z: Iterate, n: Newton, d: Iterate, c: Iterate, target: float, first: bool, levels: int
) -> None:  # fmt: skip
    """Write the equations (P,P+1) of the changes of levels."""
    border = n.border
    border[:, :] = 0.0
    for q in range(levels):
        left = z.level[q] - p.level_low[q]
        border[q, q] += z.rest[q] / left
        border[q, levels] = (target if first else target - c.rest[q]) / left - p.level_eur[q]
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
    p: ConnectionLp, z: Iterate, n: Newton, d: Iterate, c: Iterate, target: float, first: bool, levels: int
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
        d.rest[q] = ((target if first else target - c.rest[q]) - z.rest[q] * d.level[q]) / left - z.rest[q]


@inlined
def _follow_levels(p: ConnectionLp, n: Newton, d: Iterate, stores: int, levels: int) -> None:
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
