"""Charging sessions that overlap the Period → stores that must be full in time."""

from datetime import datetime, timedelta
from math import ceil

import numpy as np

from agr.domain.kinds import ev_session
from agr.domain.kinds.ev_session import EvSession
from agr.planning.case.rows import Draft, Floats, UnitRows
from agr.planning.case.unit_class import Conversion
from agr.planning.case.unmanaged import charged_at_once
from agr.planning.case.worth import Later, Worth, worth


def _presence(starts: list[datetime], length: timedelta, unit: EvSession) -> Floats:
    """Return the share of each ISP during which the car is connected, (n,)."""
    shares = [(min(unit.departure, s + length) - max(unit.arrival, s)) / length for s in starts]
    clipped: Floats = np.clip(np.array(shares), 0.0, 1.0)
    return clipped


def _worth(draft: Draft, unit: EvSession, target: float, high: float) -> Worth:
    """Return the worth of what the car holds at the Period's end, which is 0 where it leaves before."""
    period = draft.inputs.period
    if unit.departure <= period.end:
        return Worth()
    starts = [
        period.end + i * period.isp_length for i in range(ceil((unit.departure - period.end) / period.isp_length))
    ]
    share = _presence(starts, period.isp_length, unit)
    later = Later(
        charge_kw=unit.charge_kw * share, discharge_kw=unit.discharge_kw * share, target_kwh=target,
        capacity_kwh=high, charge_efficiency=unit.charge_efficiency, discharge_efficiency=unit.discharge_efficiency,
        wear_eur_per_kwh=unit.wear_eur_per_mwh / 1000,
    )  # fmt: skip
    resources = len(draft.inputs.register.resources)
    return worth(later, draft.later_price(len(starts)) / 1000, period.isp_hours, resources=resources)


def _add(rows: UnitRows, draft: Draft, unit: EvSession, point: int) -> None:
    inputs, period, hours = draft.inputs, draft.inputs.period, draft.inputs.period.isp_hours
    if unit.arrival >= period.end or unit.departure <= period.start:
        return
    share = _presence(period.starts(), period.isp_length, unit)
    before = max((period.start - unit.arrival) / timedelta(hours=1), 0.0)
    after = max((unit.departure - period.end) / timedelta(hours=1), 0.0)
    target = unit.initial_kwh + unit.energy_kwh
    reached = min(unit.energy_kwh, before * unit.charge_kw * unit.charge_efficiency)  # unmanaged until then
    start = draft.start_kwh(unit.resource, unit.initial_kwh + reached) if before else unit.initial_kwh
    unmanaged_start = inputs.unmanaged_state.get(unit.resource, start) if before else start
    need = max(target - after * unit.charge_kw * unit.charge_efficiency, 0.0)  # at the Period's end
    low = np.zeros(period.isp_count)
    low[int(np.flatnonzero(share > 0)[-1]) :] = need
    limit = unit.charge_kw * share
    high = max(unit.capacity_kwh if unit.capacity_kwh is not None else target, target, start, unmanaged_start)
    left = _worth(draft, unit, target, high)
    steps, begins = left.columns()
    rows.add(
        unit.resource, point=point, charge=limit, charge_min=unit.charge_min_kw, discharge=unit.discharge_kw * share,
        eta_c=unit.charge_efficiency, eta_d=unit.discharge_efficiency, retention=1.0, low=low, high=high,
        start=start, demand=0.0, wear=unit.wear_eur_per_mwh / 1000, end_value=left.first, worth_steps=steps,
        worth_from=begins, worth_zero=target if after else 0.0,
        reserve=draft.reserve_kw(unit.resource, point, unit.reserve_kw),
        unmanaged=charged_at_once(limit, max(target - unmanaged_start, 0.0), unit.charge_efficiency, hours),
        unmanaged_start=unmanaged_start, pinned=draft.pins(unit.resource, point, 0.0),
    )  # fmt: skip


CONVERSION = Conversion(kind=ev_session.KIND, add=_add)
