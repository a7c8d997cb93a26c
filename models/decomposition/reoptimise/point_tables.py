"""Cuts out, for some congestion points, those fields of a case that concern congestion points alone. Numpy only."""

from dataclasses import replace
from typing import Any

import numpy as np

from models.arrays import of_rows
from models.case import NO_POINT, POINT_TABLES, Case, Ints


def places(case: Case, points: Ints) -> Ints:
    """Return the place (C+1,) of each congestion point among `points` (n,); NO_POINT for all others, and for none."""
    place = np.full(len(case.points) + 1, NO_POINT)
    place[points] = np.arange(len(points))
    return place


def rows_of(table: Any, rows: Ints, place: Ints) -> Any:
    """Return some rows of every array and of names, with congestion points renumbered by `place` (C+1,)."""
    chosen = of_rows(table, rows)
    return replace(chosen, point=place[chosen.point])


def at_points(case: Case, points: Ints, place: Ints) -> dict[str, Any]:
    """Return, by name, the fields of a case with only `points` (n,), which have these places (C+1,).

    They have the names, tables and announced programs of these congestion points. The rest concerns units and markets.
    """
    tables = {name: getattr(case, name) for name in POINT_TABLES}
    return {
        "points": tuple(case.points[point] for point in points.tolist()),
        "anchor": None if case.anchor is None else replace(case.anchor, point_kw=case.anchor.point_kw[points]),
        "called_from": case.called_from[points] if case.called_from.size else case.called_from,
        **{
            name: rows_of(table, np.flatnonzero(place[table.point] != NO_POINT), place)
            for name, table in tables.items()
        },
    }
