"""The reserve that units hold at congestion points, in a plan and in programs that are on offer."""

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from agr.domain.flexibility import BoundOffer
from agr.planning.case import HeldMost
from agr.planning.difference import Solved
from agr.planning.offered import OfferedPrograms, offered_programs
from agr.planning.ports import PlanningSettings, PlanReader
from models.case import UNIT_CLASSES, Direction, Headroom


def most_held_kw(solved: Solved, addresses: frozenset[str]) -> dict[str, float]:
    """Return resource → the most reserve that it holds on a side in any ISP, kW, whether or not its DSO calls.

    Of the units at these congestion points that may hold reserve; others are left out.
    """
    case, outcome = solved.named.case, solved.outcome
    points = [row for row, address in enumerate(case.points) if address in addresses]
    found: dict[str, float] = {}
    for name in UNIT_CLASSES if points and case.reserves else ():
        units = np.flatnonzero(np.isin(case.units(name).point, points) & (case.reserve_kw(name) > 0))
        if not len(units):
            continue
        sides = [
            headroom.of(name, side)
            for headroom in (outcome.headroom, outcome.called_headroom)
            if headroom is not None
            for side in (Direction.UP, Direction.DOWN)
        ]
        for on_side in sides:
            held = on_side[:, units].sum(axis=0, dtype=np.float64).max(axis=1)
            for unit, kw in zip(units.tolist(), held.tolist(), strict=True):
                resource = solved.named.of(name)[unit]
                found[resource] = max(found.get(resource, 0.0), kw)
    return found


def held_by_offers(
    reader: PlanReader, settings: PlanningSettings, offers: Sequence[BoundOffer]
) -> dict[str, Mapping[str, HeldMost]]:  # fmt: skip
    """Return congestion point → product → the reserve that its program on offer holds; unknown ones are left out."""
    if not settings.markets.capacity:
        return {}
    kept = {one.congestion_point: offered_programs(reader.offered_programs(one.message_id)) for one in offers}
    return {address: reserve_of(programs) for address, programs in kept.items() if programs is not None}


def reserve_of(programs: OfferedPrograms) -> Mapping[str, HeldMost]:
    """Return balancing product → what every option of an offer holds of it, kW (T,); nothing where that is not known.

    An order of a part lies between that and what the plan holds.
    """
    each = [
        (_held_kw(one.headroom), _held_kw(one.called_headroom or one.headroom)) for one in programs.outcomes
    ]  # fmt: skip
    if not each:
        return {}
    planned, called = (np.min([pair[k] for pair in each], axis=0) for k in range(2))
    return {
        product: HeldMost(planned_kw=planned[r], called_kw=called[r]) for r, product in enumerate(programs.products)
    }


def _held_kw(headroom: Headroom) -> NDArray[np.float64]:
    """Return the reserve (R,T), kW, that all units hold: a product takes one side, or the same of both."""
    sides = ((headroom.of(name, Direction.UP), headroom.of(name, Direction.DOWN)) for name in Headroom.classes())
    tables = [np.maximum(up.sum(axis=1, dtype=np.float64), down.sum(axis=1, dtype=np.float64)) for up, down in sides]
    return np.asarray(np.sum(tables, axis=0))
