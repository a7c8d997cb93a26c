"""Runs that may start in the Period; one that started in a closed ISP keeps its start."""

from collections.abc import Sequence

import numpy as np

from agr.domain.kinds import shiftable_run
from agr.domain.kinds.shiftable_run import ShiftableRun
from agr.planning.case.inputs import Inputs
from agr.planning.case.rows import Draft, Floats, Ints, UnitRows
from agr.planning.case.unit_class import Conversion, UnitClass
from models.case import Case, Shiftable


def _per_isp(profile_kw: Sequence[float], isp_minutes: int) -> Floats:
    """Return the profile in kW per ISP, from one per 15 minutes."""
    if isp_minutes == 15:
        return np.array(profile_kw, dtype=float)
    minutes = np.repeat(np.array(profile_kw, dtype=float), 15)
    padded = np.pad(minutes, (0, -len(minutes) % isp_minutes))
    return np.array([group.mean() for group in padded.reshape(-1, isp_minutes)])


def _run_off(inputs: Inputs, resource: str, start: int | None) -> bool:
    """Say whether a run cannot happen: its resource is unavailable, unless it had started before."""
    off = inputs.unavailable_from.get(resource)
    return off is not None and (start is None or start >= off)


def _add(rows: UnitRows, draft: Draft, run: ShiftableRun, point: int) -> None:
    inputs, period = draft.inputs, draft.inputs.period
    if not period.start <= run.earliest_start < period.end:
        return
    profile = _per_isp(run.profile_kw, period.isp_minutes)
    first = int(np.ceil((run.earliest_start - period.start) / period.isp_length))
    last = int((min(run.latest_end, period.end) - period.start) / period.isp_length) - len(profile)
    if last < first:
        words = "does not fit between its earliest start and latest end: started as early"
        draft.notes.append(f"run {run.resource} {words}")
        first = last = max(min(first, period.isp_count - len(profile)), 0)
    known = inputs.previous.decided.get(run.resource)
    decided = known if isinstance(known, int) else None
    if decided is not None and (decided < inputs.closed_isps or draft.frozen(point)):
        first = last = decided
    elif inputs.closed_isps > first:
        first = min(inputs.closed_isps, last)
    if _run_off(inputs, run.resource, decided):
        return
    profile = profile[: period.isp_count]
    rows.add(run.resource, point=point, profile=profile, length=len(profile), first=first, last=last)


def _arrays(rows: UnitRows, _inputs: Inputs) -> Shiftable:
    profiles = rows.ragged("profile")
    wide = np.zeros((len(profiles), max((len(p) for p in profiles), default=0)))
    for row, profile in zip(wide, profiles, strict=True):
        row[: len(profile)] = profile
    return Shiftable(
        point=rows.points(), profile_kw=wide, length=rows.ints("length"), first_start=rows.ints("first"),
        last_start=rows.ints("last"),
    )  # fmt: skip


def _run_kw(case: Case, starts: Ints) -> Floats:
    """Return the programs of runs (U,T) that start in these ISPs (U,)."""
    found = np.zeros((len(starts), case.isps))
    for row, start, length, profile in zip(
        found, starts, case.shiftable.length, case.shiftable.profile_kw, strict=True
    ):
        row[start : start + length] = profile[:length]
    return found


CLASS = UnitClass(
    name="shiftable",
    shown=shiftable_run.KIND.name,
    look=shiftable_run.KIND.look,
    conversions=(Conversion(kind=shiftable_run.KIND, add=_add),),
    arrays=_arrays,
    power_kw=lambda case, programs: _run_kw(case, programs.start),
    unmanaged_kw=lambda case: _run_kw(case, case.shiftable.first_start),
    decided=lambda _case, programs: [int(start) for start in programs.start],
)
