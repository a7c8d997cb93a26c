"""Parts of an offer: a blend of two programs of the same units, and where that is a program again.

Source: docs/explanation/flexibility-offers.md.
"""

from dataclasses import fields

from models.case import Case, Headroom, Programs
from models.outcome import Outcome

_KW = 1e-6
_MIXED = ("curtailable_kw", "charge_kw", "discharge_kw", "energy_kwh", "unmet_kwh", "excess_kwh")


def convex(case: Case, planned: Outcome, offered: Outcome) -> bool:
    """Return whether every blend of the planned and the offered programs of a point can be run.

    Not so where runs, switched units and cars with a least power have a choice, and where a store charges in one
    program and discharges in the other: it cannot do both at once.
    """
    if bool((case.shiftable.last_start > case.shiftable.first_start).any()) or len(case.switched.point):
        return False
    if bool((case.storage.charge_min_kw > 0).any()):
        return False
    pairs = [(planned.programs, offered.programs)]
    if planned.called is not None and offered.called is not None:
        pairs.append((planned.called, offered.called))
    return not any(_cross(before, after) for before, after in pairs)


def _cross(before: Programs, after: Programs) -> bool:
    both = ((before.charge_kw > _KW) & (after.discharge_kw > _KW)) | (
        (before.discharge_kw > _KW) & (after.charge_kw > _KW)
    )
    return bool(both.any())


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
    """Return the same of the reserve that units hold."""
    return Headroom(
        **{
            item.name: (1 - factor) * getattr(planned, item.name) + factor * getattr(offered, item.name)
            for item in fields(Headroom)
        }
    )
