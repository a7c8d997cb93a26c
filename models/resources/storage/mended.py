"""Programs of storage that come back to an earlier program, where that cannot be run as it is any more."""

import numpy as np

from models.arrays import of_rows
from models.case import Bools, Case, Floats, Ints, Storage
from models.outcome import Fields
from models.resources.storage.programs import FIELDS
from models.resources.storage.reachability import change_kwh, charge_limit_kw, discharge_limit_kw
from models.resources.storage.resumed import runs

_CHARGE, _DISCHARGE, _ENERGY, _UNMET, _EXCESS = FIELDS


def mended(case: Case, units: Ints, fields: Fields, held_kw: Floats) -> tuple[Fields, Bools]:
    """Return programs of units (n,) that come back to the energy of `fields` soon, and whether each (n,) can run it.

    held_kw (2,n,T): reserve held up and down; coming back leaves the room that it needs, unless the band would be left
    or could not be kept until the end. Minimum powers are not regarded: a unit that breaks one cannot run its program.
    Source: docs/explanation/optimisation.md §3.8.
    """
    data: Storage = of_rows(case.storage, units)
    path = fields[_ENERGY].astype(np.float64)
    low, high, demand, efficiency = (
        np.broadcast_to(table, path.shape)
        for table in (data.energy_min_kwh, data.energy_max_kwh, data.demand_kwh, data.charge_efficiency)
    )
    lowest, highest = _powers_kw(case, data)
    least, most = (_change_kwh(case, data, power) for power in (lowest, highest))
    free = np.isnan(np.broadcast_to(data.pinned_kw, path.shape))
    slow_least = np.maximum(_change_kwh(case, data, np.where(free, lowest + held_kw[0], lowest)), least)
    slow_most = np.minimum(_change_kwh(case, data, np.where(free, highest - held_kw[1], highest)), most)
    bottom, top = _kept_until_the_end(data, low, high, least, most)
    found = {name: np.zeros(path.shape) for name in FIELDS}
    level = data.energy_start_kwh.astype(np.float64)
    for t in range(case.isps):
        left = data.retention * level
        change = np.minimum(np.maximum(path[:, t] - left, slow_least[:, t]), slow_most[:, t])
        change = np.minimum(np.maximum(left + change, bottom[:, t]), top[:, t]) - left
        change = np.minimum(np.maximum(change, least[:, t]), most[:, t])
        reached = left + change
        found[_UNMET][:, t] = np.maximum(low[:, t] - reached, 0.0)
        found[_EXCESS][:, t] = np.maximum(reached - high[:, t], 0.0)
        found[_ENERGY][:, t] = level = np.minimum(np.maximum(reached, low[:, t]), high[:, t])
        gained = change + demand[:, t]
        found[_CHARGE][:, t] = np.maximum(gained, 0.0) / (case.isp_hours * efficiency[:, t])
        found[_DISCHARGE][:, t] = np.maximum(-gained, 0.0) * data.discharge_efficiency / case.isp_hours
    return {name: values.astype(fields[name].dtype) for name, values in found.items()}, runs(data, found)


def _powers_kw(case: Case, data: Storage) -> tuple[Floats, Floats]:
    """Return the lowest and highest power (n,T), kW; both are the pinned power where there is one."""
    pinned = np.broadcast_to(data.pinned_kw, (len(data.point), case.isps))
    free = np.isnan(pinned)
    into, out = charge_limit_kw(data, case.isps), discharge_limit_kw(data, case.isps)
    return np.where(free, -out, pinned), np.where(free, into, pinned)


def _change_kwh(case: Case, data: Storage, power: Floats) -> Floats:
    """Return the energy (n,T), kWh, that powers (n,T), kW, add in each ISP, less demand."""
    return change_kwh(data, case.isp_hours, np.maximum(power, 0.0), np.maximum(-power, 0.0))


def _kept_until_the_end(data: Storage, low: Floats, high: Floats, least: Floats, most: Floats) -> tuple[Floats, Floats]:
    """Return the energies (n,T), kWh, between which a unit must be at the end of each ISP to keep its later band.

    Where nothing keeps it, they are as near as the band of that ISP allows.
    """
    bottom, top = np.array(low, dtype=np.float64), np.array(high, dtype=np.float64)
    for t in range(bottom.shape[1] - 1, 0, -1):
        for bound, added in ((bottom, most), (top, least)):
            before = (bound[:, t] - added[:, t]) / data.retention
            narrowed = np.maximum(bound[:, t - 1], before) if bound is bottom else np.minimum(bound[:, t - 1], before)
            bound[:, t - 1] = np.minimum(np.maximum(narrowed, low[:, t - 1]), high[:, t - 1])
    return bottom, top
