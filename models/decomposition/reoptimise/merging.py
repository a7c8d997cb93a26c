"""Puts a part of a portfolio that was planned again back into the whole. Numpy only.

Source: docs/explanation/optimisation.md §3.6.
"""

from collections.abc import Callable, Mapping
from dataclasses import fields, replace
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from models.arrays import of_rows
from models.block import reserved_points
from models.case import Case, Floats, Headroom, Ints, Programs
from models.decomposition.reoptimise.subproblem import MOVED, members, sums_at
from models.markets.registry import MARKETS
from models.outcome import Outcome
from models.reserve_room import SIDES
from models.resources.registry import RESOURCES

Patched: TypeAlias = Callable[[NDArray[Any], Any, NDArray[Any]], NDArray[Any]]
"""(array, rows, values): the array with these values in its rows"""


def whole_case(case: Case, outcome: Outcome, points: Ints, new: Case) -> Case:
    """Return the whole portfolio's case after its part `new`, congestion points (n,), was planned again.

    `outcome` is the one before.
    """
    anchor = None
    if new.anchor is not None:
        anchor = replace(new.anchor, point_kw=outcome.point_kw.copy())
        anchor.point_kw[points] = new.anchor.point_kw
    return replace(
        case, reservations=_joined(case.reservations, points, new.reservations), anchor=anchor,
        orders=_joined(case.orders, points, new.orders),
        held_at_most=_joined(case.held_at_most, points, new.held_at_most),
    )  # fmt: skip


def _joined(whole: Any, points: Ints, new: Any) -> Any:
    """Return the contracts or orders outside the part, then those of the part."""
    rows = np.flatnonzero(~np.isin(whole.point, points))
    old = of_rows(whole, rows)
    if not len(new.point):  # an array without rows may have no columns either
        return old
    values: dict[str, Any] = {}
    for item in fields(old):
        before, after = getattr(old, item.name), getattr(new, item.name)
        if item.name == "name":
            values[item.name] = before + after
        else:
            values[item.name] = np.concatenate([before, after]) if len(rows) else after.copy()
    values["point"][len(rows) :] = points[new.point]
    return type(whole)(**values)


def whole_outcome(
    case: Case, outcome: Outcome, points: Ints, new_case: Case, new: Outcome, *, in_place: bool = False
) -> Outcome:
    """Return the whole portfolio's outcome with that of its part, congestion points (n,), in it.

    `case` and `outcome` are the ones before.

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
    duals = new.duals
    values, prices = _placed(case, outcome, points, new, patched)
    places = {name: eur for name, eur in outcome.point_terms_eur.items() if name != MOVED or new_case.anchor is None}
    for name in new.point_terms_eur:
        places.setdefault(name, np.zeros(len(case.points) + 1))
    return replace(
        new,
        **values,
        programs=programs,
        called=called,
        headroom=headroom,
        called_headroom=called_headroom,
        point_kw=patched(outcome.point_kw, points, new.point_kw),
        point_terms_eur={
            name: patched(eur, points, new.point_terms_eur.get(name, np.zeros(len(points) + 1))[:-1])
            for name, eur in places.items()
        },
        shadow=replace(new.shadow, **prices),
        duals=None
        if duals is None or outcome.duals is None
        else replace(
            duals,
            program=patched(outcome.duals.program, points, duals.program),
            call=patched(outcome.duals.call, points, duals.call),
            connections=_put(outcome.duals.connections, sums_at(case, points), duals.connections, patched),
        ),
    )


def _placed(
    case: Case, outcome: Outcome, points: Ints, new: Outcome, patched: Patched
) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return the values and the shadow prices of all markets' rows at congestion points, by field."""
    values, prices = dict[str, Any](), dict[str, Any]()
    for table in (table for market in MARKETS for table in market.placed):
        rows = table.at(case, points)
        for found, names, before, after in (
            (values, table.values, outcome, new),
            (prices, table.prices, outcome.shadow, new.shadow),
        ):
            for name in names:
                old, now = getattr(before, name), getattr(after, name)
                if table.renewed:
                    found[name] = _stacked(np.delete(old, rows, axis=0), now)
                else:
                    found[name] = _put(old, rows, now, patched)
    return values, prices


def _put(old: NDArray[Any], rows: Ints, now: NDArray[Any], patched: Patched) -> NDArray[Any]:
    """Return an array with new values in some rows; without any of these, the part's array may have no columns."""
    return patched(old, rows, now) if len(rows) else old


def _stacked(old: Floats, new: Floats) -> Floats:
    """Return the rows of both; an array without rows may have no columns either."""
    return np.concatenate([old, new]) if len(old) and len(new) else (old if len(old) else new)


def _programs(old: Programs, new: Programs, units: Mapping[str, Ints], patched: Patched) -> Programs:
    return Programs(
        **{
            name: patched(getattr(old, name), units[resource.name], getattr(new, name))
            for resource in RESOURCES
            for name in resource.fields
        }
    )


def _headroom(old: Headroom, new: Headroom, units: Mapping[str, Ints], patched: Patched) -> Headroom:
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
