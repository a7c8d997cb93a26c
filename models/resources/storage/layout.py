"""The rows of a storage unit's tables and the working arrays of a thread, for compiled code.

The compiled functions of this package share these arguments, all of one unit unless they say otherwise:

| argument | shape | meaning |
| table | (7,T) | its parameters per ISP, rows as below; kW, kWh, efficiency as a share |
| scalars | (S,) | its other parameters, entries as below; kW, kWh, EUR per kWh |
| power | (T,) | price of its power, EUR per kW of one ISP |
| sides | (3,T), (7,T) | rewards of reserve up, down, on both sides, EUR per kW of one ISP; or prices of rooms |
| product | (3,T) | the product that reserve on each side is sold as, −1 for none |
| rewards | (R,T) | reward of each reserve product, EUR per kW of one ISP |
| needs | (R,4) | what a kW of each product takes: room in power up and down, kW, and up and down how long it lasts, h |
| traded | (R,T) | whether the product can be sold |
| vertices, number | (T,M,4), (T,) | corners of what needs may cost, see duals, and how many there are |
| owed | (5,T), or (5,0) for none | bounds of energy that reserve is owed from, see owed |
| hours | | length of an ISP, h |
"""

from typing import NamedTuple

import numpy as np

from models.case import Floats, Ints
from models.compiled import compiled
from models.resources.storage.reachability import INTERVALS

TABLE = (
    "charge_kw",
    "discharge_kw",
    "charge_efficiency",
    "energy_min_kwh",
    "energy_max_kwh",
    "demand_kwh",
    "pinned_kw",
)
CHARGE, DISCHARGE, EFFICIENCY, LOW, HIGH, DEMAND, PINNED = range(7)
"""Rows of a unit's table (7,T)."""
ETA_D, RETENTION, START, WEAR, END_VALUE, SHORTFALL, RESERVE, LEAST, SLACK = range(9)
"""Entries of a unit's scalars; LEAST is the minimum charging power, SLACK is 1 where the band cannot be kept."""
OFFSET, STEPS = 9, 10
"""OFFSET is what the energy that counts 0 at the end would be worth, counted from 0 kWh. From STEPS on: for every
step in the worth of energy at the end, the step and the energy from which on it counts."""
POWER, ENERGY, UNMET, EXCESS = range(4)
"""Rows of an answer (4,T)."""
PARTLY = 1e-9
"""Share of the minimum power within which charging is none, or the minimum, but for rounding."""
SEGMENTS = 6
"""The most segments of a step's cost."""
SPLITS = 4
"""The most segments of the cost-to-go that the prices of one ISP's energy rooms split."""
ROOM_UP, ROOM_DOWN, ROOM_BOTH, END_UP, END_DOWN, BEGIN_UP, BEGIN_DOWN = range(7)
"""Rows of prices of rooms (7,T), see models.resources.storage.room_prices."""


class StoreWorkspace(NamedTuple):
    """The working arrays of one thread."""

    lists: Floats  # (3,N) slope, length and origin of segments, see kernel
    filled: Floats  # (3·T+1)
    steps: Floats  # (2,SEGMENTS)
    greatest: Floats  # (4,T)
    scale: Floats  # (T,)
    kept: Floats  # (2,M) the cost-to-go of every ISP, see kernel
    kept_from: Ints  # (T,)
    x: Floats  # (T,)
    answer: Floats  # (4,T)
    held: Floats  # (R,T)
    part: Floats  # (2,SEGMENTS)
    ranges: Floats  # (4,T) least, resting, least charging and most change of energy
    sets: Floats  # (2,T,2,INTERVALS) see models.resources.storage.reachability.completable
    intervals: Ints  # (2,T)


@compiled
def worth_of(scalars: Floats, e: float) -> float:
    """Return what energy e at the end is worth, EUR, see models.resources.storage.Storage.worth_eur."""
    worth = scalars[END_VALUE] * e - scalars[OFFSET]
    for k in range(STEPS, scalars.shape[0], 2):
        if e > scalars[k + 1]:
            worth += scalars[k] * (e - scalars[k + 1])
    return float(worth)


@compiled
def new_store_workspace(isps: int, products: int, scalars: int) -> StoreWorkspace:
    """Return working arrays with undefined values for units with so many `scalars`, or with fewer."""
    return StoreWorkspace(
        np.empty((3, 2 * (SEGMENTS + SPLITS + 2) * isps + scalars)),
        np.empty(3 * isps + 1),
        np.empty((2, SEGMENTS)),
        np.empty((4, isps)),
        np.empty(isps),
        np.empty((2, ((SEGMENTS + SPLITS + 3) * isps + scalars) * isps)),
        np.empty(isps, dtype=np.int64),
        np.empty(isps),
        np.empty((4, isps)),
        np.empty((products, isps)),
        np.empty((2, SEGMENTS)),
        np.empty((4, isps)),
        np.empty((2, isps, 2, INTERVALS)),
        np.empty((2, isps), dtype=np.int64),
    )
