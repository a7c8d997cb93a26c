"""Adds up units for the audit: programs of congestion points and reserve held."""

from collections.abc import Iterator

import numpy as np

from models.audit.resources.registry import CLASSES
from models.audit.scenario import by_point, held_kw
from models.case import Case, Floats
from models.outcome import Headroom, Programs


def points_kw(case: Case, programs: Programs) -> Floats:
    """Return the program (C+1,T), kW, of every congestion point; the last row is for units in none."""
    total = np.zeros((len(case.points) + 1, case.isps))
    for of_class in CLASSES:
        total += by_point(case, case.units(of_class.name).point, of_class.power_kw(case, programs))
    return total


def all_held_kw(headroom: Headroom, side: str) -> Iterator[Floats]:
    """Yield the reserve (R,U,T), kW, of every class that may hold some, on a side, "up" or "down"."""
    for of_class in CLASSES:
        if of_class.reserve_kw is not None:
            yield held_kw(headroom, of_class.name, side)
