"""Puts the holders of reserve together: a few units that stand for many, at the same prices each. Numpy only."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from models.arrays import of_rows
from models.block import reserved_points
from models.case import (
    NO_POINT,
    Bools,
    Case,
    Ints,
    no_balancing_groups,
    no_connection_limits,
    no_connection_tariffs,
)
from models.decomposition.prices.dual_prices import DualPrices
from models.decomposition.prices.grouping import Grouping, may_hold
from models.resources.protocols import ResourceClass
from models.resources.registry import RESOURCES


@dataclass(frozen=True, kw_only=True, eq=False)
class Holders:
    """A case of all holders put together."""

    case: Case
    rows: dict[str, Ints]  # per class (U,): the row of power prices that each unit sees, planned
    exact: bool  # whether each unit sees the prices of all holders it stands for, and these have no connection limits


_Key = tuple[str, int, bool]
"""Class, row of prices, and whether the units stand apart from others of their class"""


def put_together(case: Case, grouping: Grouping, prices: Sequence[DualPrices], most: int) -> Holders:
    """Return the holders as at most `most` units, or one per class; if prices differ too much, as one per class anyway.

    Holders are put together that see the same prices in each of `prices`.
    """
    found = _by_prices(case, grouping, prices)
    last = len(grouping.priced_points)
    limited = any(row > last for _, row, _ in found)  # behind a connection's limit, or in another balancing group
    exact = not limited and len(found) <= max(most, len({(name, apart) for name, _, apart in found}))
    if not exact:
        found = _by_class(found, last)
    tables: dict[str, Any] = {}
    rows: dict[str, Ints] = {}
    for resource in RESOURCES:
        keys = [key for key in sorted(found) if key[0] == resource.name]
        rows[resource.name] = np.array([key[1] for key in keys], dtype=np.int64)
        point = [int(np.append(grouping.priced_points, NO_POINT)[key[1]]) for key in keys]
        tables[resource.name] = _together(
            case, resource, [found[key] for key in keys], np.array(point, dtype=np.int64)
        )  # fmt: skip
    alone = replace(
        case, start=None, connection_limits=no_connection_limits(), connection_tariffs=no_connection_tariffs(),
        balancing_groups=no_balancing_groups(), **tables,
    )  # fmt: skip
    return Holders(case=alone, rows=rows, exact=exact)


def _by_prices(case: Case, grouping: Grouping, prices: Sequence[DualPrices]) -> dict[_Key, Ints]:
    """Return the holders by class and by row of the prices they see; the last row is that of unpriced points."""
    here = grouping.priced_points
    free = case.called_from[here] if case.called_from.size else np.full(len(here), case.isps)
    first = _first_alike(grouping, reserved_points(case)[here], free, prices)
    units: dict[_Key, list[Ints]] = defaultdict(list)
    for batch in grouping.batches:
        if not batch.called and batch.resource.reserving is not None:
            able = np.flatnonzero(may_hold(case, batch.resource)[batch.units])
            row = np.append(first, len(first) + np.arange(len(grouping.places.point)))[batch.rows.power[able]]
            units_here, apart = batch.units[able], _apart(case, batch.resource)[batch.units[able]]
            for key, alone in sorted(set(zip(row.tolist(), apart.tolist(), strict=True))):
                units[batch.resource.name, key, alone].append(units_here[(row == key) & (apart == alone)])
    return {key: np.concatenate(some) for key, some in units.items()}


def _first_alike(grouping: Grouping, reserved: Bools, free: Ints, prices: Sequence[DualPrices]) -> Ints:
    """Return for each row of prices (P+1,) the first one that holds the same prices, of points reserved likewise.

    `free`: the ISP from which called programs at each point heed no pins.

    Points with a price of zero are like unpriced ones, whose row is the last.
    """
    count = len(grouping.priced_points)
    seen = np.concatenate([np.concatenate([one.program, one.call], axis=1) for one in prices], axis=1)
    keyed = np.column_stack(
        [
            np.append(reserved, False),
            np.append(free, free.max(initial=0)),
            np.vstack([seen, np.zeros((1, seen.shape[1]))]),
        ]
    )
    _, alike = np.unique(keyed, axis=0, return_inverse=True)
    alike = alike.reshape(-1)
    first = np.full(alike.max() + 1, count, dtype=np.int64)
    np.minimum.at(first, alike, np.arange(count + 1))
    first[alike[count]] = count
    return first[alike]


def _apart(case: Case, resource: ResourceClass) -> Bools:
    if resource.reserving is None or resource.reserving.apart is None:
        return np.zeros(resource.count(case), dtype=np.bool_)
    return resource.reserving.apart(case)


def _by_class(found: dict[_Key, Ints], last: int) -> dict[_Key, Ints]:
    result: dict[_Key, Ints] = {}
    for (name, _, apart), units in found.items():
        key = (name, last, apart)
        result[key] = np.concatenate([result.get(key, units[:0]), units])
    return result


def _together(case: Case, resource: ResourceClass, groups: Sequence[Ints], point: Ints) -> Any:
    if resource.reserving is None or not groups:
        return of_rows(resource.arrays(case), np.zeros(0, dtype=np.int64))
    return resource.reserving.together(case, groups, point)
