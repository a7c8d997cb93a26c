"""The proximal master: convex weights of the answers seen so far against smoothed couplings. Compiled.

Minimises over the weights w of every group's answers (columns) and the free positions z (day-ahead products, bids)

    Σ_gj cost_gj·w_gj + price·z + Σ_i φ_i^step(s_i(w, z)),      Σ_j w_gj = 1,  w >= 0,  z within its bounds,

where φ^step is the augmented Lagrangian of channel i around its centre price. Its derivative is the channel's next
price, so this is the dual of a proximal bundle method. Pairs of columns of one group are shifted until none gains.
Source: docs/optimisation.md §8.3.
"""

from collections import namedtuple
from typing import Any

import numpy as np

from models.compiled import compiled
from models.decomposition.channels import conjugate, cost_of, price_of
from models.decomposition.columns import reduced_cost

Channel = namedtuple("Channel", ["s", "centre", "step", "points", "slopes"])
"""(n,T) values of s, centre and step; (n,T,K) breakpoints; (n,T,K+1) slopes."""

Couplings = namedtuple("Couplings", ["balance", "program", "call", "reserve", "called"])
"""Channels: balance (1,T), tied points' programs (N,T) and calls (N,T), reserve rows (R,T) planned and called."""

Free = namedtuple("Free", ["price", "low", "high", "value", "fixed", "da_of", "bid_of"])
"""Positions: EUR per kW (day-ahead) or MW (bids), bounds, value, held there?; da_of (T,), bid_of (R,T) index or −1."""

KW_PER_MW = 1000.0


@compiled
def price_at(channel: Any, row: int, t: int, shift: float) -> tuple[float, bool]:
    """Return the price of a channel's row in an ISP once s has been moved by `shift`, and whether it moves with s."""
    return price_of(
        channel.s[row, t] + shift,
        channel.centre[row, t],
        channel.step[row, t],
        channel.points[row, t],
        channel.slopes[row, t],
    )


@compiled
def _look(channel: Any, row: int, sign: float, price: Any, curve: Any) -> None:
    """Add sign × price and the curvature of a channel's row."""
    for t in range(price.shape[0]):
        y, moves = price_of(
            channel.s[row, t],
            channel.centre[row, t],
            channel.step[row, t],
            channel.points[row, t],
            channel.slopes[row, t],
        )
        price[t] += sign * y
        if moves:
            curve[t] += channel.step[row, t]


@compiled
def look(c: Any, g: Any, i: int, price: Any, curve: Any, held: Any, held_curve: Any) -> None:
    """Set the prices a group sees, per kW of program (T,) and of reserve held (R,T), and their curvatures."""
    price[:] = 0.0
    curve[:] = 0.0
    tie = g.tie[i]
    if g.is_called[i]:
        _look(c.call, tie, 1.0, price, curve)
    else:
        _look(c.balance, 0, 1.0, price, curve)
        if tie >= 0:
            _look(c.program, tie, 1.0, price, curve)
            _look(c.call, tie, -1.0, price, curve)
    if g.hold[i] >= 0:
        held[:] = 0.0
        held_curve[:] = 0.0
        for r in range(held.shape[0]):
            if not g.is_called[i]:
                _look(c.reserve, r, 1.0, held[r], held_curve[r])
            if g.is_called[i] or not g.reserved[i]:
                _look(c.called, r, 1.0, held[r], held_curve[r])


@compiled
def _move(c: Any, g: Any, i: int, power: Any, held: Any, amount: float) -> None:
    """Add amount × (power, held) of group i to the channels."""
    tie = g.tie[i]
    for t in range(power.shape[0]):
        change = amount * power[t]
        if g.is_called[i]:
            c.call.s[tie, t] += change
        else:
            c.balance.s[0, t] += change
            if tie >= 0:
                c.program.s[tie, t] += change
                c.call.s[tie, t] -= change
    if g.hold[i] >= 0:
        for r in range(held.shape[0]):
            for t in range(held.shape[1]):
                change = amount * held[r, t]
                if not g.is_called[i]:
                    c.reserve.s[r, t] += change
                if g.is_called[i] or not g.reserved[i]:
                    c.called.s[r, t] += change


@compiled
def _along(price: Any, power: Any, held: Any, hold: Any, holds: bool, order: int) -> float:
    """Return Σ price·change (order 1) or Σ price·change² (order 2) over program and reserve held."""
    total = 0.0
    for t in range(power.shape[0]):
        total += price[t] * power[t] ** order
    if holds:
        for r in range(hold.shape[0]):
            for t in range(hold.shape[1]):
                total += held[r, t] * hold[r, t] ** order
    return total


@compiled
def _next(done: float, slope: float, bend: float, low: float, high: float, most: float) -> float:
    """Return Newton's next amount in [low, high]; halve the bracket where it leaves it on a side found on the way."""
    target = done - slope / bend if bend > 0 else (high if slope < 0 else low)
    if low < target < high:
        return target
    if (slope < 0 and high < most) or (slope > 0 and low > 0):
        return 0.5 * (low + high)
    return high if slope < 0 else low


@compiled
def _shift_pair(c: Any, g: Any, cols: Any, i: int, j: int, k: int, start: float, work: Any) -> None:
    """Shift weight from column j to k of group i to where the cost is least."""
    price, curve, held, held_curve, power, hold = work
    h = g.hold[i]
    power[:] = cols.power[i, k]
    power -= cols.power[i, j]
    if h >= 0:
        hold[:] = cols.held[h, k]
        hold -= cols.held[h, j]
    most = cols.weight[i, j]
    low, high, done, slope = 0.0, most, 0.0, start
    for _ in range(6):
        if slope < 0:
            low = max(low, done)
        else:
            high = min(high, done)
        target = _next(done, slope, _along(curve, power, held_curve, hold, h >= 0, 2), low, high, most)
        _move(c, g, i, power, hold, target - done)
        done = target
        look(c, g, i, price, curve, held, held_curve)
        slope = cols.cost[i, k] - cols.cost[i, j] + _along(price, power, held, hold, h >= 0, 1)
        if abs(slope) <= 0.1 * abs(start) or (done >= most and slope < 0) or high - low < 1e-12:
            break
    cols.weight[i, j] -= done
    cols.weight[i, k] += done
    if cols.weight[i, j] < 1e-12:
        cols.weight[i, k] += cols.weight[i, j]
        cols.weight[i, j] = 0.0


@compiled
def sweep(c: Any, g: Any, cols: Any, free: Any, pairs: int, work: Any) -> float:
    """Improve every group and every free position once; return Σ of what the groups could still gain, EUR."""
    price, curve, held, held_curve, _, _ = work
    reduced = np.zeros(cols.cost.shape[1])
    left = 0.0
    for i in range(cols.count.shape[0]):
        count = cols.count[i]
        if count < 2:
            continue
        for turn in range(pairs):
            look(c, g, i, price, curve, held, held_curve)
            best, worst = 0, -1
            mean = 0.0
            for j in range(count):
                reduced[j] = reduced_cost(cols, g, i, j, price, held)
                if reduced[j] < reduced[best]:
                    best = j
                if cols.weight[i, j] > 0:
                    mean += cols.weight[i, j] * reduced[j]
                    if worst < 0 or reduced[j] > reduced[worst]:
                        worst = j
            if turn == 0:
                left += mean - reduced[best]
            if reduced[worst] - reduced[best] <= 1e-12 * (1.0 + abs(reduced[best])):
                break
            _shift_pair(c, g, cols, i, worst, best, reduced[best] - reduced[worst], work)
    settle(c, free)
    return left


@compiled
def _position_slope(c: Any, free: Any, p: int, shift: float, isps: Any) -> float:
    """Return d cost / d position p after it has been moved by `shift`."""
    total = free.price[p]
    for n in range(isps.shape[0]):
        r, t = isps[n, 0], isps[n, 1]
        if r < 0:
            y, _ = price_at(c.balance, 0, t, -shift)
            total -= y
        else:
            for channel in (c.reserve, c.called):
                y, _ = price_at(channel, r, t, -KW_PER_MW * shift)
                total -= KW_PER_MW * y
    return float(total)


@compiled
def _isps_of(free: Any, p: int, rows: Any) -> int:
    """List (product, ISP) of a bid, or (−1, ISP) of a day-ahead position."""
    n = 0
    for t in range(free.da_of.shape[0]):
        if free.da_of[t] == p:
            rows[n, 0], rows[n, 1] = -1, t
            n += 1
        for r in range(free.bid_of.shape[0]):
            if free.bid_of[r, t] == p:
                rows[n, 0], rows[n, 1] = r, t
                n += 1
    return n


@compiled
def settle(c: Any, free: Any) -> None:
    """Move every free position to where its slope is zero, by bisection."""
    rows = np.zeros((free.da_of.shape[0] * (1 + free.bid_of.shape[0]), 2), dtype=np.int64)
    for p in range(free.price.shape[0]):
        if free.fixed[p] or free.high[p] <= free.low[p]:
            continue
        isps = rows[: _isps_of(free, p, rows)]
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
        place(c, free, p, shift, isps)


@compiled
def place(c: Any, free: Any, p: int, shift: float, isps: Any) -> None:
    """Move position p by `shift`."""
    free.value[p] += shift
    for n in range(isps.shape[0]):
        r, t = isps[n, 0], isps[n, 1]
        if r < 0:
            c.balance.s[0, t] -= shift
        else:
            c.reserve.s[r, t] -= KW_PER_MW * shift
            c.called.s[r, t] -= KW_PER_MW * shift


@compiled
def _all_prices(channel: Any, out: Any) -> None:
    for i in range(out.shape[0]):
        for t in range(out.shape[1]):
            y, _ = price_at(channel, i, t, 0.0)
            out[i, t] = y


@compiled
def next_prices(c: Any, balance: Any, program: Any, call: Any, reserve: Any, called: Any) -> None:
    """Write every channel's price."""
    _all_prices(c.balance, balance)
    _all_prices(c.program, program)
    _all_prices(c.call, call)
    _all_prices(c.reserve, reserve)
    _all_prices(c.called, called)


@compiled
def conjugates(channel: Any, prices: Any) -> Any:
    """Return Σ_t min_s [φ(s) − y·s] of each row, with φ(0) = 0."""
    total = np.zeros(prices.shape[0])
    for i in range(prices.shape[0]):
        for t in range(prices.shape[1]):
            total[i] += conjugate(prices[i, t], channel.points[i, t], channel.slopes[i, t])
    return total


@compiled
def costs(channel: Any) -> Any:
    """Return Σ_t φ(s) of each row as it stands, with φ(0) = 0."""
    total = np.zeros(channel.s.shape[0])
    for i in range(channel.s.shape[0]):
        for t in range(channel.s.shape[1]):
            total[i] += cost_of(channel.s[i, t], channel.points[i, t], channel.slopes[i, t])
    return total


@compiled
def free_bound(free: Any, balance: Any, reserve: Any, called: Any) -> float:
    """Return min over the free positions of price·z less what their channels pay, at given channel prices."""
    total = 0.0
    rows = np.zeros((free.da_of.shape[0] * (1 + free.bid_of.shape[0]), 2), dtype=np.int64)
    for p in range(free.price.shape[0]):
        slope = free.price[p]
        count = _isps_of(free, p, rows)
        for n in range(count):
            r, t = rows[n, 0], rows[n, 1]
            if r < 0:
                slope -= balance[0, t]
            else:
                slope -= KW_PER_MW * (reserve[r, t] + called[r, t])
        total += min(slope * free.low[p], slope * free.high[p])
    return total


@compiled
def add_up(c: Any, g: Any, cols: Any, free: Any, work: Any) -> None:
    """Add every weighted column and every position to the channels, which hold their constants."""
    _, _, _, _, power, hold = work
    for i in range(cols.count.shape[0]):
        power[:] = 0.0
        hold[:] = 0.0
        h = g.hold[i]
        for j in range(cols.count[i]):
            if cols.weight[i, j] > 0:
                power += cols.weight[i, j] * cols.power[i, j]
                if h >= 0:
                    hold += cols.weight[i, j] * cols.held[h, j]
        _move(c, g, i, power, hold, 1.0)
    for t in range(free.da_of.shape[0]):
        if free.da_of[t] >= 0:
            c.balance.s[0, t] -= free.value[free.da_of[t]]
        for r in range(free.bid_of.shape[0]):
            if free.bid_of[r, t] >= 0:
                c.reserve.s[r, t] -= KW_PER_MW * free.value[free.bid_of[r, t]]
                c.called.s[r, t] -= KW_PER_MW * free.value[free.bid_of[r, t]]
