"""Checks shiftable runs: no start before the earliest, no end after the latest, whatever day they lie in. Pure.

Source: docs/reference/tables.md; docs/reference/formulation.md §2.4.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from math import ceil, floor

import numpy as np

from agr.domain.kinds.shiftable_run import ShiftableRun
from agr.planning.case_audit.context import SHOWN, AuditContext
from agr.planning.case_audit.facts import Floats
from agr.planning.case_audit.findings import differences
from models.outcome import Programs

_QUARTER = 15
"""Minutes for which each power of a profile holds."""
_ROUNDING = 1e-9
_POWER_KW = 1e-6
_AT_ONCE = 4096
"""Runs that are checked together."""


@dataclass(frozen=True, kw_only=True, eq=False)
class RunBounds:
    """What a run may do in a Period: its profile (D,) per ISP, and its first and last start, ISPs from 0."""

    row: ShiftableRun
    profile_kw: Floats
    first: int
    last: int  # T, the number of ISPs, where it may be left for later
    begun: bool  # before the Period: what remains is carried on at once
    latest: int = 0  # the last start, ISPs from 0 on, also after the Period
    wait: float = 0.0  # minutes from the start of an ISP until the run begins


def per_isp(profile_kw: tuple[float, ...], minutes: int, wait: float) -> Floats:
    """Return the mean power of each ISP, from powers of a quarter of an hour each; before and after there is none."""
    length = ceil((wait + len(profile_kw) * _QUARTER) / minutes - _ROUNDING)
    used = np.concatenate([[0.0], np.cumsum(profile_kw)]) * _QUARTER  # kW · minutes until each quarter of an hour
    edges = np.arange(length + 1) * minutes - wait
    return np.asarray(np.diff(np.interp(edges, np.arange(len(used)) * _QUARTER, used)) / minutes)


def bounds(context: AuditContext) -> list[RunBounds]:
    """Return the runs that have a place in the Period."""
    return [found for row in context.ours(ShiftableRun) if (found := _bounds(context, row)) is not None]


def _bounds(context: AuditContext, row: ShiftableRun) -> RunBounds | None:
    facts, day = context.facts, context.day
    may, must = day.since(row.earliest_start), day.since(row.latest_end) - len(row.profile_kw) * _QUARTER
    earliest, latest, wait = ceil(may / day.length - _ROUNDING), floor(must / day.length + _ROUNDING), 0.0
    if latest < earliest:  # ISPs are longer than quarters: it begins within one
        begins = ceil(may / _QUARTER - _ROUNDING) * _QUARTER
        earliest = floor(begins / day.length)
        wait = begins - earliest * day.length
        latest = floor((must - wait) / day.length + _ROUNDING)
    profile = per_isp(row.profile_kw, day.length, wait)
    length = len(profile)
    if earliest >= day.isps or latest + length <= 0:
        return None
    latest = max(latest, earliest)  # whole quarters fit, or the table is refused
    rest = facts.carried_state.get(row.resource) if earliest < 0 else None
    if rest is not None and rest < length:
        left = profile[length - int(rest) :]
        if not len(left) and latest < day.isps:
            return None
        return RunBounds(row=row, profile_kw=left if len(left) else np.zeros(1), first=0, last=0, begun=True)
    if latest < 0:
        return None
    return _free(context, row, profile, max(earliest, 0), latest, wait)


def _free(
    context: AuditContext, row: ShiftableRun, profile: Floats, first: int, latest: int, wait: float
) -> RunBounds | None:
    """Return the starts that are still free: what has begun stays, and nothing begins in a closed ISP."""
    facts, isps = context.facts, context.day.isps
    last = min(latest, isps)
    decided = facts.previous.decided.get(row.resource)
    start = int(decided) if isinstance(decided, int) else None
    if start is not None and (start < facts.closed_isps or context.frozen(row)):
        first = last = start
    elif facts.closed_isps > first:
        first = min(facts.closed_isps, last)
    off = facts.unavailable_from.get(row.resource)
    if off is not None and (start is None or start >= off):
        if last < isps:
            return None  # out of order
        first = last
    return RunBounds(row=row, profile_kw=profile, first=first, last=last, begun=False, latest=latest, wait=wait)


def check_case(context: AuditContext) -> Iterator[str]:
    """Yield findings about runs whose bounds or profile are not what was entered."""
    expected = bounds(context)
    yield from context.presence("shiftable", (ShiftableRun,), [found.row.resource for found in expected])
    rows = context.rows_of("shiftable", [found.row.resource for found in expected])
    here = [(found, row) for found, row in zip(expected, rows.tolist(), strict=True) if row >= 0]
    for begin in range(0, len(here), _AT_ONCE):
        few = here[begin : begin + _AT_ONCE]
        yield from _compared(context, few)
        yield from _later(context, few)


def _compared(context: AuditContext, here: Sequence[tuple[RunBounds, int]]) -> Iterator[str]:
    """Compare some runs with their rows in the case."""
    data, names = context.case.shiftable, [found.row.resource for found, _ in here]
    where = np.array([row for _, row in here])

    def numbers(values: list[int]) -> Floats:
        return np.array(values, dtype=np.float64)

    yield from differences(names, "point", data.point[where], context.places([found.row for found, _ in here]))
    yield from differences(names, "first_start", data.first_start[where], numbers([f.first for f, _ in here]))
    yield from differences(names, "last_start", data.last_start[where], numbers([f.last for f, _ in here]))
    yield from differences(names, "length", data.length[where], numbers([len(f.profile_kw) for f, _ in here]))
    wide = np.zeros((len(here), data.profile_kw.shape[1]))
    for row, (found, _) in zip(wide, here, strict=True):
        fits = found.profile_kw[: len(row)]
        row[: len(fits)] = fits
    yield from differences(names, "profile_kw", data.profile_kw[where], wide, absolute=_POWER_KW)


def _later(context: AuditContext, here: Sequence[tuple[RunBounds, int]]) -> Iterator[str]:
    """Compare what runs that are left for later, or go on then, cost where the audit knows the prices."""
    data, price = context.case.shiftable, context.later_price * (context.day.hours / 1000)
    names, found, due = list[str](), list[Floats](), list[Floats]()
    for bound, row in here:
        length = len(bound.profile_kw)
        expected = np.zeros(data.later_eur.shape[1])
        if not bound.begun and bound.last + length > context.day.isps:
            # The last one is that of the whole run: at its cheapest start.
            ends = [bound.profile_kw[length - k :] @ price[:k] for k in range(1, length)]
            starts = range(max(bound.latest - context.day.isps, 0) + 1)
            wholes = [bound.profile_kw @ price[s : s + length] for s in starts if s + length <= len(price)]
            if len(wholes) < len(starts) or np.isnan([*ends, *wholes]).any():
                continue
            costs = np.array([*ends, min(wholes)])[: len(expected)]
            expected[: len(costs)] = costs
        names.append(bound.row.resource)
        found.append(data.later_eur[row])
        due.append(expected)
    if names:
        yield from differences(
            names, "cost of what is left for later (ISPs after the Period)", np.array(found), np.array(due)
        )


def check_programs(context: AuditContext, programs: Programs) -> Iterator[str]:
    """Yield runs that start before their earliest start or end after their latest end, by the customer's clock.

    What began before the Period goes on, and what is in a closed ISP stays.
    """
    expected = bounds(context)
    rows = context.rows_of("shiftable", [found.row.resource for found in expected])
    wrong = [
        words
        for found, row in zip(expected, rows.tolist(), strict=True)
        if row >= 0 and (words := _broken(context, found, int(programs.start[row])))
    ]
    yield from wrong[:SHOWN]
    if len(wrong) > SHOWN:
        yield f"plan: {len(wrong) - SHOWN} more runs are outside what was entered"


def _broken(context: AuditContext, found: RunBounds, start: int) -> str:
    day, row = context.day, found.row
    if found.begun or start >= day.isps:
        return "" if start in (found.first, found.last) else f"plan, {row.resource}: may not be left for later"
    begins, takes = start * day.length + found.wait, len(row.profile_kw) * _QUARTER
    ends = begins + takes
    earliest, latest = day.since(row.earliest_start), day.since(row.latest_end)
    room = latest - ceil(earliest / _QUARTER - _ROUNDING) * _QUARTER
    if room < takes - _ROUNDING or start < context.facts.closed_isps:
        return "" if found.first <= start <= found.last else f"plan, {row.resource}: starts in ISP {start + 1}"
    if begins < earliest - _ROUNDING:
        return f"plan, {row.resource}: starts {earliest - begins:.0f} minutes before its earliest start"
    if ends > latest + _ROUNDING:
        return f"plan, {row.resource}: ends {ends - latest:.0f} minutes after its latest end"
    return ""
