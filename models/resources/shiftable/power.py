"""What shiftable runs with given starts take, and what they leave for later."""

import numpy as np

from models.case import Case, Floats, Ints
from models.outcome import Rows


def power_kw(case: Case, units: Rows, start: Ints) -> Floats:
    """Return the programs (n,T) of runs with their starts (n,), which may lie before or after the Period."""
    data = case.shiftable
    profile, length = data.profile_kw[units], data.length[units]
    program = np.zeros((len(start), case.isps))
    for n, (first, isps) in enumerate(zip(start.tolist(), length.tolist(), strict=True)):
        begin, end = max(first, 0), min(first + isps, case.isps)
        if begin < end:
            program[n, begin:end] = profile[n, begin - first : end - first]
    return program


def isps_to_come(case: Case, units: Rows, start: Ints) -> Ints:
    """Return how many ISPs of runs with these starts (n,) lie after the Period, (n,)."""
    length = case.shiftable.length[units]
    return np.asarray(np.clip(start + length - case.isps, 0, length))


def left_eur(case: Case, units: Rows, start: Ints) -> Floats:
    """Return minus the expected cost (n,), EUR, of what runs with these starts (n,), ISPs from 0, leave for later."""
    after, cost = isps_to_come(case, units, start), case.shiftable.later_eur[units]
    return -np.where(after > 0, cost[np.arange(len(start)), after - 1], 0.0)
