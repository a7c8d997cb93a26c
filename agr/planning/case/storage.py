"""Stores of energy: batteries, heat pumps with their buffers, cars."""

import numpy as np

from agr.domain.kinds.kind import Look
from agr.planning.case import battery, ev_session, heat_pump
from agr.planning.case.held import begun
from agr.planning.case.inputs import Inputs
from agr.planning.case.recovery import returning
from agr.planning.case.rows import Floats, Ints, UnitRows, added_kw
from agr.planning.case.unit_class import UnitClass
from models.case import Case, Programs, Storage
from models.unmanaged import end_kwh, held_kwh, unmanaged_end_kwh, unmanaged_programs


def _arrays(rows: UnitRows, inputs: Inputs) -> Storage:
    """Return the arrays; a unit out of order neither charges, discharges nor holds reserve."""
    isps = inputs.period.isp_count
    wide = {name: rows.matrix(name, isps) for name in ("charge", "discharge", "eta_c", "low", "high", "demand")}
    unmanaged, reserve_kw = rows.matrix("unmanaged", isps), rows.vector("reserve")
    for row, resource in enumerate(rows.names):
        off = inputs.unavailable_from.get(resource)
        if off is not None:
            for limit in (wide["charge"], wide["discharge"], unmanaged):
                limit[row, off:] = 0.0
            reserve_kw[row] = 0.0
    start, pinned = rows.vector("start"), rows.matrix("pinned", isps)
    retention = rows.vector("retention")
    hours, eta_d = inputs.period.isp_hours, rows.vector("eta_d")
    begins, measured = begun(rows.names, inputs.held, start, retention, hours, wide, eta_d, pinned)
    returning(begins, retention, hours, wide, eta_d, pinned, measured)
    penalty = np.full(len(rows.names), inputs.planning.comfort_shortfall_eur_per_kwh)
    return Storage(
        point=rows.points(), charge_kw=wide["charge"], charge_min_kw=rows.vector("charge_min"),
        discharge_kw=wide["discharge"], charge_efficiency=wide["eta_c"],
        discharge_efficiency=eta_d, retention=retention, energy_min_kwh=wide["low"],
        energy_max_kwh=wide["high"], energy_start_kwh=begins, demand_kwh=wide["demand"],
        wear_eur_per_kwh=rows.vector("wear"), end_value_eur_per_kwh=rows.vector("end_value"),
        shortfall_eur_per_kwh=penalty, reserve_kw=reserve_kw, unmanaged_kw=unmanaged,
        pinned_kw=pinned, worth_step_eur_per_kwh=rows.padded("worth_steps", 0.0),
        worth_from_kwh=rows.padded("worth_from", _NEVER_KWH),
        worth_zero_kwh=rows.vector("worth_zero", np.zeros(len(rows.names))),
        unmanaged_start_kwh=rows.vector("unmanaged_start", start),
    )  # fmt: skip


def _carried(case: Case, programs: Programs) -> list[float]:
    """Return what stores hold at the Period's end: energy that a program misses is not there the next day."""
    data, power = case.storage, programs.storage_kw
    left: list[float] = end_kwh(
        data, case.isp_hours, data.energy_start_kwh, power, programs.energy_kwh, programs.unmet_kwh
    ).tolist()  # fmt: skip
    return left


def _unmanaged_left(case: Case) -> tuple[list[float], float]:
    """Return what is there (U,), kWh, at the end of the unmanaged program, and the worth that it credits, EUR."""
    energy, there = unmanaged_end_kwh(case.storage, case.isps, case.isp_hours)
    return there.tolist(), float(case.storage.worth_eur(slice(None), energy).sum())


def _unmanaged_kw(case: Case) -> Floats:
    charge, discharge, _, _, _ = unmanaged_programs(case.storage, case.isps, case.isp_hours)
    return charge - discharge


def _range_kw(case: Case, units: Ints) -> tuple[Floats, Floats]:
    """Return discharging and charging of units (n,) at the limits, or what is pinned; energy is not looked at."""
    data, isps = case.storage, case.isps
    pinned = data.pinned_kw[units]
    return added_kw(pinned, -data.discharge_kw[units], isps), added_kw(pinned, data.charge_kw[units], isps)


def _unsteered_kw(case: Case, units: Ints) -> tuple[Floats, Floats]:
    """Return what stores draw (n,T), kW: what is pinned, else what follows the heat needed; and the latter.

    Batteries and cars rest: what they charge can wait until limits have room.
    """
    data, shape = case.storage, (len(units), case.isps)
    pinned, heat, into, most = (
        np.broadcast_to(table[units], shape)
        for table in (data.pinned_kw, data.demand_kwh, data.charge_efficiency, data.charge_kw)
    )
    usual = np.minimum(heat / (into * case.isp_hours), most)
    return np.where(np.isnan(pinned), usual, pinned), usual


def path_kwh(case: Case, programs: Programs, unit: int) -> Floats:
    """Return what a store really holds at the T+1 borders of the ISPs, kWh, without what its program misses."""
    start = case.storage.energy_start_kwh[unit : unit + 1]
    ends = programs.energy_kwh[unit]
    if programs.unmet_kwh[unit].any():
        power = programs.charge_kw[unit : unit + 1] - programs.discharge_kw[unit : unit + 1]
        ends = held_kwh(case.storage, case.isp_hours, np.array([unit]), start, power.astype(np.float64))[0]
    return np.concatenate((start, ends))


def able_kw(
    case: Case, programs: Programs, unit: int, holds_kwh: float, most_kwh: float, isps: range
) -> tuple[Floats, Floats]:
    """Return a store's program (T,), kW, and the same without what it cannot do in some ISPs.

    Before these it holds holds_kwh, and it can hold most_kwh at most.
    """
    data, hours = case.storage, case.isp_hours
    planned: Floats = programs.charge_kw[unit] - programs.discharge_kw[unit]
    into, needs = (np.broadcast_to(table[unit], case.isps) for table in (data.charge_efficiency, data.demand_kwh))
    out, keeps = float(data.discharge_efficiency[unit]), float(data.retention[unit])
    found, content = planned.copy(), holds_kwh
    for t in isps:
        rests = content * keeps - float(needs[t])
        room = max(most_kwh - rests, 0.0) / (hours * float(into[t]))
        stock = max(rests, 0.0) * out / hours
        found[t] = min(max(found[t], -stock), room)
        gained = found[t] * float(into[t]) if found[t] > 0 else found[t] / out
        content = rests + hours * gained
    return planned, found


_NEVER_KWH = 1e30
"""An energy that no store holds. A store with fewer steps in worth than others has its unused steps begin there"""

CLASS = UnitClass(
    name="storage",
    shown="storage",
    look=Look(words="storage", light="#1b9e77", dark="#48c9a0", layer=70),
    conversions=(battery.CONVERSION, heat_pump.CONVERSION, ev_session.CONVERSION),
    arrays=_arrays,
    power_kw=lambda _case, programs: programs.storage_kw,
    range_kw=_range_kw,
    unmanaged_kw=_unmanaged_kw,
    carried=_carried,
    left_terms=("stored energy",),
    unmanaged_left=_unmanaged_left,
    path_kwh=path_kwh,
    able_kw=able_kw,
    unsteered_kw=_unsteered_kw,
    stored_kwh=lambda programs: programs.energy_kwh,
    unmet_kwh=lambda _case, programs: programs.unmet_kwh,
    excess_kwh=lambda _case, programs: programs.excess_kwh,
)
