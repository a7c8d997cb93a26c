"""States of switched units that are kept under new facts."""

import numpy as np
from numpy.typing import NDArray

from models.arrays import of_rows
from models.case import Bools, Case, Ints, Switched
from models.outcome import Fields
from models.reserve_room import wide_rows

_FACTS = ("min_run", "min_rest", "before", "latest_start")
_WINDOWS = ("window_first", "window_end", "least_on", "most_on")


def resumed(case: Case, units: Ints, before: Case, rows: Ints, fields: Fields) -> tuple[Fields, Bools]:
    """Return the states of units (n,T), which had `fields` at rows (n,) of the case before, and which can run (n,).

    A unit can while its times and windows are what they were, and its states are those to which it is pinned.
    """
    now: Switched = of_rows(case.switched, units)
    was: Switched = of_rows(before.switched, rows)
    on = np.array(fields["switched_on"])
    pinned = wide_rows(case.switched.pinned_on, units, case.isps)
    fits: Bools = (np.isnan(pinned) | (on == (pinned == 1.0))).all(axis=1)
    for name in _FACTS:
        fits &= getattr(now, name) == getattr(was, name)
    width = max(now.window_first.shape[1], was.window_first.shape[1])
    for name in _WINDOWS:
        fits &= (_padded(getattr(now, name), width) == _padded(getattr(was, name), width)).all(axis=1)
    return {"switched_on": on}, fits


def _padded(windows: NDArray[np.int64], width: int) -> Ints:
    """Return values of windows (n,W) with empty windows up to `width`."""
    return np.pad(windows, ((0, 0), (0, width - windows.shape[1])))
