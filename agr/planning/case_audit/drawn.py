"""What units other than cars draw, in a Period and on the days after it, if nobody steers them. Pure.

Of a later day its forecast counts where it is known, else the Period's at the same time on the clock.
Source: docs/reference/formulation.md §2.3.
"""

from collections.abc import Iterator, Sequence
from itertools import pairwise
from math import ceil

import numpy as np

from agr.domain.kinds.heat_pump import HeatPump
from agr.domain.kinds.shiftable_run import ShiftableRun
from agr.domain.kinds.switched_load import SwitchedLoad
from agr.planning.case_audit.context import AuditContext, Rows
from agr.planning.case_audit.day import Day
from agr.planning.case_audit.facts import Floats
from agr.planning.case_audit.runs import bounds, per_isp
from agr.planning.case_audit.switched import windows

_QUARTER, _LEAST_COP = 15, 1e-3


def drawn_by_others(
    context: AuditContext, cars: frozenset[str], connections: frozenset[str], days: Sequence[Day]
) -> dict[str, Floats]:  # fmt: skip
    """Return what each of some connections draws (N,), kW, without `cars`; `days`: the Period and those after it."""
    count = sum(day.isps for day in days)
    found = {connection: np.zeros(count) for connection in connections}
    at = {row.resource: row.connection for row in context.facts.register.resources}
    left = cars | {visit.resource for visit in context.facts.visits}
    same = [same_clock(before, day) for before, day in pairwise(days)]
    known = _tomorrow(context, days[1])
    for resource, now, usual in (*_powers(context), *_stores(context), *_switched(context)):
        if at[resource] in found:
            later = [now, known.get(resource, (np.zeros(len(usual)) if resource in left else usual)[same[0]])]
            for clock in same[1:]:
                later.append(later[-1][clock])
            found[at[resource]] += np.concatenate(later)
    for resource, power in _runs(context, count):
        if at[resource] in found:
            found[at[resource]] += power
    return found


_Drawn = tuple[str, Floats, Floats]
"""A resource, what it draws in the Period (T,), and what it draws on a day like it (T,)."""


def _powers(context: AuditContext) -> Iterator[_Drawn]:
    fixed, suns = context.case.fixed, context.case.curtailable
    for u, name in enumerate(context.names.get("fixed", ())):
        yield name, fixed.program_kw[u], fixed.program_kw[u]
    for u, name in enumerate(context.names.get("curtailable", ())):
        pinned = suns.pinned_kw[u]
        yield name, np.where(np.isnan(pinned), suns.forecast_kw[u], pinned), suns.forecast_kw[u]


def _stores(context: AuditContext) -> Iterator[_Drawn]:
    """Heat pumps follow the heat needed, everything else rests; what is pinned is pinned."""
    pumps = {row.resource: row for row in context.ours(HeatPump)}
    for u, name in enumerate(context.names.get("storage", ())):
        usual = np.zeros(context.day.isps)
        if name in pumps:
            cop = np.maximum(context.forecast(name, "cop", 3.0), _LEAST_COP)
            usual = np.minimum(context.forecast(name, "heat_kw", 0.0) / cop, pumps[name].power_kw)
            usual = usual * context.available([name])[0]
        pinned = context.case.storage.pinned_kw[u]
        yield name, np.where(np.isnan(pinned), usual, pinned), usual


def _switched(context: AuditContext) -> Iterator[_Drawn]:
    """Switched loads are on from the start of each window on, as long as they must."""
    loads = {row.resource: row for row in context.ours(SwitchedLoad)}
    for u, name in enumerate(context.names.get("switched", ())):
        on = np.zeros(context.day.isps)
        for window in windows(context.day, loads[name].needs) if name in loads else ():
            on[window.first : min(window.first + window.least, window.end)] = 1.0
        power = np.broadcast_to(context.case.switched.on_kw[u], on.shape)
        pinned = context.case.switched.pinned_on[u]
        yield name, power * np.where(np.isnan(pinned), on, pinned), power * on


def _tomorrow(context: AuditContext, day: Day) -> dict[str, Floats]:
    """Return what resources whose forecasts of the next day are known draw then (T,)."""
    forecasts, suns = context.facts.next_forecasts, frozenset(context.names.get("curtailable", ()))
    found = dict[str, Floats]()
    for row in context.ours(HeatPump):
        heat, cop = (forecasts.get((row.resource, what)) for what in ("heat_kw", "cop"))
        if heat is not None and cop is not None and len(heat) == len(cop) == day.isps:
            found[row.resource] = np.minimum(heat / np.maximum(cop, _LEAST_COP), row.power_kw)
    for (name, what), values in forecasts.items():
        if what == "power_kw" and len(values) == day.isps:
            found[name] = np.minimum(values, 0.0) if name in suns else values
    return found


def same_clock(before: Day, day: Day) -> Rows:
    """Return for each ISP of a day that of the day before it at the same time on the clock.

    Of an hour that the day before repeats the first counts, but the second for the second; an hour that it skips is
    the hour after it.
    """
    found, seen = [], set[int]()
    for clock in day.clock.tolist():
        same = np.flatnonzero(before.clock == clock)
        if not len(same):
            later = np.flatnonzero(before.clock >= clock)
            found.append(int(later[0]) + (clock % 60) // before.length)
        else:
            found.append(int(same[-1] if clock in seen else same[0]))
        seen.add(clock)
    return np.array(found, dtype=np.int64)


def _runs(context: AuditContext, count: int) -> Iterator[tuple[str, Floats]]:
    """Yield runs: those of the Period as early as they may, with the most that any of their starts draws after it.

    A run that may be left for later draws nothing before midnight, and one of a later day starts as early as it may.
    """
    isps, length = context.day.isps, context.day.length
    known = bounds(context)
    for run in known:
        power, profile = np.zeros(count), np.pad(run.profile_kw, (0, count))
        if run.last < isps:
            power[run.first : isps] = profile[: isps - run.first]
        for start in range(run.first, run.last + 1):
            shifted = np.concatenate([np.zeros(start), profile])[isps:count]
            power[isps:] = np.maximum(power[isps:], shifted)
        yield run.row.resource, power
    for row in context.ours(ShiftableRun):
        may = context.day.since(row.earliest_start)
        spare = context.day.since(row.latest_end) - len(row.profile_kw) * _QUARTER - ceil(may / length) * length
        first, wait = ceil(may / length), 0.0
        if spare < 0 and length > _QUARTER:  # ISPs are longer than quarters: it begins within one
            begins = ceil(may / _QUARTER) * _QUARTER
            first, wait = begins // length, float(begins % length)
        if first >= isps:
            profile = per_isp(row.profile_kw, length, wait)
            yield row.resource, np.pad(np.concatenate([np.zeros(first), profile]), (0, count))[:count]
