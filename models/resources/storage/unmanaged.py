"""The program of a store that nobody steers. Numpy only, and quick to import.

A store follows unmanaged_kw as long as it can still meet every later need at full power. Where it could not, it charges
(or, to stay below its most, discharges) as much as is needed. So it misses only what nobody could meet.
"""

import numpy as np

from models.arrays import Floats, of_rows
from models.resources.storage import Storage
from models.resources.storage.content import end_kwh

_FEW = 4096  # units at a time
_ROUNDING_KWH = 1e-9


def unmanaged_programs(data: Storage, isps: int, hours: float) -> tuple[Floats, Floats, Floats, Floats, Floats]:
    """Return charge, discharge, kW, energy, unmet and excess energy, kWh, (U,T) each, from unmanaged_start_kwh on."""
    power = np.array(np.broadcast_to(data.unmanaged_kw, (len(data.point), isps)))
    energy, unmet, excess = (np.zeros(power.shape) for _ in range(3))
    for begin in range(0, len(power), _FEW):
        few = slice(begin, begin + _FEW)
        _follow(data, few, hours, power[few], energy[few], unmet[few], excess[few])
    return np.maximum(power, 0.0), np.maximum(-power, 0.0), energy, unmet, excess


def unmanaged_end_kwh(data: Storage, isps: int, hours: float) -> tuple[Floats, Floats]:
    """Return the energy (U,) with which these programs end, kWh, as the programs count it, and what is really there.

    They are made a few at a time, and not kept.
    """
    found, there = np.zeros(len(data.point)), np.zeros(len(data.point))
    for begin in range(0, len(found), _FEW):
        few = slice(begin, begin + _FEW)
        power = np.array(np.broadcast_to(data.unmanaged_kw[few], (len(found[few]), isps)))
        energy, unmet, excess = (np.zeros(power.shape) for _ in range(3))
        _follow(data, few, hours, power, energy, unmet, excess)
        found[few] = energy[:, -1]
        there[few] = end_kwh(of_rows(data, few), hours, data.unmanaged_start_kwh[few], power, energy, unmet)
    return found, there


def _follow(
    data: Storage, few: slice, hours: float, power: Floats, energy: Floats, unmet: Floats, excess: Floats
) -> None:
    """Write the programs of a few units, in place."""
    charge, discharge, efficiency, demand, low, high = (
        _by_isp(np.broadcast_to(values[few], power.shape))
        for values in (
            data.charge_kw, data.discharge_kw, data.charge_efficiency, data.demand_kwh, data.energy_min_kwh,
            data.energy_max_kwh,
        )
    )  # fmt: skip
    loss, keep = data.discharge_efficiency[few], data.retention[few]
    least, most = _bounds(charge, discharge, efficiency, demand, low, high, loss, keep, hours)
    before = data.unmanaged_start_kwh[few]
    powers, found = _by_isp(power), [np.empty(charge.shape) for _ in range(3)]
    for t, p in enumerate(powers):
        gain = efficiency[t]
        change = hours * (gain * np.maximum(p, 0.0) - np.maximum(-p, 0.0) / loss) - demand[t]
        idle, reached = keep * before - demand[t], keep * before + change
        needed = np.where(reached < least[t] - _ROUNDING_KWH, least[t] - idle, np.nan)
        needed = np.where(reached > most[t] + _ROUNDING_KWH, most[t] - idle, needed)
        steer = ~np.isnan(needed)
        if steer.any():
            into = np.minimum(np.maximum(needed, 0.0) / (hours * gain), np.maximum(charge[t], p))
            out = np.minimum(np.maximum(-needed, 0.0) * loss / hours, np.maximum(discharge[t], -p))
            powers[t] = p = np.where(steer, into - out, p)
            change = hours * (gain * np.maximum(p, 0.0) - np.maximum(-p, 0.0) / loss) - demand[t]
            reached = keep * before + change
        before = np.clip(reached, low[t], high[t])
        for table, values in zip(
            found, (before, np.maximum(low[t] - reached, 0.0), np.maximum(reached - high[t], 0.0)), strict=True
        ):
            table[t] = values
    for into_table, values in zip((power, energy, unmet, excess), (powers, *found), strict=True):
        into_table[:] = values.T


def _by_isp(values: Floats) -> Floats:
    """Return a table (n,T) as (T,n), each ISP in one piece of memory: columns of a wide table are slow to read."""
    return values.T if values.strides[1] == 0 else np.array(values.T, order="C")


def _bounds(
    charge: Floats, discharge: Floats, efficiency: Floats, demand: Floats, low: Floats, high: Floats, loss: Floats,
    keep: Floats, hours: float,
) -> tuple[Floats, Floats]:  # fmt: skip
    """Return the least and most energy (T,n) from which full power, either way, still keeps the band."""
    least, most = np.array(low, dtype=np.float64, order="C"), np.array(high, dtype=np.float64, order="C")
    for t in range(len(least) - 1, 0, -1):
        from_below = (least[t] + demand[t] - hours * efficiency[t] * charge[t]) / keep
        from_above = (most[t] + demand[t] + hours * discharge[t] / loss) / keep
        least[t - 1] = np.clip(from_below, least[t - 1], high[t - 1])
        most[t - 1] = np.clip(from_above, low[t - 1], most[t - 1])
    return least, np.maximum(most, least)
