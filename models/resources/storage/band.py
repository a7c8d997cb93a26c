"""Finds whether, and from which energies, one storage unit can keep its energy band. Compiled.

For shapes and units of arguments see layout.
"""

import numpy as np

from models.case import Floats
from models.compiled import compiled
from models.resources.storage.layout import (
    CHARGE,
    DEMAND,
    DISCHARGE,
    EFFICIENCY,
    ETA_D,
    HIGH,
    LEAST,
    LOW,
    PINNED,
    RETENTION,
    START,
    StoreWorkspace,
)
from models.resources.storage.reachability import ROUNDING_KWH, completable


@compiled
def keep_sets(table: Floats, scalars: Floats, hours: float, work: StoreWorkspace) -> bool:
    """Write the energies from which the band can be kept to work.sets; return whether the start is among them."""
    drain = hours / scalars[ETA_D]
    least, idle, floor, most = work.ranges[0], work.ranges[1], work.ranges[2], work.ranges[3]
    for t in range(table.shape[1]):
        pin, gain, c = table[PINNED, t], hours * table[EFFICIENCY, t], table[CHARGE, t]
        least[t], idle[t], floor[t], most[t] = (
            -drain * table[DISCHARGE, t],
            0.0,
            gain * min(scalars[LEAST], c),
            gain * c,
        )
        if not np.isnan(pin):
            least[t] = idle[t] = floor[t] = most[t] = gain * pin if pin > 0.0 else drain * pin
    work.ranges[:] -= table[DEMAND]
    return completable(
        least, idle, floor, most, table[LOW], table[HIGH], scalars[RETENTION], scalars[START], work.sets, work.intervals
    )  # fmt: skip


@compiled
def keeps_band(table: Floats, scalars: Floats, hours: float, work: StoreWorkspace) -> bool:
    """Return whether some program of one unit keeps the energy band, see reachability.meetable."""
    low = high = scalars[START]
    drain = hours / scalars[ETA_D]
    for t in range(table.shape[1]):
        pin = table[PINNED, t]
        least, most = -drain * table[DISCHARGE, t], hours * table[EFFICIENCY, t] * table[CHARGE, t]
        if not np.isnan(pin):
            least = most = hours * table[EFFICIENCY, t] * pin if pin > 0 else drain * pin
        low = max(scalars[RETENTION] * low + least - table[DEMAND, t], table[LOW, t])
        high = min(scalars[RETENTION] * high + most - table[DEMAND, t], table[HIGH, t])
        if low > high + ROUNDING_KWH:
            return False
    return scalars[LEAST] <= 0.0 or keep_sets(table, scalars, hours, work)
