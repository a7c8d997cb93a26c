"""What stores really hold under a program: energy that the program misses is not there. Numpy only, quick to import.

A program's energy counts what it misses (unmet) as if it had come, so that a need is missed once and not in every ISP
after it. Whoever begins where a program ends needs the content without it.
Source: docs/reference/formulation.md §2.3.
"""

import numpy as np

from models.arrays import Floats, Ints
from models.resources.storage import Storage


def held_kwh(data: Storage, isp_hours: float, units: Ints, start: Floats, power: Floats) -> Floats:
    """Return what units (n,) hold at the end of each ISP, (n,T), kWh; `start` (n,), kWh, `power` (n,T), kW, net.

    c[t] = min(max(a·c[t−1] + Δ·ηc·pc − Δ·pd/ηd − d, 0), e_max): never less than nothing, nor more than fits in.
    """
    efficiency, demand, high = (
        np.broadcast_to(table[units], power.shape)
        for table in (data.charge_efficiency, data.demand_kwh, data.energy_max_kwh)
    )
    gained = efficiency * np.maximum(power, 0.0) - np.maximum(-power, 0.0) / data.discharge_efficiency[units, None]
    change, keeps = isp_hours * gained - demand, data.retention[units]
    found, content = np.zeros(power.shape), start
    for t in range(power.shape[1]):
        found[:, t] = content = np.minimum(np.maximum(keeps * content + change[:, t], 0.0), high[:, t])
    return found


def end_kwh(
    data: Storage, isp_hours: float, start: Floats, power: Floats, energy: Floats, unmet: Floats
) -> Floats:  # fmt: skip
    """Return what all units (U,) hold at the end: the program's `energy` (U,T), or less where it misses some.

    `start` (U,), kWh; `power` (U,T), kW, net; `unmet` (U,T), kWh.
    """
    found: Floats = np.array(energy[:, -1], dtype=np.float64)
    short = np.flatnonzero(unmet.any(axis=1))
    if len(short):
        found[short] = held_kwh(data, isp_hours, short, start[short], power[short].astype(np.float64))[:, -1]
    return found
