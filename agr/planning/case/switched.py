"""Switched loads of the register → arrays of units that are on or off. Pure."""

from collections.abc import Sequence
from math import ceil, floor

import numpy as np
from numpy.typing import NDArray

from agr.domain.kinds.switched_load import SwitchedLoad, needs_of
from agr.domain.register import in_window
from agr.planning.case.inputs import Inputs
from agr.planning.case.units import PointIndex, UnitRows
from models.case import NO_POINT, Case, Switched
from models.outcome import Programs

_ROUNDING = 1e-9
Window = tuple[int, int, int, int]
"""First ISP, the ISP behind the last, least and most ISPs on."""


def switched_units(
    inputs: Inputs, at: PointIndex, addresses: Sequence[str], notes: list[str]
) -> tuple[tuple[str, ...], Switched]:
    """Loads that are on or off; closed ISPs keep what was planned, and off is what is out of order."""
    rows, isps, minutes = UnitRows(), inputs.period.isp_count, inputs.period.isp_minutes
    windows: list[list[Window]] = []
    for load in inputs.register.of(SwitchedLoad):
        point = at(load.connection)
        if point is None:
            continue
        windows.append(_windows(inputs, load, notes))
        pinned = _pins(inputs, load.resource, point, addresses)
        power = np.full(isps, load.power_kw)
        planned = inputs.previous.programs_kw.get(load.resource)
        if planned is not None:  # what a closed ISP took, even if the register says another power now
            power = np.where(pinned == 1.0, planned, power)
        rows.add(
            load.resource, point=point, on_kw=power, pinned_on=pinned, start_eur=load.start_eur,
            min_run=max(ceil(load.min_run_minutes / minutes - _ROUNDING), 1),
            min_rest=max(ceil(load.min_rest_minutes / minutes - _ROUNDING), 1),
            before=inputs.carried_state.get(load.resource, _isps(load.initial_minutes, minutes)),
            shortfall=inputs.planning.comfort_shortfall_eur_per_kwh * load.power_kw * inputs.period.isp_hours,
        )  # fmt: skip
    table = np.zeros((4, len(windows), max((len(found) for found in windows), default=0)), dtype=np.int64)
    for row, found in enumerate(windows):
        if found:
            table[:, row, : len(found)] = np.array(found).T
    ints = {name: rows.vector(name).astype(np.int64) for name in ("min_run", "min_rest", "before")}
    return tuple(rows.names), Switched(
        point=rows.points(), on_kw=rows.matrix("on_kw", isps), start_eur=rows.vector("start_eur"),
        shortfall_eur=rows.vector("shortfall"), pinned_on=rows.matrix("pinned_on", isps),
        window_first=table[0], window_end=table[1], least_on=table[2], most_on=table[3], **ints,
    )  # fmt: skip


def carried_isps(case: Case, on: NDArray[np.bool_]) -> list[int]:
    """Return for how many ISPs each switched unit has been on (+) or off (−) when the Period ends."""
    last = on[:, -1]
    alike = (on[:, ::-1] == last[:, None]).cumprod(axis=1).sum(axis=1)
    before = case.switched.before
    alike = alike + np.where((alike == case.isps) & ((before > 0) == last), np.abs(before), 0)
    return [int(count) for count in np.where(last, alike, -alike)]


def missed_kwh(case: Case, programs: Programs, *, least: bool) -> NDArray[np.float64]:
    """Return energy (U,T) of the hours by which needs are missed, at the end of each window: too few, or too many."""
    missed = np.zeros(programs.switched_on.shape)
    energy = _missed_kwh(case, programs, least=least)
    for u, w in zip(*np.nonzero(energy), strict=True):
        missed[u, case.switched.window_end[u, w] - 1] += energy[u, w]
    return missed


def _missed_kwh(case: Case, programs: Programs, *, least: bool) -> NDArray[np.float64]:
    """Return the same per window (U,W)."""
    data, on = case.switched, programs.switched_on
    total = np.zeros((len(on), case.isps + 1), dtype=np.int16)
    np.cumsum(on, axis=1, out=total[:, 1:])
    there = data.window_end > data.window_first
    first, end = np.where(there, data.window_first, 0), np.where(there, data.window_end, 1)
    count = np.take_along_axis(total, end, axis=1) - np.take_along_axis(total, first, axis=1)
    off = data.least_on - count if least else count - data.most_on
    power = np.take_along_axis(np.broadcast_to(np.abs(data.on_kw), on.shape), end - 1, axis=1)
    return np.where(there, np.maximum(off, 0) * power * case.isp_hours, 0.0)


def comfort_shortfall_kwh(case: Case, programs: Programs) -> float:
    """Return the energy by which the needs of stores and switched loads are missed."""
    stored = programs.unmet_kwh.sum() + programs.excess_kwh.sum()
    return float(stored + sum(_missed_kwh(case, programs, least=least).sum() for least in (True, False)))


def _isps(minutes: float, isp_minutes: int) -> int:
    count = max(floor(abs(minutes) / isp_minutes + _ROUNDING), 1)
    return count if minutes > 0 else -count


def _windows(inputs: Inputs, load: SwitchedLoad, notes: list[str]) -> list[Window]:
    """Return the windows of a Period; one that the change to summer time leaves out is noted.

    A window holds the ISPs from its first to its last; in the hour that is there twice, both times.
    """
    hours, found = inputs.period.isp_hours, list[Window]()
    for need in needs_of(load.needs):
        inside = np.flatnonzero(in_window(inputs.period, need.start, need.end))
        if not len(inside):
            notes.append(f"switched load {load.resource}: {inputs.period} has no ISP in its window from {need.start}")
            continue
        first, end = max(int(inside[0]), found[-1][1] if found else 0), int(inside[-1]) + 1
        least = ceil(need.hours / hours - _ROUNDING)
        most = end - first if need.most_hours is None else floor(need.most_hours / hours + _ROUNDING)
        found.append((first, end, least, max(most, least)))
    return found


def _pins(inputs: Inputs, resource: str, point: int, addresses: Sequence[str]) -> NDArray[np.float64]:
    """Return what can no longer change: as planned in closed ISPs (off if nothing was), off where out of order."""
    isps = inputs.period.isp_count
    pinned = np.full(isps, np.nan)
    states = inputs.previous.states.get(resource)
    frozen = point != NO_POINT and addresses[point] in inputs.frozen_points and states is not None
    closed = isps if frozen else inputs.closed_isps
    pinned[:closed] = 0.0 if states is None else states[:closed]
    pinned[inputs.unavailable_from.get(resource, isps) :] = 0.0
    return pinned
