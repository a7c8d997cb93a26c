"""Power, energy and costs that follow from changes of stored energy, and the reserve that fits beside. Compiled.

For shapes and units of arguments see layout.
"""

import numpy as np

from models.case import Floats, Ints
from models.compiled import compiled
from models.resources.storage.layout import (
    CHARGE,
    DEMAND,
    DISCHARGE,
    EFFICIENCY,
    ENERGY,
    ETA_D,
    EXCESS,
    HIGH,
    LEAST,
    LOW,
    PARTLY,
    PINNED,
    POWER,
    RESERVE,
    RETENTION,
    SHORTFALL,
    START,
    UNMET,
    WEAR,
    worth_of,
)


@compiled
def record(
    table: Floats, scalars: Floats, hours: float, power: Floats, x: Floats, answer: Floats
) -> tuple[float, float]:  # fmt: skip
    """Fill power and energy of an answer (4,T), given the changes x (T,), kWh, and its unmet and excess energy.

    Returns own cost and cost of power, EUR.
    """
    drain = hours / scalars[ETA_D]
    e, moved, missed, priced = scalars[START], 0.0, 0.0, 0.0
    for t in range(table.shape[1]):
        gain = hours * table[EFFICIENCY, t]
        if not np.isnan(table[PINNED, t]):
            p = table[PINNED, t]
        elif x[t] > 0.0:
            p = x[t] / gain
            if p > scalars[LEAST] * (1.0 - PARTLY):
                p = max(p, scalars[LEAST])
            p = min(p, table[CHARGE, t])
        else:
            p = max(x[t] / drain, -table[DISCHARGE, t])
        e = scalars[RETENTION] * e + (p * gain if p > 0.0 else p * drain) - table[DEMAND, t]
        e += answer[UNMET, t] - answer[EXCESS, t]
        e = min(max(e, table[LOW, t]), table[HIGH, t])  # rounding
        moved += abs(p)
        missed += answer[UNMET, t] + answer[EXCESS, t]
        priced += power[t] * p
        answer[POWER, t], answer[ENERGY, t] = p, e
    own = scalars[WEAR] * hours * moved + scalars[SHORTFALL] * missed - worth_of(scalars, e)
    return own, priced


@compiled
def sell_room(
    table: Floats, scalars: Floats, power: Floats, sides: Floats, product: Ints, held: Floats
) -> float:  # fmt: skip
    """Write the best reserve (R,T) at power (T,) where no product needs energy; return its earnings, EUR."""
    q, earned = scalars[RESERVE], 0.0
    held[:, :] = 0.0
    for t in range(table.shape[1]):
        p = power[t]
        c, d = table[CHARGE, t], table[DISCHARGE, t]
        if not np.isnan(table[PINNED, t]):
            c, d = max(c, p), max(d, -p)
        up, down = max(min(q, p + d), 0.0), max(min(q, c - p), 0.0)
        both = min(up, down) if sides[2, t] > 0.0 else 0.0
        earned += sides[0, t] * up + sides[1, t] * down + sides[2, t] * both
        for side, amount in enumerate((up - both, down - both, both)):
            if product[side, t] >= 0:
                held[product[side, t], t] += amount
    return earned
