"""Programs of storage: their power, their money, and how their answers mix."""

from typing import Any

import numpy as np

from models.arrays import of_rows
from models.block import slices, sums_of
from models.case import Bools, Case, Floats, Ints
from models.mixing import MIXES, Mixed
from models.outcome import Fields, Rows
from models.resources.storage.complementarity_repair import one_way
from models.resources.storage.reachability import unavoidable_kwh
from models.resources.storage.unmanaged import unmanaged_programs

SPARSE = ("unmet_kwh", "excess_kwh")
FIELDS = ("charge_kw", "discharge_kw", "energy_kwh", *SPARSE)


def power_kw(case: Case, units: Rows, fields: Fields) -> Floats:
    """Return pc − pd (n,T)."""
    del case, units
    power: Floats = fields["charge_kw"] - fields["discharge_kw"]
    return power


def range_kw(case: Case, units: Ints) -> tuple[Floats, Floats]:
    """Return the lowest and highest power (n,T) of units (n,), kW, or what they are pinned to beyond these."""
    data, shape = case.storage, (len(units), case.isps)
    pinned = np.broadcast_to(data.pinned_kw[units], shape)
    low, high = (
        np.broadcast_to(values[units], shape).astype(np.float64) for values in (-data.discharge_kw, data.charge_kw)
    )
    return np.fmin(low, pinned), np.fmax(high, pinned)


def unmanaged(case: Case) -> Fields:
    """Return the programs of stores that nobody steers, which meet every need that can be met."""
    return dict(zip(FIELDS, unmanaged_programs(case.storage, case.isps, case.isp_hours), strict=True))


def empty(case: Case, count: int) -> Fields:
    """Return programs of zero (count,T) in the precision of unmanaged_kw."""
    return {name: np.zeros((count, case.isps), dtype=precision(case)) for name in FIELDS}


def precision(case: Case) -> np.dtype[Any]:
    """Return the precision of unmanaged_kw."""
    return case.storage.unmanaged_kw.dtype


def terms_eur(case: Case, units: Rows, fields: Fields, called: bool) -> dict[str, Floats]:
    """Return wear −w·Δ·Σ(pc + pd), the worth of e[T] and comfort shortfall −s·Σ(unmet + excess), (n,) each."""
    data = case.storage
    unmet, excess = fields["unmet_kwh"], fields["excess_kwh"]
    missed_kwh = sums_of(len(unmet), lambda few: unmet[few] + excess[few])
    missed_eur = -data.shortfall_eur_per_kwh[units] * missed_kwh
    if called:
        return {"called comfort shortfall": missed_eur}
    charge, discharge = fields["charge_kw"], fields["discharge_kw"]
    moved_kwh = sums_of(len(charge), lambda few: charge[few] + discharge[few]) * case.isp_hours
    return {
        "wear": -data.wear_eur_per_kwh[units] * moved_kwh,
        "stored energy": data.worth_eur(units, fields["energy_kwh"][:, -1]),
        "comfort shortfall": missed_eur,
    }


def unavoidable_eur(case: Case, units: Ints) -> Floats:
    """Return what called programs of units (n,) miss at least, at the price of missing it: (n,), EUR."""
    data, missed = case.when_called().storage, np.zeros(len(units))
    for few in slices(len(units)):
        missed[few] = unavoidable_kwh(of_rows(data, units[few]), case.isps, case.isp_hours)
    return np.asarray(data.shortfall_eur_per_kwh[units] * missed, dtype=np.float64)


def kinds(case: Case) -> Ints:
    """Return 1 for units that discharge, plus 2 for those with a demand, plus 4 for those that do not mix (U,)."""
    data = case.storage
    discharges, draws = (data.discharge_kw > 0).any(axis=1), (data.demand_kwh != 0).any(axis=1)
    return np.asarray(discharges + 2 * draws + 4 * whole(case), dtype=np.int64)


def shares(case: Case, units: Ints, kind: Ints, count: int) -> Ints:
    """Return the group 0..count−1 of each unit (n,), in which units are available at similar hours for similar times.

    Similar units answer alike, so groups that differ from each other allow more mixtures than groups that do not.
    """
    width = np.broadcast_to(case.storage.charge_kw, (len(case.storage.point), case.isps))
    hours, most, total = _presence(width, units)
    room = np.asarray(case.storage.energy_max_kwh, dtype=np.float64).max(axis=1)[units]
    order = np.lexsort((room / np.maximum(most, 1e-9), np.round(hours / np.maximum(total, 1e-9), 1), kind))
    ordered = kind[order]
    result = np.empty(len(units), dtype=np.int64)
    place = np.arange(len(units)) - np.searchsorted(ordered, ordered)
    result[order] = place * count // np.bincount(ordered)[ordered]
    return result


def _presence(charge_kw: Floats, units: Ints) -> tuple[Floats, Floats, Floats]:
    """Return Σ t·charge, the highest charge and Σ charge of units (n,), computed for a few units at a time."""
    isps = np.arange(charge_kw.shape[1], dtype=np.float64)
    moment, most, total = np.zeros(len(units)), np.zeros(len(units)), np.zeros(len(units))
    for few in slices(len(units)):
        kw = charge_kw[units[few]].astype(np.float64)
        moment[few], most[few], total[few] = (kw * isps).sum(axis=1), kw.max(axis=1), kw.sum(axis=1)
    return moment, most, total


def width_kw(case: Case) -> Floats:
    """Return the sum of the highest pc and pd of each unit (U,), kW."""
    data = case.storage
    return np.asarray(data.charge_kw.max(axis=1) + data.discharge_kw.max(axis=1), dtype=np.float64)


def whole(case: Case) -> Bools:
    """Return the units (U,) with a minimum charging power: mixtures of their programs may be impossible."""
    return np.asarray(case.storage.charge_min_kw > 0, dtype=np.bool_)


def whole_answers(case: Case, units: Ints, group: Ints, weight: Floats) -> Ints:
    """Return the round (U,) whose answer each unit takes as it is, MIXES for units that mix; weights (K,G).

    The i-th of a group's n units that do not mix takes the round in which the sum of weights reaches (i + ½)/n, so that
    every round gets its share of units to within one.
    """
    result = np.full(len(units), MIXES, dtype=np.int64)
    mine = np.flatnonzero(whole(case)[units])
    if not len(mine) or not len(weight):
        return result
    reached = np.cumsum(weight, axis=0)  # (K,G)
    order = np.argsort(group[mine], kind="stable")
    ordered = group[mine][order]
    begins = np.searchsorted(ordered, ordered)
    size = np.bincount(ordered)[ordered]
    aim = (np.arange(len(mine)) - begins + 0.5) / size * reached[-1, ordered]
    result[mine[order]] = (reached[:, ordered] < aim).sum(axis=0)
    return result


def repair(case: Case, units: Ints, called: bool, mixed: Mixed) -> None:
    """Make mixtures of units (n,) run in one direction per ISP, in place."""
    slack = np.zeros((2, len(units), case.isps))
    slack[:, mixed.short] = [mixed.sparse[name] for name in SPARSE]
    charge, discharge, energy = (mixed.fields[name] for name in FIELDS[:3])
    one_way(case, units, called, charge, discharge, energy, slack)
