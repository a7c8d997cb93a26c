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


def _begun(case: Case, programs: Programs) -> Ints:
    """Return the number of starts of each unit (U,)."""
    on = programs.switched_on.astype(np.int64)
    first = (case.switched.before > 0).astype(np.int64)
    return np.asarray((np.diff(on, axis=1, prepend=first[:, None]) > 0).sum(axis=1), dtype=np.int64)


def _terms_eur(case: Case, programs: Programs, called: bool) -> Mapping[str, Floats]:
    """Return the costs of starts and shortfall; a called program only costs its own shortfall."""
    data = case.switched
    if not len(data.point):
        return {}
    missed_eur = np.asarray(-data.shortfall_eur * _missed(case, programs), dtype=np.float64)
    if called:
        return {"called comfort shortfall": missed_eur}
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
