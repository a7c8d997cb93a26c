"""Stores that were measured while the Period runs: they begin with the energy from which what was measured follows.

The programs of ISPs that have ended stay as they are; only the energy that a store must have had at first changes. So a
battery that charged less than planned has that much less from now on, whatever the reason. Pure.
"""

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from agr.planning.case.inputs import MeasuredEnergy
from agr.planning.case.rows import Floats


def begun(
    names: Sequence[str],
    held: Mapping[str, MeasuredEnergy],
    start: Floats,
    retention: Floats,
    hours: float,
    wide: Mapping[str, Floats],
    eta_d: Floats,
    pinned: Floats,
) -> tuple[Floats, NDArray[np.int64]]:
    """Return the energies (U,), kWh, with which stores begin, and which stores (n,) were measured.

    `wide`: as in `agr.planning.case.recovery.returning`. An ISP without a pinned program (U,T) moved nothing.
    """
    measured = np.array([row for row, name in enumerate(names) if name in held], dtype=np.int64)
    if not len(measured):
        return start, measured
    found = start.copy()
    power = np.nan_to_num(pinned[measured])
    gained = np.fmax(power, 0.0) * wide["eta_c"][measured] - np.fmax(-power, 0.0) / eta_d[measured, None]
    moves_kwh = hours * gained - wide["demand"][measured]
    for row, moved in zip(measured.tolist(), moves_kwh, strict=True):
        known = held[names[row]]
        content = known.kwh
        for t in range(known.isps - 1, -1, -1):
            content = (content - moved[t]) / retention[row]
        found[row] = content
    return found, measured
