"""Programs of shiftable runs: their power, and the choice of starts close to given shares of several answers."""

from collections.abc import Sequence

import numpy as np

from models.case import Case, Floats, Ints
from models.outcome import Fields, Rows
from models.resources.protocols import Answered, Choices
from models.resources.shiftable import power

TERM = "later runs"
"""The term of the objective for what is left for later"""


def power_kw(case: Case, units: Rows, fields: Fields) -> Floats:
    """Return the programs (n,T) of runs with their starts, which may lie before the Period in unmanaged programs."""
    return power.power_kw(case, units, fields["start"])


def terms_eur(case: Case, units: Rows, fields: Fields, called: bool) -> dict[str, Floats]:
    """Return minus the expected cost of what is left for later (n,), EUR; a called program has no such cost."""
    if called or not case.shiftable.later_eur.any():
        return {}
    return {TERM: power.left_eur(case, units, fields["start"])}


def range_kw(case: Case, units: Ints) -> tuple[Floats, Floats]:
    """Return the lowest and highest power (n,T), kW, of each run (n,) in every ISP, 0 included where it may be off."""
    profile, shape = case.shiftable.profile_kw[units], (len(units), case.isps)
    low, high = profile.min(axis=1, initial=0.0), profile.max(axis=1, initial=0.0)
    return np.broadcast_to(low[:, None], shape), np.broadcast_to(high[:, None], shape)


def unmanaged(case: Case) -> Fields:
    """Return the starts if nobody steers the runs."""
    return {"start": case.shiftable.unmanaged_start.copy()}


def empty(case: Case, count: int) -> Fields:
    """Return starts in the first ISP (count,)."""
    del case
    return {"start": np.zeros(count, dtype=np.int64)}


def width_kw(case: Case) -> Floats:
    """Return the highest power of each run (U,), kW."""
    return np.asarray(np.abs(case.shiftable.profile_kw).max(axis=1), dtype=np.float64)


def choose(case: Case, units: Ints, group: Ints, share: Floats, rounds: Sequence[Answered], passes: int) -> Choices:
    """Return one of its answers for each run (n,), so that groups come closest to their shares (K,G) of the rounds.

    group (n,): of each run.
    """
    del passes
    owed = np.zeros((len(units), case.isps + 1))
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
