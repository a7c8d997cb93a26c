"""Programs of shiftable runs: their power, and the choice of starts close to given shares of several answers."""

from collections.abc import Sequence

import numpy as np

from models.case import Case, Floats, Ints
from models.outcome import Fields, Rows
from models.resources.protocols import Answered, Choices


def power_kw(case: Case, units: Rows, fields: Fields) -> Floats:
    """Return the programs (n,T) of runs with their starts."""
    data, start = case.shiftable, fields["start"]
    profile, length = data.profile_kw[units], data.length[units]
    program = np.zeros((len(start), case.isps))
    for n, (first, isps) in enumerate(zip(start.tolist(), length.tolist(), strict=True)):
        program[n, first : first + isps] = profile[n, :isps]
    return program


def unmanaged(case: Case) -> Fields:
    """Return the first starts."""
    return {"start": case.shiftable.first_start.copy()}


def empty(case: Case, count: int) -> Fields:
    """Return starts in the first ISP (count,)."""
    del case
    return {"start": np.zeros(count, dtype=np.int64)}


def width_kw(case: Case) -> Floats:
    """Return the highest power of each run (U,), kW."""
    return np.asarray(np.abs(case.shiftable.profile_kw).max(axis=1), dtype=np.float64)


def choose(case: Case, units: Ints, group: Ints, share: Floats, rounds: Sequence[Answered], passes: int) -> Choices:
    """Return one of its answers for each run, so that groups come closest to their shares (K,G) of the rounds."""
    del passes
    owed = np.zeros((len(units), case.isps))
    for of_round, answered in zip(share, rounds, strict=True):
        mine = of_round[group]
        for some, start in answered():
            owed[some, start] += mine[some]
    return _round_off(owed, group)


def _round_off(weight: Floats, group: Ints) -> Ints:
    """Return one start per run: among those with weight, the one whose weight in its group is least covered so far."""
    result = np.zeros(len(weight), dtype=np.int64)
    for number in np.unique(group).tolist():
        owed = np.zeros(weight.shape[1])
        for u in np.flatnonzero(group == number).tolist():
            owed += weight[u]
            result[u] = int(np.argmax(np.where(weight[u] > 0, owed, -np.inf)))
            owed[result[u]] -= 1.0
    return result
