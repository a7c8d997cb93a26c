"""Portfolio, prices and reservations → models.Case; the one place where W, kW, MW and signs are converted."""

from agr.planning.case.build import NamedCase, build
from agr.planning.case.inputs import Inputs, Previous
from agr.planning.case.switched import carried_isps, comfort_shortfall_kwh, missed_kwh

__all__ = ["Inputs", "NamedCase", "Previous", "build", "carried_isps", "comfort_shortfall_kwh", "missed_kwh"]
