"""Switched units in turn: each takes the program that is best given what all others do, at the couplings' true cost.

Mixtures of programs that are all or nothing come apart when every unit takes one of them: what was half of the units on
becomes too many here and too few there. A unit's program is on or off in each ISP, so what being on costs the couplings
is one number per ISP whatever their shape, and its best program is exact.
Source: docs/explanation/optimisation.md §3.5.
"""

from collections.abc import Callable
from typing import Any

import numpy as np

from models.case import Bools, Case, Floats, Ints
from models.compiled import compiled
from models.decomposition.master.restricted_master import RestrictedMaster
from models.decomposition.prices.coupling_costs import cost_of
from models.decomposition.prices.grouping import Grouping
from models.decomposition.primal.convex_combination import Starts, settle_runs
from models.decomposition.primal.recovery import positions
from models.decomposition.stopping import StopReason
from models.decomposition.tuning import Recovery
from models.parameter_views import Tables, load
from models.resources.switched import Parameters, priced
from models.resources.switched.kernel import cheapest, reckoned

_SLIGHT = 1e-9


def descend(
    case: Case,
    parts: Grouping,
    master: RestrictedMaster,
    starts: Starts,
    prices: Floats,
    *,
    aim_eur: float,
    tuning: Recovery,
    interrupted: Callable[[], StopReason | None],
) -> None:
    """Improve the chosen states in place, pass by pass, and let the groups keep them in the master.

    The groups must be settled; all others stay where they are. While day-ahead positions are free, energy costs its
    price (T,), EUR per kW, at first: a position would follow, but holds every single unit where it is. Then positions
    are fitted to the whole, and the balance counts as it is. What turns out worse is taken back.
    """
    turns = [_Turn(parts, index, priced(case, b.units, called=b.called)) for index, b in enumerate(parts.batches)
             if b.label == "switched"]  # fmt: skip
    if not turns:
        return
    free = np.isnan(case.day_ahead.committed_kw)
    for linear in (True, False) if free.any() else (False,):
        before, kept = master.cost(), {turn.index: starts[turn.index].copy() for turn in turns}
        positions_kw = master.free.value.copy()
        for _ in range(tuning.descent_passes):
            gain = 0.0
            for turn in turns:
                if interrupted():
                    break
                gain += turn.take(master, starts[turn.index], np.where(free & linear, prices, np.nan))
                settle_runs(case, parts, master, {turn.index: starts[turn.index]})
            if gain <= tuning.descent_gain * aim_eur:
                break
        if linear:
            _fit_positions(case, master)
        if master.cost() > before:
            for index, states in kept.items():
                starts[index][:] = states
                settle_runs(case, parts, master, {index: states})
            master.free.value[:] = positions_kw
            master.recount()


def _fit_positions(case: Case, master: RestrictedMaster) -> None:
    """Take the cheapest day-ahead positions for what all units do."""
    of = master.free.da_of
    taken = np.where(of >= 0, np.append(master.free.value, 0.0)[of], np.nan_to_num(case.day_ahead.committed_kw))
    day_ahead, *_ = positions(case, master.couplings.balance.s[0] + taken)
    master.free.value[of[of >= 0]] = day_ahead[of >= 0]
    master.recount()


class _Turn:
    """The switched units of one batch."""

    def __init__(self, parts: Grouping, index: int, given: Parameters) -> None:
        batch = parts.batches[index]
        self.index, self.given, self.called = index, given, batch.called
        self.order = np.argsort(batch.rows.total, kind="stable")
        self.tie = parts.group_tie[batch.rows.total]

    def take(self, master: RestrictedMaster, on: Bools, prices: Floats) -> float:
        """Let every unit choose again; return what that gains, EUR. Energy costs `prices` (T,) where they are given."""
        given, c = self.given, master.couplings
        return float(
            _pass(
                self.order, self.tie, self.called, prices, c.balance, c.program, c.call, given.double, given.single,
                given.units, given.times, given.windows, given.scalars, given.longest, on,
            )
        )  # fmt: skip


@compiled
def _being_on(
    tie: int, called: bool, prices: Floats, balance: Any, program: Any, call: Any, on_kw: Floats, on: Bools,
    cost: Floats,
) -> None:  # fmt: skip
    """Write what being on costs the couplings in each ISP (T,), all others given."""
    for t in range(on.shape[0]):
        kw, mine = on_kw[t], on_kw[t] * on[t]
        total = 0.0
        if called:
            total += _rise(call, tie, t, -mine, kw)
        else:
            total += _rise(balance, 0, t, -mine, kw) if np.isnan(prices[t]) else kw * prices[t]
            if tie >= 0:
                total += _rise(program, tie, t, -mine, kw) + _rise(call, tie, t, mine, -kw)
        cost[t] = total


@compiled
def _rise(channel: Any, row: int, t: int, move: float, more: float) -> float:
    """Return what `more` costs in a channel's row and ISP once it was moved."""
    s, points, slopes = channel.s[row, t] + move, channel.points[row, t], channel.slopes[row, t]
    return cost_of(s + more, points, slopes) - cost_of(s, points, slopes)


@compiled
def _pass(
    order: Ints, ties: Ints, called: bool, prices: Floats, balance: Any, program: Any, call: Any,
    double: Tables, single: Tables, units: Ints, times: Ints, windows: Ints, scalars: Floats, longest: int, on: Bools,
) -> float:  # fmt: skip
    """Let every unit choose again; keep the channels up to date; return what it gains, EUR."""
    isps = on.shape[1]
    table, ones, price = np.zeros((2, isps)), np.ones(isps), np.zeros(isps)
    cost, places, new = np.zeros(isps), np.zeros((2, isps), dtype=np.int64), np.zeros(isps, dtype=np.bool_)
    value, switch = np.zeros((4, isps + 1, longest)), np.zeros((2, isps, longest), dtype=np.bool_)
    gain = 0.0
    for i in order:
        load(double, single, units[i], table)
        tie = ties[i]
        _being_on(tie, called, prices, balance, program, call, table[0], on[i], price)
        _, before = reckoned(on[i], ones, times[i], windows[i], scalars[i], price)
        _, after = cheapest(ones, table[1], times[i], windows[i], scalars[i], price, cost, places, value, switch, new)
        if not after < before - _SLIGHT * (1.0 + abs(before)):
            continue
        gain += before - after
        for t in range(isps):
            if new[t] != on[i, t]:
                change = table[0, t] if new[t] else -table[0, t]
                if called:
                    call.s[tie, t] += change
                else:
                    balance.s[0, t] += change
                    if tie >= 0:
                        program.s[tie, t] += change
                        call.s[tie, t] -= change
                on[i, t] = new[t]
    return gain
