"""Limits of connections and of groups of connections, which lie in each other, as one tree of limits. Pure.

A connection, or a group, may have several limits on one day: each lies in the next one, the last in those of the group
above. Only limits that count some unit of the case are in it.
"""

from collections.abc import Iterator, Mapping

import numpy as np
from numpy.typing import NDArray

from agr.domain.register import ConnectionLimit, in_window
from agr.planning.case.inputs import Inputs
from models.case import NO_LIMIT, NO_POINT, UNIT_CLASSES, ConnectionLimits, no_connection_limits

Ints = NDArray[np.int64]


def connection_limits(
    inputs: Inputs, names: Mapping[str, tuple[str, ...]], points: Mapping[str, Ints]
) -> ConnectionLimits:
    """Return the limits of a Period, given the resources and the congestion points of the units of every class."""
    day, place_of = inputs.period.day, inputs.register.connection_of()
    rows: dict[str, list[ConnectionLimit]] = {}
    for row in inputs.register.connection_limits:
        if row.first_day <= day and (row.last_day is None or day <= row.last_day):
            rows.setdefault(row.at, []).append(row)
    if not rows:
        return no_connection_limits()
    chains = {c.address: tuple(_chain(inputs, c.address, c.limit_group)) for c in inputs.register.connections}
    found = {name: [chains[place_of[unit]] for unit in units] for name, units in names.items()}
    places = {place: depth for of in found.values() for chain in of for depth, place in enumerate(reversed(chain))}
    ordered = [place for place in sorted(places, key=lambda place: (-places[place], place)) if place in rows]
    first = dict(zip(ordered, np.cumsum([0, *(len(rows[place]) for place in ordered)]).tolist(), strict=False))
    within = {chain[i]: chain[i + 1 :] for of in found.values() for chain in of for i in range(len(chain))}

    def innermost(chain: tuple[str, ...]) -> int:
        return next((first[place] for place in chain if place in first), NO_LIMIT)

    limits = [(place, row) for place in ordered for row in rows[place]]
    if not limits:
        return no_connection_limits()
    parent = np.arange(1, len(limits) + 1)
    for place in ordered:
        parent[first[place] + len(rows[place]) - 1] = innermost(within[place])
    leaf = {name: np.array([innermost(chain) for chain in found[name]], dtype=np.int64) for name in UNIT_CLASSES}
    upper = np.full((len(limits), inputs.period.isp_count), np.inf)
    lower = -upper
    for i, (_, row) in enumerate(limits):
        inside = np.array(in_window(inputs.period, row.window_start, row.window_end))
        if row.import_kw is not None:
            upper[i, inside] = row.import_kw
        if row.export_kw is not None:
            lower[i, inside] = -row.export_kw
    return ConnectionLimits(
        name=tuple(place for place, _ in limits),
        point=_points(parent, leaf, points),
        parent=parent,
        import_kw=upper,
        export_kw=lower,
        penalty_eur_per_mwh=np.array([row.penalty_eur_per_mwh for _, row in limits], dtype=float),
        leaf=tuple(leaf[name] for name in UNIT_CLASSES),
    )


def _chain(inputs: Inputs, address: str, group: str | None) -> Iterator[str]:
    """Yield a connection, its group, and the groups that this one lies in; tables without circles end."""
    parents = {row.group: row.parent for row in inputs.register.limit_groups}
    yield address
    seen: set[str] = set()
    while group is not None and group not in seen:
        seen.add(group)
        yield group
        group = parents.get(group)


def _points(parent: Ints, leaf: Mapping[str, Ints], points: Mapping[str, Ints]) -> Ints:
    """Return the congestion point of the units that count at each limit; NO_POINT if they lie in several or none."""
    low, high = np.full(len(parent), np.iinfo(np.int64).max), np.full(len(parent), np.iinfo(np.int64).min)
    for name, of in leaf.items():
        behind = of != NO_LIMIT
        np.minimum.at(low, of[behind], points[name][behind])
        np.maximum.at(high, of[behind], points[name][behind])
    for limit, above in enumerate(parent.tolist()):
        if above != NO_LIMIT:
            low[above], high[above] = min(low[above], low[limit]), max(high[above], high[limit])
    return np.where(low == high, low, NO_POINT)
