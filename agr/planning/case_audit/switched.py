"""Checks switched loads: their windows by the clock on the wall, hours, least times, power and state. Pure.

Source: docs/reference/tables.md (switched_loads); docs/reference/formulation.md §2.5.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from math import ceil, floor

import numpy as np
from numpy.typing import NDArray

from agr.domain.faults import number_of
from agr.domain.kinds.switched_load import SwitchedLoad
from agr.planning.case_audit.context import SHOWN, AuditContext
from agr.planning.case_audit.day import Day, after
from agr.planning.case_audit.findings import differences
from models.outcome import Programs

_ROUNDING = 1e-9
_WINDOW = re.compile(r"\s*(\d+):(\d+)\s*-\s*(\d+):(\d+)\s+([\d.]+)(?:\s*-\s*([\d.]+))?\s*")


@dataclass(frozen=True, kw_only=True)
class Window:
    """ISPs, from 0, in which a load may be on, and for how many of them."""

    first: int
    end: int
    least: int
    most: int


def windows(day: Day, needs: str) -> list[Window]:
    """Return the windows of a day; one that a change of clocks skips is left out, a repeated hour counts twice."""
    found = list[Window]()
    for words in sorted(needs.split(";"), key=lambda text: text.strip()):
        match = _WINDOW.fullmatch(words)
        if match is None:
            raise ValueError(f"{words!r} is not a window of a switched load; the table should not have been loaded")
        begin, close = int(match[1]) * 60 + int(match[2]), int(match[3]) * 60 + int(match[4])
        inside = (day.clock >= begin) & (day.clock < (close or 24 * 60))
        isps = np.flatnonzero(inside)
        if not len(isps):
            continue
        first, end = max(int(isps[0]), found[-1].end if found else 0), int(isps[-1]) + 1
        least = ceil(float(match[5]) / day.hours - _ROUNDING)
        most = end - first if match[6] is None else floor(float(match[6]) / day.hours + _ROUNDING)
        found.append(Window(first=first, end=end, least=least, most=max(least, most)))
    return found


def check_case(context: AuditContext) -> Iterator[str]:
    """Yield findings about loads whose windows, times or states are not as entered."""
    loads, data, facts = context.ours(SwitchedLoad), context.case.switched, context.facts
    yield from context.presence("switched", (SwitchedLoad,), [load.resource for load in loads])
    here, rows = context.found("switched", loads)
    if not here:
        return
    names, minutes = [load.resource for load in here], context.day.length
    run = np.array([max(ceil(load.min_run_minutes / minutes - _ROUNDING), 1) for load in here])
    rest = np.array([max(ceil(load.min_rest_minutes / minutes - _ROUNDING), 1) for load in here])
    before = [facts.carried_state.get(load.resource, _isps(load.initial_minutes, minutes)) for load in here]
    power = np.array([load.power_kw for load in here])
    shortfall = facts.planning.comfort_shortfall_eur_per_kwh * power * context.day.hours
    pinned = _pins(context, here)
    yield from differences(names, "point", data.point[rows], context.places(here))
    yield from differences(names, "min_run", data.min_run[rows], run.astype(np.float64))
    yield from differences(names, "min_rest", data.min_rest[rows], rest.astype(np.float64))
    yield from differences(names, "before", data.before[rows], np.array(before, dtype=np.float64))
    yield from differences(names, "start_eur", data.start_eur[rows], np.array([load.start_eur for load in here]))
    yield from differences(names, "shortfall_eur", data.shortfall_eur[rows], shortfall)
    yield from differences(names, "pinned_on", data.pinned_on[rows], pinned)
    wide = np.broadcast_to(power[:, None], pinned.shape).copy()
    for u, load in enumerate(here):  # what is in a closed ISP keeps its power, even if the register has changed
        planned = facts.previous.programs_kw.get(load.resource)
        if planned is not None:
            wide[u] = np.where(pinned[u] == 1.0, planned, wide[u])
    yield from differences(names, "on_kw", data.on_kw[rows], wide)
    follows = after(facts.period)
    latest = [context.day.isps + _open(follows, load) - int(least) for load, least in zip(here, run, strict=True)]
    yield from differences(names, "latest_start", data.latest_start[rows], np.array(latest, dtype=np.float64))
    wrong = [words for load, row in zip(here, rows.tolist(), strict=True) if (words := _windows(context, load, row))]
    yield from wrong[:SHOWN]
    if len(wrong) > SHOWN:
        yield f"case: the windows of {len(wrong) - SHOWN} more switched loads are not what the tables give"


def _windows(context: AuditContext, load: SwitchedLoad, row: int) -> str:
    """Return how a load's windows in the case differ from those entered; empty if they do not."""
    data = context.case.switched
    columns = (data.window_first[row], data.window_end[row], data.least_on[row], data.most_on[row])
    found = [tuple(int(v) for v in values) for values in zip(*columns, strict=True) if values[1] > values[0]]
    right = [(w.first, w.end, w.least, w.most) for w in windows(context.day, load.needs) if w.end > w.first]
    if sorted(found) == sorted(right):
        return ""
    return f"case, {load.resource}: windows (first ISP from 0, end, least, most) are {found}, the tables give {right}"


def _isps(minutes: float, length: int) -> int:
    """Return for how many ISPs a load has been on (+) or off (−), at least one."""
    count = max(int(abs(minutes) / length + _ROUNDING), 1)
    return count if minutes > 0 else -count


def _open(day: Day, load: SwitchedLoad) -> int:
    """Return for how many ISPs from midnight on a load may be on without leaving its windows."""
    end = 0
    for window in windows(day, load.needs):
        if window.first == end:
            end = window.end
    return end


def _pins(context: AuditContext, loads: list[SwitchedLoad]) -> NDArray[np.float64]:
    """Return what can no longer change (U,T): as planned, or off without a plan; a load out of order is off."""
    facts, isps = context.facts, context.day.isps
    pinned = np.full((len(loads), isps), np.nan)
    for row, load in zip(pinned, loads, strict=True):
        planned = facts.previous.decided.get(load.resource)
        states = planned if isinstance(planned, np.ndarray) else None
        kept = isps if states is not None and context.frozen(load) else facts.closed_isps
        row[:kept] = 0.0 if states is None else states[:kept]
        row[facts.unavailable_from.get(load.resource, isps) :] = 0.0
    return pinned


def check_programs(context: AuditContext, programs: Programs) -> Iterator[str]:
    """Yield loads that are on outside their windows, but for what is closed or had begun before the Period."""
    here, rows = context.found("switched", context.ours(SwitchedLoad))
    if not here:
        return
    pinned, wrong = _pins(context, here), list[str]()
    for u, (load, row) in enumerate(zip(here, rows.tolist(), strict=True)):
        allowed = ~np.isnan(pinned[u])
        for window in windows(context.day, load.needs):
            allowed[window.first : window.end] = True
        begun = context.facts.carried_state.get(load.resource, _isps(load.initial_minutes, context.day.length))
        if begun > 0:
            allowed[: max(ceil(load.min_run_minutes / context.day.length - _ROUNDING) - int(begun), 0)] = True
        outside = np.flatnonzero(programs.switched_on[row] & ~allowed)
        if len(outside):
            wrong.append(
                f"plan, {load.resource}: is on outside its windows in {number_of(len(outside), 'ISP')} "
                f"from {outside[0] + 1}"
            )
    yield from wrong[:SHOWN]
    if len(wrong) > SHOWN:
        yield f"plan: {len(wrong) - SHOWN} more switched loads are on outside their windows"
