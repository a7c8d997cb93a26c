"""Fixed loads, whose program is their forecast."""

from agr.domain.kinds import fixed_load
from agr.domain.kinds.fixed_load import FixedLoad
from agr.domain.kinds.quantities import POWER
from agr.planning.case.inputs import Inputs
from agr.planning.case.rows import Draft, UnitRows
from agr.planning.case.unit_class import Conversion, UnitClass
from models.case import Fixed


def _add(rows: UnitRows, draft: Draft, load: FixedLoad, point: int) -> None:
    values = draft.forecast(load.resource, POWER)
    rows.add(load.resource, point=point, program_kw=draft.until_off(load.resource, values))


def _arrays(rows: UnitRows, inputs: Inputs) -> Fixed:
    return Fixed(point=rows.points(), program_kw=rows.matrix("program_kw", inputs.period.isp_count))


CLASS = UnitClass(
    name="fixed",
    shown=fixed_load.KIND.name,
    look=fixed_load.KIND.look,
    conversions=(Conversion(kind=fixed_load.KIND, add=_add),),
    arrays=_arrays,
    power_kw=lambda case, _programs: case.fixed.program_kw,
    range_kw=lambda case, units: (case.fixed.program_kw[units].sum(axis=0),) * 2,
    unmanaged_kw=lambda case: case.fixed.program_kw,
    unsteered_kw=lambda case, units: (case.fixed.program_kw[units],) * 2,
    forecast_kw=lambda case: case.fixed.program_kw,
)
