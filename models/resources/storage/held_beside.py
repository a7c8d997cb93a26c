"""The reserve that a unit holds beside a program, lowered to what activations over several ISPs leave. Compiled.

For shapes and units of arguments see layout.
"""

import numpy as np

from models.case import Bools, Floats
from models.compiled import compiled, inlined
from models.resources.storage.duals import hold
from models.resources.storage.layout import CHARGE, DISCHARGE, ENERGY, PINNED, POWER, RESERVE, START
from models.resources.storage.lines import MarginWorkspace
from models.resources.storage.owed import BEFORE_CEILING, BEFORE_FLOOR, CEILING, FLOOR, PER_KW


@inlined
def reach(needs: Floats, r: int, side: int, hours: float) -> int:
    """Return in how many ISPs an activation of a product on a side takes energy."""
    return int(np.ceil(needs[r, 2 + side] / hours - 1e-9))


@compiled
def _lower_to_activations(
    energy: Floats, needs: Floats, side: int, hours: float, owed: Floats, shrunk: Floats, held: Floats
) -> None:
    """Lower the reserve held (R,T) on a side until activations over several ISPs leave what the unit owes."""
    products, isps = held.shape
    longest = 0
    for r in range(products):
        longest = max(longest, reach(needs, r, side, hours))
    if longest < 2:
        return
    for t in range(isps):
        taken = 0.0
        for r in range(products):
            for s in range(max(t + 1 - reach(needs, r, side, hours), 0), t + 1):
                taken += min(needs[r, 2 + side], hours) * owed[PER_KW, s] * held[r, s]
        left = energy[t] - owed[FLOOR, t] if side == 0 else owed[CEILING, t] - energy[t]
        shrunk[t] = 1.0 if taken <= left else max(left, 0.0) / taken
    for r in range(products):
        lasts = reach(needs, r, side, hours)
        for s in range(isps):
            factor = 1.0
            for t in range(s, min(s + lasts, isps)):
                factor = min(factor, shrunk[t])
            held[r, s] *= factor


@compiled
def hold_beside(
    table: Floats, scalars: Floats, hours: float, answer: Floats, rewards: Floats, needs: Floats, traded: Bools,
    first: int, planning: MarginWorkspace, held: Floats, windows: bool,
) -> float:  # fmt: skip
    """Write the best reserve beside an answer (4,T) to held (R,T), kW; return its earnings, EUR.

    `windows`: it is lowered to what activations over several ISPs leave.
    """
    q, e, owed, earned = scalars[RESERVE], scalars[START], planning.owed, 0.0
    held[:, :] = 0.0
    for t in range(first, table.shape[1]):
        p, c, d = answer[POWER, t], table[CHARGE, t], table[DISCHARGE, t]
        if not np.isnan(table[PINNED, t]):
            c, d = max(c, p), max(d, -p)
        before = answer[ENERGY, t - 1] if t > 0 else e
        up, down = before - owed[BEFORE_FLOOR, t], owed[BEFORE_CEILING, t] - before
        after, per_kwh = answer[ENERGY, t], 1.0 / owed[PER_KW, t]
        above, below = min(after - owed[FLOOR, t], up), min(owed[CEILING, t] - after, down)
        rooms = (
            max(min(q, p + d), 0.0), max(min(q, c - p), 0.0), max(above, 0.0) * per_kwh, max(below, 0.0) * per_kwh
        )  # fmt: skip
        hold(rewards, needs, traded, t, rooms, planning.tableau, held)
    for side in range(2 if windows else 0):
        _lower_to_activations(answer[ENERGY], needs, side, hours, owed, planning.shrunk, held)
    for r in range(held.shape[0]):
        for t in range(held.shape[1]):
            earned += rewards[r, t] * held[r, t]
    return earned


@compiled
def fit_beside(
    table: Floats, scalars: Floats, hours: float, answer: Floats, rewards: Floats, needs: Floats, first: int,
    planning: MarginWorkspace, held: Floats,
) -> float:  # fmt: skip
    """Lower the reserve (R,T) to what fits beside this power and energy; return its earnings, EUR."""
    q, owed, earned = scalars[RESERVE], planning.owed, 0.0
    for t in range(table.shape[1]):
        p, c, d = answer[POWER, t], table[CHARGE, t], table[DISCHARGE, t]
        if not np.isnan(table[PINNED, t]):
            c, d = max(c, p), max(d, -p)
        before, after = answer[ENERGY, t - 1] if t > 0 else scalars[START], answer[ENERGY, t]
        per_kwh = 1.0 / owed[PER_KW, t]
        above = min(after - owed[FLOOR, t], before - owed[BEFORE_FLOOR, t]) * per_kwh
        below = min(owed[CEILING, t] - after, owed[BEFORE_CEILING, t] - before) * per_kwh
        if t < first:
            held[:, t] = 0.0
        for k in range(4):
            room = min(q, p + d) if k == 0 else min(q, c - p) if k == 1 else above if k == 2 else below
            taken = 0.0
            for r in range(held.shape[0]):
                taken += needs[r, k] * held[r, t]
            if taken > max(room, 0.0):
                for r in range(held.shape[0]):  # others stay: a product of no use may have a trace where no room is
                    if needs[r, k] > 0.0:
                        held[r, t] *= max(room, 0.0) / taken
    for side in range(2):
        _lower_to_activations(answer[ENERGY], needs, side, hours, owed, planning.shrunk, held)
    for r in range(held.shape[0]):
        for t in range(held.shape[1]):
            earned += rewards[r, t] * held[r, t]
    return earned
