"""Switched loads: units that are on or off."""

from math import ceil, floor

import numpy as np
from numpy.typing import NDArray

from agr.domain.isp import Period
from agr.domain.kinds import switched_load
from agr.domain.kinds.switched_load import SwitchedLoad, needs_of
from agr.domain.register import in_window
from agr.planning.case.inputs import Inputs
from agr.planning.case.rows import Draft, Ints, UnitRows
from agr.planning.case.unit_class import Conversion, UnitClass
from models.case import Case, Switched
from models.outcome import Programs

_ROUNDING = 1e-9
Window = tuple[int, int, int, int]
"""(first ISP, ISP after the last, least ISPs on, most ISPs on)."""


def _add(rows: UnitRows, draft: Draft, load: SwitchedLoad, point: int) -> None:
    """Add a load; closed ISPs keep what was planned, and a load out of order stays off."""
    inputs, minutes = draft.inputs, draft.inputs.period.isp_minutes
    windows = _windows(inputs.period, load, draft.notes)
    least_run = max(ceil(load.min_run_minutes / minutes - _ROUNDING), 1)
    pinned = _pins(draft, load.resource, point)
    power = np.full(inputs.period.isp_count, load.power_kw)
    planned = inputs.previous.programs_kw.get(load.resource)
    if planned is not None:  # closed ISPs keep their power, even if the register has changed
        power = np.where(pinned == 1.0, planned, power)
    rows.add(
        load.resource, point=point, on_kw=power, pinned_on=pinned, start_eur=load.start_eur,
        min_run=least_run, latest_start=inputs.period.isp_count + _open_after(inputs.period, load) - least_run,
        min_rest=max(ceil(load.min_rest_minutes / minutes - _ROUNDING), 1),
        before=inputs.carried_state.get(load.resource, _isps(load.initial_minutes, minutes)),
        shortfall=inputs.planning.comfort_shortfall_eur_per_kwh * load.power_kw * inputs.period.isp_hours,
        windows=np.array(windows, dtype=float).reshape(len(windows), 4),
    )  # fmt: skip


def _arrays(rows: UnitRows, inputs: Inputs) -> Switched:
    isps, windows = inputs.period.isp_count, rows.ragged("windows")
    table = np.zeros((4, len(windows), max((len(found) for found in windows), default=0)), dtype=np.int64)
    for row, found in enumerate(windows):
        table[:, row, : len(found)] = found.T
    return Switched(
        point=rows.points(), on_kw=rows.matrix("on_kw", isps), start_eur=rows.vector("start_eur"),
        shortfall_eur=rows.vector("shortfall"), pinned_on=rows.matrix("pinned_on", isps),
        window_first=table[0], window_end=table[1], least_on=table[2], most_on=table[3],
        latest_start=rows.ints("latest_start"), min_run=rows.ints("min_run"),
        min_rest=rows.ints("min_rest"), before=rows.ints("before"),
    )  # fmt: skip


def carried_isps(case: Case, on: NDArray[np.bool_]) -> list[int]:
    """Return for how many ISPs each switched unit has been on (+) or off (−) when the Period ends."""
    last = on[:, -1]
    alike = (on[:, ::-1] == last[:, None]).cumprod(axis=1).sum(axis=1)
    before = case.switched.before
    alike = alike + np.where((alike == case.isps) & ((before > 0) == last), np.abs(before), 0)
    return [int(count) for count in np.where(last, alike, -alike)]


def missed_kwh(case: Case, programs: Programs, *, least: bool) -> NDArray[np.float64]:
    """Return the energy (U,T), in kWh, of hours missed (`least`) or in excess, in the last ISP of each window."""
    missed = np.zeros(programs.switched_on.shape)
    energy = _missed_kwh(case, programs, least=least)
    for u, w in zip(*np.nonzero(energy), strict=True):
        missed[u, case.switched.window_end[u, w] - 1] += energy[u, w]
    return missed


def _missed_kwh(case: Case, programs: Programs, *, least: bool) -> NDArray[np.float64]:
    """Return the same energy per window (U,W)."""
    data, on = case.switched, programs.switched_on
    total = np.zeros((len(on), case.isps + 1), dtype=np.int16)
    np.cumsum(on, axis=1, out=total[:, 1:])
    there = data.window_end > data.window_first
    first, end = np.where(there, data.window_first, 0), np.where(there, data.window_end, 1)
    count = np.take_along_axis(total, end, axis=1) - np.take_along_axis(total, first, axis=1)
    off = data.least_on - count if least else count - data.most_on
    power = np.take_along_axis(np.broadcast_to(np.abs(data.on_kw), on.shape), end - 1, axis=1)
    return np.where(there, np.maximum(off, 0) * power * case.isp_hours, 0.0)


def _unmanaged_kw(case: Case) -> NDArray[np.float64]:
    from models.baseline import unmanaged_on  # imports Pyomo, which takes seconds

    return np.asarray(case.switched.on_kw * unmanaged_on(case), dtype=np.float64)


def _unsteered_kw(case: Case, units: Ints) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the powers (n,T), kW, of units that are on from the start of each window, as long as they must.

    Pins come first. Least times are not looked at: they change which ISPs a unit is on in by a few.
    """
    data, shape = case.switched, (len(units), case.isps)
    isp = np.arange(case.isps)[None, None, :]
    first, end = data.window_first[units, :, None], data.window_end[units, :, None]
    until = np.minimum(first + data.least_on[units, :, None], end)
    usual = ((first <= isp) & (isp < until)).any(axis=1).astype(np.float64)
    pinned, power = (np.broadcast_to(table[units], shape) for table in (data.pinned_on, data.on_kw))
    return power * np.where(np.isnan(pinned), usual, pinned), power * usual


def _isps(minutes: float, isp_minutes: int) -> int:
    count = max(floor(abs(minutes) / isp_minutes + _ROUNDING), 1)
    return count if minutes > 0 else -count


def _open_after(period: Period, load: SwitchedLoad) -> int:
    """Return for how many ISPs after the Period the load may be on without leaving its windows."""
    end = 0
    for first, until, _, _ in _windows(period.next(), load, []):
        end = until if first == end else end
    return end


def _windows(period: Period, load: SwitchedLoad, notes: list[str]) -> list[Window]:
    """Return the windows of a Period; a window that the change to summer time skips is noted.

    A window holds all ISPs from its first to its last; at the change to winter time, the repeated hour counts twice.
    """
    hours, found = period.isp_hours, list[Window]()
    for need in needs_of(load.needs):
        inside = np.flatnonzero(in_window(period, need.start, need.end))
        if not len(inside):
            notes.append(f"switched load {load.resource}: {period} has no ISP in its window from {need.start}")
            continue
        first, end = max(int(inside[0]), found[-1][1] if found else 0), int(inside[-1]) + 1
        least = ceil(need.hours / hours - _ROUNDING)
        most = end - first if need.most_hours is None else floor(need.most_hours / hours + _ROUNDING)
        found.append((first, end, least, max(most, least)))
    return found


def _pins(draft: Draft, resource: str, point: int) -> NDArray[np.float64]:
    """Return the states (T,) that can no longer change, NaN elsewhere.

    Closed ISPs keep the plan (off without one); a load out of order is off.
    """
    inputs, isps = draft.inputs, draft.inputs.period.isp_count
    pinned = np.full(isps, np.nan)
    known = inputs.previous.decided.get(resource)
    states = known if isinstance(known, np.ndarray) else None
    closed = isps if draft.frozen(point) and states is not None else inputs.closed_isps
    pinned[:closed] = 0.0 if states is None else states[:closed]
    pinned[inputs.unavailable_from.get(resource, isps) :] = 0.0
    return pinned


def _range_kw(case: Case, units: Ints) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the powers (T,) of units (n,) that may be off and on in each ISP: in windows, or until a run may end."""
    data, shape = case.switched, (len(units), case.isps)
    isp = np.arange(case.isps)[None, None, :]
    first, end = data.window_first[units, :, None], data.window_end[units, :, None]
    inside = ((first <= isp) & (isp < end)).any(axis=1)
    owed = np.where(data.before > 0, data.min_run - data.before, 0)[units, None]
    state, power = np.broadcast_to(data.pinned_on[units], shape), np.broadcast_to(data.on_kw[units], shape)
    free, able = np.isnan(state), inside | (isp[0] < owed)
    pinned = np.where(free, 0.0, np.nan_to_num(state) * power).sum(axis=0)
    free_kw = np.where(free & able, power, 0.0)
    return pinned + np.minimum(free_kw, 0.0).sum(axis=0), pinned + np.maximum(free_kw, 0.0).sum(axis=0)


CLASS = UnitClass(
    name="switched",
    shown=switched_load.KIND.name,
    look=switched_load.KIND.look,
    conversions=(Conversion(kind=switched_load.KIND, add=_add),),
    arrays=_arrays,
    power_kw=lambda case, programs: case.switched.on_kw * programs.switched_on,
    range_kw=_range_kw,
    unmanaged_kw=_unmanaged_kw,
    unsteered_kw=_unsteered_kw,
    decided=lambda _case, programs: list(programs.switched_on),
    carried=lambda case, programs: carried_isps(case, programs.switched_on),
    unmet_kwh=lambda case, programs: missed_kwh(case, programs, least=True),
    excess_kwh=lambda case, programs: missed_kwh(case, programs, least=False),
)
