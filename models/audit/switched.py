"""Audits switched units: is every state, planned and called, one the unit can be in?"""

from collections.abc import Iterator

import numpy as np

from models.audit.findings import Axis, above, isp, numbered
from models.audit.scenario import Situation, scenarios
from models.case import Bools, Case, Ints
from models.outcome import Outcome, Programs


def check_switched(case: Case, outcome: Outcome) -> Iterator[str]:
    """Yield states no switched unit could be in; see the rules in models.audit."""
    for scenario in scenarios(case, outcome):
        yield from _states(case, scenario)
        moved = scenario.programs.switched_on != outcome.programs.switched_on
        elsewhere = ~scenario.concerns(case.switched.point)[:, None]
        what = "is not as planned though nothing is reserved there,"
        yield from above(_axes(scenario), what, (moved & elsewhere).astype(np.float64), 0.0, "ISPs")


def _axes(scenario: Situation) -> tuple[Axis, Axis]:
    return numbered(f"{scenario.word}switched"), isp


def _states(case: Case, scenario: Situation) -> Iterator[str]:
    """Follow every unit through the day: how long has it been as it is, and was it free to choose?"""
    data, on = case.switched, scenario.programs.switched_on
    pins, inside = np.broadcast_to(data.pinned_on, on.shape), _inside(case)
    soon, outside, unpinned = (np.zeros(on.shape) for _ in range(3))
    was, since = data.before > 0, np.abs(data.before)
    given = np.ones(len(on), dtype=np.bool_)  # nothing was free to be chosen so far
    for t in range(case.isps):
        now, free = on[:, t], np.isnan(pins[:, t])
        left = np.where(was, data.min_run, data.min_rest) - since
        given &= ~free | (left > 0)
        soon[:, t] = np.where(free & (now != was), left, 0)
        outside[:, t] = free & now & ~given & ~inside[:, t]
        unpinned[:, t] = ~free & (now != (pins[:, t] == 1))
        since = np.where(now == was, since + 1, 1)
        was = now
    mine = scenario.concerns(data.point)[:, None]
    for what, excess in (
        ("is switched too soon", soon),
        ("is on outside its windows", outside),
        ("leaves its pinned state", unpinned),
    ):
        yield from above(_axes(scenario), what, np.where(mine, excess, 0.0), 0.0, "ISPs")


def _inside(case: Case) -> Bools:
    data = case.switched
    result = np.zeros((len(data.point), case.isps), dtype=np.bool_)
    for t in range(case.isps):
        result[:, t] = ((data.window_first <= t) & (t < data.window_end)).any(axis=1)
    return result


def missed(case: Case, programs: Programs) -> Ints:
    """Return by how many ISPs each unit misses the bounds of its windows (U,)."""
    data, count = case.switched, np.zeros(case.switched.window_first.shape, dtype=np.int64)
    for t in range(case.isps):
        count += programs.switched_on[:, t, None] & (data.window_first <= t) & (t < data.window_end)
    off = np.maximum(data.least_on - count, 0) + np.maximum(count - data.most_on, 0)
    return np.asarray(np.where(data.window_end > data.window_first, off, 0).sum(axis=1), dtype=np.int64)


def begun(case: Case, programs: Programs) -> Ints:
    """Return how often each unit is started (U,)."""
    on = programs.switched_on.astype(np.int64)
    first = (case.switched.before > 0).astype(np.int64)
    return np.asarray((np.diff(on, axis=1, prepend=first[:, None]) > 0).sum(axis=1), dtype=np.int64)
