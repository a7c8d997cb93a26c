"""Cars at charge points that nothing can be sent to: they draw what was accepted, then the fallback. Pure."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta

import numpy as np
from numpy.typing import NDArray

from agr.domain.faults import number_of
from agr.domain.kinds.ev_session import EvSession
from agr.planning.case import Inputs
from agr.planning.contents import named_some

Floats = NDArray[np.float64]


def as_told_before(inputs: Inputs, limits_kw: Mapping[str, Floats], notes: list[str]) -> Inputs:
    """Return the inputs with the power of cars that nothing can be sent to; says in `notes` which they are.

    `limits_kw`: session → the most power (T,) that its charge point gives. A car takes all of that until it is full.
    """
    period = inputs.period
    rows = [
        row
        for row in inputs.register.of(EvSession)
        if row.resource in limits_kw and row.arrival < period.end and row.departure > period.start
    ]
    if not rows:
        return inputs
    sessions = number_of(len(rows), "session")
    named = named_some([row.resource for row in rows])
    notes.append(f"{sessions} at charge points that get no plans planned with what was accepted there: {named}")
    return replace(inputs, dictated_kw={row.resource: _drawn_kw(inputs, row, limits_kw[row.resource]) for row in rows})


def _drawn_kw(inputs: Inputs, row: EvSession, limit_kw: Floats) -> Floats:
    """Return what a car draws (T,) from the first ISP on that can still change; NaN before."""
    period, hours, into = inputs.period, inputs.period.isp_hours, row.charge_efficiency
    kept = np.nan_to_num(inputs.previous.programs_kw.get(row.resource, np.zeros(period.isp_count)))
    known = inputs.held.get(row.resource)
    if known is not None:
        content, since = known.kwh, known.isps
    else:
        content, since = _start_kwh(inputs, row), 0
    content += float(np.maximum(kept[since : inputs.closed_isps], 0.0).sum()) * into * hours
    full = max(row.initial_kwh + row.energy_kwh, row.capacity_kwh or 0.0)
    found = np.full(period.isp_count, np.nan)
    for isp, start in enumerate(period.starts()):
        if isp < inputs.closed_isps:
            continue
        there = (min(row.departure, start + period.isp_length) - max(row.arrival, start)) / period.isp_length
        most = min(float(limit_kw[isp]), row.charge_kw)
        most = 0.0 if most < row.charge_min_kw else most * min(max(there, 0.0), 1.0)
        found[isp] = min(most, max(full - content, 0.0) / (into * hours))
        content += found[isp] * into * hours
    return found


def _start_kwh(inputs: Inputs, row: EvSession) -> float:
    before_h = max((inputs.period.start - row.arrival) / timedelta(hours=1), 0.0)
    if not before_h:
        return row.initial_kwh
    reached = min(row.energy_kwh, before_h * row.charge_kw * row.charge_efficiency)
    return inputs.carried_state.get(row.resource, row.initial_kwh + reached)
