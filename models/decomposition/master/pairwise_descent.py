"""Pairwise descent on the proximal master: weight moves between two columns of a group until none gains. Compiled.

Source: docs/explanation/optimisation.md §3.3.
"""

from typing import Any

import numpy as np

from models.compiled import compiled, inlined
from models.decomposition.master.column_pool import reduced_cost
from models.decomposition.master.proximal import KW_PER_MW, isps_of, move, price_at


@inlined
def _look(coupling: Any, row: int, sign: float, power: Any, amount: float, fresh: bool, price: Any, curve: Any) -> None:
    """Add sign × price and its slope in s, of a coupling's row after sign × amount × power was added to it."""
    for t in range(price.shape[0]):
        if fresh or power[t] != 0.0:
            y, bend = price_at(coupling, row, t, sign * amount * power[t])
            price[t] += sign * y
            curve[t] += bend


@compiled
def _look_at_limits(
    c: Any, g: Any, i: int, power: Any, reserve: Any, amount: float, fresh: bool, price: Any, curve: Any, held: Any,
    held_curve: Any,
) -> None:  # fmt: skip
    """Add what connections charge group i after a move by amount × (power, reserve), and its slope.

    Where reserve moves as well, the slope is at least that of both moves together, so that no step is too long.
    """
    half, reserves = c.connections.s.shape[0] // 2, g.reserve_row[i] >= 0
    for t in range(price.shape[0]):
        most, least, moves = power[t], power[t], power[t] != 0.0
        if reserves:
            for r in range(reserve.shape[0]):
                most += g.down[r] * reserve[r, t]
                least -= g.up[r] * reserve[r, t]
                moves = moves or reserve[r, t] != 0.0
        if not (fresh or moves):
            continue
        imports, exports, bent, bent_back = 0.0, 0.0, 0.0, 0.0
        own, own_bend = 0.0, 0.0  # at sums without reserve
        for k in range(g.path_at[i], g.path_at[i + 1]):
            if not g.with_reserve[g.path[k]]:
                y, bend = price_at(c.connections, g.path[k], t, amount * power[t])
                own, own_bend = own + y, own_bend + bend
                continue
            y, bend = price_at(c.connections, g.path[k], t, amount * most)
            imports, bent = imports + y, bent + bend
            y, bend = price_at(c.connections, half + g.path[k], t, amount * least)
            exports, bent_back = exports + y, bent_back + bend
        if reserves:
            bent, bent_back = 2.0 * bent, 2.0 * bent_back
        if fresh or power[t] != 0.0:
            price[t] += imports + exports + own
            curve[t] += bent + bent_back + own_bend
        if reserves:
            for r in range(reserve.shape[0]):
                if fresh or reserve[r, t] != 0.0:
                    held[r, t] += g.down[r] * imports - g.up[r] * exports
                    held_curve[r, t] += g.down[r] * bent + g.up[r] * bent_back


@compiled
def look(
    c: Any, g: Any, i: int, power: Any, reserve: Any, amount: float, fresh: bool, price: Any, curve: Any, held: Any,
    held_curve: Any,
) -> None:  # fmt: skip
    """Write the prices that group i sees after a move by amount × (power, reserve), and their slopes in s.

    They are per kW of program (T,) and of reserve held (R,T). Unless `fresh`, only changed ones are written.
    """
    for t in range(price.shape[0]):
        if fresh or power[t] != 0.0:
            price[t] = curve[t] = 0.0
    point = g.point[i]
    if g.is_called[i]:
        _look(c.call, point, 1.0, power, amount, fresh, price, curve)
    else:
        _look(c.balance, g.balance[i], 1.0, power, amount, fresh, price, curve)
        if point >= 0:
            _look(c.program, point, 1.0, power, amount, fresh, price, curve)
            _look(c.call, point, -1.0, power, amount, fresh, price, curve)
    if g.reserve_row[i] >= 0:
        for r in range(held.shape[0]):
            for t in range(held.shape[1]):
                if fresh or reserve[r, t] != 0.0:
                    held[r, t] = held_curve[r, t] = 0.0
            if not g.is_called[i]:
                _look(c.reserve, r, 1.0, reserve[r], amount, fresh, held[r], held_curve[r])
            if g.is_called[i] or not g.reserved[i]:
                _look(c.called, r, 1.0, reserve[r], amount, fresh, held[r], held_curve[r])
    if g.path_at[i] < g.path_at[i + 1]:
        _look_at_limits(c, g, i, power, reserve, amount, fresh, price, curve, held, held_curve)


@inlined
def _along(price: Any, curve: Any, power: Any) -> tuple[float, float]:
    """Return Σ price·change and Σ curvature·change²."""
    slope, bend = 0.0, 0.0
    for t in range(power.shape[0]):
        slope += price[t] * power[t]
        bend += curve[t] * power[t] * power[t]
    return slope, bend


@inlined
def _next(done: float, slope: float, bend: float, low: float, high: float, most: float) -> float:
    """Return Newton's next amount in [low, high]; bisect where it leaves the bracket on a side already narrowed."""
    target = done - slope / bend if bend > 0 else (high if slope < 0 else low)
    if low < target < high:
        return target
    if (slope < 0 and high < most) or (slope > 0 and low > 0):
        return 0.5 * (low + high)
    return high if slope < 0 else low


@compiled
def _shift_pair(
    c: Any, g: Any, cols: Any, i: int, j: int, k: int, newton: int, straight: float, work: Any
) -> None:  # fmt: skip
    """Move the weight from column j to k of group i that makes the cost least; prices are those after the move.

    Newton's method takes at most `newton` steps, and ends when a share `straight` of the first slope is left.
    """
    price, curve, held, held_curve, power, reserve = work
    h = g.reserve_row[i]
    for t in range(power.shape[0]):
        power[t] = cols.power[i, k, t] - cols.power[i, j, t]
    if h >= 0:
        for r in range(reserve.shape[0]):
            for t in range(reserve.shape[1]):
                reserve[r, t] = cols.held[h, k, r, t] - cols.held[h, j, r, t]
    most, gain = cols.weight[i, j], cols.cost[i, k] - cols.cost[i, j]
    low, high, done, start = 0.0, most, 0.0, 0.0
    for n in range(newton + 1):
        slope, bend = _along(price, curve, power)
        if h >= 0:
            for r in range(reserve.shape[0]):
                more, wider = _along(held[r], held_curve[r], reserve[r])
                slope, bend = slope + more, bend + wider
        slope += gain
        if n == 0:
            start = slope
        elif abs(slope) <= straight * abs(start) or (done >= most and slope < 0) or high - low < 1e-12 or n == newton:
            break
        if slope < 0:
            low = max(low, done)
        else:
            high = min(high, done)
        done = _next(done, slope, bend, low, high, most)
        look(c, g, i, power, reserve, done, False, price, curve, held, held_curve)
    move(c, g, i, power, reserve, done)
    cols.weight[i, j] -= done
    cols.weight[i, k] += done
    if cols.weight[i, j] < 1e-12:
        cols.weight[i, k] += cols.weight[i, j]
        cols.weight[i, j] = 0.0


@compiled
def sweep(
    c: Any, g: Any, cols: Any, free: Any, slight: float, newton: int, straight: float, work: Any
) -> float:  # fmt: skip
    """Move weight between one pair of columns of every group that could gain more than `slight`; then move positions.

    Return the sum of what the groups could still have gained before their moves, EUR.
    """
    price, curve, held, held_curve, power, reserve = work
    reduced = np.zeros(cols.cost.shape[1])
    left = 0.0
    for i in range(cols.count.shape[0]):
        count = cols.count[i]
        if count < 2:
            continue
        look(c, g, i, power, reserve, 0.0, True, price, curve, held, held_curve)
        best, worst, mean = 0, -1, 0.0
        for j in range(count):
            reduced[j] = reduced_cost(cols, g, i, j, price, held)
            if reduced[j] < reduced[best]:
                best = j
            if cols.weight[i, j] > 0:
                mean += cols.weight[i, j] * reduced[j]
                if worst < 0 or reduced[j] > reduced[worst]:
                    worst = j
        gain = mean - reduced[best]
        left += gain
        if gain > slight and reduced[worst] - reduced[best] > 1e-12 * (1.0 + abs(reduced[best])):
            _shift_pair(c, g, cols, i, worst, best, newton, straight, work)
    move_positions(c, free)
    return left


@compiled
def _position_slope(c: Any, free: Any, p: int, shift: float, isps: Any) -> float:
    """Return d cost / d position p after it has moved by `shift`."""
    total = free.price[p]
    for n in range(isps.shape[0]):
        r, t = isps[n, 0], isps[n, 1]
        if r == -2:
            y, _ = price_at(c.connections, free.level_row[p], t, -shift)
            total -= y
        elif r < 0:
            y, _ = price_at(c.balance, isps[n, 2], t, -shift)
            total -= y
        else:
            for coupling in (c.reserve, c.called):
                y, _ = price_at(coupling, r, t, -KW_PER_MW * shift)
                total -= KW_PER_MW * y
    return float(total)


@compiled
def move_positions(c: Any, free: Any) -> None:
    """Move every free position to the point at which its slope is zero, by bisection."""
    rows = np.zeros((free.product_of.shape[1] * (1 + free.bid_of.shape[0]), 3), dtype=np.int64)
    for p in range(free.price.shape[0]):
        if free.high[p] <= free.low[p]:
            continue
        isps = rows[: isps_of(free, p, rows)]
        low, high = free.low[p] - free.value[p], free.high[p] - free.value[p]
        if _position_slope(c, free, p, low, isps) >= 0:
            shift = low
        elif _position_slope(c, free, p, high, isps) <= 0:
            shift = high
        else:
            for _ in range(50):
                shift = 0.5 * (low + high)
                if _position_slope(c, free, p, shift, isps) > 0:
                    high = shift
                else:
                    low = shift
        _move_position(c, free, p, shift, isps)


@compiled
def _move_position(c: Any, free: Any, p: int, shift: float, isps: Any) -> None:
    """Move position p by `shift`."""
    free.value[p] += shift
    for n in range(isps.shape[0]):
        r, t = isps[n, 0], isps[n, 1]
        if r == -2:
            c.connections.s[free.level_row[p], t] -= shift
        elif r < 0:
            c.balance.s[isps[n, 2], t] -= shift
        else:
            c.reserve.s[r, t] -= KW_PER_MW * shift
            c.called.s[r, t] -= KW_PER_MW * shift
