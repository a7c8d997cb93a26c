"""How far a store that begins outside its band may stay outside: along the fastest way back. Pure.

Source: docs/reference/formulation.md §2.3.
"""

from collections.abc import Collection

import numpy as np
from numpy.typing import NDArray

from agr.planning.case_audit.expected_stores import Stores
from agr.planning.case_audit.facts import Floats

_ROUNDING = 1e-9


def moved_kwh(expected: Stores, pinned: Floats, hours: float, *, up: bool) -> Floats:
    """Return the change of content (U,T) over each ISP, but for losses, at full charging (or else discharging) power.

    Pinned power (U,T), NaN where there is none, stays as it is.
    """
    full = expected.charge_kw if up else -expected.discharge_kw
    power = np.where(np.isnan(pinned), full, pinned)
    gained = np.where(power > 0, power * expected.charge_efficiency, power / expected.discharge_efficiency[:, None])
    return np.asarray(gained * hours - expected.demand_kwh)


def fastest_kwh(expected: Stores, pinned: Floats, hours: float, *, up: bool) -> Floats:
    """Return the content (U,T) of stores that charge (or else discharge) at full power from the start on."""
    change = moved_kwh(expected, pinned, hours, up=up)
    return summed_kwh(expected, change)


def summed_kwh(expected: Stores, change: Floats) -> Floats:
    """Return the content (U,T) at the end of each ISP, from its change (U,T) and what is kept of the content before."""
    content, found = expected.start_kwh, by_isp(change)
    for t, moved in enumerate(found):
        found[t] = content = content * expected.retention + moved
    return np.asarray(found.T)


def by_isp(values: Floats) -> Floats:
    """Return a copy (T,U) of a table (U,T), each ISP in one piece of memory: columns are slow to read."""
    return np.array(values.T, order="C")


def opened(
    expected: Stores, pinned: Floats, hours: float, held: Collection[str] = ()
) -> tuple[Floats, Floats]:  # fmt: skip
    """Return the band (U,T), open where a store that begins outside it cannot be inside yet.

    A need at the end of the Period stays, and is reported where it is missed. Stores in `held` were measured since
    midnight: their band is open wherever what is pinned leads, and until they can be back from there.
    """
    low, high = expected.low_kwh.copy(), expected.high_kwh.copy()
    isps = low.shape[1]
    known = np.array([row.resource in held for row in expected.rows], dtype=np.bool_)
    below = np.flatnonzero((expected.start_kwh < low[:, 0] - _ROUNDING) & ~known)
    above = np.flatnonzero((expected.start_kwh > high[:, 0] + _ROUNDING) & ~known)
    if len(below):
        way = fastest_kwh(expected, pinned, hours, up=True)
        for u in below.tolist():
            back = next((t for t in range(isps - 1) if way[u, t] >= low[u, t]), isps - 1)
            low[u, :back] = way[u, :back]
    if len(above):
        way = fastest_kwh(expected, pinned, hours, up=False)
        for u in above.tolist():
            back = next((t for t in range(isps) if way[u, t] <= high[u, t]), isps)
            high[u, :back] = way[u, :back]
    if known.any():
        _open_along(expected, pinned, hours, known, low, high)
    return low, high


def _open_along(
    expected: Stores, pinned: Floats, hours: float, known: NDArray[np.bool_], low: Floats, high: Floats
) -> None:  # fmt: skip
    """Open the band (U,T) of measured stores, in place."""
    isps = low.shape[1]
    up, down = (fastest_kwh(expected, pinned, hours, up=way) for way in (True, False))
    for u in np.flatnonzero(known).tolist():
        free = next((t for t in range(isps) if np.isnan(pinned[u, t])), isps)
        back = next((t for t in range(free, isps - 1) if up[u, t] >= low[u, t]), isps - 1)
        low[u, :back] = np.minimum(low[u, :back], up[u, :back])
        back = next((t for t in range(free, isps) if down[u, t] <= high[u, t]), isps)
        high[u, :back] = np.maximum(high[u, :back], down[u, :back])
