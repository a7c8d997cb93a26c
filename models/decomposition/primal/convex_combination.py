"""From weights back to programs: every unit gets the same convex combination of its own answers as its group.

What cannot be mixed is chosen: a run takes the start with most weight so far uncovered, a switched unit that of its own
answers which brings its group closest to its mixture, storage with a minimum charging power takes one of its own
answers, and storage that would charge and discharge at once keeps the change of its energy and makes it in one
direction. Source: docs/explanation/optimisation.md §3.5.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from models.case import Bools, Case, Floats, Ints
from models.compiled import compiled
from models.decomposition.master.restricted_master import SETTLED, RestrictedMaster
from models.decomposition.prices.dual_prices import DualPrices
from models.decomposition.prices.grouping import WHOLE, Batch, Grouping
from models.decomposition.prices.pricing import Pricing
from models.decomposition.primal.complementarity_repair import one_way
from models.mixing import MIXES, Mixed, Shares, places
from models.parameter_views import Tables, load, parameter_views
from models.resources.shiftable import run_program_kw
from models.resources.switched import of_units, own_cost_eur, switched_program_kw


@dataclass(kw_only=True, eq=False)
class CombinedPrograms:
    """Programs of a batch, in the order of its units; what a class does not have is empty.

    As precise as the programs in the case. Of what is zero for most units only the rest takes memory.
    """

    power_kw: Floats  # (U,T) of curtailable units
    charge_kw: Floats
    discharge_kw: Floats
    energy_kwh: Floats
    unmet_kwh: Floats
    excess_kwh: Floats
    holder: Ints  # (h,) positions of the units that may hold reserve
    held_kw: Floats  # (R,h,T)
    start: Ints  # (U,)
    on: Bools  # (U,T)


def used_rounds(master: RestrictedMaster) -> dict[int, Floats]:
    """Return for each round whose answers count their weights (G,)."""
    columns = master.columns
    result: dict[int, Floats] = {}
    for number in np.unique(columns.round[columns.weight > 0]).tolist():
        mine = (columns.round == number) & (columns.weight > 0)
        result[number] = np.where(mine, columns.weight, 0.0).sum(axis=1)
    return result


Starts = dict[int, NDArray[Any]]
"""What was chosen by position of the batch: starts (U,) of shiftable runs, states (U,T) of switched units."""


def choose_starts(
    case: Case,
    parts: Grouping,
    pricing: Pricing,
    weights: dict[int, Floats],
    prices: dict[int, DualPrices],
    before: Starts,
    passes: int,
) -> Starts:
    """Give each run, and each switched unit, of a group one program so that the group comes closest to its weights.

    `before` is what was chosen for columns that were settled; switched units choose in so many passes.
    """
    result: Starts = {}
    for index, batch in enumerate(parts.batches):
        if batch.label == "switched":
            result[index] = _choose_states(case, index, batch, pricing, weights, prices, before, passes)
        if batch.label != "shiftable":
            continue
        owed = np.zeros((len(batch.units), case.isps))
        for number, weight in weights.items():
            share = weight[batch.rows.total]
            chosen = np.flatnonzero(share > 0)
            if number == SETTLED:
                owed[chosen, before[index][chosen]] += share[chosen]
                continue
            for some, start in pricing.choices(index, prices[number].seen(called=batch.called), chosen):
                owed[some, start] += share[some]
        result[index] = _round_off(owed, batch.rows.total)
    return result


def _round_off(weight: Floats, group: Ints) -> Ints:
    """Return one start per run: of those it has weight for, the one its group so far owes most."""
    result = np.zeros(len(weight), dtype=np.int64)
    for number in np.unique(group).tolist():
        owed = np.zeros(weight.shape[1])
        for u in np.flatnonzero(group == number).tolist():
            owed += weight[u]
            result[u] = int(np.argmax(np.where(weight[u] > 0, owed, -np.inf)))
            owed[result[u]] -= 1.0
    return result


def _choose_states(
    case: Case,
    index: int,
    batch: Batch,
    pricing: Pricing,
    weights: dict[int, Floats],
    prices: dict[int, DualPrices],
    before: Starts,
    passes: int,
) -> Bools:
    """Return one of its own answers per switched unit (U,T)."""
    packed = np.zeros((len(weights), len(batch.units), -(-case.isps // 8)), dtype=np.uint8)
    for k, (number, weight) in enumerate(weights.items()):
        chosen = np.flatnonzero(weight[batch.rows.total] > 0)
        if number == SETTLED:
            packed[k, chosen] = np.packbits(before[index][chosen], axis=1)
            continue
        for some, on in pricing.choices(index, prices[number].seen(called=batch.called), chosen):
            packed[k, some] = np.packbits(on, axis=1)
    result = np.zeros((len(batch.units), case.isps), dtype=np.bool_)
    double, single = parameter_views(case.switched.on_kw)
    groups, group = np.unique(batch.rows.total, return_inverse=True)
    share = np.array(list(weights.values()))[:, groups]
    order = np.argsort(group, kind="stable")
    _approach(order, group, share, packed, double, single, batch.units, passes, result)
    return result


@compiled
def _approach(
    order: Ints, group: Ints, share: Floats, packed: NDArray[np.uint8], double: Tables, single: Tables, units: Ints,
    passes: int, result: Bools,
) -> None:  # fmt: skip
    """Write for each unit in turn the answer nearest to what is owed: all mixtures so far less all answers.

    Both what its group owes and what all owe count: the one for the congestion point, the other for the balance. Then
    every unit chooses again, what all others have chosen being given, as often as there are passes.
    """
    isps = result.shape[1]
    table, owed, everywhere = np.zeros((1, isps)), np.zeros((share.shape[1], isps)), np.zeros(isps)
    for number in range(passes):
        for i in order:
            g = group[i]
            load(double, single, units[i], table)
            for t in range(isps):
                due = 0.0
                if number == 0:
                    for k in range(share.shape[0]):
                        due += share[k, g] * _bit(packed, k, i, t)
                elif result[i, t]:
                    due = 1.0
                owed[g, t] += due * table[0, t]
                everywhere[t] += due * table[0, t]
            best, least = 0, np.inf
            for k in range(share.shape[0]):
                off = 0.0 if share[k, g] > 0.0 else np.inf
                for t in range(isps):
                    power = _bit(packed, k, i, t) * table[0, t]
                    off += (owed[g, t] - power) ** 2 + (everywhere[t] - power) ** 2
                if off < least:
                    best, least = k, off
            for t in range(isps):
                result[i, t] = _bit(packed, best, i, t)
                owed[g, t] -= result[i, t] * table[0, t]
                everywhere[t] -= result[i, t] * table[0, t]


@compiled
def _bit(packed: NDArray[np.uint8], k: int, i: int, t: int) -> int:
    """Return a state of what np.packbits packed."""
    return int(packed[k, i, t >> 3] >> (7 - (t & 7)) & 1)


def settle_runs(case: Case, parts: Grouping, master: RestrictedMaster, starts: Starts) -> None:
    """Let the groups of shiftable runs and switched units keep what was chosen in the master."""
    for index, chosen in starts.items():
        batch = parts.batches[index]
        if batch.label == "switched":
            mine = of_units(case.switched, batch.units)
            programs = switched_program_kw(mine, chosen)
            cost = own_cost_eur(mine, chosen, called=batch.called)
        else:
            whole = case.shiftable.first_start.copy()
            whole[batch.units] = chosen
            programs, cost = run_program_kw(case, whole)[batch.units], np.zeros(len(batch.units))
        groups, place = np.unique(batch.rows.total, return_inverse=True)
        power, total = np.zeros((len(groups), case.isps)), np.zeros(len(groups))
        np.add.at(power, place, programs)
        np.add.at(total, place, cost)
        master.settle(groups, power, total)


def combine(
    case: Case,
    parts: Grouping,
    pricing: Pricing,
    weights: dict[int, Floats],
    prices: dict[int, DualPrices],
    starts: Starts,
) -> list[CombinedPrograms]:
    """Return the programs of every batch, pricing again the rounds that count."""
    numbers = [number for number in weights if number != SETTLED]  # what is settled does not mix
    weight = np.array([weights[number] for number in numbers]).reshape(len(numbers), len(parts.group_tie))
    results = []
    for index, batch in enumerate(parts.batches):
        result = _empty(case, batch)
        results.append(result)
        if batch.label == "shiftable":
            result.start[:] = starts[index]
            continue
        if batch.label == "switched":
            result.on[:] = starts[index]
            continue
        only = _whole_answers(case, batch, weight) if batch.label == "storage" else np.full(len(batch.units), MIXES)
        rounds = [prices[number].seen(called=batch.called) for number in numbers]
        place = places(_holds(case, batch))[1]
        shares = Shares(weight=weight, only=only)
        for some, mixed in pricing.mixtures(index, rounds, shares, np.arange(len(batch.units))):
            _enter(case, batch, result, some, mixed, place)
    return results


def _enter(case: Case, batch: Batch, result: CombinedPrograms, some: Ints, mixed: Mixed, place: Ints) -> None:
    """Write the mixtures of some units (n,) to their places, storage in one direction."""
    if result.held_kw.size:
        result.held_kw[:, place[some[mixed.holder]]] = mixed.held_kw
    if batch.label != "storage":
        result.power_kw[some] = mixed.power_kw
        return
    slack = np.zeros((2, len(some), case.isps))
    slack[:, mixed.short] = mixed.short_kwh
    charge, discharge, energy = mixed.charge_kw, mixed.discharge_kw, mixed.energy_kwh
    one_way(case, batch.units[some], batch.called, charge, discharge, energy, slack)
    result.charge_kw[some], result.discharge_kw[some], result.energy_kwh[some] = charge, discharge, energy
    result.unmet_kwh[some[mixed.short]], result.excess_kwh[some[mixed.short]] = mixed.short_kwh


def _whole_answers(case: Case, batch: Batch, weight: Floats) -> Ints:
    """Return the round whose answer a unit takes as it is (U,), MIXES for those that mix, of weights (K,G).

    Half of a program with a minimum power is none. Of a group's n such units the i-th takes the round in which the
    sum of weights reaches (i + ½)/n, so every round gets its share of them to within one unit.
    """
    result = np.full(len(batch.units), MIXES, dtype=np.int64)
    mine = np.flatnonzero(case.storage.charge_min_kw[batch.units] > 0)
    if not len(mine) or not len(weight):
        return result
    reached = np.cumsum(weight, axis=0)  # (K,G)
    group = batch.rows.total[mine]
    order = np.argsort(group, kind="stable")
    ordered = group[order]
    begins = np.searchsorted(ordered, ordered)
    size = np.bincount(ordered)[ordered]
    aim = (np.arange(len(mine)) - begins + 0.5) / size * reached[-1, ordered]
    result[mine[order]] = (reached[:, ordered] < aim).sum(axis=0)
    return result


def _holds(case: Case, batch: Batch) -> Bools:
    """Return (U,) which units of a batch may hold reserve."""
    if batch.label in WHOLE or not case.reserves:
        return np.zeros(len(batch.units), dtype=np.bool_)
    return np.asarray(getattr(case, batch.label).reserve_kw[batch.units] > 0, dtype=np.bool_)


def _empty(case: Case, batch: Batch) -> CombinedPrograms:
    count, isps, holder = len(batch.units), case.isps, np.flatnonzero(_holds(case, batch))
    own = case.storage.unmanaged_kw if batch.label == "storage" else case.curtailable.forecast_kw

    def programs_of(label: str) -> Floats:
        return np.zeros((count if batch.label == label else 0, isps), dtype=own.dtype)

    return CombinedPrograms(
        power_kw=programs_of("curtailable"), charge_kw=programs_of("storage"), discharge_kw=programs_of("storage"),
        energy_kwh=programs_of("storage"), unmet_kwh=programs_of("storage"), excess_kwh=programs_of("storage"),
        holder=holder, held_kw=np.zeros((len(case.reserves), len(holder), isps), dtype=own.dtype),
        start=np.zeros(count, dtype=np.int64),
        on=np.zeros((count if batch.label == "switched" else 0, isps), dtype=np.bool_),
    )  # fmt: skip
