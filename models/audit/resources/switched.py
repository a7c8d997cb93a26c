"""Audits switched units: can the unit be in each of its states, and what do they cost?

States are as pinned where pinned. Otherwise a state lasts its least time, also if it began before the Period, and no
unit is on outside its windows, except for a least time that began before the unit could choose. None is started so
late that its least run would end outside its windows after the Period.
"""

from collections.abc import Mapping

import numpy as np

from models.audit.findings import above, isp
from models.audit.protocols import ClassAudit, Findings, Payer, ProgramField
from models.audit.scenario import Situation
from models.case import Bools, Case, Floats, Ints
from models.outcome import Programs


def _power_kw(case: Case, programs: Programs) -> Floats:
    return np.multiply(case.switched.on_kw, programs.switched_on)


def _check(case: Case, situation: Situation) -> Findings:
    """Follow every unit through the day: how long has it been in its state, and was it free to choose?"""
    axes = (situation.units("switched"), isp)
    data, on = case.switched, situation.programs.switched_on
    pins, inside = np.broadcast_to(data.pinned_on, on.shape), _inside(case)
    soon, outside, unpinned, late = (np.zeros(on.shape) for _ in range(4))
    was, since = data.before > 0, np.abs(data.before)
    given = np.ones(len(on), dtype=np.bool_)  # whether no state could be chosen freely so far
    for t in range(case.isps):
        now, free = on[:, t], np.isnan(pins[:, t])
        left = np.where(was, data.min_run, data.min_rest) - since
        given &= ~free | (left > 0)
        soon[:, t] = np.where(free & (now != was), left, 0)
        outside[:, t] = free & now & ~given & ~inside[:, t]
        late[:, t] = np.where(free & now & ~was & ~given, np.maximum(t - data.latest_start, 0), 0)
        unpinned[:, t] = ~free & (now != (pins[:, t] == 1))
        since = np.where(now == was, since + 1, 1)
        was = now
    mine = situation.concerns(data.point)[:, None]
    for what, excess in (
        ("is switched too soon", soon),
        ("is on outside its windows", outside),
        ("leaves its pinned state", unpinned),
        ("is started too late for its least run", late),
    ):
        yield from above(axes, what, np.where(mine, excess, 0.0), 0.0, "ISPs")


def _inside(case: Case) -> Bools:
    data = case.switched
    result = np.zeros((len(data.point), case.isps), dtype=np.bool_)
    for t in range(case.isps):
        result[:, t] = ((data.window_first <= t) & (t < data.window_end)).any(axis=1)
    return result


def _missed(case: Case, programs: Programs) -> Ints:
    """Return the number of ISPs by which each unit (U,) misses the bounds of its windows."""
    data, count = case.switched, np.zeros(case.switched.window_first.shape, dtype=np.int64)
    for t in range(case.isps):
        count += programs.switched_on[:, t, None] & (data.window_first <= t) & (t < data.window_end)
    off = np.maximum(data.least_on - count, 0) + np.maximum(count - data.most_on, 0)
    return np.asarray(np.where(data.window_end > data.window_first, off, 0).sum(axis=1), dtype=np.int64)


def _never_met(case: Case, unit: int) -> int:
    """Return the number of ISPs by which every program of a unit misses the bounds of its windows: all are followed."""
    data, inside = case.switched, _inside(case)[unit]
    pins = np.broadcast_to(data.pinned_on, (len(data.point), case.isps))[unit]
    times = {True: int(data.min_run[unit]), False: int(data.min_rest[unit])}
    windows = list(zip(*(values[unit].tolist() for values in _windows(case)), strict=True))
    of_isp = [
        next((w for w, (first, end, *_) in enumerate(windows) if first <= t < end), None) for t in range(case.isps)
    ]
    before = int(data.before[unit])
    # whether it is on, for how long, whether no state could be chosen so far, ISPs on in this window → ISPs missed
    reached = {(before > 0, min(abs(before), times[before > 0]), True, 0): 0}
    for t in range(case.isps):
        later: dict[tuple[bool, int, bool, int], int] = {}
        for (was, since, given, count), off in reached.items():
            bound = since < times[was]
            choices = (was,) if bound else (False, True)
            for now in choices if np.isnan(pins[t]) else (bool(pins[t] == 1),):
                forced = given and (bound or not np.isnan(pins[t]))
                if np.isnan(pins[t]) and not forced and now and not inside[t]:
                    continue
                if np.isnan(pins[t]) and now and not was and t > data.latest_start[unit]:
                    continue
                place, total, here = of_isp[t], off, count
                if place is not None:
                    first, end, least, most = windows[place]
                    here = (0 if t == first else count) + now
                    if t == end - 1:
                        total, here = total + max(least - here, 0) + max(here - most, 0), 0
                state = now, min(since + 1, times[now]) if now == was else 1, forced, here
                later[state] = min(later.get(state, total), total)
        reached = later
    return min(reached.values(), default=0)


def _windows(case: Case) -> tuple[Ints, Ints, Ints, Ints]:
    data = case.switched
    return data.window_first, data.window_end, data.least_on, data.most_on


def _begun(case: Case, programs: Programs) -> Ints:
    """Return the number of starts of each unit (U,)."""
    on = programs.switched_on.astype(np.int64)
    first = (case.switched.before > 0).astype(np.int64)
    return np.asarray((np.diff(on, axis=1, prepend=first[:, None]) > 0).sum(axis=1), dtype=np.int64)


def _terms_eur(case: Case, programs: Programs, called: bool) -> Mapping[str, Floats]:
    """Return the costs of starts and shortfall; of a called program, only what it misses beyond what it must."""
    data = case.switched
    if not len(data.point):
        return {}
    missed = _missed(case, programs)
    if called:
        never = np.array([_never_met(case, unit) if missed[unit] else 0 for unit in range(len(missed))])
        return {"called comfort shortfall": np.asarray(-data.shortfall_eur * (missed - never), dtype=np.float64)}
    missed_eur = np.asarray(-data.shortfall_eur * missed, dtype=np.float64)
    return {"starts": -data.start_eur * _begun(case, programs), "comfort shortfall": missed_eur}


AUDIT = ClassAudit(
    name="switched",
    fields={"switched_on": ProgramField(kinds="b", unit="ISPs")},
    power_kw=_power_kw,
    check=_check,
    terms_eur=_terms_eur,
    payers={
        "starts": Payer.OWNER,
        "comfort shortfall": Payer.NOBODY,
        "called comfort shortfall": Payer.NOBODY,
    },
)
