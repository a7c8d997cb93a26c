"""Cuts a few congestion points out of a planned portfolio as a case of their own.

The case has all markets. All other units, the fixed remainder, enter it as one fixed program, the reserve they hold and
the money they earn. Numpy only. Source: docs/explanation/optimisation.md §3.6.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from models.block import reserved_points
from models.case import (
    NO_LIMIT,
    NO_POINT,
    NO_TARIFF,
    UNIT_CLASSES,
    Anchor,
    BalancingGroups,
    Case,
    ConnectionLimits,
    ConnectionTariffs,
    Duals,
    Fixed,
    FixedRemainder,
    Floats,
    Ints,
    Orders,
    Reservations,
    no_connection_limits,
    no_connection_tariffs,
)
from models.decomposition.reoptimise.point_tables import at_points, places, rows_of
from models.errors import CaseError
from models.headroom import counted_side
from models.markets.connection_limits.market import limits_at
from models.markets.connection_limits.trees import chains
from models.markets.connection_tariffs.market import peaks_at, tariffs_at
from models.outcome import Headroom, Outcome
from models.resources.registry import FIXED, RESOURCES
from models.resources.totals import group_points_kw, held_kw

MOVED = "prognosis change"


def members(case: Case, points: Ints) -> dict[str, Ints]:
    """Return class → the positions (m,) of its units at some congestion points (n,)."""
    here = np.zeros(len(case.points) + 1, dtype=np.bool_)
    here[points] = True
    return {resource.name: np.flatnonzero(here[resource.arrays(case).point]) for resource in RESOURCES}


def divisible(case: Case, points: Ints, *, tariffs: bool = False) -> bool:
    """Return whether some congestion points (n,) can be planned again by themselves.

    They cannot if a connection limit counts units there together with others, or if a connection there has a tariff:
    prices of peaks are not known for parts. With `tariffs` a tariff is no obstacle: no prices are needed, and what a
    connection draws is drawn at one point.
    """
    limits = case.connection_limits
    if not tariffs and bool(np.isin(case.connection_tariffs.point, points).any()):
        return False
    elsewhere = np.asarray(chains(limits) @ (~np.isin(limits.point, points)).astype(np.float64)) > 0
    for name, mine in members(case, points).items():
        leaf = case.leaf(name)[mine]
        if bool(elsewhere[leaf[leaf != NO_LIMIT]].any()):
            return False
    return True


@dataclass(frozen=True, kw_only=True, eq=False)
class HeldByAll:
    """Reserve (R,T), kW, that all units of a planned portfolio hold, planned and called."""

    planned_kw: Floats
    called_kw: Floats | None

    @staticmethod
    def of(case: Case, outcome: Outcome) -> "HeldByAll":
        """Return the sums: with 100,000 resources they take longer than everything else in cutting one point out."""
        called = outcome.called_headroom
        return HeldByAll(
            planned_kw=held_kw(case, outcome.headroom), called_kw=None if called is None else held_kw(case, called)
        )


def subproblem(
    case: Case, outcome: Outcome, points: Ints, held: HeldByAll | None = None, *, tariffs: bool = False
) -> Case:  # fmt: skip
    """Return the case of congestion points `points` (n,) alone, in their order; all others keep their programs.

    The outcome must have prices (`duals`): the part begins its search there, and proves its bound with them. `held`
    spares summing up the reserve of all units, where many parts are cut out of one plan. With `tariffs` the part has
    those of its connections, and no prices: only the reference formulation can plan it. Raises CaseError where the
    points are not `divisible` from the others.
    """
    if not divisible(case, points, tariffs=tariffs):
        raise CaseError("connections: a limit counts units of the part together with others, or one there has a tariff")
    units = members(case, points)
    place = places(case, points)
    chosen: dict[str, Any] = {one.name: rows_of(one.arrays(case), units[one.name], place) for one in RESOURCES}
    others_kw = _others_kw(case, outcome, points)
    fixed, none = chosen[FIXED.name], np.full(len(others_kw), NO_POINT)
    chosen[FIXED.name] = Fixed(point=np.append(fixed.point, none), program_kw=np.vstack([fixed.program_kw, others_kw]))
    if case.balancing_groups.name:
        chosen["balancing_groups"] = _groups_of(case, units)
    chosen["connection_limits"] = _limits_of(case, points, units, place, len(others_kw))
    chosen["connection_tariffs"] = _tariffs_of(case, points, units, place) if tariffs else no_connection_tariffs()
    duals = None if len(chosen["connection_tariffs"].name) else outcome.duals
    return replace(
        case,
        start=None if duals is None else _prices_of(case, duals, points),
        remainder=_remainder(case, outcome, points, units, held),
        brought_forward_eur=0.0,  # among the remainder's terms
        **at_points(case, points, place),
        **chosen,
    )


def _others_kw(case: Case, outcome: Outcome, points: Ints) -> Floats:
    """Return the program (G,T), kW, of each balancing group outside the part; one row without groups."""
    if not case.balancing_groups.name:
        return np.asarray((outcome.total_kw - outcome.point_kw[points].sum(axis=0))[None])
    elsewhere = np.setdiff1d(np.arange(-1, len(case.points)), points)  # −1: units in no congestion point
    count = len(case.balancing_groups.name)
    return np.array([group_points_kw(case, outcome.programs, g)[elsewhere].sum(axis=0) for g in range(count)])


def _groups_of(case: Case, units: Mapping[str, Ints]) -> BalancingGroups:
    """Return the balancing groups of the part, whose last fixed units are the remainder of each group."""
    groups = case.balancing_groups
    rest = np.arange(len(groups.name))
    of_units = tuple(
        np.append(case.balanced_in(name)[units[name]], rest if name == FIXED.name else rest[:0])
        for name in UNIT_CLASSES
    )
    return replace(groups, of_units=of_units)


def _limits_of(
    case: Case, points: Ints, units: Mapping[str, Ints], place: Ints, remainders: int
) -> ConnectionLimits:  # fmt: skip
    """Return the connection limits of the part, whose last fixed units, the remainders, are behind none."""
    limits = case.connection_limits
    rows = limits_at(case, points)
    if not len(rows):
        return no_connection_limits()
    number = np.full(len(limits.name) + 1, NO_LIMIT)
    number[rows] = np.arange(len(rows))
    leaf = tuple(
        np.append(number[case.leaf(name)[units[name]]], [NO_LIMIT] * (remainders if name == FIXED.name else 0)).astype(
            np.int64
        )
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


def _tariffs_of(case: Case, points: Ints, units: Mapping[str, Ints], place: Ints) -> ConnectionTariffs:
    """Return the tariffs of the part, whose last fixed units, the remainders, pay none."""
    remainders = [NO_TARIFF] * max(len(case.balancing_groups.name), 1)
    tariffs, rows, peaks = case.connection_tariffs, tariffs_at(case, points), peaks_at(case, points)
    if not len(rows):
        return no_connection_tariffs()
    number = np.full(len(tariffs.name) + 1, NO_TARIFF)
    number[rows] = np.arange(len(rows))
    of_units = tuple(
        np.append(number[case.tariff(name)[units[name]]], remainders if name == FIXED.name else []).astype(np.int64)
        for name in UNIT_CLASSES
    )
    return ConnectionTariffs(
        name=tuple(tariffs.name[row] for row in rows.tolist()),
        point=place[tariffs.point[rows]],
        import_eur_per_mwh=tariffs.import_eur_per_mwh[rows],
        export_eur_per_mwh=tariffs.export_eur_per_mwh[rows],
        peak_at=number[tariffs.peak_at[peaks]],
        peak_eur_per_kw=tariffs.peak_eur_per_kw[peaks],
        peak_reached_kw=tariffs.peak_reached_kw[peaks],
        peak_inside=tariffs.peak_inside[peaks] if len(peaks) else np.zeros((0, case.isps), dtype=np.bool_),
        of_units=of_units,
        least_eur=tariffs.least_eur[rows] if len(tariffs.least_eur) else tariffs.least_eur,
        worse_off_price=tariffs.worse_off_price,
        unmanaged_reached_kw=tariffs.unmanaged_reached_kw[peaks if len(tariffs.unmanaged_reached_kw) else peaks[:0]],
    )


def _prices_of(case: Case, duals: Duals, points: Ints) -> Duals:
    return replace(
        duals, program=duals.program[points], call=duals.call[points],
        connections=duals.connections[sums_at(case, points)],
    )  # fmt: skip


def sums_at(case: Case, points: Ints) -> Ints:
    """Return the rows (m,) of the connection limits at points (n,) among the prices (2S,T) of sums at connections."""
    count, rows = len(case.connection_limits.name), limits_at(case, points)
    half = 2 * count + len(case.connection_tariffs.name) + len(case.connection_tariffs.peak_at)
    return np.concatenate([first + rows for first in (0, count, half, half + count)])


def _remainder(
    case: Case, outcome: Outcome, points: Ints, units: Mapping[str, Ints], held: HeldByAll | None
) -> FixedRemainder:  # fmt: skip
    reserved = reserved_points(case)
    reserved[points] = False
    called = outcome.called_headroom if reserved.any() else None
    terms = {
        name: float(eur.sum() - eur[points].sum()) for name, eur in outcome.point_terms_eur.items() if name != "energy"
    }
    return FixedRemainder(
        held_kw=_left_kw(case, outcome.headroom, units, None if held is None else held.planned_kw),
        called_held_kw=None
        if called is None
        else _left_kw(case, called, units, None if held is None else held.called_kw),
        terms_eur=terms,
        bids_mw=outcome.bids_mw,
    )


def _left_kw(case: Case, headroom: Headroom, without: Mapping[str, Ints], all_kw: Floats | None) -> Floats:
    """Return the reserve (R,T), kW, that all units hold but those in `without`, from that of all if it is known."""
    if all_kw is None:
        return held_kw(case, headroom, without)
    left = all_kw.copy()
    for r, reserve in enumerate(case.reserves):
        for one in RESOURCES:
            if one.reserving is not None:
                left[r] -= headroom.of(one.name, counted_side(reserve))[r][without[one.name]].sum(
                    axis=0, dtype=np.float64
                )
    return left


def renewed(
    part_before: Case, reservations: Reservations, announced_kw: Floats | None, eur_per_mwh: float,
    orders: Orders | None = None,
) -> Case:  # fmt: skip
    """Return the part with other reservations, and other orders if given; points are numbered as in the part.

    Leaving the announced programs announced_kw (n,T) costs eur_per_mwh; the remainder keeps its programs, so that it
    costs nothing there.
    Raises CaseError for a case that is no part.
    """
    other = part_before.remainder
    if other is None:
        raise CaseError("remainder: the case is no part of a portfolio")
    tables: dict[str, Any] = {"reservations": reservations, "orders": part_before.orders if orders is None else orders}
    if announced_kw is None or eur_per_mwh <= 0:
        return replace(part_before, **tables)
    left = {name: eur for name, eur in other.terms_eur.items() if name != MOVED}
    anchor = Anchor(point_kw=announced_kw, eur_per_mwh=eur_per_mwh)
    return replace(part_before, anchor=anchor, remainder=replace(other, terms_eur=left), **tables)
