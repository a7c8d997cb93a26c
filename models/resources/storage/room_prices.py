"""Prices of the rooms in power and energy that reserve takes: a relaxation that needs no margins. Compiled.

For any point y of the dual of the linear program in duals, reserve earns at most y·rooms. With such prices in every
ISP the rooms in power are part of a step's cost, those in energy part of the cost-to-go, and one pass of the kernel
gives the least cost: a proven bound, which is the best answer's cost at the best y.

Prices (7,T), EUR per kW of one ISP: of the rooms up and down in power, then 0, then of the rooms up and down in energy
at the end of the ISP and at its beginning. For shapes and units of other arguments see layout.
"""

import numpy as np

from models.case import Floats, Ints
from models.compiled import compiled, inlined
from models.resources.storage.layout import (
    BEGIN_DOWN,
    BEGIN_UP,
    CHARGE,
    DISCHARGE,
    END_DOWN,
    END_UP,
    ENERGY,
    PINNED,
    POWER,
    RESERVE,
    ROOM_BOTH,
    ROOM_DOWN,
    ROOM_UP,
    START,
)
from models.resources.storage.owed import BEFORE_CEILING, BEFORE_FLOOR, CEILING, FLOOR, PER_KW

_SAME = 1e-9
"""Share of the earnings by which prices may exceed the least and stay."""


@inlined
def _room(kwh: float, per_kw: float, most: float) -> float:
    """Return a room in energy per kW, at most what can be held."""
    return min(max(kwh, 0.0) / per_kw, most)


@compiled
def price_energy(
    lists: Floats, begin: int, end: int, low: float, high: float, g: float, floor: float, ceiling: float,
    up: float, down: float, per_kw: float, most: float,
) -> tuple[int, int, float]:  # fmt: skip
    """Subtract up·min((e − floor)/γ, most) + down·min((ceiling − e)/γ, most) from a cost-to-go; see kernel for lists.

    lists (3,N), of which begin..end−1 count. γ is per_kw, in kWh per kW; energies in kWh. Returns the new begin and
    end, and what is subtracted at the lowest energy, EUR.
    """
    gained = 0.0
    if up > 0.0:
        gained += up * _room(low - floor, per_kw, most)
        left, i, change = (floor + most * per_kw - low) * g, begin, up / per_kw / g
        while i < end and left > 0.0:
            if lists[1, i] > left:
                begin -= 1
                for k in range(begin, i):
                    lists[0, k], lists[1, k], lists[2, k] = lists[0, k + 1], lists[1, k + 1], lists[2, k + 1]
                lists[0, i - 1], lists[1, i - 1], lists[2, i - 1] = lists[0, i] - change, left, lists[2, i]
                lists[1, i] -= left
                break
            left -= lists[1, i]
            lists[0, i] -= change
            i += 1
    if down > 0.0:
        gained += down * _room(ceiling - low, per_kw, most)
        left, i, change = (high - ceiling + most * per_kw) * g, end - 1, down / per_kw / g
        while i >= begin and left > 0.0:
            if lists[1, i] > left:
                for k in range(end, i + 1, -1):
                    lists[0, k], lists[1, k], lists[2, k] = lists[0, k - 1], lists[1, k - 1], lists[2, k - 1]
                end += 1
                lists[0, i + 1], lists[1, i + 1], lists[2, i + 1] = lists[0, i] + change, left, lists[2, i]
                lists[1, i] -= left
                break
            left -= lists[1, i]
            lists[0, i] += change
            i -= 1
    return begin, end, gained


@compiled
def price_rooms(
    table: Floats, scalars: Floats, answer: Floats, owed: Floats, vertices: Floats, number: Ints, most: float,
    share: float, prices: Floats,
) -> float:  # fmt: skip
    """Move prices (7,T) by a share towards those at which the rooms of an answer earn least, unless they do already.

    Returns what reserve earns in these rooms, EUR.
    """
    q, e, total = scalars[RESERVE], scalars[START], 0.0
    for t in range(table.shape[1]):
        p, c, d = answer[POWER, t], table[CHARGE, t], table[DISCHARGE, t]
        if not np.isnan(table[PINNED, t]):
            c, d = max(c, p), max(d, -p)
        per_kw = owed[PER_KW, t]
        before, e = e, answer[ENERGY, t]
        if number[t] == 0:
            prices[:, t] = 0.0
            continue
        u, v = max(min(q, p + d), 0.0), max(min(q, c - p), 0.0)
        end_up, end_down = _room(e - owed[FLOOR, t], per_kw, most), _room(owed[CEILING, t] - e, per_kw, most)
        begin_up = _room(before - owed[BEFORE_FLOOR, t], per_kw, most)
        begin_down = _room(owed[BEFORE_CEILING, t] - before, per_kw, most)
        m, n = min(end_up, begin_up), min(end_down, begin_down)
        least, best = np.inf, 0
        for k in range(number[t]):
            earned = vertices[t, k, 0] * u + vertices[t, k, 1] * v + vertices[t, k, 2] * m + vertices[t, k, 3] * n
            if earned < least:
                least, best = earned, k
        total += least
        if share < 1.0:
            now = (
                prices[ROOM_UP, t] * u + prices[ROOM_DOWN, t] * v + prices[END_UP, t] * end_up
                + prices[END_DOWN, t] * end_down + prices[BEGIN_UP, t] * begin_up + prices[BEGIN_DOWN, t] * begin_down
            )  # fmt: skip
            if now <= least * (1.0 + _SAME) + 1e-15:
                continue
        prices[:, t] *= 1.0 - share
        prices[ROOM_UP, t] += share * vertices[t, best, 0]
        prices[ROOM_DOWN, t] += share * vertices[t, best, 1]
        prices[END_UP if end_up <= begin_up else BEGIN_UP, t] += share * vertices[t, best, 2]
        prices[END_DOWN if end_down <= begin_down else BEGIN_DOWN, t] += share * vertices[t, best, 3]
    prices[ROOM_BOTH] = 0.0
    return total
