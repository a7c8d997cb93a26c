"""Computes the room for reserve, in power and energy, that finished programs of storage leave."""

import numpy as np

from models.block import slices
from models.case import Case, Direction, Floats, Ints
from models.headroom import has_margins
from models.outcome import Fields
from models.reserve_room import SIDES, ReserveAllocation, roomless, wide_rows
from models.resources.storage.owed import BEFORE_CEILING, BEFORE_FLOOR, CEILING, FLOOR, PER_KW, owed_of


def reserve_kw(case: Case) -> Floats:
    """Return the prequalified reserve power (U,)."""
    return case.storage.reserve_kw


def allocation(case: Case, units: Ints, fields: Fields, place: Ints, held_kw: Floats) -> ReserveAllocation:
    """Return the room that units (n,) with finished programs, at rows `place` (n,), leave beside held_kw (R,n,T)."""
    result = roomless(held_kw, margins=has_margins(case))
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
    if not has_margins(case):
        return
    energy_kwh = fields["energy_kwh"][place]
    before_kwh = np.column_stack([data.energy_start_kwh[units], energy_kwh[:, :-1]])
    owed, first = owed_of(case, units)
    able = np.arange(isps) >= first[:, None]
    for side in SIDES:
        into.room_kw[side] *= able
    above, below = owed[:, FLOOR], owed[:, CEILING]
    into.end_kwh[Direction.UP][:] = np.maximum(energy_kwh - above, 0.0)
    into.end_kwh[Direction.DOWN][:] = np.maximum(below - energy_kwh, 0.0)
    into.begin_kwh[Direction.UP][:] = np.maximum(before_kwh - owed[:, BEFORE_FLOOR], 0.0)
    into.begin_kwh[Direction.DOWN][:] = np.maximum(owed[:, BEFORE_CEILING] - before_kwh, 0.0)
    into.per_kw[:] = owed[:, PER_KW]
