"""Charging sessions that overlap the Period → stores that must be full in time."""

from datetime import timedelta

import numpy as np

from agr.domain.kinds import ev_session
from agr.domain.kinds.ev_session import EvSession
from agr.planning.case.inputs import Inputs
from agr.planning.case.rows import Draft, Floats, UnitRows
from agr.planning.case.unit_class import Conversion


def _presence(inputs: Inputs, unit: EvSession) -> Floats:
    """Return the share of each ISP during which the car is connected, (T,)."""
    period, length = inputs.period, inputs.period.isp_length
    starts = period.starts()
    shares = [(min(unit.departure, s + length) - max(unit.arrival, s)) / length for s in starts]
    clipped: Floats = np.clip(np.array(shares), 0.0, 1.0)
    return clipped


def _unmanaged_ev(limit_kw: Floats, need_kwh: float, efficiency: float, hours: float) -> Floats:
    """Return charging at full power from arrival until the need is met."""
    stored = np.cumsum(limit_kw * efficiency * hours)
    before = np.concatenate([[0.0], stored[:-1]])
    return np.clip((need_kwh - before) / (efficiency * hours), 0.0, limit_kw)


def _add(rows: UnitRows, draft: Draft, unit: EvSession, point: int) -> None:
    inputs, period, hours = draft.inputs, draft.inputs.period, draft.inputs.period.isp_hours
    if unit.arrival >= period.end or unit.departure <= period.start:
        return
    share = _presence(inputs, unit)
    before = max((period.start - unit.arrival) / timedelta(hours=1), 0.0)
    after = max((unit.departure - period.end) / timedelta(hours=1), 0.0)
    target = unit.initial_kwh + unit.energy_kwh
    reached = min(unit.energy_kwh, before * unit.charge_kw * unit.charge_efficiency)  # unmanaged until then
    start = inputs.carried_state.get(unit.resource, unit.initial_kwh + reached) if before else unit.initial_kwh
    need = max(target - after * unit.charge_kw * unit.charge_efficiency, 0.0)  # at the Period's end
    low = np.zeros(period.isp_count)
    low[int(np.flatnonzero(share > 0)[-1]) :] = need
    limit = unit.charge_kw * share
    high = max(unit.capacity_kwh if unit.capacity_kwh is not None else target, target, start)
    day_ahead = [v for v in inputs.prices.get(inputs.markets.day_ahead.forecast_series, ()) if v is not None]
    left_value = float(np.mean(day_ahead)) / 1000 / unit.charge_efficiency if after and day_ahead else 0.0
    rows.add(
        unit.resource, point=point, charge=limit, charge_min=unit.charge_min_kw, discharge=unit.discharge_kw * share,
        eta_c=unit.charge_efficiency, eta_d=unit.discharge_efficiency, retention=1.0, low=low, high=high,
        start=start, demand=0.0,
        wear=unit.wear_eur_per_mwh / 1000, end_value=max(left_value, 0.0), reserve=unit.reserve_kw,
        unmanaged=_unmanaged_ev(limit, max(target - start, 0.0), unit.charge_efficiency, hours),
        pinned=draft.pins(unit.resource, point),
    )  # fmt: skip


CONVERSION = Conversion(kind=ev_session.KIND, add=_add)
