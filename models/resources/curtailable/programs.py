"""Programs of curtailable generation: their power, their money, and the room for reserve they leave."""

from typing import Any

import numpy as np

from models.block import slices, sums_of
from models.case import Case, Direction, Floats, Ints
from models.outcome import Fields, Rows
from models.reserve_room import ReserveAllocation, roomless, wide_rows


def power_kw(case: Case, units: Rows, fields: Fields) -> Floats:
    """Return the programs (n,T)."""
    del case, units
    power: Floats = fields["curtailable_kw"]
    return power


def range_kw(case: Case, units: Ints) -> tuple[Floats, Floats]:
    """Return the forecast and zero (n,T), kW, for units (n,), or what a unit is pinned to where that lies outside."""
    data = case.curtailable
    forecast = data.forecast_kw[units].astype(np.float64)
    pinned = np.broadcast_to(data.pinned_kw[units], forecast.shape)
    return np.fmin(forecast, pinned), np.fmax(pinned, 0.0)


def unmanaged(case: Case) -> Fields:
    """Return the forecast: nothing is curtailed."""
    return {"curtailable_kw": case.curtailable.forecast_kw.copy()}


def empty(case: Case, count: int) -> Fields:
    """Return programs of zero (count,T) in the precision of the forecast."""
    return {"curtailable_kw": np.zeros((count, case.isps), dtype=precision(case))}


def precision(case: Case) -> np.dtype[Any]:
    """Return the precision of the forecast."""
    return case.curtailable.forecast_kw.dtype


def terms_eur(case: Case, units: Rows, fields: Fields, called: bool) -> dict[str, Floats]:
    """Return −cost·Δ/1000·Σ curtailed (n,); a called program costs nothing."""
    if called:
        return {}
    data, power = case.curtailable, fields["curtailable_kw"]
    forecast, cost = data.forecast_kw[units], data.cost_eur_per_mwh[units]
    curtailed_kw = sums_of(len(power), lambda few: np.maximum(power[few] - forecast[few], 0.0))
    return {"curtailment": -cost * curtailed_kw * (case.isp_hours / 1000)}


def width_kw(case: Case) -> Floats:
    """Return each unit's mean forecast production (U,), kW."""
    return np.asarray(-case.curtailable.forecast_kw.mean(axis=1), dtype=np.float64)


def reserve_kw(case: Case) -> Floats:
    """Return the prequalified reserve power (U,)."""
    return case.curtailable.reserve_kw


def allocation(case: Case, units: Ints, fields: Fields, place: Ints, held_kw: Floats) -> ReserveAllocation:
    """Return the room that units (n,) with finished programs, at rows `place` (n,), leave; energy never binds.

    held_kw (R,n,T): reserve held.
    """
    result, data, isps = roomless(held_kw, margins=False), case.curtailable, case.isps
    power_kw = fields["curtailable_kw"][place]
    for few in slices(len(units)):
        some = units[few]
        pinned, part, power = wide_rows(data.pinned_kw, some, isps), result.part(few), power_kw[few]
        lowest = np.fmin(wide_rows(data.forecast_kw, some, isps), pinned)
        cap = data.reserve_kw[some][:, None]
        part.room_kw[Direction.UP][:] = np.clip(np.minimum(cap, power - lowest), 0.0, None)
        part.room_kw[Direction.DOWN][:] = np.clip(np.minimum(cap, np.fmax(pinned, 0.0) - power), 0.0, None)
    return result
