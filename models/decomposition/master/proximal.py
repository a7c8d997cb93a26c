"""The proximal master: convex weights of the answers seen so far against smoothed couplings. Compiled.

Minimises over the weights w of every group's answers (columns) and the free positions z (day-ahead products, bids)

    Σ_gj cost_gj·w_gj + price·z + Σ_i φ_i^step(s_i(w, z)),      Σ_j w_gj = 1,  w >= 0,  z within its bounds,

where φ^step is the augmented Lagrangian of channel i around its centre price. Its derivative is the channel's next
price, so this is the dual of a proximal bundle method. Pairs of columns of one group are shifted until none gains.
Source: docs/explanation/optimisation.md §3.3.
"""

from collections import namedtuple
from typing import Any

import numpy as np

from models.compiled import compiled, inlined
from models.coupling_costs import conjugate, cost_of

Channel = namedtuple("Channel", ["s", "centre", "step", "points", "slopes"])
"""(n,T) values of s, centre and step; (n,T,K) breakpoints; (n,T,K+1) slopes."""

Couplings = namedtuple("Couplings", ["balance", "program", "call", "reserve", "called"])
"""Channels: balance (1,T), tied points' programs (N,T) and calls (N,T), reserve rows (R,T) planned and called."""

Free = namedtuple("Free", ["price", "low", "high", "value", "fixed", "da_of", "bid_of"])
"""Positions: EUR per kW (day-ahead) or MW (bids), bounds, value, held there?; da_of (T,), bid_of (R,T) index or −1."""

KW_PER_MW = 1000.0


@inlined
def price_at(channel: Any, row: int, t: int, shift: float) -> tuple[float, float]:
    """Return the price of a channel's row in an ISP once s has been moved by `shift`, and how fast it moves with s.

    y = argmax_y [y·s − φ*(y) − (y − centre)²/(2·step)]: at a breakpoint b it is centre + step·(s − b) within the slopes
    beside it, on a piece it is the slope.
    """
    s, centre, step = channel.s[row, t] + shift, channel.centre[row, t], channel.step[row, t]
    last = channel.points.shape[2]
    for k in range(last):
        y = centre + step * (s - channel.points[row, t, k])
        if y < channel.slopes[row, t, k]:
            return channel.slopes[row, t, k], 0.0
        if y <= channel.slopes[row, t, k + 1]:
            return y, step
    return channel.slopes[row, t, last], 0.0


@compiled
def move(c: Any, g: Any, i: int, power: Any, held: Any, amount: float) -> None:
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
def isps_of(free: Any, p: int, rows: Any) -> int:
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
        count = isps_of(free, p, rows)
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
        move(c, g, i, power, hold, 1.0)
    for t in range(free.da_of.shape[0]):
        if free.da_of[t] >= 0:
            c.balance.s[0, t] -= free.value[free.da_of[t]]
        for r in range(free.bid_of.shape[0]):
            if free.bid_of[r, t] >= 0:
                c.reserve.s[r, t] -= KW_PER_MW * free.value[free.bid_of[r, t]]
                c.called.s[r, t] -= KW_PER_MW * free.value[free.bid_of[r, t]]
