"""The proximal master: convex weights of the answers seen so far against smoothed couplings. Compiled.

Minimises over the weights w of every group's answers (columns) and the free positions z (day-ahead products, bids)

    Σ_gj cost_gj·w_gj + price·z + Σ_i φ_i^step(s_i(w, z)),      Σ_j w_gj = 1,  w >= 0,  z within its bounds,

where φ^step is the augmented Lagrangian of coupling i around its centre price. Its derivative is the coupling's next
price, so this is the dual of a proximal bundle method. Weight moves between two columns of a group until no move gains.
Source: docs/explanation/optimisation.md §3.3.
"""

from collections import namedtuple
from typing import Any

import numpy as np

from models.compiled import compiled, inlined
from models.coupling_costs import cost_of, negative_conjugate

Coupling = namedtuple("Coupling", ["s", "centre", "step", "breakpoints", "slopes"])
"""(n,T) values of s, centre and step; (n,T,K) breakpoints; (n,T,K+1) slopes."""

Couplings = namedtuple("Couplings", ["balance", "program", "call", "reserve", "called", "connections"])
"""Couplings: balance (G,T) of balancing groups, priced points' programs (N,T) and calls (N,T), reserve (R,T)
planned and called, and connections (2S,T): the most that is drawn at each sum, then the least."""

Free = namedtuple("Free", ["price", "low", "high", "value", "product_of", "bid_of", "level_row"])
"""Positions (P,): price in EUR per kW (energy products, levels of peaks) or MW (bids), bounds, equal where a position
is fixed, and value. product_of (G,T), bid_of (R,T): index of the position in an ISP, −1 for none. level_row (P,): the
row of connections whose sum a level is taken from in all ISPs, −1 for other positions."""

KW_PER_MW = 1000.0


@inlined
def price_at(coupling: Any, row: int, t: int, shift: float) -> tuple[float, float]:
    """Return the price of a coupling's row in an ISP after s has moved by `shift`, and its slope in s.

    y = argmax_y [y·s − φ*(y) − (y − centre)²/(2·step)]: at a breakpoint b it is centre + step·(s − b) within the slopes
    beside it, on a piece it is the slope.
    """
    s, centre, step = coupling.s[row, t] + shift, coupling.centre[row, t], coupling.step[row, t]
    last = coupling.breakpoints.shape[2]
    for k in range(last):
        y = centre + step * (s - coupling.breakpoints[row, t, k])
        if y < coupling.slopes[row, t, k]:
            return coupling.slopes[row, t, k], 0.0
        if y <= coupling.slopes[row, t, k + 1]:
            return y, step
    return coupling.slopes[row, t, last], 0.0


@compiled
def _move_at_limits(c: Any, g: Any, i: int, power: Any, held: Any, amount: float) -> None:
    """Add amount × (power, held) of group i to the most and the least that is drawn at connections."""
    half = c.connections.s.shape[0] // 2
    for k in range(g.path_at[i], g.path_at[i + 1]):
        reserves = g.reserve_row[i] >= 0 and g.with_reserve[g.path[k]]
        for t in range(power.shape[0]):
            most, least = power[t], power[t]
            if reserves:
                for r in range(held.shape[0]):
                    most += g.down[r] * held[r, t]
                    least -= g.up[r] * held[r, t]
            c.connections.s[g.path[k], t] += amount * most
            c.connections.s[half + g.path[k], t] += amount * least


@compiled
def move(c: Any, g: Any, i: int, power: Any, held: Any, amount: float) -> None:
    """Add amount × (power, held) of group i to the couplings."""
    point = g.point[i]
    for t in range(power.shape[0]):
        change = amount * power[t]
        if g.is_called[i]:
            c.call.s[point, t] += change
        else:
            c.balance.s[g.balance[i], t] += change
            if point >= 0:
                c.program.s[point, t] += change
                c.call.s[point, t] -= change
    if g.reserve_row[i] >= 0:
        for r in range(held.shape[0]):
            for t in range(held.shape[1]):
                change = amount * held[r, t]
                if not g.is_called[i]:
                    c.reserve.s[r, t] += change
                if g.is_called[i] or not g.reserved[i]:
                    c.called.s[r, t] += change
    if g.path_at[i] < g.path_at[i + 1]:
        _move_at_limits(c, g, i, power, held, amount)


@compiled
def isps_of(free: Any, p: int, rows: Any) -> int:
    """Write (product, ISP) of a bid, (−1, ISP) of a day-ahead position, or (−2, ISP) of a level, to rows (n,3).

    The last entry is the balancing group of a day-ahead position.

    Return their number.
    """
    n = 0
    if free.level_row[p] >= 0:
        for t in range(free.product_of.shape[1]):
            rows[t, 0], rows[t, 1] = -2, t
        return int(free.product_of.shape[1])
    for t in range(free.product_of.shape[1]):
        for group in range(free.product_of.shape[0]):
            if free.product_of[group, t] == p:
                rows[n, 0], rows[n, 1], rows[n, 2] = -1, t, group
                n += 1
        for r in range(free.bid_of.shape[0]):
            if free.bid_of[r, t] == p:
                rows[n, 0], rows[n, 1] = r, t
                n += 1
    return n


@compiled
def _all_prices(coupling: Any, out: Any) -> None:
    for i in range(out.shape[0]):
        for t in range(out.shape[1]):
            y, _ = price_at(coupling, i, t, 0.0)
            out[i, t] = y


@compiled
def next_prices(c: Any, balance: Any, program: Any, call: Any, reserve: Any, called: Any, connections: Any) -> None:
    """Write the present price of every coupling."""
    _all_prices(c.balance, balance)
    _all_prices(c.program, program)
    _all_prices(c.call, call)
    _all_prices(c.reserve, reserve)
    _all_prices(c.called, called)
    _all_prices(c.connections, connections)


@compiled
def negative_conjugates(coupling: Any, prices: Any) -> Any:
    """Return −Σ_t φ*(y) = Σ_t min_s [φ(s) − y·s] of each row, with φ(0) = 0."""
    total = np.zeros(prices.shape[0])
    for i in range(prices.shape[0]):
        for t in range(prices.shape[1]):
            total[i] += negative_conjugate(prices[i, t], coupling.breakpoints[i, t], coupling.slopes[i, t])
    return total


@compiled
def costs(coupling: Any) -> Any:
    """Return Σ_t φ(s) of each row at its present s, with φ(0) = 0."""
    total = np.zeros(coupling.s.shape[0])
    for i in range(coupling.s.shape[0]):
        for t in range(coupling.s.shape[1]):
            total[i] += cost_of(coupling.s[i, t], coupling.breakpoints[i, t], coupling.slopes[i, t])
    return total


@compiled
def free_bound(free: Any, balance: Any, reserve: Any, called: Any, connections: Any) -> float:
    """Return min over the free positions of price·z less what the couplings pay for them, at given prices, EUR."""
    total = 0.0
    rows = np.zeros((free.product_of.shape[1] * (1 + free.bid_of.shape[0]), 3), dtype=np.int64)
    for p in range(free.price.shape[0]):
        slope = free.price[p]
        count = isps_of(free, p, rows)
        for n in range(count):
            r, t = rows[n, 0], rows[n, 1]
            if r == -2:
                slope -= connections[free.level_row[p], t]
            elif r < 0:
                slope -= balance[rows[n, 2], t]
            else:
                slope -= KW_PER_MW * (reserve[r, t] + called[r, t])
        total += min(slope * free.low[p], slope * free.high[p])
    return total


@compiled
def add_up(c: Any, g: Any, cols: Any, free: Any, work: Any) -> None:
    """Add every weighted column and every position to the couplings, whose s are their constants at first."""
    _, _, _, _, power, reserve = work
    for i in range(cols.count.shape[0]):
        power[:] = 0.0
        reserve[:] = 0.0
        h = g.reserve_row[i]
        for j in range(cols.count[i]):
            if cols.weight[i, j] > 0:
                power += cols.weight[i, j] * cols.power[i, j]
                if h >= 0:
                    reserve += cols.weight[i, j] * cols.held[h, j]
        move(c, g, i, power, reserve, 1.0)
    for t in range(free.product_of.shape[1]):
        for group in range(free.product_of.shape[0]):
            if free.product_of[group, t] >= 0:
                c.balance.s[group, t] -= free.value[free.product_of[group, t]]
        for r in range(free.bid_of.shape[0]):
            if free.bid_of[r, t] >= 0:
                c.reserve.s[r, t] -= KW_PER_MW * free.value[free.bid_of[r, t]]
                c.called.s[r, t] -= KW_PER_MW * free.value[free.bid_of[r, t]]
    for p in range(free.level_row.shape[0]):
        if free.level_row[p] >= 0:
            c.connections.s[free.level_row[p]] -= free.value[p]
