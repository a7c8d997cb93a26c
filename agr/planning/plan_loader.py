"""Loads plans from the store; a plan that replanned only a part is merged with the plan before it."""

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from agr.planning import serialisation
from agr.planning.case import NamedCase, fixed
from agr.planning.difference import Solved
from agr.store import plans
from agr.store.engine import Tx
from models.case import Case
from models.outcome import Outcome


def load_stored(tx: Tx, plan: int) -> Solved:
    """Return the case and outcome stored with a plan: of the whole portfolio, or of a part (see `Plan.part`)."""
    return _unpacked(plans.archives(tx, plan))


def load_solved(tx: Tx, plan: int) -> Solved:
    """Return the whole portfolio's case and outcome of a stored plan."""
    return unpacked(read(tx, plan))


Archives = tuple[bytes, bytes]
"""Packed case and packed outcome."""


def read(tx: Tx, plan: int) -> list[Archives]:
    """Return the archives of a plan and of the plans that it builds on, newest first. Unpack them outside of `tx`."""
    return read_since(tx, plan, None)[0]


def read_since(tx: Tx, plan: int, known: int | None) -> tuple[list[Archives], bool]:
    """Return the same as `read` without the plan `known` and those it builds on, and whether `known` is built on."""
    found: list[Archives] = []
    while plan != known:
        found.append(plans.archives(tx, plan))
        summary = plans.get(tx, plan)
        if summary is None or not summary.part or summary.predecessor is None:
            return found, False
        plan = summary.predecessor
    return found, True


def unpacked(archives: list[Archives], known: Solved | None = None) -> Solved:
    """Return the whole portfolio's case and outcome from the archives that `read` returned.

    They build on the plan that is `known`, if one is given; its arrays are reused, do not read them again.
    """
    solved = _unpacked(archives[-1]) if known is None else known
    for later in reversed(archives if known is not None else archives[:-1]):
        solved = merged(solved, _unpacked(later))
    return solved


def _unpacked(archives: Archives) -> Solved:
    case, outcome = archives
    return Solved(named=serialisation.unpack(NamedCase, case), outcome=serialisation.unpack(Outcome, outcome))


def merged(whole: Solved, part: Solved) -> Solved:
    """Return the whole portfolio with the part merged in. The arrays of `whole` are reused; do not read them again."""
    from models.part import whole_case, whole_outcome  # imports the decomposition, which takes half a second

    points = places(whole.named, part.named.case.points)
    case, before = part.named.case, whole.named.case
    outcome = whole_outcome(before, whole.outcome, points, case, part.outcome, in_place=True)
    return Solved(named=replace(whole.named, case=whole_case(before, whole.outcome, points, case)), outcome=outcome)


def places(named: NamedCase, addresses: tuple[str, ...]) -> NDArray[np.int64]:
    """Return the indices of congestion points in a case."""
    place = {address: i for i, address in enumerate(named.case.points)}
    return np.array([place[address] for address in addresses], dtype=np.int64)


def named_like(whole: NamedCase, points: NDArray[np.int64], case: Case) -> NamedCase:
    """Return the case of some congestion points with its names; the rest of the portfolio is one fixed unit.

    It is one per balancing group.
    """
    from models.part import members

    units = members(whole.case, points)
    names = {label: tuple(known[u] for u in units[label].tolist()) for label, known in whole.names.items()}
    rest = tuple(f"elsewhere, {name}" for name in case.balancing_groups.name) or ("elsewhere",)
    names[fixed.CLASS.name] = (*names.get(fixed.CLASS.name, ()), *rest)
    return NamedCase(case=case, dsos=tuple(whole.dsos[p] for p in points.tolist()), notes=(), names=names)
