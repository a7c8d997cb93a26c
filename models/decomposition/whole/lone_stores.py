"""The stores of one scenario that answer alone, as tables: what each can do, must keep, and owes.

Source: docs/explanation/optimisation.md §3.10.
"""

from dataclasses import dataclass

import numpy as np

from models.case import Bools, Case, Floats, Ints
from models.decomposition.prices.grouping import Batch
from models.reserve_room import wide_rows
from models.resources.storage.owed import owed_of
from models.resources.storage.response import StorageResponder

NOTHING_KW = 1e-9
"""Power that counts as none."""


@dataclass(frozen=True, kw_only=True, eq=False)
class LoneStores:
    """U stores of a batch. kW, kWh and kWh per kW, (U,T) each unless it says otherwise."""

    batch: Batch
    charge: Floats
    discharge: Floats
    gain: Floats
    drain: Floats
    demand: Floats
    pinned: Floats  # NaN where free
    low: Floats  # energies from which the band can be kept, and which can be reached
    high: Floats
    scalars: Floats  # (U,S) see models.resources.storage.layout
    owed: Floats  # (U,5,T) see models.resources.storage.owed
    first: Ints  # (U,) ISP in which reserve may be held first
    reserve_kw: Floats  # (U,)

    @property
    def free(self) -> Bools:
        """Return where power is free."""
        return np.isnan(self.pinned)

    @property
    def fixed_kw(self) -> Floats:
        """Return the power that is fixed, zero elsewhere."""
        return np.nan_to_num(self.pinned)

    @property
    def fixed_kwh(self) -> Floats:
        """Return the change of energy that does not depend on what is free."""
        return np.where(self.pinned > 0.0, self.gain, self.drain) * self.fixed_kw - self.demand

    @property
    def limits_kw(self) -> tuple[Floats, Floats]:
        """Return what stores could charge and discharge if what is pinned were not."""
        return np.maximum(self.charge, self.fixed_kw), np.maximum(self.discharge, -self.fixed_kw)


def lone_stores(case: Case, batch: Batch) -> LoneStores:
    """Return the stores of a batch; `case` is that of the planned programs."""
    case = case.when_called() if batch.called else case
    data, units, isps, hours = case.storage, batch.units, case.isps, case.isp_hours

    def wide(values: Floats) -> Floats:
        return np.array(np.broadcast_to(wide_rows(values, units, isps), (len(units), isps)), dtype=np.float64)

    charge, discharge, pinned = wide(data.charge_kw), wide(data.discharge_kw), wide(data.pinned_kw)
    gain, demand = hours * wide(data.charge_efficiency), wide(data.demand_kwh)
    drain = np.array(np.broadcast_to((hours / data.discharge_efficiency[units])[:, None], gain.shape), dtype=np.float64)
    free, fixed = np.isnan(pinned), np.where(pinned > 0.0, gain, drain) * np.nan_to_num(pinned)
    low, high = _bands(
        (wide(data.energy_min_kwh), wide(data.energy_max_kwh)),
        (np.where(free, -drain * discharge, fixed) - demand, np.where(free, gain * charge, fixed) - demand),
        data.retention[units], data.energy_start_kwh[units],
    )  # fmt: skip
    owed, first = owed_of(case, units)
    return LoneStores(
        batch=batch, charge=charge, discharge=discharge, gain=gain, drain=drain, demand=demand, pinned=pinned, low=low,
        high=high, scalars=StorageResponder.of(case, units, batch.called, 1).scalars, owed=owed, first=first,
        reserve_kw=np.asarray(data.reserve_kw[units], dtype=np.float64),
    )  # fmt: skip


def _bands(
    band: tuple[Floats, Floats], changes: tuple[Floats, Floats], kept: Floats, start: Floats
) -> tuple[Floats, Floats]:
    """Return the energies (U,T) from which stores can keep their bands, and of these those that they can reach.

    changes: the least and the most by which energy changes in an ISP; kept and start (U,).
    """
    isps, (low, high), (least, most) = band[0].shape[1], band, changes
    low, high = low.copy(), high.copy()
    for t in range(isps - 1, 0, -1):
        low[:, t - 1] = np.maximum(low[:, t - 1], (low[:, t] - most[:, t]) / kept)
        high[:, t - 1] = np.minimum(high[:, t - 1], (high[:, t] - least[:, t]) / kept)
    high = np.maximum(high, low)
    below = above = start
    for t in range(isps):
        below = np.clip(kept * below + least[:, t], low[:, t], high[:, t])
        above = np.maximum(np.minimum(kept * above + most[:, t], high[:, t]), below)
        low[:, t], high[:, t] = below, above
    return low, high
