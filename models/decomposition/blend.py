"""From weights back to programs: every unit gets the same convex combination of its own answers as its group.

What cannot be mixed is chosen: a run takes the start with most weight so far uncovered, a switched unit that of its own
answers which brings its group closest to its mixture, storage with a minimum charging power takes one of its own
answers, and storage that would charge and discharge at once keeps the change of its energy and makes it in one
direction. Source: docs/optimisation.md §8.5.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from models.bands import charge_limit_kw, discharge_limit_kw
from models.case import Bools, Case, Floats, Ints
from models.compiled import compiled
from models.decomposition.master import SETTLED, Master, Tension
from models.decomposition.pricing import Pricing
from models.decomposition.split import WHOLE, Batch, Split
from models.response import Answers
from models.tables import Tables, load, tables
from models.units.shiftable import ShiftableAnswers, run_program_kw
from models.units.storage import StorageAnswers
from models.units.switched import SwitchedAnswers, of_units, own_cost_eur, switched_program_kw

_BOTH_KW = 1e-9
_PASSES = 3  # over the switched units, to choose among their answers
NO_ROUND = -(10**9)
"""Not a round: a unit mixes."""


@dataclass(kw_only=True, eq=False)
class Blended:
    """Programs of a batch, in the order of its units; what a class does not have is empty."""

    power_kw: Floats  # (U,T)
    held_kw: Floats  # (R,U,T)
    charge_kw: Floats
    discharge_kw: Floats
    energy_kwh: Floats
    unmet_kwh: Floats
    excess_kwh: Floats
    start: Ints  # (U,)
    on: Bools  # (U,T)


def used_rounds(master: Master) -> dict[int, Floats]:
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
    parts: Split,
    pricing: Pricing,
    weights: dict[int, Floats],
    prices: dict[int, Tension],
    before: Starts,
) -> Starts:
    """Give each run, and each switched unit, of a group one program so that the group comes closest to its weights.

    `before` is what was chosen for columns that were settled.
    """
    result: Starts = {}
    for index, batch in enumerate(parts.batches):
        if batch.label == "switched":
            result[index] = _choose_states(case, index, batch, pricing, weights, prices, before)
        if batch.label != "shiftable":
            continue
        owed = np.zeros((len(batch.units), case.isps))
        for number, weight in weights.items():
            share = weight[batch.rows.total]
            chosen = np.flatnonzero(share > 0)
            if number == SETTLED:
                owed[chosen, before[index][chosen]] += share[chosen]
                continue
            scenario = prices[number].scenario()
            seen = scenario.called if batch.called else scenario.planned
            for some, answers in pricing.answers(index, seen, chosen):
                if isinstance(answers, ShiftableAnswers):
                    owed[some, answers.start] += share[some]
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
    prices: dict[int, Tension],
    before: Starts,
) -> Bools:
    """Return one of its own answers per switched unit (U,T)."""
    packed = np.zeros((len(weights), len(batch.units), -(-case.isps // 8)), dtype=np.uint8)
    for k, (number, weight) in enumerate(weights.items()):
        chosen = np.flatnonzero(weight[batch.rows.total] > 0)
        if number == SETTLED:
            packed[k, chosen] = np.packbits(before[index][chosen], axis=1)
            continue
        scenario = prices[number].scenario()
        for some, answers in pricing.answers(index, scenario.called if batch.called else scenario.planned, chosen):
            if isinstance(answers, SwitchedAnswers):
                packed[k, some] = np.packbits(answers.on, axis=1)
    result = np.zeros((len(batch.units), case.isps), dtype=np.bool_)
    double, single = tables(case.switched.on_kw)
    groups, group = np.unique(batch.rows.total, return_inverse=True)
    share = np.array(list(weights.values()))[:, groups]
    order = np.argsort(group, kind="stable")
    _approach(order, group, share, packed, double, single, batch.units, _PASSES, result)
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


def settle_runs(case: Case, parts: Split, master: Master, starts: Starts) -> None:
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


def blend(
    case: Case,
    parts: Split,
    pricing: Pricing,
    weights: dict[int, Floats],
    prices: dict[int, Tension],
    starts: Starts,
) -> list[Blended]:
    """Return the programs of every batch, pricing again the rounds that count."""
    results = [_empty(case, batch) for batch in parts.batches]
    whole = {i: _whole_answers(case, b, weights) for i, b in enumerate(parts.batches) if b.label == "storage"}
    for number, weight in weights.items():
        if number == SETTLED:  # runs and switched units only
            continue
        scenario = prices[number].scenario()
        for index, (batch, result) in enumerate(zip(parts.batches, results, strict=True)):
            if batch.label in WHOLE:
                continue
            share = weight[batch.rows.total]
            if index in whole:
                share = np.where(whole[index] == NO_ROUND, share, whole[index] == number)
            seen = scenario.called if batch.called else scenario.planned
            for chosen, answers in pricing.answers(index, seen, np.flatnonzero(share > 0)):
                _add(result, answers, chosen, share[chosen][:, None])
    for index, (batch, result) in enumerate(zip(parts.batches, results, strict=True)):
        if batch.label == "shiftable":
            result.start[:] = starts[index]
        elif batch.label == "switched":
            result.on[:] = starts[index]
        elif batch.label == "storage" and batch.called:
            purify_called(case, batch.units, result)
        elif batch.label == "storage":
            purify(case, batch.units, result)
    return results


def _whole_answers(case: Case, batch: Batch, weights: dict[int, Floats]) -> Ints:
    """Return the round whose answer a unit takes as it is, NO_ROUND for those that mix: (U,).

    Half of a program with a minimum power is none. Of a group's n such units the i-th takes the round in which the
    sum of weights reaches (i + ½)/n, so every round gets its share of them to within one unit.
    """
    result = np.full(len(batch.units), NO_ROUND, dtype=np.int64)
    numbers = np.array([number for number in weights if number != SETTLED], dtype=np.int64)
    mine = np.flatnonzero(case.storage.charge_min_kw[batch.units] > 0)
    if not len(mine) or not len(numbers):
        return result
    reached = np.cumsum([weights[number] for number in numbers.tolist()], axis=0)  # (K,G)
    group = batch.rows.total[mine]
    order = np.argsort(group, kind="stable")
    ordered = group[order]
    begins = np.searchsorted(ordered, ordered)
    size = np.bincount(ordered)[ordered]
    aim = (np.arange(len(mine)) - begins + 0.5) / size * reached[-1, ordered]
    result[mine[order]] = numbers[(reached[:, ordered] < aim).sum(axis=0)]
    return result


def _add(result: Blended, answers: Answers, chosen: Ints, weight: Floats) -> None:
    result.power_kw[chosen] += weight * answers.power_kw
    if result.held_kw.size:
        result.held_kw[:, chosen] += weight * answers.held_kw
    if isinstance(answers, StorageAnswers):
        for name in ("charge_kw", "discharge_kw", "energy_kwh", "unmet_kwh", "excess_kwh"):
            getattr(result, name)[chosen] += weight * getattr(answers, name)


def _empty(case: Case, batch: Batch) -> Blended:
    count, isps = len(batch.units), case.isps
    stored = (count, isps) if batch.label == "storage" else (0, isps)
    holds = batch.label not in WHOLE and (getattr(case, batch.label).reserve_kw[batch.units] > 0).any()
    return Blended(
        power_kw=np.zeros((count, isps)),
        held_kw=np.zeros((len(case.reserves), count, isps) if holds else (len(case.reserves), 0, isps)),
        charge_kw=np.zeros(stored), discharge_kw=np.zeros(stored), energy_kwh=np.zeros(stored),
        unmet_kwh=np.zeros(stored), excess_kwh=np.zeros(stored), start=np.zeros(count, dtype=np.int64),
        on=np.zeros((count if batch.label == "switched" else 0, isps), dtype=np.bool_),
    )  # fmt: skip


def purify(case: Case, units: Ints, result: Blended) -> None:
    """Make every change of stored energy in one direction: energy stays, power falls by what mixing wasted."""
    data = case.storage
    both = np.minimum(result.charge_kw, result.discharge_kw) > _BOTH_KW
    row, isp = np.nonzero(both)
    gain = np.broadcast_to(data.charge_efficiency[units], both.shape)[row, isp]
    loss = data.discharge_efficiency[units][row]
    change = gain * result.charge_kw[row, isp] - result.discharge_kw[row, isp] / loss
    result.charge_kw[row, isp] = np.maximum(change, 0.0) / gain
    result.discharge_kw[row, isp] = np.maximum(-change, 0.0) * loss
    tiny = ~both & (result.charge_kw > 0) & (result.discharge_kw > 0)
    result.discharge_kw[tiny & (result.charge_kw >= result.discharge_kw)] = 0.0
    result.charge_kw[tiny & (result.charge_kw < result.discharge_kw)] = 0.0
    np.subtract(result.charge_kw, result.discharge_kw, out=result.power_kw)


def purify_called(case: Case, units: Ints, result: Blended) -> None:
    """Make called programs one-directional: where a reservation counts they keep their power, elsewhere their energy.

    Kept power in one direction leaves more energy than the mixture had; the next ISPs without reservation give it back.
    """
    data, hours = case.storage, case.isp_hours
    if not bool((np.minimum(result.charge_kw, result.discharge_kw) > _BOTH_KW).any()):
        purify(case, units, result)
        return
    counts = np.zeros((len(case.points) + 1, case.isps), dtype=np.bool_)
    np.logical_or.at(counts, case.reservations.point, case.reservations.reserved_kw != 0)
    shape = (len(data.point), case.isps)
    gain = np.broadcast_to(data.charge_efficiency, shape)[units] * hours
    drain = hours / data.discharge_efficiency[units][:, None]
    charge = charge_limit_kw(data, case.isps)[units]
    discharge = discharge_limit_kw(data, case.isps)[units]
    high = np.broadcast_to(data.energy_max_kwh, shape)[units]
    demand = np.broadcast_to(data.demand_kwh, shape)[units]
    keeps = counts[data.point[units]]
    before = data.energy_start_kwh[units]
    for t in range(case.isps):
        net = result.charge_kw[:, t] - result.discharge_kw[:, t]
        slack = result.unmet_kwh[:, t] - result.excess_kwh[:, t]
        idle = data.retention[units] * before - demand[:, t] + slack
        kept = np.where(net > 0, net * gain[:, t], net * drain[:, 0])
        change = np.where(keeps[:, t], kept, result.energy_kwh[:, t] - idle)
        change = np.minimum(change, high[:, t] - idle)
        change = np.clip(change, -discharge[:, t] * drain[:, 0], charge[:, t] * gain[:, t])
        result.charge_kw[:, t] = np.maximum(change, 0.0) / gain[:, t]
        result.discharge_kw[:, t] = np.maximum(-change, 0.0) / drain[:, 0]
        before = idle + change
        result.energy_kwh[:, t] = before
    np.subtract(result.charge_kw, result.discharge_kw, out=result.power_kw)
