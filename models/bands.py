"""Which storage units can keep their energy band, by an exact forward recursion of reachable energy. Numpy only."""

import numpy as np

from models.case import Bools, Floats, Storage

ROUNDING_KWH = 1e-9
"""Bands missed by less than this are rounding, and meetable."""


def charge_limit_kw(storage: Storage, isps: int) -> Floats:
    """Return the limit of pc (U,T): charge_kw, or what is pinned where that is more."""
    return np.fmax(np.broadcast_to(storage.charge_kw, (len(storage.point), isps)), storage.pinned_kw)


def discharge_limit_kw(storage: Storage, isps: int) -> Floats:
    """Return the limit of pd (U,T): discharge_kw, or what is pinned where that is more."""
    return np.fmax(np.broadcast_to(storage.discharge_kw, (len(storage.point), isps)), -storage.pinned_kw)


def change_kwh(storage: Storage, isp_hours: float, charge_kw: Floats, discharge_kw: Floats) -> Floats:
    """Return Δ·ηc·pc − Δ·pd/ηd − d (U,T), the energy added in each ISP."""
    out = discharge_kw / storage.discharge_efficiency[:, None]
    change: Floats = isp_hours * (storage.charge_efficiency * charge_kw - out) - storage.demand_kwh
    return change


def meetable(storage: Storage, isps: int, isp_hours: float) -> Bools:
    """Return (U,) whether some program within the power limits and pins keeps the energy band in every ISP.

    R[t] = (a·R[t−1] + [−Δ·pd_max/ηd − d, Δ·ηc·pc_max − d]) ∩ [e_min, e_max], R[0] = {e_start}; with a pinned program
    the added interval is one point. The band can be kept if and only if no R[t] is empty, because both intervals and
    their sum are exactly what single programs reach.
    """
    free = np.broadcast_to(np.isnan(storage.pinned_kw), (len(storage.point), isps))
    charge, discharge = charge_limit_kw(storage, isps), discharge_limit_kw(storage, isps)
    pinned_in = np.fmax(storage.pinned_kw, 0.0)
    pinned_out = np.fmax(-storage.pinned_kw, 0.0)
    least = change_kwh(storage, isp_hours, np.where(free, 0.0, pinned_in), np.where(free, discharge, pinned_out))
    most = change_kwh(storage, isp_hours, np.where(free, charge, pinned_in), np.where(free, 0.0, pinned_out))
    band_low = np.broadcast_to(storage.energy_min_kwh, free.shape)
    band_high = np.broadcast_to(storage.energy_max_kwh, free.shape)
    low = high = storage.energy_start_kwh.astype(np.float64)
    kept = np.ones(len(storage.point), dtype=np.bool_)
    for t in range(isps):
        low = np.maximum(storage.retention * low + least[:, t], band_low[:, t])
        high = np.minimum(storage.retention * high + most[:, t], band_high[:, t])
        kept &= low <= high + ROUNDING_KWH
    return kept
