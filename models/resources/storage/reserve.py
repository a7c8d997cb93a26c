"""Computes the room for reserve, in power and energy, that finished programs of storage leave."""

import numpy as np

from models.block import slices
from models.case import Case, Direction, Floats, Ints
from models.outcome import Fields
from models.reserve_room import ReserveAllocation, roomless, wide_rows


def reserve_kw(case: Case) -> Floats:
    """Return the prequalified reserve power (U,)."""
    return case.storage.reserve_kw


def allocation(case: Case, units: Ints, fields: Fields, place: Ints, held_kw: Floats) -> ReserveAllocation:
    """Return the room that units (n,) with finished programs, at rows `place` (n,), leave."""
    result = roomless(case, held_kw, margins=True)
    for few in slices(len(units)):
        _fill(case, units[few], fields, place[few], result.part(few))
    return result


def _fill(case: Case, units: Ints, fields: Fields, place: Ints, into: ReserveAllocation) -> None:
    data, isps = case.storage, case.isps
    power_kw = fields["charge_kw"][place] - fields["discharge_kw"][place]
    pinned = wide_rows(data.pinned_kw, units, isps)
    charge = np.fmax(wide_rows(data.charge_kw, units, isps), pinned)
    discharge = np.fmax(wide_rows(data.discharge_kw, units, isps), -pinned)
    cap = data.reserve_kw[units][:, None]
    into.room_kw[Direction.UP][:] = np.clip(np.minimum(cap, power_kw + discharge), 0.0, None)
    into.room_kw[Direction.DOWN][:] = np.clip(np.minimum(cap, charge - power_kw), 0.0, None)
    if not into.margin_kwh[Direction.UP].flags.writeable:
        return
    energy_kwh, start = fields["energy_kwh"][place], data.energy_start_kwh[units]
    low, high = wide_rows(data.energy_min_kwh, units, isps), wide_rows(data.energy_max_kwh, units, isps)
    above, below = energy_kwh - low, high - energy_kwh
    first_above = np.maximum(start - low[:, 0], 0.0)[:, None]
    first_below = np.maximum(high[:, 0] - start, 0.0)[:, None]
    above = np.minimum(above, np.concatenate([first_above, above[:, :-1]], axis=1))
    below = np.minimum(below, np.concatenate([first_below, below[:, :-1]], axis=1))
    gain, loss = wide_rows(data.charge_efficiency, units, isps), data.discharge_efficiency[units][:, None]
    into.margin_kwh[Direction.UP][:] = np.maximum(above, 0.0) * loss
    into.margin_kwh[Direction.DOWN][:] = np.maximum(below, 0.0) / gain
