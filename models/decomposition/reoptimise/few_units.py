"""Cuts a few units out of a planned portfolio, with every limit and tariff that counts them; all others are fixed.

Unlike `selection`, it takes units behind connections too: what others draw behind the same limits and tariffs is a
fixed unit there. It is made to be planned by the reference, so it has no prices. Numpy only.
Source: docs/explanation/optimisation.md §3.5.
"""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from models.case import (
    NO_LIMIT,
    NO_POINT,
    NO_TARIFF,
    UNIT_CLASSES,
    Case,
    ConnectionLimits,
    ConnectionTariffs,
    Fixed,
    Floats,
    Ints,
    no_connection_limits,
    no_connection_tariffs,
)
from models.decomposition.reoptimise.point_tables import at_points, places, rows_of
from models.decomposition.reoptimise.selection import Selection, others_hold
from models.outcome import Outcome
from models.resources.registry import FIXED, PRICED, RESOURCES


def few_units(case: Case, outcome: Outcome, units: Mapping[str, Ints]) -> Selection:
    """Return the case in which only `units`, class → positions (n,), ascending, choose their programs.

    Bids are fixed at those of the outcome. None of the units may be called, and the case has no balancing groups.
    """
    points = np.unique(np.concatenate([one.arrays(case).point[units[one.name]] for one in PRICED]))
    points = points[points != NO_POINT]
    place = places(case, points)
    leaf, limits = _limits(case, units)
    payer, tariffs = _payers(case, units)
    others, where = _others(case, outcome, units, (place, leaf, payer))
    behind = {one.name: (leaf[case.leaf(one.name)[units[one.name]]], payer[case.tariff(one.name)[units[one.name]]])
              for one in PRICED} | {FIXED.name: (where[:, 1], where[:, 2])}  # fmt: skip
    tables: dict[str, Any] = {one.name: rows_of(one.arrays(case), units[one.name], place) for one in PRICED}
    part = replace(
        case,
        **tables,
        **at_points(case, points, place),
        fixed=Fixed(point=where[:, 0], program_kw=others),
        connection_limits=_limits_of(case, limits, leaf, place, tuple(behind[name][0] for name in UNIT_CLASSES)),
        connection_tariffs=_tariffs_of(case, tariffs, payer, place, tuple(behind[name][1] for name in UNIT_CLASSES)),
        brought_forward_eur=0.0,
        start=None,
        remainder=others_hold(case, outcome, units, np.zeros(len(case.points) + 1, dtype=np.bool_)),
        reserves=tuple(
            replace(product, committed_mw=bids) for product, bids in zip(case.reserves, outcome.bids_mw, strict=True)
        ),
    )  # fmt: skip
    return Selection(units=units, case=part)


def _limits(case: Case, units: Mapping[str, Ints]) -> tuple[Ints, Ints]:
    """Return for each limit (L+1,) the number of the first one around it that counts any of the units, and these (m,).

    The last entry is for units behind no limit.
    """
    parent, count = case.connection_limits.parent, len(case.connection_limits.name)
    kept = np.zeros(count + 1, dtype=np.bool_)
    for one in PRICED:
        kept[case.leaf(one.name)[units[one.name]]] = True
    for limit in range(count):  # a parent comes later
        if kept[limit]:
            kept[parent[limit]] = True
    rows = np.flatnonzero(kept[:-1])
    number = np.full(count + 1, NO_LIMIT)
    number[rows] = np.arange(len(rows))
    for limit in range(count - 1, -1, -1):
        if not kept[limit]:
            number[limit] = number[parent[limit]]
    return number, rows


def _payers(case: Case, units: Mapping[str, Ints]) -> tuple[Ints, Ints]:
    """Return the number (N+1,) of each connection among those with a tariff of any of the units, and these (m,)."""
    count = len(case.connection_tariffs.name)
    rows = np.unique(np.concatenate([case.tariff(one.name)[units[one.name]] for one in PRICED]))
    rows = rows[rows != NO_TARIFF]
    number = np.full(count + 1, NO_TARIFF)
    number[rows] = np.arange(len(rows))
    return number, rows


def _others(
    case: Case, outcome: Outcome, units: Mapping[str, Ints], numbers: tuple[Ints, Ints, Ints]
) -> tuple[Floats, Ints]:
    """Return what all others draw (k,T), kW, by where it counts: point, limit and tariff of the part (k,3).

    `numbers`: the number in the part of each point, limit and tariff of the case.
    """
    place, leaf, payer = numbers
    where, power = [], []
    for one in RESOURCES:
        rest = np.ones(one.count(case), dtype=np.bool_)
        rest[units.get(one.name, [])] = False
        mine = np.flatnonzero(rest)
        point = place[one.arrays(case).point[mine]]
        of = np.stack([point, leaf[case.leaf(one.name)[mine]], payer[case.tariff(one.name)[mine]]], axis=1)
        there, at = np.unique(of, axis=0, return_inverse=True)
        total = np.zeros((len(there), case.isps))
        np.add.at(total, at.ravel(), one.power_kw(case, mine, outcome.programs.of(one.fields, mine)))
        where.append(there)
        power.append(total)
    return np.concatenate(power), np.concatenate(where)


def _limits_of(case: Case, rows: Ints, number: Ints, place: Ints, leaf: tuple[Ints, ...]) -> ConnectionLimits:
    """Return some limits (m,) with the innermost one of each unit of the part, `leaf`."""
    limits = case.connection_limits
    if not len(rows):
        return no_connection_limits()
    return ConnectionLimits(
        name=tuple(limits.name[row] for row in rows.tolist()), point=place[limits.point[rows]],
        parent=number[limits.parent[rows]], import_kw=limits.import_kw[rows], export_kw=limits.export_kw[rows],
        penalty_eur_per_mwh=limits.penalty_eur_per_mwh[rows], leaf=leaf,
    )  # fmt: skip


def _tariffs_of(case: Case, rows: Ints, number: Ints, place: Ints, of_units: tuple[Ints, ...]) -> ConnectionTariffs:
    """Return some connections (m,) with tariffs, their peak charges, and the connection of each unit of the part."""
    tariffs = case.connection_tariffs
    if not len(rows):
        return no_connection_tariffs()
    peaks = np.flatnonzero(np.isin(tariffs.peak_at, rows))
    reached = tariffs.unmanaged_reached_kw
    return replace(
        tariffs, name=tuple(tariffs.name[row] for row in rows.tolist()), point=place[tariffs.point[rows]],
        import_eur_per_mwh=tariffs.import_eur_per_mwh[rows], export_eur_per_mwh=tariffs.export_eur_per_mwh[rows],
        peak_at=number[tariffs.peak_at[peaks]], peak_eur_per_kw=tariffs.peak_eur_per_kw[peaks],
        peak_reached_kw=tariffs.peak_reached_kw[peaks], peak_inside=tariffs.peak_inside[peaks],
        of_units=of_units, unmanaged_reached_kw=reached[peaks] if len(reached) else reached,
    )  # fmt: skip
