"""A congestion point of many units, in which only the largest may move for an offer: the others keep their programs.

What is offered in this way can be delivered, and costs no less than it would with all units free to move.
Source: docs/explanation/flexibility-offers.md.
"""

from dataclasses import replace
from typing import Any

import numpy as np

from models.arrays import Bools, Floats
from models.case import Case
from models.outcome import Outcome, Programs
from models.resources.protocols import ResourceClass
from models.resources.registry import PRICED


def with_few_free(part: Case, planned: Outcome, most: int) -> Case | None:
    """Return the point's case in which at most `most` units may move, those that can change their power the most.

    None where that cannot be: units of other classes are too many, or a FlexOption has called programs of its own.
    """
    kept = part.pinnable()
    left = most - sum(one.count(part) for one in PRICED if one.name not in kept)
    if left <= 0 or bool(part.reservations.reserved_kw.any()):
        return None
    able = [one for one in PRICED if one.name in kept]
    ranges = [_range_kw(part, one) for one in able]
    if sum(map(len, ranges)) <= left:
        return part
    largest = np.argsort(-np.concatenate(ranges), kind="stable")[:left]
    free = np.zeros(sum(map(len, ranges)), dtype=np.bool_)
    free[largest] = True
    mine = np.split(free, np.cumsum([len(one) for one in ranges])[:-1])
    held: dict[str, Any] = {
        one.name: replace(kept[one.name], pinned_kw=_pinned(part, one, planned.programs, some))  # type: ignore[type-var]
        for one, some in zip(able, mine, strict=True)
    }
    return replace(part, **held)


def _range_kw(part: Case, one: ResourceClass) -> Floats:
    """Return by how much each unit (U,) of a class could change its power in some ISP, kW."""
    if not one.count(part):
        return np.zeros(0)
    low, high = one.range_kw(part, np.arange(one.count(part)))
    found: Floats = (high - low).max(axis=1)
    return found


def _pinned(part: Case, one: ResourceClass, programs: Programs, free: Bools) -> Floats:
    """Return pinned programs (U,T), kW: as before for units that are free, as planned for all others."""
    every = slice(None)
    planned_kw = one.power_kw(part, every, programs.of(one.fields, every))
    before_kw = part.pinnable()[one.name].pinned_kw
    found: Floats = np.where(free[:, None], np.broadcast_to(before_kw, planned_kw.shape), planned_kw)
    return found
