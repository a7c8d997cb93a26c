"""Cars that nobody planned, and that do not say what they need: fixed loads of a running Period. Pure.

Such a car takes what its charge point has accepted, then the fallback, until it ends, as a session at a silent back-end
does. The register has no row of it. Source: docs/how-to/carry-plans-out.md.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from math import inf

import numpy as np
from numpy.typing import NDArray

from agr.dispatch.exposure import IspGrid, worst_kw
from agr.dispatch.orders import held
from agr.dispatch.unplanned import name_of
from agr.domain.dispatch import Dispatch, SessionState
from agr.domain.faults import number_of
from agr.domain.isp import Period
from agr.domain.kinds.ev_session import EvSession
from agr.domain.kinds.fixed_load import FixedLoad
from agr.domain.kinds.quantities import POWER
from agr.domain.register import Register
from agr.domain.visit import Visit
from agr.planning.case import Inputs
from agr.planning.contents import named_some
from agr.store.charge_sessions import ChargeSession

Floats = NDArray[np.float64]
_NOISE_KWH = 1e-9


def visits_of(
    tables: Register, seen: Sequence[ChargeSession], sent: Mapping[str, Sequence[Dispatch]], period: Period,
    now: datetime,
) -> tuple[Visit, ...]:  # fmt: skip
    """Return the visits among the sessions that were seen in a Period, which are in order of their beginning.

    `sent`: charge point → commands that are or may be in force. One car at a time is at a charge point: the next one
    ends the visit of the one before, and a planned car that is still to come ends the visit of an unplanned one. A car
    that pauses by itself takes nothing.
    """
    grid = IspGrid(starts=tuple(period.starts()), isp=period.isp_length)
    points, found = {point.charge_point: point for point in tables.charge_points}, []
    planned = [(row.charge_point, row.connection, row.arrival) for row in tables.of(EvSession)]
    alone = {name for name, one in points.items()
             if sum(other.connection == one.connection for other in points.values()) == 1}  # fmt: skip
    for place, one in enumerate(seen):
        point = points.get(one.charge_point)
        if one.resource is not None or point is None:
            continue
        after = [later.began_at for later in seen[place + 1 :] if later.charge_point == one.charge_point]
        after += [
            arrival for name, connection, arrival in planned
            if arrival > now and (
                name == point.charge_point
                or (name is None and connection == point.connection and point.charge_point in alone)
            )
        ]  # fmt: skip
        said = one.departure if one.departure is not None and one.departure > now else None
        ends = [at for at in (one.ended_at, said, *after) if at is not None]
        paused = one.state is SessionState.CAR_PAUSES
        rows = held(sent.get(point.charge_point, ()))
        limit = np.zeros(period.isp_count) if paused else worst_kw(point, rows, grid, now)
        wants = None if one.needed_wh is None else max(one.needed_wh / 1000 - (one.delivered_kwh or 0.0), 0.0)
        found.append(Visit(
            resource=name_of(one.charge_point, one.began_at), connection=point.connection, began=one.began_at,
            until=min(ends, default=None), limit_kw=limit, wants_kwh=wants,
        ))  # fmt: skip
    return tuple(found)


def as_they_draw(inputs: Inputs, visits: Sequence[Visit], notes: list[str]) -> Inputs:
    """Return the inputs with cars that nobody planned as fixed loads; says in `notes` which they are."""
    known = {row.resource for row in inputs.register.resources} if visits else set()
    drawn = {one: _drawn_kw(inputs, one) for one in visits if one.resource not in known}
    drawn = {one: kw for one, kw in drawn.items() if kw.any() or one.resource in inputs.previous.programs_kw}
    if not drawn:
        return inputs
    here = [one.resource for one, kw in drawn.items() if kw[inputs.past_isps :].any()]
    if here:
        cars = number_of(len(here), "car")
        notes.append(f"{cars} that nobody planned, planned with what the charge points give: {named_some(here)}")
    rows = tuple(FixedLoad(resource=one.resource, connection=one.connection) for one in drawn)
    forecasts = {(one.resource, POWER.name): kw for one, kw in drawn.items()}
    return replace(
        inputs, visits=tuple(drawn), forecasts={**inputs.forecasts, **forecasts},
        register=replace(inputs.register, resources=(*inputs.register.resources, *rows)),
    )  # fmt: skip


def _drawn_kw(inputs: Inputs, one: Visit) -> Floats:
    """Return what a car takes (T,), kW: in closed ISPs as in the plan in force; nothing once its visit is over."""
    period, before = inputs.period, inputs.previous.programs_kw.get(one.resource)
    left = inf if one.wants_kwh is None else one.wants_kwh
    found = np.zeros(period.isp_count)
    for isp, start in enumerate(period.starts()):
        end = start + period.isp_length
        if one.until is not None and start >= one.until:
            break
        if before is not None and isp < inputs.closed_isps:
            found[isp] = before[isp]
        elif isp >= inputs.past_isps:
            there = (min(one.until or end, end) - max(one.began, start)) / period.isp_length
            found[isp] = min(float(one.limit_kw[isp]) * max(there, 0.0), left / period.isp_hours)
        if isp >= inputs.past_isps:
            left = max(left - found[isp] * period.isp_hours, 0.0)
    found[found * period.isp_hours < _NOISE_KWH] = 0.0
    return found
