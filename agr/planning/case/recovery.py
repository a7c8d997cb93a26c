"""Stores that begin outside their band: a fact, from which they return as fast as they can. Pure."""

from collections.abc import Mapping

import numpy as np

from agr.planning.case.rows import Floats, Ints

_ROUNDING = 1e-9


def returning(
    start: Floats,
    retention: Floats,
    hours: float,
    wide: Mapping[str, Floats],
    eta_d: Floats,
    pinned: Floats,
    measured: Ints,
) -> None:
    """Open the band (U,T) of units that start outside it, in place, until the fastest way back has reached it.

    `wide` holds charge and discharge, kW, eta_c, demand, low and high, kWh, (U,T) each. The last ISP's need stays: what
    is missed then is reported. The units in `measured` (n,) begin with what follows from a measurement, so that the
    band is also opened to where their pinned programs lead, and the way back begins where these end.
    """
    isps = pinned.shape[1]
    if not isps:
        return
    _following(start, retention, hours, wide, eta_d, pinned, measured)
    for name, up in (("low", True), ("high", False)):
        band, sign = wide[name], 1.0 if up else -1.0
        outside = np.flatnonzero(sign * start < sign * band[:, 0] - _ROUNDING)
        outside = np.setdiff1d(outside, measured, assume_unique=True)
        few = {key: values[outside] for key, values in wide.items()}
        ways = _fastest_kwh(start[outside], retention[outside], hours, few, eta_d[outside], pinned[outside], up=up)
        for u, way in zip(outside.tolist(), ways, strict=True):
            back = np.flatnonzero(sign * way >= sign * band[u])
            until = min(int(back[0]) if len(back) else isps, isps - 1 if up else isps)
            band[u, :until] = way[:until] - sign * _ROUNDING * (1.0 + np.abs(way[:until]))


def _following(
    start: Floats,
    retention: Floats,
    hours: float,
    wide: Mapping[str, Floats],
    eta_d: Floats,
    pinned: Floats,
    measured: Ints,
) -> None:
    """Open the bands of measured units: along their pinned programs, and from there on along the fastest way back."""
    if not len(measured):
        return
    isps = pinned.shape[1]
    few = {key: values[measured] for key, values in wide.items()}
    for name, up in (("low", True), ("high", False)):
        band, sign = wide[name], 1.0 if up else -1.0
        ways = _fastest_kwh(start[measured], retention[measured], hours, few, eta_d[measured], pinned[measured], up=up)
        for u, way in zip(measured.tolist(), ways, strict=True):
            closed = int(np.argmax(np.isnan(pinned[u]))) if np.isnan(pinned[u]).any() else isps
            back = np.flatnonzero(sign * way[closed:] >= sign * band[u, closed:])
            until = min(closed + int(back[0]) if len(back) else isps, isps - 1 if up else isps)
            open_to = way[:until] - sign * _ROUNDING * (1.0 + np.abs(way[:until]))
            outside = sign * way[:until] < sign * band[u, :until]
            band[u, :until] = np.where(outside, open_to, band[u, :until])


def _fastest_kwh(
    start: Floats,
    retention: Floats,
    hours: float,
    wide: Mapping[str, Floats],
    eta_d: Floats,
    pinned: Floats,
    *,
    up: bool,
) -> Floats:
    """Return the energy (n,T) after each ISP of units that charge, or discharge, at full power from the start on.

    Pinned power stays as it is.
    """
    free = np.isnan(pinned)
    into = hours * wide["eta_c"] * np.where(free, wide["charge"], np.fmax(pinned, 0.0))
    out = hours / eta_d[:, None] * np.where(free, wide["discharge"], np.fmax(-pinned, 0.0))
    charges = free | (pinned > 0) if up else ~free & (pinned >= 0)
    change = np.where(charges, into, -out) - wide["demand"]
    found, energy = np.zeros(pinned.shape), start
    for t in range(pinned.shape[1]):
        found[:, t] = energy = retention * energy + change[:, t]
    return found
