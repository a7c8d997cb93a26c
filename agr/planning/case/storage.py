"""Stores of energy: batteries, heat pumps with their buffers, cars."""

import numpy as np

from agr.domain.kinds.kind import Look
from agr.planning.case import battery, ev_session, heat_pump
from agr.planning.case.inputs import Inputs
from agr.planning.case.rows import UnitRows
from agr.planning.case.unit_class import UnitClass
from models.case import Storage


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
    penalty = np.full(len(rows.names), inputs.planning.comfort_shortfall_eur_per_kwh)
    return Storage(
        point=rows.points(), charge_kw=wide["charge"], charge_min_kw=rows.vector("charge_min"),
        discharge_kw=wide["discharge"], charge_efficiency=wide["eta_c"],
        discharge_efficiency=rows.vector("eta_d"), retention=rows.vector("retention"), energy_min_kwh=wide["low"],
        energy_max_kwh=wide["high"], energy_start_kwh=rows.vector("start"), demand_kwh=wide["demand"],
        wear_eur_per_kwh=rows.vector("wear"), end_value_eur_per_kwh=rows.vector("end_value"),
        shortfall_eur_per_kwh=penalty, reserve_kw=reserve_kw, unmanaged_kw=unmanaged,
        pinned_kw=rows.matrix("pinned", isps),
    )  # fmt: skip


CLASS = UnitClass(
    name="storage",
    shown="storage",
    look=Look(words="storage", light="#1b9e77", dark="#48c9a0", layer=70),
    conversions=(battery.CONVERSION, heat_pump.CONVERSION, ev_session.CONVERSION),
    arrays=_arrays,
    power_kw=lambda _case, programs: programs.storage_kw,
    unmanaged_kw=lambda case: case.storage.unmanaged_kw,
    carried=lambda _case, programs: programs.energy_kwh[:, -1].tolist(),
    stored_kwh=lambda programs: programs.energy_kwh,
    unmet_kwh=lambda _case, programs: programs.unmet_kwh,
    excess_kwh=lambda _case, programs: programs.excess_kwh,
    missed_kwh=lambda _case, programs: float(programs.unmet_kwh.sum() + programs.excess_kwh.sum()),
)
