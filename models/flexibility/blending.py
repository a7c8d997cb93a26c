"""Parts of an offer: a blend of two programs of the same units, and where that is a program again.

Source: docs/explanation/flexibility-offers.md.
"""

from dataclasses import fields

from models.case import Case, Headroom, Programs
from models.outcome import Outcome
from models.resources.protocols import ResourceClass
from models.resources.registry import RESOURCES

_MIXED = frozenset(name for one in RESOURCES if one.mixing is not None for name in one.fields)


def convex(case: Case, planned: Outcome, offered: Outcome) -> bool:
    """Return whether every blend of the planned and the offered programs of a point can be run."""
    pairs = [(planned.programs, offered.programs)]
    if planned.called is not None and offered.called is not None:
        pairs.append((planned.called, offered.called))
    return all(_mix(case, one, before, after) for one in RESOURCES for before, after in pairs)


def _mix(case: Case, one: ResourceClass, before: Programs, after: Programs) -> bool:
    """Return whether any mixture of two programs of a class's units can be run."""
    if one.mixes is None:
        return one.choosing is None or not one.count(case)
    every = slice(None)
    return one.mixes(case, before.of(one.fields, every), after.of(one.fields, every))


def blended(planned: Programs, offered: Programs, factor: float) -> Programs:
    """Return (1 − factor)·planned + factor·offered; choices that are whole are those of the offer."""
    found = {
        item.name: getattr(offered, item.name)
        if item.name not in _MIXED
        else (1 - factor) * getattr(planned, item.name) + factor * getattr(offered, item.name)
        for item in fields(Programs)
    }
    return Programs(**found)


def blended_headroom(planned: Headroom, offered: Headroom, factor: float) -> Headroom:
    """Return such a blend of the reserve that units hold."""
    return Headroom(
        **{
            item.name: (1 - factor) * getattr(planned, item.name) + factor * getattr(offered, item.name)
            for item in fields(Headroom)
        }
    )
