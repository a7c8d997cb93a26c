"""The cost-to-go of a storage unit as the greatest of the lines known to lie below it, see margins. Compiled."""

from typing import NamedTuple

import numpy as np

from models.case import Floats, Ints
from models.compiled import compiled
from models.resources.storage.layout import SEGMENTS, SPLITS

ITERATIONS = 100
"""The most iterations of keep_margins."""


class MarginWorkspace(NamedTuple):
    """The working arrays of one thread for margins, besides StoreWorkspace."""

    lines: Floats  # (3,T,N) breakpoints of V_t, value there, slope behind
    size: Ints  # (T,)
    visited: Floats  # (T,) energies
    trial: Floats  # (T,)
    planes: Floats  # (T+1,3,3) see planes.least_of; the last for one call
    known: Floats  # (T,4) the last answer of planes.least_of: e, x, value, slope; e is NaN once V_t has changed
    envelopes: Floats  # (T,2,SEGMENTS+1)
    width: Ints  # (T,)
    shifted: Floats  # (7,T) a unit's table with missed energy in its demand
    tableau: Floats  # (K+1,R+K+1)
    owed: Floats  # (5,T) see models.resources.storage.owed
    number: Ints  # (T,) of vertices, none before the unit may hold reserve
    shrunk: Floats  # (T,)
    prices: Floats  # (7,T) of rooms, see models.resources.storage.room_prices
    reserve: Floats  # (R,T) held beside the best program so far
    best: Floats  # (8,T) the changes of energy of the best program so far, and the prices of the best bound


@compiled
def new_planning(isps: int, products: int, rooms: int, scalars: int) -> MarginWorkspace:
    """Return working arrays with undefined values; a unit has so many scalars, see new_store_workspace."""
    return MarginWorkspace(
        np.empty((3, isps, (SEGMENTS + SPLITS + 2) * isps + 2 * ITERATIONS + scalars)),
        np.empty(isps, dtype=np.int64),
        np.empty(isps),
        np.empty(isps),
        np.empty((isps + 1, 3, 3)),
        np.empty((isps, 4)),
        np.empty((isps, 2, SEGMENTS + 1)),
        np.empty(isps, dtype=np.int64),
        np.empty((7, isps)),
        np.empty((rooms + 1, products + rooms + 1)),
        np.empty((5, isps)),
        np.empty(isps, dtype=np.int64),
        np.empty(isps),
        np.empty((7, isps)),
        np.empty((products, isps)),
        np.empty((8, isps)),
    )


@compiled
def raise_line(lines: Floats, size: Ints, t: int, e: float, value: float, slope: float) -> bool:
    """Raise V_t to at least the line through (e, value) with this slope; return whether that changes it.

    lines (3,T,N), size (T,): as in MarginWorkspace; e in kWh, value in EUR, slope in EUR per kWh.
    """
    n = size[t]
    position, height, rise = lines[0, t], lines[1, t], lines[2, t]
    if n == 1:
        changed: bool = value > height[0]
        height[0] = max(height[0], value)
        return changed
    i = 0
    while i + 1 < n and position[i + 1] <= e:
        i += 1
    here = height[i] + rise[i] * (e - position[i])
    if value - here <= 1e-13 * (1.0 + abs(value)):
        return False
    j = i + 1  # the line lies above V at e, between breakpoints i and j
    while i >= 0 and height[i] < value + slope * (position[i] - e):
        i -= 1
    while j < n and height[j] < value + slope * (position[j] - e):
        j += 1
    left, right = position[0], position[n - 1]
    if i >= 0:
        under = value + slope * (position[i] - e)
        left = position[i] + (height[i] - under) / (slope - rise[i])
    if j < n:
        under = value + slope * (position[j] - e)
        right = position[j] - (height[j] - under) / (rise[j - 1] - slope)
    after = rise[j - 1] if j < n else 0.0
    shift = i + 3 - j
    if shift > 0:
        for k in range(n - 1, j - 1, -1):
            position[k + shift], height[k + shift], rise[k + shift] = position[k], height[k], rise[k]
    elif shift < 0:
        for k in range(j, n):
            position[k + shift], height[k + shift], rise[k + shift] = position[k], height[k], rise[k]
    position[i + 1], height[i + 1], rise[i + 1] = left, value + slope * (left - e), slope
    position[i + 2], height[i + 2], rise[i + 2] = right, value + slope * (right - e), after
    size[t] = n + shift
    return True


@compiled
def start_lines(kept: Floats, kept_from: Ints, height: Floats, lines: Floats, size: Ints) -> None:
    """Write the cost-to-go of the answer that ignores margins as the first lines (3,T,N), with their number (T,).

    kept, kept_from: as in StoreWorkspace; height (T,): V_t at its lowest energy, EUR.
    """
    for t in range(size.shape[0]):
        at = kept_from[t]
        n = int(kept[1, at])
        lines[0, t, 0], lines[1, t, 0] = kept[0, at], height[t]
        for i in range(n):
            slope, length = kept[0, at + 1 + i], kept[1, at + 1 + i]
            lines[2, t, i] = slope
            lines[0, t, i + 1] = lines[0, t, i] + length
            lines[1, t, i + 1] = lines[1, t, i] + slope * length
        lines[2, t, n] = 0.0  # read where rounding puts an energy behind the last breakpoint
        size[t] = n + 1
