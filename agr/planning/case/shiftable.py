"""Runs that may start in the Period, or go on in it; one that started in a closed ISP keeps its start."""

from collections.abc import Sequence
from datetime import timedelta
from math import ceil, floor

import numpy as np

from agr.domain.isp import Period
from agr.domain.kinds import shiftable_run
from agr.domain.kinds.shiftable_run import ShiftableRun
from agr.planning.case.inputs import Inputs
from agr.planning.case.rows import Draft, Floats, Ints, UnitRows
from agr.planning.case.unit_class import Conversion, UnitClass
from models.case import Case, Shiftable
from models.unmanaged import isps_to_come, left_eur, power_kw

_QUARTER = timedelta(minutes=15)
"""How long each power of a profile lasts."""


def _starts(run: ShiftableRun, period: Period) -> tuple[int, int, timedelta]:
    """Return the first and last ISP in which a run may begin, and how long after the ISP's start it begins.

    It begins with an ISP, and is over by its latest end to the minute, also where it does not fill its last ISP. Where
    no such start fits, since ISPs are longer than quarters of an hour, it begins with a quarter within an ISP.
    """
    latest = run.latest_end - len(run.profile_kw) * _QUARTER - period.start
    first, last = ceil((run.earliest_start - period.start) / period.isp_length), floor(latest / period.isp_length)
    if first <= last:
        return first, last, timedelta(0)
    first, wait = divmod(ceil((run.earliest_start - period.start) / _QUARTER) * _QUARTER, period.isp_length)
    return first, floor((latest - wait) / period.isp_length), wait


def _per_isp(profile_kw: Sequence[float], isp_minutes: int, wait: timedelta) -> Floats:
    """Return the profile in kW per ISP, from one per 15 minutes that begins some time after an ISP does."""
    if isp_minutes == 15:
        return np.array(profile_kw, dtype=float)
    minutes = np.repeat([0.0, *profile_kw], [wait // timedelta(minutes=1), *[15] * len(profile_kw)])
    padded = np.pad(minutes, (0, -len(minutes) % isp_minutes))
    return np.array([group.mean() for group in padded.reshape(-1, isp_minutes)])


def _run_off(inputs: Inputs, resource: str, start: int | None) -> bool:
    """Say whether a run cannot happen: its resource is unavailable, unless it had started before."""
    off = inputs.unavailable_from.get(resource)
    return off is not None and (start is None or start >= off)


def _add(rows: UnitRows, draft: Draft, run: ShiftableRun, point: int) -> None:
    """Add a run that may start in the Period, or one that has begun and goes on; the customer's bounds hold.

    A run that may start after the Period as well may be left for later.
    """
    inputs, period = draft.inputs, draft.inputs.period
    earliest, latest, wait = _starts(run, period)
    profile = _per_isp(run.profile_kw, period.isp_minutes, wait)
    isps, length = period.isp_count, len(profile)
    if earliest >= isps or latest + length <= 0:
        return
    if latest < earliest:
        draft.notes.append(f"run {run.resource} does not fit between its earliest start and latest end: it ends later")
        latest = earliest
    to_come = inputs.carried_state.get(run.resource) if earliest < 0 else None
    if to_come is not None and to_come < length:
        _go_on(
            rows,
            run.resource,
            profile[length - int(to_come) :],
            point,
            earliest + length - int(to_come),
            latest >= isps,
        )
        return
    if latest < 0:
        draft.notes.append(f"run {run.resource} should have begun before {period}: left out")
        return
    first, last = max(earliest, 0), min(latest, isps)
    known = inputs.previous.decided.get(run.resource)
    decided = known if isinstance(known, int) else None
    if decided is not None and (decided < inputs.closed_isps or draft.frozen(point)):
        first = last = decided
    elif inputs.closed_isps > first:
        first = min(inputs.closed_isps, last)
    if _run_off(inputs, run.resource, decided):
        if last < isps:
            return
        first = last
    later = np.zeros(length)
    if last + length > isps:
        later = _later_eur(profile, draft.later_price(max(latest - isps, 0) + length) * period.isp_hours / 1000)
    rows.add(
        run.resource, point=point, profile=profile, later=later, length=length, first=first, last=last,
        unmanaged=max(earliest, 0) if to_come is None else earliest,
    )  # fmt: skip


def _go_on(rows: UnitRows, resource: str, profile: Floats, point: int, unmanaged: int, may_be_asked: bool) -> None:
    """Add what a run that began before the Period has still to do.

    A finished run stays as one without power while later Periods might believe that it may still start.
    """
    if len(profile) or may_be_asked:
        profile = profile if len(profile) else np.zeros(1)
        rows.add(
            resource, point=point, profile=profile, later=np.zeros(len(profile)), length=len(profile), first=0, last=0,
            unmanaged=unmanaged,
        )  # fmt: skip


def _later_eur(profile: Floats, eur_per_kw: Floats) -> Floats:
    """Return the expected cost (D,) where k + 1 ISPs of a run lie after the Period, and all D: the cheapest start."""
    length = len(profile)
    tails = [profile[length - k - 1 :] @ eur_per_kw[: k + 1] for k in range(length - 1)]
    wholes = [profile @ eur_per_kw[start : start + length] for start in range(len(eur_per_kw) - length + 1)]
    return np.array([*tails, min(wholes)])


def _arrays(rows: UnitRows, _inputs: Inputs) -> Shiftable:
    return Shiftable(
        point=rows.points(), profile_kw=rows.padded("profile", 0.0), length=rows.ints("length"),
        first_start=rows.ints("first"), last_start=rows.ints("last"), later_eur=rows.padded("later", 0.0),
        unmanaged_start=rows.ints("unmanaged"),
    )  # fmt: skip


def _to_come(case: Case, starts: Ints) -> list[float]:
    """Return how many ISPs of each run lie after the Period."""
    return [float(count) for count in isps_to_come(case, slice(None), starts)]


def _unmanaged_left(case: Case) -> tuple[None, float]:
    """Return what unmanaged runs credit for what they leave, EUR; their start follows from their bounds alone."""
    return None, float(left_eur(case, slice(None), case.shiftable.unmanaged_start).sum())


def _range_kw(case: Case, units: Ints) -> tuple[Floats, Floats]:
    """Return the lowest and highest power (T,) in each ISP of all starts that runs (n,) may have, added up."""
    data = case.shiftable
    low, high = np.zeros(case.isps), np.zeros(case.isps)
    whole = (data.length[units].tolist(), data.first_start[units].tolist(), data.last_start[units].tolist())
    rows = zip(data.profile_kw[units], *whole, strict=True)
    for profile, length, first, last in rows:
        for t in range(first, min(last + length, case.isps)):
            powers = profile[max(t - last, 0) : min(t - first + 1, length)]
            rests = t < last or t - first >= length  # of one start, the run has not begun yet or has ended
            low[t] += min(float(powers.min()), 0.0) if rests else float(powers.min())
            high[t] += max(float(powers.max()), 0.0) if rests else float(powers.max())
    return low, high


def _unsteered_kw(case: Case, units: Ints) -> tuple[Floats, Floats]:
    """Return the powers (n,T), kW, of runs that start as early as they may, and nothing for another day.

    A run that may be left for later draws nothing: it is counted after the Period.
    """
    data, found = case.shiftable, np.zeros((len(units), case.isps))
    for row, unit in enumerate(units.tolist()):
        first, length = int(data.first_start[unit]), int(data.length[unit])
        if int(data.last_start[unit]) < case.isps:
            part = data.profile_kw[unit, : min(length, case.isps - first)]
            found[row, first : first + len(part)] = part
    return found, np.zeros(found.shape)


def _tails_kw(case: Case, units: Ints, isps: int) -> Floats:
    """Return the most (n,m), kW, that runs can draw in each ISP after the Period, of all starts up to its end."""
    data, found = case.shiftable, np.zeros((len(units), isps))
    for row, unit in enumerate(units.tolist()):
        length, last = int(data.length[unit]), int(data.last_start[unit])
        for start in range(max(int(data.first_start[unit]), case.isps - length + 1), last + 1):
            tail = data.profile_kw[unit, case.isps - start : length][:isps]
            found[row, : len(tail)] = np.maximum(found[row, : len(tail)], tail)
    return found


def run_ahead(run: ShiftableRun, period: Period, isps: int) -> Floats:
    """Return the power (n,), kW, of a run that cannot start before the Period ends, from the Period's start on.

    It starts as early as it may; one that has a place in the Period draws nothing here.
    """
    found, (first, _, wait) = np.zeros(isps), _starts(run, period)
    if first >= period.isp_count:
        part = _per_isp(run.profile_kw, period.isp_minutes, wait)[: max(isps - first, 0)]
        found[first : first + len(part)] = part
    return found


CLASS = UnitClass(
    name="shiftable",
    shown=shiftable_run.KIND.name,
    look=shiftable_run.KIND.look,
    conversions=(Conversion(kind=shiftable_run.KIND, add=_add),),
    arrays=_arrays,
    power_kw=lambda case, programs: power_kw(case, slice(None), programs.start),
    range_kw=_range_kw,
    unmanaged_kw=lambda case: power_kw(case, slice(None), case.shiftable.unmanaged_start),
    unsteered_kw=_unsteered_kw,
    tails_kw=_tails_kw,
    decided=lambda _case, programs: [int(start) for start in programs.start],
    carried=lambda case, programs: _to_come(case, programs.start),
    left_terms=("later runs",),
    unmanaged_left=_unmanaged_left,
)
