"""The reserve that units hold at some congestion points of a plan. Pure."""

import numpy as np

from agr.planning.difference import Solved
from models.case import UNIT_CLASSES


def most_held_kw(solved: Solved, addresses: frozenset[str]) -> dict[str, float]:
    """Return resource → the most reserve that it holds on a side in any ISP, kW, whether or not its DSO calls.

    Of the units at these congestion points that may hold reserve; others are left out.
    """
    case, outcome = solved.named.case, solved.outcome
    points = [row for row, address in enumerate(case.points) if address in addresses]
    found: dict[str, float] = {}
    for name in UNIT_CLASSES if points and case.reserves else ():
        arrays = case.units(name)
        able = getattr(arrays, "reserve_kw", None)  # classes without it hold none
        if able is None:
            continue
        units = np.flatnonzero(np.isin(arrays.point, points) & (able > 0))
        for headroom in (outcome.headroom, outcome.called_headroom):
            for side in ("up", "down") if headroom is not None else ():
                held = getattr(headroom, f"{name}_{side}_kw")[:, units].sum(axis=0, dtype=np.float64).max(axis=1)
                for unit, kw in zip(units.tolist(), held.tolist(), strict=True):
                    resource = solved.named.of(name)[unit]
                    found[resource] = max(found.get(resource, 0.0), kw)
    return found
