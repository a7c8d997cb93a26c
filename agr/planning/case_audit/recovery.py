"""How far a store that begins outside its band may stay outside: along the fastest way back. Pure.

Source: docs/reference/formulation.md §2.3.
"""

import numpy as np

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
    content, found = expected.start_kwh, np.zeros(change.shape)
    for t in range(change.shape[1]):
        content = content * expected.retention + change[:, t]
        found[:, t] = content
    return found


def opened(expected: Stores, pinned: Floats, hours: float) -> tuple[Floats, Floats]:
    """Return the band (U,T), open where a store that begins outside it cannot be inside yet.

    A need at the end of the Period stays, and is reported where it is missed.
    """
    low, high = expected.low_kwh.copy(), expected.high_kwh.copy()
    isps = low.shape[1]
    below = np.flatnonzero(expected.start_kwh < low[:, 0] - _ROUNDING)
    above = np.flatnonzero(expected.start_kwh > high[:, 0] + _ROUNDING)
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
    return low, high
