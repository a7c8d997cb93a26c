"""Minimises the cost of a step with energy margins and of all steps after it, by planes below it. Compiled.

For the method see margins, for shapes and units of arguments layout.
"""

import numpy as np

from models.case import Floats, Ints
from models.compiled import compiled, inlined
from models.resources.storage.layout import (
    CHARGE,
    DEMAND,
    DISCHARGE,
    EFFICIENCY,
    ETA_D,
    PINNED,
    RESERVE,
    RETENTION,
    WEAR,
)
from models.resources.storage.owed import BEFORE_CEILING, BEFORE_FLOOR, CEILING, FLOOR, PER_KW

_MUCH = 1e30
"""Energy in kWh of a room that does not count."""


@inlined
def step(
    table: Floats, scalars: Floats, hours: float, power: Floats, vertices: Floats, number: Ints, owed: Floats,
    t: int, e: float, x: float,
) -> tuple[float, float, float]:  # fmt: skip
    """Return the cost of ISP t, EUR, with energy e before it and change x, kWh, and its slopes in x and e."""
    a, q = scalars[RETENTION], scalars[RESERVE]
    pin, c, d = table[PINNED, t], table[CHARGE, t], table[DISCHARGE, t]
    gain, drain, wear = hours * table[EFFICIENCY, t], hours / scalars[ETA_D], scalars[WEAR] * hours
    z = a * e - table[DEMAND, t] + x
    charging = x > 0.0 or (x == 0.0 and c > 0.0)
    rate = 1.0 / gain if charging else 1.0 / drain
    p = x * rate
    if not np.isnan(pin):
        p, c, d = pin, max(c, pin), max(d, -pin)
    cost = power[t] * p + wear * abs(p)
    slope_x, slope_e = (power[t] + (wear if charging else -wear)) * rate, 0.0
    if q <= 0.0 or number[t] == 0:
        return cost, slope_x, slope_e
    up, down = e - owed[BEFORE_FLOOR, t], owed[BEFORE_CEILING, t] - e
    above, below = z - owed[FLOOR, t], owed[CEILING, t] - z
    per_kwh = 1.0 / owed[PER_KW, t]
    u, v = min(q, p + d), min(q, c - p)
    up, down = min(up, _MUCH), min(down, _MUCH)
    m, n = max(min(up, above), 0.0) * per_kwh, max(min(down, below), 0.0) * per_kwh
    eur, k = 0.0, -1
    for i in range(number[t]):
        one = vertices[t, i, 0] * u + vertices[t, i, 1] * v + vertices[t, i, 2] * m + vertices[t, i, 3] * n
        if k < 0 or one < eur:
            eur, k = one, i
    if p + d < q:
        slope_x -= vertices[t, k, 0] * rate
    if c - p < q:
        slope_x += vertices[t, k, 1] * rate
    for_up, for_down = vertices[t, k, 2] * per_kwh, vertices[t, k, 3] * per_kwh
    at_end, down_at_end = above < up, below < down
    if at_end:
        slope_x -= for_up
    if down_at_end:
        slope_x += for_down
    slope_e -= for_up * (a if at_end else 1.0)
    slope_e += for_down * (a if down_at_end else 1.0)
    return cost - eur, slope_x, slope_e


@inlined
def _plane(
    table: Floats, scalars: Floats, hours: float, power: Floats, vertices: Floats, number: Ints, owed: Floats,
    lines: Floats, size: Ints, t: int, e: float, x: float, envelope: Floats, plane: Floats,
) -> float:  # fmt: skip
    """Return F(e, x), the cost of ISP t and of all after it; write (F, slope in x, slope in e) of a plane below it.

    Where `envelope` (2,1+S) has segments, F takes the step without margins by its convex envelope: first its greatest
    x and the cost there, then slopes and lengths down from it.
    """
    if envelope.shape[1] > 0:
        cost, at, slope_x, slope_e = envelope[1, 0], envelope[0, 0], 0.0, 0.0
        for k in range(1, envelope.shape[1]):
            slope_x = envelope[0, k]
            left = at - x
            part = left if k == envelope.shape[1] - 1 else min(left, envelope[1, k])
            cost -= slope_x * part
            if part >= left:  # not at - part <= x, which rounding may deny: the next slope would be wrong here
                break
            at -= part
    else:
        cost, slope_x, slope_e = step(table, scalars, hours, power, vertices, number, owed, t, e, x)
    a = scalars[RETENTION]
    z = a * e - table[DEMAND, t] + x
    first, last = 0, size[t] - 1
    while last - first > 1:
        middle = (first + last) >> 1
        if lines[0, t, middle] <= z:
            first = middle
        else:
            last = middle
    slope = lines[2, t, first] if size[t] > 1 else 0.0
    after: float = lines[1, t, first] + slope * (z - lines[0, t, first])
    plane[0], plane[1], plane[2] = cost + after, slope_x + slope, slope_e + a * slope
    total: float = cost + after
    return total


@compiled
def least_of(
    table: Floats, scalars: Floats, hours: float, power: Floats, vertices: Floats, number: Ints, owed: Floats,
    lines: Floats, size: Ints, t: int, e: float, least: float, most: float, envelope: Floats, planes: Floats,
) -> tuple[float, float, float, float]:  # fmt: skip
    """Return (x of least F(e, x), F there, proven least F, its slope in e) over least <= x <= most.

    planes (3,3): two planes known to lie below F, falling and rising in x (slope 0: none known), as height at
    e = x = 0, slope in x, slope in e; better ones are left there. The third is scratch.
    """
    a = scalars[RETENTION]
    y = a * e - table[DEMAND, t]
    begin, end = max(least, lines[0, t, 0] - y), min(most, lines[0, t, size[t] - 1] - y)
    if end < begin:  # by rounding
        begin = end = min(max(0.5 * (begin + end), least), most)
    falling, rising, new = planes[0], planes[1], planes[2]
    for _ in range(300):
        bound, at_begin, at_end = -np.inf, False, False
        if falling[1] < 0.0 and rising[1] > 0.0:
            x = (falling[0] - rising[0] + (falling[2] - rising[2]) * e) / (rising[1] - falling[1])
            at_begin, at_end = x <= begin, x >= end
            x = min(max(x, begin), end)
            bound = max(falling[0] + falling[2] * e + falling[1] * x, rising[0] + rising[2] * e + rising[1] * x)
        else:
            at_begin = not falling[1] < 0.0
            at_end = not at_begin
            x = begin if at_begin else end
        value = _plane(table, scalars, hours, power, vertices, number, owed, lines, size, t, e, x, envelope, new)
        # x is bounded by its own limit, or by that of the energy, which moves with e.
        if new[1] == 0.0 or (x <= begin and new[1] > 0.0) or (x >= end and new[1] < 0.0):
            moves = (new[1] > 0.0 and begin > least) or (new[1] < 0.0 and end < most)
            return x, value, value, new[2] - (a * new[1] if moves else 0.0)
        if value - bound <= 1e-13 * (1.0 + abs(value)):
            if at_begin:
                slope = rising[2] - (a * rising[1] if begin > least else 0.0)
            elif at_end:
                slope = falling[2] - (a * falling[1] if end < most else 0.0)
            else:
                share = rising[1] / (rising[1] - falling[1])
                slope = share * falling[2] + (1.0 - share) * rising[2]
            return x, value, min(bound, value), slope
        better = falling if new[1] < 0.0 else rising
        better[0], better[1], better[2] = value - new[1] * x - new[2] * e, new[1], new[2]
    share = rising[1] / (rising[1] - falling[1])
    return x, value, min(bound, value), share * falling[2] + (1.0 - share) * rising[2]
