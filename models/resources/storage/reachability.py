"""Finds the storage units that can keep their energy band, by exact recursions over the energies within reach."""

import numpy as np

from models.case import Bools, Floats, Ints, Storage
from models.compiled import compiled

ROUNDING_KWH = 1e-9
"""A band missed by less than this, in kWh, is missed by rounding and counts as meetable."""
INTERVALS = 64
"""Most intervals of a set of energies; further ones count as out of reach."""


def charge_limit_kw(storage: Storage, isps: int) -> Floats:
    """Return the limit of pc (U,T), kW: charge_kw, or the pinned power where that is higher."""
    return np.fmax(np.broadcast_to(storage.charge_kw, (len(storage.point), isps)), storage.pinned_kw)


def discharge_limit_kw(storage: Storage, isps: int) -> Floats:
    """Return the limit of pd (U,T), kW: discharge_kw, or the pinned power where that is higher."""
    return np.fmax(np.broadcast_to(storage.discharge_kw, (len(storage.point), isps)), -storage.pinned_kw)


def change_kwh(storage: Storage, isp_hours: float, charge_kw: Floats, discharge_kw: Floats) -> Floats:
    """Return the energy added in each ISP (U,T), kWh: Δ·ηc·pc − Δ·pd/ηd − d, given the powers pc and pd (U,T), kW."""
    out = discharge_kw / storage.discharge_efficiency[:, None]
    change: Floats = isp_hours * (storage.charge_efficiency * charge_kw - out) - storage.demand_kwh
    return change


def meetable(storage: Storage, isps: int, isp_hours: float) -> Bools:
    """Return whether some program of each unit (U,), within power limits and pins, keeps the energy band all day.

    R[t] = (a·R[t−1] + [−Δ·pd_max/ηd − d, Δ·ηc·pc_max − d]) ∩ [e_min, e_max], R[0] = {e_start}; with a pinned program
    the added interval is one point. The band can be kept if and only if no R[t] is empty, because both intervals and
    their sum are exactly what single programs reach. For units with a minimum charging power see `completable`.
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
    semi = np.flatnonzero(kept & (storage.charge_min_kw > 0))
    if len(semi):
        floor = np.minimum(storage.charge_min_kw[:, None], charge)
        least_in = change_kwh(storage, isp_hours, np.where(free, floor, pinned_in), np.where(free, 0.0, pinned_out))
        idle = np.where(free, -np.broadcast_to(storage.demand_kwh, free.shape), least)
        sets, count = np.zeros((2, isps, 2, INTERVALS)), np.zeros((2, isps), dtype=np.int64)
        for u in semi.tolist():
            steps = (least[u], idle[u], least_in[u], most[u])
            start = storage.energy_start_kwh[u]
            kept[u] = completable(*steps, band_low[u], band_high[u], storage.retention[u], start, sets, count)
    return kept


def unavoidable_kwh(storage: Storage, isps: int, isp_hours: float) -> Floats:
    """Return the energy (U,), kWh, that each unit misses at least, whatever it does within power limits and pins.

    The energies within reach, an interval, are followed as in `meetable`. Where all lie below the band, the least that
    is missed is what the highest lacks, and the lowest energy of the band is reached; likewise above it. Missing it
    earlier never helps, since energy is lost over time. Minimum powers do not count: every power is thought possible.
    """
    shape = (len(storage.point), isps)
    free = np.broadcast_to(np.isnan(storage.pinned_kw), shape)
    into = np.where(free, charge_limit_kw(storage, isps), np.fmax(storage.pinned_kw, 0.0))
    out = np.where(free, discharge_limit_kw(storage, isps), np.fmax(-storage.pinned_kw, 0.0))
    least = change_kwh(storage, isp_hours, np.where(free, 0.0, into), out)
    most = change_kwh(storage, isp_hours, into, np.where(free, 0.0, out))
    bottom, top = (np.broadcast_to(band, shape) for band in (storage.energy_min_kwh, storage.energy_max_kwh))
    low = high = storage.energy_start_kwh.astype(np.float64)
    missed = np.zeros(shape[0])
    for t in range(isps):
        low, high = storage.retention * low + least[:, t], storage.retention * high + most[:, t]
        lacking = np.maximum(bottom[:, t] - high, 0.0) + np.maximum(low - top[:, t], 0.0)
        missed += np.where(lacking > ROUNDING_KWH, lacking, 0.0)
        low, high = np.clip(low, bottom[:, t], top[:, t]), np.clip(high, bottom[:, t], top[:, t])
    return missed


@compiled
def _before(
    same: Floats, count: int, spent: Floats, spent_count: int, steps: tuple[float, float, float, float],
    retention: float, bottom: float, top: float, into: Floats, only_ask: bool,
) -> int:  # fmt: skip
    """Write the energies within [bottom, top] one ISP before; return the number of intervals.

    From them a step in [least, idle] or [floor, most] leads to the `count` intervals of `same` (2,INTERVALS), or one in
    [idle, floor] to those of `spent`. With `only_ask` nothing is written, and 1 stands for any.
    """
    least, idle, floor, most = steps
    n, i, j, k = 0, 0, 0, 0
    while i < count or j < count or k < spent_count:  # all shifted lists are in order: take the lowest one
        a_low = (same[0, i] - idle) / retention if i < count else np.inf
        b_low = (same[0, j] - most) / retention if j < count else np.inf
        c_low = (spent[0, k] - floor) / retention if k < spent_count else np.inf
        if a_low <= b_low and a_low <= c_low:
            begin, end = a_low, (same[1, i] - least) / retention
            i += 1
        elif b_low <= c_low:
            begin, end = b_low, (same[1, j] - floor) / retention
            j += 1
        else:
            begin, end = c_low, (spent[1, k] - idle) / retention
            k += 1
        begin, end = max(begin, bottom), min(end, top)
        if end < begin - ROUNDING_KWH:
            continue
        if only_ask:
            return 1
        begin, end = min(begin, top), max(end, bottom)
        if n > 0 and begin <= into[1, n - 1] + ROUNDING_KWH:
            into[1, n - 1] = max(into[1, n - 1], end)
        elif n < INTERVALS:
            into[0, n], into[1, n] = begin, max(begin, end)
            n += 1
    return n


@compiled
def completable(
    least: Floats, idle: Floats, floor: Floats, most: Floats, low: Floats, high: Floats, retention: float,
    start: float, sets: Floats, count: Ints,
) -> bool:  # fmt: skip
    """Return whether the band can be kept from `start`, adding energy in [least, idle] or [floor, most], all (T,).

    In one ISP, energy in [idle, floor] may be added. Writes the count (2,T) intervals of energy at the end of each ISP
    from which the band can be kept to sets (2,T,2,INTERVALS), lower and upper ends; first if that one ISP is over, then
    if it may come. S[T−1] = [low, high], S[t−1] = ((S[t] − steps) / a) ∩ [low, high].
    """
    isps = least.shape[0]
    for kind in range(2):
        sets[kind, isps - 1, 0, 0], sets[kind, isps - 1, 1, 0] = low[isps - 1], high[isps - 1]
        count[kind, isps - 1] = 1
    for t in range(isps - 1, -1, -1):
        bottom, top = (low[t - 1], high[t - 1]) if t > 0 else (start - ROUNDING_KWH, start + ROUNDING_KWH)
        steps = (least[t], idle[t], floor[t], most[t])
        for kind in range(2):
            found = _before(
                sets[kind, t], count[kind, t], sets[0, t], count[0, t] * kind, steps, retention, bottom, top,
                sets[kind, max(t - 1, 0)], t == 0,
            )  # fmt: skip
            if t > 0:
                count[kind, t - 1] = found
    return found > 0
