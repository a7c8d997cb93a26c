"""Adds up all resource classes: programs of congestion points, reserve held, and the money of units."""

from collections.abc import Iterable, Mapping

import numpy as np

from models.adding import sum_rows
from models.block import called_units, per_point, slices
from models.case import Case, Floats, Ints
from models.headroom import counted_side
from models.outcome import Fields, Headroom, Programs, Rows
from models.resources.protocols import ResourceClass
from models.resources.registry import FIXED, RESOURCES

_CALLED_MISSED = "called comfort shortfall"


def points_kw(case: Case, programs: Programs) -> Floats:
    """Return the programs P_c (C+1,T), kW; the last row is for units in no congestion point."""
    return added(units_kw(case, resource, None, programs.of(resource.fields)) for resource in RESOURCES)


def group_points_kw(case: Case, programs: Programs, group: int) -> Floats:
    """Return the programs (C+1,T), kW, of the units of one balancing group at each congestion point."""
    units = {resource: np.flatnonzero(case.balanced_in(resource.name) == group) for resource in RESOURCES}
    return added(units_kw(case, resource, mine, programs.of(resource.fields, mine)) for resource, mine in units.items())


def groups_kw(case: Case, programs: Programs, point_kw: Floats) -> Floats:
    """Return the program (G,T), kW, of each balancing group, given those of congestion points (C+1,T)."""
    count = len(case.balancing_groups.name)
    if not count:
        return np.asarray(point_kw.sum(axis=0)[None])
    return np.array([group_points_kw(case, programs, group).sum(axis=0) for group in range(count)])


def fixed_groups_kw(case: Case) -> Floats:
    """Return the programs (G,T), kW, of fixed units in each balancing group."""
    result = np.zeros((max(len(case.balancing_groups.name), 1), case.isps))
    units = np.arange(len(case.fixed.point))
    np.add.at(result, case.balanced_in(FIXED.name), FIXED.power_kw(case, units, {}))
    return result


def added(parts: Iterable[Floats]) -> Floats:
    """Return the sum of one or more arrays, all of the same shape and unit, added up in order."""
    first, *others = parts
    total = first
    for part in others:
        total = total + part
    return total


def held_kw(case: Case, headroom: Headroom, without: Mapping[str, Ints] | None = None) -> Floats:
    """Return the reserve (R,T), kW, that all units hold, but for those in `without`: class → units (n,)."""
    total = np.zeros((len(case.reserves), case.isps))
    for r, reserve in enumerate(case.reserves):
        for one in RESOURCES:
            if one.reserving is not None:
                held = headroom.of(one.name, counted_side(reserve))[r]
                left = 0.0 if without is None else held[without[one.name]].sum(axis=0, dtype=np.float64)
                total[r] += held.sum(axis=0, dtype=np.float64) - left
    return total


def units_kw(case: Case, resource: ResourceClass, units: Ints | None, fields: Fields) -> Floats:
    """Return the sum (C+1,T), kW, of programs of a class's units (n,), or of all if None, per congestion point."""
    point = resource.arrays(case).point
    result = np.zeros((len(case.points) + 1, case.isps))
    for few in slices(len(point) if units is None else len(units)):
        who: Rows = few if units is None else units[few]
        some = {name: values[few] for name, values in fields.items()}
        before = result if few.start else None
        result = sum_rows(resource.power_kw(case, who, some), point[who], len(result), before)
    return result


def planned_terms(case: Case, programs: Programs) -> dict[str, Floats]:
    """Return the earnings of all units with their planned programs, by term and congestion point (C+1,), EUR."""
    result: dict[str, Floats] = {}
    for resource in RESOURCES:
        everyone = slice(None)
        eur = resource.terms_eur(case, everyone, programs.of(resource.fields), False)
        _place(case, resource, everyone, eur, result)
    return result


def called_terms(case: Case, called: Mapping[str, tuple[Ints, Fields]]) -> dict[str, Floats]:
    """Return the earnings of called programs, by term and congestion point (C+1,), EUR.

    `called`: class → units (n,) that have a called program, and its fields. What nobody could meet is charged to
    the plan only.
    """
    result: dict[str, Floats] = {}
    for resource in RESOURCES:
        if resource.name in called:
            units, fields = called[resource.name]
            _place(case, resource, units, resource.terms_eur(case, units, fields, True), result)
            if resource.unavoidable_eur is not None:
                _place(case, resource, units, {_CALLED_MISSED: resource.unavoidable_eur(case, units)}, result)
    return result


def unavoidable_eur(case: Case) -> float:
    """Return what the called programs of all units miss whatever they do, at the price of missing it, EUR.

    It is the constant by which the money of called programs lies above that of their missed needs.
    """
    total = 0.0
    for resource in RESOURCES:
        if resource.unavoidable_eur is not None:
            units = np.flatnonzero(called_units(case, resource.arrays(case).point))
            total += float(resource.unavoidable_eur(case, units).sum()) if len(units) else 0.0
    return total


def _place(
    case: Case, resource: ResourceClass, units: Rows, eur: Mapping[str, Floats], into: dict[str, Floats]
) -> None:
    point = resource.arrays(case).point[units]
    for term, amounts in eur.items():
        placed = per_point(case, point, amounts)
        into[term] = into[term] + placed if term in into else placed
