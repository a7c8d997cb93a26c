"""Reads programs, decisions and end states of a case's units, by resource."""

from collections.abc import Mapping

from agr.planning.case.build import NamedCase
from agr.planning.case.classes import CLASSES
from agr.planning.case.inputs import Decision
from agr.planning.case.rows import Floats
from agr.planning.case.unit_class import UnitClass
from models.case import Case
from models.outcome import Programs


def programs_kw(named: NamedCase, programs: Programs) -> dict[str, Floats]:
    """Return resource → its program (T,) in kW, consumption positive."""
    return {
        name: power
        for units in CLASSES
        for name, power in zip(named.of(units.name), units.power_kw(named.case, programs), strict=True)
    }


def storing(named: NamedCase) -> dict[str, tuple[UnitClass, int]]:
    """Return resource → its class and its row there, of all resources whose classes say what units hold."""
    return {
        name: (units, row)
        for units in CLASSES
        if units.path_kwh is not None
        for row, name in enumerate(named.of(units.name))
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


def left_eur(terms_eur: Mapping[str, float]) -> float:
    """Return what a plan credits for what it leaves to the next Period, EUR; below 0 where it leaves needs."""
    terms = dict.fromkeys(term for units in CLASSES for term in units.left_terms)  # two classes may share one
    return sum(terms_eur.get(term, 0.0) for term in terms)


def unmanaged_left(named: NamedCase) -> tuple[dict[str, float], float]:
    """Return resource → the state that the unmanaged program leaves, see Inputs, and what it credits for it, EUR."""
    states, eur = dict[str, float](), 0.0
    for units in CLASSES:
        if units.unmanaged_left is not None:
            left, credit = units.unmanaged_left(named.case)
            states |= {} if left is None else dict(zip(named.of(units.name), left, strict=True))
            eur += credit
    return states, eur


def comfort_shortfall_kwh(case: Case, programs: Programs) -> float:
    """Return the energy by which the resources' needs are missed, in kWh, over all units."""
    return sum(float(missed(case, programs).sum()) for units in CLASSES for missed in units.missed)


def missed_by_resource_kwh(named: NamedCase, programs: Programs) -> dict[str, float]:
    """Return resource → the energy by which its needs are missed, in kWh, for those that miss any."""
    found: dict[str, float] = {}
    for units in CLASSES:
        for missed in units.missed:
            sums = missed(named.case, programs).sum(axis=1).tolist()
            for name, kwh in zip(named.of(units.name), sums, strict=True):
                if kwh > 0:
                    found[name] = found.get(name, 0.0) + kwh
    return found
