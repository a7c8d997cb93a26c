"""What cars hold by the registers of their charge points, which seldom know a state of charge. Pure.

Content = content on arrival + what the registers have counted since, through the charger's efficiencies.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta

import numpy as np

from agr.dispatch.registers import judged
from agr.domain.kinds.ev_session import EvSession
from agr.domain.reading import EXPORTED, IMPORTED

Registers = Mapping[tuple[str, str], Sequence[tuple[datetime, float]]]
"""(Resource, quantity) → (instant, kWh), by time."""

BEGINS_WITHIN = timedelta(minutes=15)
"""A register whose first reading is no further than this from the car's arrival has counted the whole session."""
_SURPLUS = 1.1  # the most that may be measured of a charger, as a share of its rated power


def sessions_contents(sessions: Iterable[EvSession], registers: Registers) -> dict[str, tuple[datetime, float]]:
    """Return resource → (instant of the newest register, content in kWh), where the registers tell it.

    They do not where they began long after the arrival, or contradict themselves: then nothing is guessed.
    """
    found = {}
    for row in sessions:
        limit_kw = max(row.charge_kw, row.discharge_kw) * _SURPLUS
        into = _counted(registers.get((row.resource, IMPORTED), ()), row, limit_kw)
        out = _counted(registers.get((row.resource, EXPORTED), ()), row, limit_kw)
        if into is None or (out is None and (row.resource, EXPORTED) in registers):
            continue
        at, kwh = into[0], row.initial_kwh + into[1] * row.charge_efficiency
        if out is not None:
            at, kwh = min(at, out[0]), kwh - out[1] / row.discharge_efficiency
        found[row.resource] = at, max(kwh, 0.0)
    return found


def _counted(
    readings: Sequence[tuple[datetime, float]], row: EvSession, limit_kw: float
) -> tuple[datetime, float] | None:  # fmt: skip
    """Return (instant of the newest reading, kWh since the arrival); None where the register does not tell."""
    mine = [one for one in readings if row.arrival - BEGINS_WITHIN <= one[0] <= row.departure + BEGINS_WITHIN]
    series = judged(mine, limit_kw) if mine else None
    if series is None or len(series.runs) != 1:
        return None
    run = series.runs[0]
    at = datetime.fromtimestamp(float(run.at_s[-1]), tz=row.arrival.tzinfo)
    if run.at_s[0] > (row.arrival + BEGINS_WITHIN).timestamp() or at < row.arrival:
        return None
    arrived = int(np.searchsorted(run.at_s, row.arrival.timestamp(), side="right"))
    return at, float(run.kwh[-1] - run.kwh[max(arrived - 1, 0)])
