"""Cuts a few congestion points out of a planned portfolio as a case of their own, and puts the result back.

The case has all markets. All other units, the fixed remainder, enter it as one fixed program, the reserve they hold and
the money they earn. Numpy only. Source: docs/explanation/optimisation.md §3.6.
"""

from collections.abc import Mapping
from dataclasses import fields, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from models.arrays import of_rows
from models.block import reserved_points
from models.case import (
    NO_LIMIT,
    NO_POINT,
    UNIT_CLASSES,
    Anchor,
    Case,
    ConnectionLimits,
    Direction,
    Duals,
    Fixed,
    FixedRemainder,
    Floats,
    Ints,
    Reservations,
    no_connection_limits,
)
from models.errors import CaseError
from models.headroom import takes
from models.markets.connection_limits.trees import chains
from models.outcome import Headroom, Outcome, Programs
from models.reserve_room import SIDES
from models.resources.registry import FIXED, RESOURCES

_MOVED = "prognosis change"
_BREACHES = (
    "connection_import_breach_kw", "connection_export_breach_kw", "called_connection_import_breach_kw",
    "called_connection_export_breach_kw",
)  # fmt: skip


def members(case: Case, points: Ints) -> dict[str, Ints]:
    """Return the positions of each class's units at some congestion points (n,)."""
    here = np.zeros(len(case.points) + 1, dtype=np.bool_)
    here[points] = True
    return {resource.name: np.flatnonzero(here[resource.arrays(case).point]) for resource in RESOURCES}


def divisible(case: Case, points: Ints) -> bool:
    """Return whether no connection limit counts units at some congestion points (n,) together with others."""
    limits = case.connection_limits
    elsewhere = np.asarray(chains(limits) @ (~np.isin(limits.point, points)).astype(np.float64)) > 0
    for name, mine in members(case, points).items():
        leaf = case.leaf(name)[mine]
        if bool(elsewhere[leaf[leaf != NO_LIMIT]].any()):
            return False
    return True


def subproblem(case: Case, outcome: Outcome, points: Ints) -> Case:
    """Return the case of congestion points `points` (n,) alone, in their order; all others keep their programs.

    The outcome must have prices (`duals`): the part begins its search there, and proves its bound with them. Raises
    CaseError where the points are not `divisible` from the others.
    """
    if not divisible(case, points):
        raise CaseError("connection_limits: one of them counts units of the part together with others")
    units = members(case, points)
    place = np.full(len(case.points) + 1, NO_POINT)
    place[points] = np.arange(len(points))
    chosen: dict[str, Any] = {one.name: rows_of(one.arrays(case), units[one.name], place) for one in RESOURCES}
    others_kw = outcome.total_kw - outcome.point_kw[points].sum(axis=0)
    fixed = chosen[FIXED.name]
    chosen[FIXED.name] = Fixed(
        point=np.append(fixed.point, NO_POINT), program_kw=np.vstack([fixed.program_kw, others_kw])
    )
    for label in ("limits", "reservations"):
        rows = np.flatnonzero(place[getattr(case, label).point] != NO_POINT)
        chosen[label] = rows_of(getattr(case, label), rows, place)
    chosen["connection_limits"] = _limits_of(case, points, units, place)
    duals = outcome.duals
    return replace(
        case,
        points=tuple(case.points[point] for point in points.tolist()),
        anchor=None if case.anchor is None else replace(case.anchor, point_kw=case.anchor.point_kw[points]),
        start=None if duals is None else _prices_of(case, duals, points),
        remainder=_remainder(case, outcome, points, units),
        brought_forward_eur=0.0,  # among the remainder's terms
        **chosen,
    )


def _limits_of(case: Case, points: Ints, units: Mapping[str, Ints], place: Ints) -> ConnectionLimits:
    """Return the connection limits of the part, whose last fixed unit, the remainder, is behind none."""
    limits = case.connection_limits
    rows = _limits_at(case, points)
    if not len(rows):
        return no_connection_limits()
    number = np.full(len(limits.name) + 1, NO_LIMIT)
    number[rows] = np.arange(len(rows))
    leaf = tuple(
        np.append(number[case.leaf(name)[units[name]]], [NO_LIMIT] * (name == FIXED.name)).astype(np.int64)
        for name in UNIT_CLASSES
    )
    return ConnectionLimits(
        name=tuple(limits.name[row] for row in rows.tolist()),
        point=place[limits.point[rows]],
        parent=number[limits.parent[rows]],
        import_kw=limits.import_kw[rows],
        export_kw=limits.export_kw[rows],
        penalty_eur_per_mwh=limits.penalty_eur_per_mwh[rows],
        leaf=leaf,
    )


def _limits_at(case: Case, points: Ints) -> Ints:
    return np.flatnonzero(np.isin(case.connection_limits.point, points))


def _prices_of(case: Case, duals: Duals, points: Ints) -> Duals:
    return replace(
        duals, program=duals.program[points], call=duals.call[points],
        connections=duals.connections[_sums_at(case, points)],
    )  # fmt: skip


def _sums_at(case: Case, points: Ints) -> Ints:
    """Return the rows of a part's connection limits among the prices (4L,T) of all."""
    count, rows = len(case.connection_limits.name), _limits_at(case, points)
    return np.concatenate([k * count + rows for k in range(4)])


def rows_of(table: Any, rows: Ints, place: Ints) -> Any:
    """Return some rows of every array and of names, with congestion points renumbered by `place` (C+1,)."""
    chosen = of_rows(table, rows)
    return replace(chosen, point=place[chosen.point])


def _remainder(case: Case, outcome: Outcome, points: Ints, units: Mapping[str, Ints]) -> FixedRemainder:
    reserved = reserved_points(case)
    reserved[points] = False
    called = outcome.called_headroom if reserved.any() else None
    terms = {
        name: float(eur.sum() - eur[points].sum()) for name, eur in outcome.point_terms_eur.items() if name != "energy"
    }
    return FixedRemainder(
        held_kw=_held_kw(case, outcome.headroom, units),
        called_held_kw=None if called is None else _held_kw(case, called, units),
        terms_eur=terms,
        bids_mw=outcome.bids_mw,
    )


def _held_kw(case: Case, headroom: Headroom, without: Mapping[str, Ints]) -> Floats:
    """Return the reserve (R,T), kW, that all units hold but those in `without`."""
    total = np.zeros((len(case.reserves), case.isps))
    for r, reserve in enumerate(case.reserves):
        side = Direction.UP if takes(reserve, Direction.UP) else Direction.DOWN
        for one in RESOURCES:
            if one.reserving is not None:
                held = headroom.of(one.name, side)[r]
                total[r] += held.sum(axis=0, dtype=np.float64) - held[without[one.name]].sum(axis=0, dtype=np.float64)
    return total


def renewed(part_before: Case, reservations: Reservations, announced_kw: Floats | None, eur_per_mwh: float) -> Case:
    """Return the part with other reservations, whose points are numbered as in the part.

    Leaving the announced programs announced_kw (n,T) costs eur_per_mwh; the remainder keeps its programs, so that it
    costs nothing there.
    Raises CaseError for a case that is no part.
    """
    other = part_before.remainder
    if other is None:
        raise CaseError("remainder: the case is no part of a portfolio")
    if announced_kw is None or eur_per_mwh <= 0:
        return replace(part_before, reservations=reservations)
    left = {name: eur for name, eur in other.terms_eur.items() if name != _MOVED}
    anchor = Anchor(point_kw=announced_kw, eur_per_mwh=eur_per_mwh)
    return replace(part_before, reservations=reservations, anchor=anchor, remainder=replace(other, terms_eur=left))


def whole_case(case: Case, outcome: Outcome, points: Ints, new: Case) -> Case:
    """Return the whole portfolio's case after its part `new` was planned again; `outcome` is that before."""
    anchor = None
    if new.anchor is not None:
        anchor = replace(new.anchor, point_kw=outcome.point_kw.copy())
        anchor.point_kw[points] = new.anchor.point_kw
    return replace(case, reservations=_joined(case, points, new.reservations), anchor=anchor)


def _joined(case: Case, points: Ints, new: Reservations) -> Reservations:
    """Return the contracts outside the part, then those of the part."""
    rows = np.flatnonzero(~np.isin(case.reservations.point, points))
    old = rows_of(case.reservations, rows, np.arange(len(case.points) + 1))
    values: dict[str, Any] = {
        item.name: getattr(old, item.name) + new.name
        if item.name == "name"
        else np.concatenate([getattr(old, item.name), getattr(new, item.name)])
        for item in fields(old)
    }
    values["point"][len(rows) :] = points[new.point]
    return Reservations(**values)


def whole_outcome(
    case: Case, outcome: Outcome, points: Ints, new_case: Case, new: Outcome, *, in_place: bool = False
) -> Outcome:
    """Return the whole portfolio's outcome with that of its part in it; `case` and `outcome` are those before.

    With `in_place` its arrays are written to, and `outcome` must not be used any more.
    """
    units = members(case, points)

    def patched(old: NDArray[Any], rows: Any, values: NDArray[Any]) -> NDArray[Any]:
        result = old if in_place and old.flags.writeable else old.copy()
        result[rows] = values
        return result

    programs = _programs(outcome.programs, new.programs, units, patched)
    headroom = _headroom(outcome.headroom, new.headroom, units, patched)
    others = reserved_points(case)
    others[points] = False
    called, called_headroom = None, None
    if others.any() or new.called is not None:
        called = outcome.called or _copy(outcome.programs)
        called = _programs(called, new.called or new.programs, units, patched)
        called_headroom = outcome.called_headroom or _copy(outcome.headroom)
        called_headroom = _headroom(called_headroom, new.called_headroom or new.headroom, units, patched)
    limits = np.flatnonzero(np.isin(case.limits.point, points))
    behind = _limits_at(case, points)
    breaches = {name: patched(getattr(outcome, name), behind, getattr(new, name)) for name in _BREACHES if len(behind)}
    kept = ~np.isin(case.reservations.point, points)
    shadow, duals, here = outcome.shadow, new.duals, points
    places = {name: eur for name, eur in outcome.point_terms_eur.items() if name != _MOVED or new_case.anchor is None}
    for name in new.point_terms_eur:
        places.setdefault(name, np.zeros(len(case.points) + 1))
    return replace(
        new,
        **({name: getattr(outcome, name) for name in _BREACHES} | breaches),
        programs=programs,
        called=called,
        headroom=headroom,
        called_headroom=called_headroom,
        point_kw=patched(outcome.point_kw, here, new.point_kw),
        breach_import_kw=patched(outcome.breach_import_kw, limits, new.breach_import_kw),
        breach_export_kw=patched(outcome.breach_export_kw, limits, new.breach_export_kw),
        reservation_shortfall_kw=np.concatenate([outcome.reservation_shortfall_kw[kept], new.reservation_shortfall_kw]),
        point_terms_eur={
            name: patched(eur, here, new.point_terms_eur.get(name, np.zeros(len(points) + 1))[:-1])
            for name, eur in places.items()
        },
        shadow=replace(
            new.shadow,
            limit_import_eur_per_mwh=patched(
                shadow.limit_import_eur_per_mwh, limits, new.shadow.limit_import_eur_per_mwh
            ),
            limit_export_eur_per_mwh=patched(
                shadow.limit_export_eur_per_mwh, limits, new.shadow.limit_export_eur_per_mwh
            ),
            connection_import_eur_per_mwh=patched(
                shadow.connection_import_eur_per_mwh, behind, new.shadow.connection_import_eur_per_mwh
            )
            if len(behind)
            else shadow.connection_import_eur_per_mwh,
            connection_export_eur_per_mwh=patched(
                shadow.connection_export_eur_per_mwh, behind, new.shadow.connection_export_eur_per_mwh
            )
            if len(behind)
            else shadow.connection_export_eur_per_mwh,
            reservation_eur_per_mwh=np.concatenate(
                [shadow.reservation_eur_per_mwh[kept], new.shadow.reservation_eur_per_mwh]
            ),
        ),
        duals=None
        if duals is None or outcome.duals is None
        else replace(
            duals,
            program=patched(outcome.duals.program, here, duals.program),
            call=patched(outcome.duals.call, here, duals.call),
            connections=patched(outcome.duals.connections, _sums_at(case, points), duals.connections)
            if len(behind)
            else outcome.duals.connections,
        ),
    )


def _programs(old: Programs, new: Programs, units: Mapping[str, Ints], patched: Any) -> Programs:
    return Programs(
        **{
            name: patched(getattr(old, name), units[resource.name], getattr(new, name))
            for resource in RESOURCES
            for name in resource.fields
        }
    )


def _headroom(old: Headroom, new: Headroom, units: Mapping[str, Ints], patched: Any) -> Headroom:
    return Headroom.by_class(
        {
            (one.name, side): patched(old.of(one.name, side), (slice(None), units[one.name]), new.of(one.name, side))
            for one in RESOURCES
            if one.reserving is not None
            for side in SIDES
        }
    )


def _copy(table: Any) -> Any:
    return type(table)(**{item.name: getattr(table, item.name).copy() for item in fields(table)})
