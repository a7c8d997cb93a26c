"""Portfolio, prices and reservations → models.Case; the one place where W, kW, MW and signs are converted."""

from agr.planning.case.build import NamedCase, build
from agr.planning.case.classes import CLASSES
from agr.planning.case.inputs import GroupBefore, HeldMost, Inputs, MeasuredEnergy, Previous, Reaction
from agr.planning.case.programs import (
    carried_states,
    comfort_shortfall_kwh,
    decisions,
    left_eur,
    missed_by_resource_kwh,
    programs_kw,
    storing,
    unmanaged_left,
)

__all__ = [
    "CLASSES",
    "GroupBefore",
    "HeldMost",
    "Inputs",
    "MeasuredEnergy",
    "NamedCase",
    "Previous",
    "Reaction",
    "build",
    "carried_states",
    "comfort_shortfall_kwh",
    "decisions",
    "left_eur",
    "missed_by_resource_kwh",
    "programs_kw",
    "storing",
    "unmanaged_left",
]
