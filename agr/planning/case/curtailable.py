"""Generators, which follow their forecast and may be curtailed."""

import numpy as np

from agr.domain.kinds import generator
from agr.domain.kinds.generator import Generator
from agr.domain.kinds.quantities import POWER
from agr.planning.case.inputs import Inputs
from agr.planning.case.rows import Draft, Floats, Ints, UnitRows, added_kw
from agr.planning.case.unit_class import Conversion, UnitClass
from models.case import Case, Curtailable


def _add(rows: UnitRows, draft: Draft, unit: Generator, point: int) -> None:
    """Add a generator; a forecast above zero is cut to zero and noted."""
    values = draft.until_off(unit.resource, draft.forecast(unit.resource, POWER))
    if bool((values > 0).any()):
        draft.notes.append(f"generator {unit.resource}: its forecast consumes in some ISPs; production is negative")
    rows.add(
        unit.resource, point=point, forecast_kw=np.minimum(values, 0.0), cost=unit.curtailment_eur_per_mwh,
        reserve=0.0
        if unit.resource in draft.inputs.unavailable_from
        else draft.reserve_kw(unit.resource, point, unit.reserve_kw),
        pinned=draft.pins(unit.resource, point, np.minimum(values, 0.0)),
    )  # fmt: skip


def _arrays(rows: UnitRows, inputs: Inputs) -> Curtailable:
    isps = inputs.period.isp_count
    forecast_kw = rows.matrix("forecast_kw", isps)
    return Curtailable(
        point=rows.points(),
        forecast_kw=forecast_kw,
        cost_eur_per_mwh=rows.vector("cost"),
        reserve_kw=rows.vector("reserve"),
        pinned_kw=np.clip(rows.matrix("pinned", isps), forecast_kw, 0.0),
    )


def _range_kw(case: Case, units: Ints) -> tuple[Floats, Floats]:
    """Return the forecast of units (n,) and nothing, or what is pinned."""
    data, isps = case.curtailable, case.isps
    pinned = data.pinned_kw[units]
    return added_kw(pinned, data.forecast_kw[units], isps), added_kw(pinned, 0.0, isps)


def _unsteered_kw(case: Case, units: Ints) -> tuple[Floats, Floats]:
    """Return what generators give (n,T), kW: what is pinned, else their forecasts; and their forecasts."""
    pinned, forecast = case.curtailable.pinned_kw[units], case.curtailable.forecast_kw[units]
    return np.where(np.isnan(pinned), forecast, pinned), forecast


CLASS = UnitClass(
    name="curtailable",
    shown=generator.KIND.name,
    look=generator.KIND.look,
    conversions=(Conversion(kind=generator.KIND, add=_add),),
    arrays=_arrays,
    power_kw=lambda _case, programs: programs.curtailable_kw,
    range_kw=_range_kw,
    unmanaged_kw=lambda case: case.curtailable.forecast_kw,
    unsteered_kw=_unsteered_kw,
    forecast_kw=lambda case: case.curtailable.forecast_kw,
)
