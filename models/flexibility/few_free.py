"""A congestion point of many units, in which only the largest may move for an offer: the others keep their programs.

What is offered so can be delivered, and costs no less than what all units together could do it for.
Source: docs/explanation/flexibility-offers.md.
"""

from dataclasses import replace

import numpy as np

from models.arrays import Bools, Floats, Ints
from models.case import Case
from models.outcome import Outcome
from models.resources.registry import BY_NAME, PRICED

_KEPT = ("storage", "curtailable")
"""Classes whose units can be kept at any program."""


def with_few_free(part: Case, planned: Outcome, most: int) -> Case | None:
    """Return the point's case in which at most so many units may move, those that can change their power the most.

    None where that cannot be: units of other classes are too many, or a FlexOption has called programs of its own.
    """
    units = {one.name: np.arange(one.count(part)) for one in PRICED}
    left = most - sum(len(mine) for name, mine in units.items() if name not in _KEPT)
    if left <= 0 or bool(part.reservations.reserved_kw.any()):
        return None
    ranges = [_range_kw(part, name, units[name]) for name in _KEPT]
    if sum(map(len, ranges)) <= left:
        return part
    largest = np.argsort(-np.concatenate(ranges), kind="stable")[:left]
    free = np.zeros(sum(map(len, ranges)), dtype=np.bool_)
    free[largest] = True
    storage, curtailable = free[: len(ranges[0])], free[len(ranges[0]) :]
    programs = planned.programs
    return replace(
        part,
        storage=replace(
            part.storage, pinned_kw=_pinned(part.storage.pinned_kw, programs.charge_kw - programs.discharge_kw, storage)
        ),
        curtailable=replace(
            part.curtailable, pinned_kw=_pinned(part.curtailable.pinned_kw, programs.curtailable_kw, curtailable)
        ),
    )


def _range_kw(part: Case, name: str, units: Ints) -> Floats:
    """Return by how much each unit (U,) could change its power in some ISP."""
    if not len(units):
        return np.zeros(0)
    low, high = BY_NAME[name].range_kw(part, units)
    found: Floats = (high - low).max(axis=1)
    return found


def _pinned(before_kw: Floats, planned_kw: Floats, free: Bools) -> Floats:
    """Return pinned programs (U,T): as before for units that are free, as planned for all others."""
    found: Floats = np.where(free[:, None], np.broadcast_to(before_kw, planned_kw.shape), planned_kw)
    return found
