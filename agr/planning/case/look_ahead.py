"""What batteries and buffers hold at the Period's end, valued by what it could do on the days after it. Pure.

A store by itself: its limits, needs and band, the expected prices of the next one or two days, and what is entered as
its worth at their end. Limits of congestion points, reserve and what a customer pays then are not looked at.
Source: docs/reference/formulation.md §2.3.
"""

import numpy as np

from agr.domain.kinds.battery import Battery
from agr.domain.kinds.heat_pump import HeatPump
from agr.domain.kinds.kind import Quantity
from agr.domain.kinds.quantities import COP, HEAT
from agr.planning.case.retention import retention
from agr.planning.case.rows import Draft, Floats
from agr.planning.case.worth import Worth


def battery_worth(draft: Draft, unit: Battery) -> Worth:
    """Return the worth of what a battery holds at the Period's end: as entered, or by the days looked at."""
    if not draft.ahead.isps:
        return Worth(first=unit.end_worth_eur_per_mwh / 1000)
    return _worth(
        draft, unit, (unit.minimum_kwh, unit.capacity_kwh), unit.discharge_efficiency,
        charge_kw=unit.charge_kw, discharge_kw=unit.discharge_kw, charge_efficiency=unit.charge_efficiency,
        demand_kwh=0.0,
    )  # fmt: skip


def buffer_worth(draft: Draft, unit: HeatPump, heat_kw: Floats, cop: Floats) -> Worth:
    """Return the same of a heat pump's buffer; the Period's heat and COP (T,) stand in where later ones are missing."""
    if not draft.ahead.isps:
        return Worth(first=unit.end_worth_eur_per_mwh / 1000)
    heat, later_cop = _later(draft, unit.resource, HEAT, heat_kw), _later(draft, unit.resource, COP, cop)
    return _worth(
        draft, unit, (0.0, unit.buffer_kwh), 1.0,
        charge_kw=unit.power_kw, discharge_kw=0.0, charge_efficiency=np.maximum(later_cop, 1e-3),
        demand_kwh=heat * draft.inputs.period.isp_hours,
    )  # fmt: skip


def _later(draft: Draft, resource: str, quantity: Quantity, today: Floats) -> Floats:
    """Return a forecast (n,) of the days looked at; where there is none, that of the day before, by the clock."""
    found, before, day = list[Floats](), draft.inputs.period, today
    forecasts = (*draft.inputs.later_forecasts, *[{}] * len(draft.ahead.periods))
    for period, known in zip(draft.ahead.periods, forecasts, strict=False):
        values = known.get((resource, quantity.name))
        if values is None or len(values) != period.isp_count:
            values = day[np.array(before.isps_of_wall_clock(period))]
            draft.note_once(
                f"no forecast {quantity.name} of {period} for some heat pumps: that of the day before is used"
            )
        found.append(values)
        before, day = period, values
    return np.concatenate(found)


def _worth(
    draft: Draft, unit: Battery | HeatPump, band_kwh: tuple[float, float], discharge_efficiency: float,
    **store: "Floats | float",
) -> Worth:  # fmt: skip
    """Return the worth of what a store holds; `store`: its powers, efficiency and needs (n,)* on the days looked at."""
    from models.afterwards import Afterwards, worth_afterwards  # compiled, and often not needed

    (low, high), inputs, isps = band_kwh, draft.inputs, draft.ahead.isps
    draft.note_once(draft.ahead.note)
    least = np.full(isps, low)
    least[list(draft.ahead.ends)] = max(unit.end_kwh, low)
    wide = {name: np.array(np.broadcast_to(values, isps), dtype=float) for name, values in store.items()}
    hours = inputs.period.isp_hours
    later = Afterwards(
        low_kwh=least, high_kwh=np.full(isps, high), retention=retention(unit.loss_per_day, hours),
        discharge_efficiency=discharge_efficiency, wear_eur_per_kwh=unit.wear_eur_per_mwh / 1000,
        end_value_eur_per_kwh=unit.end_worth_eur_per_mwh / 1000,
        shortfall_eur_per_kwh=inputs.planning.comfort_shortfall_eur_per_kwh, **wide,
    )  # fmt: skip
    first, changes, begins = worth_afterwards(later, draft.later_price(isps) / 1000, hours, low, high)
    return Worth(first=first, steps=tuple(zip(begins.tolist(), (first + np.cumsum(changes)).tolist(), strict=True)))
