"""Reads programs, decisions and end states of a case's units, by resource."""

from agr.planning.case.build import NamedCase
from agr.planning.case.classes import CLASSES
from agr.planning.case.inputs import Decision
from agr.planning.case.rows import Floats
from models.case import Case
from models.outcome import Programs


def programs_kw(named: NamedCase, programs: Programs) -> dict[str, Floats]:
    """Return resource → its program (T,) in kW, consumption positive."""
    return {
        name: power
        for units in CLASSES
        for name, power in zip(named.of(units.name), units.power_kw(named.case, programs), strict=True)
    }


def decisions(named: NamedCase, programs: Programs) -> dict[str, Decision]:
    """Return resource → decision that later plans of the Period need besides its program."""
    return {
        name: decision
        for units in CLASSES
        if units.decided is not None
        for name, decision in zip(named.of(units.name), units.decided(named.case, programs), strict=True)
    }


def carried_states(named: NamedCase, programs: Programs) -> dict[str, float]:
    """Return resource → the state with which the next Period begins, see Inputs.carried_state."""
    return {
        name: state
        for units in CLASSES
        if units.carried is not None
        for name, state in zip(named.of(units.name), units.carried(named.case, programs), strict=True)
    }


def comfort_shortfall_kwh(case: Case, programs: Programs) -> float:
    """Return the energy by which the resources' needs are missed, in kWh, over all units."""
    return sum(units.missed_kwh(case, programs) for units in CLASSES if units.missed_kwh is not None)
