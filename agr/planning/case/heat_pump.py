"""Heat pumps with their buffers → stores of heat."""

import numpy as np

from agr.domain.kinds import heat_pump
from agr.domain.kinds.heat_pump import HeatPump
from agr.domain.kinds.quantities import COP, HEAT
from agr.planning.case.look_ahead import buffer_worth
from agr.planning.case.retention import retention
from agr.planning.case.rows import Draft, UnitRows
from agr.planning.case.unit_class import Conversion


def _add(rows: UnitRows, draft: Draft, unit: HeatPump, point: int) -> None:
    inputs, period = draft.inputs, draft.inputs.period
    heat_kw = draft.forecast(unit.resource, HEAT)
    cop = np.maximum(draft.forecast(unit.resource, COP, default=3.0), 1e-3)
    low = np.zeros(period.isp_count)
    low[-1] = unit.end_kwh
    start = draft.start_kwh(unit.resource, unit.initial_kwh)
    unmanaged_start = inputs.unmanaged_state.get(unit.resource, start)
    left = buffer_worth(draft, unit, heat_kw, cop)
    steps, begins = left.columns()
    follows = np.minimum(heat_kw / cop, unit.power_kw)
    rows.add(
        unit.resource, point=point, charge=unit.power_kw, charge_min=0.0, discharge=0.0, eta_c=cop, eta_d=1.0,
        retention=retention(unit.loss_per_day, period.isp_hours), low=low, high=unit.buffer_kwh, start=start,
        unmanaged_start=unmanaged_start, demand=heat_kw * period.isp_hours, wear=unit.wear_eur_per_mwh / 1000,
        end_value=left.first, worth_steps=steps, worth_from=begins, worth_zero=unit.initial_kwh,
        reserve=draft.reserve_kw(unit.resource, point, unit.reserve_kw), unmanaged=follows,
        pinned=draft.pins(unit.resource, point, follows),
    )  # fmt: skip


CONVERSION = Conversion(kind=heat_pump.KIND, add=_add)
