"""Batteries → stores."""

import numpy as np

from agr.domain.kinds import battery
from agr.domain.kinds.battery import Battery
from agr.planning.case.look_ahead import battery_worth
from agr.planning.case.retention import retention
from agr.planning.case.rows import Draft, UnitRows
from agr.planning.case.unit_class import Conversion
from agr.planning.case.unmanaged import charged_at_once


def _add(rows: UnitRows, draft: Draft, unit: Battery, point: int) -> None:
    inputs = draft.inputs
    isps, hours = inputs.period.isp_count, inputs.period.isp_hours
    low = np.full(isps, unit.minimum_kwh)
    low[-1] = max(unit.end_kwh, unit.minimum_kwh)
    low = draft.until_off(unit.resource, low)  # a battery out of order owes no energy
    limit = draft.until_off(unit.resource, unit.charge_kw)
    start = draft.start_kwh(unit.resource, unit.initial_kwh)
    unmanaged_start = inputs.unmanaged_state.get(unit.resource, start)
    owed = low[-1] - unmanaged_start
    left = battery_worth(draft, unit)
    steps, begins = left.columns()
    rows.add(
        unit.resource, point=point, charge=unit.charge_kw, charge_min=0.0, discharge=unit.discharge_kw,
        eta_c=unit.charge_efficiency, eta_d=unit.discharge_efficiency,
        retention=retention(unit.loss_per_day, hours), low=low, high=unit.capacity_kwh, start=start,
        unmanaged_start=unmanaged_start, demand=0.0, wear=unit.wear_eur_per_mwh / 1000,
        end_value=left.first, worth_steps=steps, worth_from=begins, worth_zero=unit.initial_kwh,
        reserve=draft.reserve_kw(unit.resource, point, unit.reserve_kw),
        unmanaged=charged_at_once(limit, owed, unit.charge_efficiency, hours),
        pinned=draft.pins(unit.resource, point, 0.0),
    )  # fmt: skip


CONVERSION = Conversion(kind=battery.KIND, add=_add)
