"""The column pool, the answers so far per group: adds and drops columns, and returns their cost at prices. Compiled."""

from collections import namedtuple
from typing import Any

import numpy as np

from models.compiled import compiled, inlined
from models.matrix import NEGLIGIBLE

Groups = namedtuple(
    "Groups",
    [
        "is_called",
        "point",
        "balance",
        "reserved",
        "reserve_row",
        "settled",
        "path_at",
        "path",
        "with_reserve",
        "up",
        "down",
    ],
)
"""(G,) each: whether programs are called ones, number of the priced point or −1, row of the balance, whether the
point is reserved, row in the columns' reserve or −1, whether the group keeps its only column. The sums at connections
that each group counts at, one group after the other, and where each one's begin (G+1,); whether reserve counts at a sum
(S,). (R,) each: 1 where a product takes the side up, and down."""

Columns = namedtuple("Columns", ["power", "held", "cost", "weight", "round", "idle", "count"])
"""power (G,K,T), held (H,K,R,T) of the groups with reserve, (G,K) each of the others; count (G,) of columns in use."""


@inlined
def _dot(a: Any, b: Any) -> float:
    """Return Σ a·b, added up in four independent sums, which is faster."""
    one, two, three, four = 0.0, 0.0, 0.0, 0.0
    whole = a.shape[0] & ~3
    for t in range(0, whole, 4):
        one += a[t] * b[t]
        two += a[t + 1] * b[t + 1]
        three += a[t + 2] * b[t + 2]
        four += a[t + 3] * b[t + 3]
    for t in range(whole, a.shape[0]):
        one += a[t] * b[t]
    return (one + two) + (three + four)


@inlined
def reduced_cost(cols: Any, g: Any, i: int, j: int, price: Any, held: Any) -> float:
    """Return a column's cost at prices."""
    total = cols.cost[i, j] + _dot(price, cols.power[i, j])
    h = g.reserve_row[i]
    if h >= 0:
        for r in range(held.shape[0]):
            total += _dot(held[r], cols.held[h, j, r])
    return float(total)


@compiled
def model_values(cols: Any, g: Any, i: int, price: Any, held: Any) -> float:
    """Return the least cost of a group's columns at prices."""
    best = np.inf
    for j in range(cols.count[i]):
        best = min(best, reduced_cost(cols, g, i, j, price, held))
    return best


@compiled
def price_group(g: Any, i: int, prices: Any, price: Any, held: Any) -> None:
    """Write the prices that a group sees, given those of the couplings in their order."""
    balance, program, call, reserve, called, connections = prices
    point = g.point[i]
    if g.is_called[i]:
        price[:] = call[point]
    else:
        price[:] = balance[g.balance[i]]
        if point >= 0:
            price += program[point] - call[point]
    if g.reserve_row[i] >= 0:
        held[:] = 0.0
        if not g.is_called[i]:
            held += reserve
        if g.is_called[i] or not g.reserved[i]:
            held += called
    half = connections.shape[0] // 2
    for k in range(g.path_at[i], g.path_at[i + 1]):
        imports, exports = connections[g.path[k]], connections[half + g.path[k]]
        price += imports + exports
        if g.reserve_row[i] >= 0 and g.with_reserve[g.path[k]]:
            for r in range(held.shape[0]):
                held[r] += g.down[r] * imports - g.up[r] * exports


@compiled
def model_costs(
    cols: Any, g: Any, balance: Any, program: Any, call: Any, reserve: Any, called: Any, connections: Any, work: Any
) -> Any:  # fmt: skip
    """Return the least cost of every group's columns (G,) at coupling prices."""
    price, _, held, _, _, _ = work
    result = np.empty(cols.count.shape[0])
    for i in range(cols.count.shape[0]):
        price_group(g, i, (balance, program, call, reserve, called, connections), price, held)
        result[i] = model_values(cols, g, i, price, held)
    return result


@compiled
def _drop_idle(cols: Any, h: int, i: int, idle: int) -> None:
    j = 0
    while j < cols.count[i]:
        cols.idle[i, j] = 0 if cols.weight[i, j] > 0 else cols.idle[i, j] + 1
        if cols.idle[i, j] > idle:
            _copy(cols, h, i, cols.count[i] - 1, j)
            cols.count[i] -= 1
        else:
            j += 1


@compiled
def _known(cols: Any, h: int, i: int, power: Any, held: Any, cost: float) -> int:
    """Return the column that equals this answer, −1 if none does."""
    for j in range(cols.count[i]):
        near = abs(cols.cost[i, j] - cost) <= 1e-12 * (1.0 + abs(cost))
        if near and _same(cols, h, i, j, power, held):
            return j
    return -1


@compiled
def _place(cols: Any, i: int) -> int:
    """Return the place of a new column: after the others, or that of the idlest; −1 if all columns have weight."""
    at, keep = cols.count[i], cols.cost.shape[1]
    if at < keep:
        cols.count[i] += 1
        return int(at)
    at = -1
    for j in range(keep):
        if cols.weight[i, j] <= 0 and (at < 0 or cols.idle[i, j] > cols.idle[i, at]):
            at = j
    return at


@compiled
def add_columns(
    cols: Any, g: Any, power: Any, held: Any, cost: Any, number: int, idle: int, skip: Any
) -> None:  # fmt: skip
    """Add a column to every group but those to `skip` (G,).

    Columns without weight for `idle` rounds are dropped, and so is the idlest if there is no room.
    """
    for i in range(cols.count.shape[0]):
        if g.settled[i] or skip[i]:
            continue
        h = g.reserve_row[i]
        _drop_idle(cols, h, i, idle)
        known = _known(cols, h, i, power[i], held[i], cost[i])
        if known >= 0:
            cols.idle[i, known] = 0
            continue
        at = _place(cols, i)
        if at < 0:
            continue
        cols.power[i, at] = power[i]
        if h >= 0:
            cols.held[h, at] = held[i]
        cols.cost[i, at] = cost[i]
        cols.weight[i, at] = 1.0 if cols.count[i] == 1 else 0.0
        cols.round[i, at] = number
        cols.idle[i, at] = 0


@compiled
def _copy(cols: Any, h: int, i: int, source: int, target: int) -> None:
    cols.power[i, target] = cols.power[i, source]
    if h >= 0:
        cols.held[h, target] = cols.held[h, source]
    cols.cost[i, target] = cols.cost[i, source]
    cols.weight[i, target] = cols.weight[i, source]
    cols.round[i, target] = cols.round[i, source]
    cols.idle[i, target] = cols.idle[i, source]
    cols.weight[i, source] = 0.0


@compiled
def _same(cols: Any, h: int, i: int, j: int, power: Any, held: Any) -> bool:
    for t in range(power.shape[0]):
        if abs(cols.power[i, j, t] - power[t]) > 1e-9 * (1.0 + abs(power[t])):
            return False
    if h >= 0:
        for r in range(held.shape[0]):
            for t in range(held.shape[1]):
                if abs(cols.held[h, j, r, t] - held[r, t]) > 1e-9 * (1.0 + abs(held[r, t])):
                    return False
    return True


@compiled
def enter_rows(
    cols: Any, g: Any, group: Any, column: Any, place: Any, first: Any, begins: Any, rows: Any, values: Any
) -> None:
    """Write the entries of columns (W,) of groups (W,) in the couplings' rows, each column's from its begin (W+1,).

    A coupling's rows start at `first`; only rows with a place are written. If `rows` is empty, entries are counted
    instead, into the begin of the next column.
    """
    isps, half = cols.power.shape[2], (first[6] - first[5]) // 2
    for n in range(len(group)):
        i, j, at = group[n], column[n], 0 if len(rows) == 0 else begins[n]
        power, called, h, own = cols.power[i, j], g.is_called[i], g.reserve_row[i], g.point[i] * isps
        if called:
            at = _enter(place, first[2] + own, power, 1.0, at, rows, values)
        else:
            at = _enter(place, first[0] + g.balance[i] * isps, power, 1.0, at, rows, values)
            if g.point[i] >= 0:
                at = _enter(place, first[1] + own, power, 1.0, at, rows, values)
                at = _enter(place, first[2] + own, power, -1.0, at, rows, values)
        if h >= 0:
            held = cols.held[h, j]
            for coupling, there in ((3, not called), (4, called or not g.reserved[i])):
                if there:
                    for r in range(len(held)):
                        at = _enter(place, first[coupling] + r * isps, held[r], 1.0, at, rows, values)
        for k in range(g.path_at[i], g.path_at[i + 1]):
            base = first[5] + g.path[k] * isps
            most, least = power, power
            if h >= 0 and g.with_reserve[g.path[k]]:
                most, least = power.copy(), power.copy()
                for r in range(len(cols.held[h, j])):
                    most += g.down[r] * cols.held[h, j, r]
                    least -= g.up[r] * cols.held[h, j, r]
            at = _enter(place, base, most, 1.0, at, rows, values)
            at = _enter(place, base + half, least, 1.0, at, rows, values)
        if len(rows) == 0:
            begins[n + 1] = at


@compiled
def _enter(place: Any, base: int, line: Any, sign: float, at: int, rows: Any, values: Any) -> int:
    """Write a line (T,) to the rows from `base` on; return the position of the next entry."""
    for t in range(len(line)):
        if place[base + t] >= 0 and abs(line[t]) >= NEGLIGIBLE:
            if len(rows) > 0:
                rows[at], values[at] = place[base + t], sign * line[t]
            at += 1
    return at
