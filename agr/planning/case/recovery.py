"""Stores that begin outside their band: a fact, from which they return as fast as they can. Pure."""

from collections.abc import Mapping

import numpy as np

from agr.planning.case.rows import Floats

_ROUNDING = 1e-9


def fastest_kwh(
    start: Floats, retention: Floats, hours: float, limits: Mapping[str, Floats], eta_d: Floats, pinned: Floats
) -> tuple[Floats, Floats]:
    """Return the energy (U,T) after each ISP of units that charge, or discharge, at full power from the start on.

    `limits` holds charge and discharge, kW, eta_c and demand, kWh, (U,T) each. Pinned power stays as it is.
    """
    free = np.isnan(pinned)
    into = hours * limits["eta_c"] * np.where(free, limits["charge"], np.fmax(pinned, 0.0))
    out = hours / eta_d[:, None] * np.where(free, limits["discharge"], np.fmax(-pinned, 0.0))
    up = np.where(free | (pinned > 0), into, -out) - limits["demand"]
    down = np.where(free | (pinned < 0), -out, into) - limits["demand"]
    highest, lowest = np.zeros(pinned.shape), np.zeros(pinned.shape)
    above = below = start
    for t in range(pinned.shape[1]):
        highest[:, t] = above = retention * above + up[:, t]
        lowest[:, t] = below = retention * below + down[:, t]
    return highest, lowest


def returning(start: Floats, low: Floats, high: Floats, highest: Floats, lowest: Floats) -> None:
    """Open the band (U,T) of units that start outside it, in place, until the fastest way back has reached it.

    The last ISP's need stays: what is missed then is reported.
    """
    isps = low.shape[1]
    for band, reached, sign in ((low, highest, 1.0), (high, lowest, -1.0)):
        for u in np.flatnonzero(sign * start < sign * band[:, 0] - _ROUNDING).tolist() if isps else ():
            back = np.flatnonzero(sign * reached[u] >= sign * band[u])
            until = min(int(back[0]) if len(back) else isps, isps - 1 if sign > 0 else isps)
            band[u, :until] = reached[u, :until] - sign * _ROUNDING * (1.0 + np.abs(reached[u, :until]))
