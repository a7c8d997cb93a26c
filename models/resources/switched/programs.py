"""Programs of units that are on or off: power, money, and states close to given shares of several answers."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from models.arrays import of_rows
from models.case import Bools, Case, Floats, Ints
from models.compiled import compiled
from models.outcome import Fields, Rows
from models.parameter_views import Tables, load, parameter_views
from models.resources.protocols import Answered, Choices
from models.resources.switched.states import (
    missed_isps,
    starts,
    switched_program_kw,
    unavoidable_isps,
    unmanaged_on,
)


def power_kw(case: Case, units: Rows, fields: Fields) -> Floats:
    """Return the programs (n,T) of units with their states."""
    return switched_program_kw(of_rows(case.switched, units), fields["switched_on"])


def range_kw(case: Case, units: Ints) -> tuple[Floats, Floats]:
    """Return zero and the power when on (n,T), kW, of units (n,), the lower one first."""
    power = np.broadcast_to(case.switched.on_kw[units], (len(units), case.isps)).astype(np.float64)
    return np.minimum(power, 0.0), np.maximum(power, 0.0)


def unmanaged(case: Case) -> Fields:
    """Return the states that a timer gives, see states.unmanaged_on."""
    return {"switched_on": unmanaged_on(case)}


def empty(case: Case, count: int) -> Fields:
    """Return states (count,T), all off."""
    return {"switched_on": np.zeros((count, case.isps), dtype=np.bool_)}


def terms_eur(case: Case, units: Rows, fields: Fields, called: bool) -> dict[str, Floats]:
    """Return −start_eur·starts and comfort shortfall −price·ISPs missed (n,), EUR; no terms without units."""
    data, on = of_rows(case.switched, units), fields["switched_on"]
    if not len(on):
        return {}
    missed_eur = np.asarray(-data.shortfall_eur * missed_isps(data, on), dtype=np.float64)
    if called:
        return {"called comfort shortfall": missed_eur}
    return {"starts": -data.start_eur * starts(data, on), "comfort shortfall": missed_eur}


def unavoidable_eur(case: Case, units: Ints) -> Floats:
    """Return what programs of units (n,) miss at least, at the price of missing it: (n,), EUR."""
    return np.asarray(case.switched.shortfall_eur[units] * unavoidable_isps(case, units), dtype=np.float64)


def width_kw(case: Case) -> Floats:
    """Return the highest power of each unit (U,), kW."""
    return np.asarray(np.abs(case.switched.on_kw).max(axis=1), dtype=np.float64)


def choose(case: Case, units: Ints, group: Ints, share: Floats, rounds: Sequence[Answered], passes: int) -> Choices:
    """Return one of its answers (n,T) for each unit, so that groups come closest to their shares (K,G) of rounds.

    group (n,): of each unit.
    """
    packed = np.zeros((len(rounds), len(units), -(-case.isps // 8)), dtype=np.uint8)
    for k, answered in enumerate(rounds):
        for some, on in answered():
            packed[k, some] = np.packbits(on, axis=1)
    result = np.zeros((len(units), case.isps), dtype=np.bool_)
    double, single = parameter_views(case.switched.on_kw)
    groups, number = np.unique(group, return_inverse=True)
    order = np.argsort(number, kind="stable")
    _approach(order, number, share[:, groups], packed, double, single, units, passes, result)
    return result


@compiled
def _approach(
    order: Ints, group: Ints, share: Floats, packed: NDArray[np.uint8], double: Tables, single: Tables, units: Ints,
    passes: int, result: Bools,
) -> None:  # fmt: skip
    """Write for each unit in turn the answer nearest to the debt: all mixtures so far less all answers.

    The debt of its group counts, for the congestion point, and that of all units, for the balance. Then every unit
    chooses again, given the choices of all others, once per pass.
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
    """Return one state from an array packed by np.packbits."""
    return int(packed[k, i, t >> 3] >> (7 - (t & 7)) & 1)
