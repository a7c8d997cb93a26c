"""Cuts a case into groups of units that are priced alike, and says which congestion points are tied.

A congestion point is *tied* when a limit, a reservation or an announced program gives its program a price of its own.
A group is the units of one kind at one tied point, or one of a few shares of the untied units of a kind; units with a
called program form groups of their own for it. Source: docs/explanation/optimisation.md §3.1.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np

from models.block import reserved_points, slices
from models.case import Bools, Case, Floats, Ints
from models.decomposition.tuning import DEFAULT
from models.response import Rows

CLASSES = ("storage", "curtailable", "shiftable", "switched")
WHOLE = ("shiftable", "switched")
"""Classes whose units take one of their own answers: half of two is none. They hold no reserve."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Batch:
    """Units of one class in one scenario, with the rows of prices they see and the group each belongs to."""

    label: str  # one of CLASSES
    called: bool
    units: Ints  # (U,) positions within the class
    rows: Rows


@dataclass(frozen=True, kw_only=True, eq=False)
class Grouping:
    """The groups and their units. Power price rows: tied points in order, then "untied"; called: tied points."""

    tied: Ints  # (N,) index into Case.points
    batches: tuple[Batch, ...]
    group_called: Bools  # (G,)
    group_tie: Ints  # (G,) index into `tied`, −1 for untied
    group_reserved: Bools  # (G,)
    group_holds: Bools  # (G,) whether its units may hold reserve


def tied_points(case: Case) -> Bools:
    """Return (C,) which congestion points have a price of their own."""
    tied = reserved_points(case)[:-1].copy()
    limited = np.isfinite(case.limits.import_kw).any(axis=1) | np.isfinite(case.limits.export_kw).any(axis=1)
    tied[case.limits.point[limited]] = True
    if case.anchor is not None and case.anchor.eur_per_mwh > 0:
        tied |= ~np.isnan(case.anchor.point_kw).all(axis=1)
    return tied


def _kinds(case: Case, label: str) -> tuple[Ints, Bools]:
    """Return a number for each unit's kind (similar answers) and whether it may hold reserve."""
    part = getattr(case, label)
    count = len(part.point)
    none = np.zeros(count, dtype=np.bool_)
    if label in WHOLE:
        return np.zeros(count, dtype=np.int64), none
    holds = part.reserve_kw > 0 if case.reserves else none
    if label == "curtailable":
        return holds.astype(np.int64), holds
    discharges = (part.discharge_kw > 0).any(axis=1)
    draws = (part.demand_kwh != 0).any(axis=1)
    return holds + 2 * discharges + 4 * draws, holds


def _shares(case: Case, label: str, units: Ints, kind: Ints, shares: int) -> Ints:
    """Return the share of each untied unit of a class: storage that is there at like hours and lasts alike together.

    Alike units want the same, so shares that differ can be mixed to more than shares that are all the same mixture.
    """
    place = np.arange(len(units))
    if label != "storage" or not len(units):
        return place % shares
    width = np.broadcast_to(case.storage.charge_kw, (len(case.storage.point), case.isps))
    hours, most, total = _presence(width, units)
    room = np.asarray(case.storage.energy_max_kwh, dtype=np.float64).max(axis=1)[units]
    order = np.lexsort((room / np.maximum(most, 1e-9), np.round(hours / np.maximum(total, 1e-9), 1), kind))
    ordered = kind[order]
    result = np.empty(len(units), dtype=np.int64)
    result[order] = (place - np.searchsorted(ordered, ordered)) * shares // np.bincount(ordered)[ordered]
    return result


def _presence(charge_kw: Floats, units: Ints) -> tuple[Floats, Floats, Floats]:
    """Return Σ t·charge, the most charge and Σ charge of units, a few units at a time."""
    isps = np.arange(charge_kw.shape[1], dtype=np.float64)
    moment, most, total = np.zeros(len(units)), np.zeros(len(units)), np.zeros(len(units))
    for few in slices(len(units)):
        kw = charge_kw[units[few]].astype(np.float64)
        moment[few], most[few], total[few] = (kw * isps).sum(axis=1), kw.max(axis=1), kw.sum(axis=1)
    return moment, most, total


def split(case: Case, unpriced_groups: int = DEFAULT.pool.unpriced_groups) -> Grouping:
    """Return the groups of a case; the units of a kind at points without own prices make so many."""
    is_tied = tied_points(case)
    tied = np.flatnonzero(is_tied)
    tie_of = np.full(len(case.points) + 1, -1, dtype=np.int64)
    tie_of[tied] = np.arange(len(tied))
    reserved = reserved_points(case)
    batches: list[Batch] = []
    called, ties, at_reserved, holding = [], [], [], []
    total = 0
    for is_called in (False, True):
        for label in CLASSES:
            point = getattr(case, label).point
            units = np.flatnonzero(reserved[point]) if is_called else np.arange(len(point))
            if not len(units):
                continue
            kind, holds = _kinds(case, label)
            tie = tie_of[point[units]]
            share = np.where(tie >= 0, tie, len(tied) + _shares(case, label, units, kind[units], unpriced_groups))
            key = share * 16 + kind[units]
            keys, group = np.unique(key, return_inverse=True)
            first = np.searchsorted(np.sort(group), np.arange(len(keys)))
            of_group = np.argsort(group, kind="stable")[first]  # one unit of each group
            called.append(np.full(len(keys), is_called))
            ties.append(tie[of_group])
            at_reserved.append(reserved[point[units[of_group]]])
            holding.append(holds[units[of_group]])
            rows = Rows(
                power=np.where(tie >= 0, tie, len(tied)),
                held=np.zeros(len(units), dtype=np.int64) if is_called else reserved[point[units]].astype(np.int64),
                total=group + total,
            )
            batches.append(Batch(label=label, called=is_called, units=units, rows=rows))
            total += len(keys)

    def joined(parts: list[Any]) -> Any:
        return np.concatenate([np.zeros(0, dtype=np.int64), *parts])

    return Grouping(
        tied=tied,
        batches=tuple(batches),
        group_called=joined(called).astype(np.bool_),
        group_tie=joined(ties),
        group_reserved=joined(at_reserved).astype(np.bool_),
        group_holds=joined(holding).astype(np.bool_),
    )


def span_kw(case: Case, parts: Grouping) -> Floats:
    """Return (G,) a rough width of what a group's program can be in one ISP, kW: scales the steps of prices."""
    result = np.zeros(len(parts.group_tie))
    for batch in parts.batches:
        width = _widths(case, batch.label)[batch.units]
        np.add.at(result, batch.rows.total, width)
    return result


def _widths(case: Case, label: str) -> Floats:
    if label == "storage":
        data = case.storage
        return np.asarray(data.charge_kw.max(axis=1) + data.discharge_kw.max(axis=1), dtype=np.float64)
    if label == "curtailable":
        return np.asarray(-case.curtailable.forecast_kw.mean(axis=1), dtype=np.float64)
    if label == "switched":
        return np.asarray(np.abs(case.switched.on_kw).max(axis=1), dtype=np.float64)
    return np.asarray(np.abs(case.shiftable.profile_kw).max(axis=1), dtype=np.float64)
