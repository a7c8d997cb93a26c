"""Units that are on or off choose again in turn, exactly, all others given. Compiled.

A unit's program is on or off in each ISP, so what being on costs the couplings is one number per ISP whatever their
shape, and its best program is exact. Source: docs/explanation/optimisation.md §3.5.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np

from models.case import Bools, Case, Floats, Ints
from models.compiled import compiled
from models.coupling_costs import cost_of
from models.parameter_views import Tables, load
from models.resources.switched.kernel import cheapest, reckoned
from models.resources.switched.states import Parameters, priced

_SLIGHT = 1e-9
"""Share of a program's cost that a better one must save: less is rounding."""


@dataclass(frozen=True, kw_only=True, eq=False)
class SwitchedDescent:
    """Units of one batch."""

    given: Parameters
    called: bool
    order: Ints  # (n,) whose turn it is
    point: Ints  # (n,) index of the unit's priced point, −1 for none

    @staticmethod
    def of(case: Case, units: Ints, called: bool, order: Ints, point: Ints) -> "SwitchedDescent":
        """Prepare units (n,); a called program costs only its own comfort shortfall."""
        return SwitchedDescent(given=priced(case, units, called=called), called=called, order=order, point=point)

    def take(self, prices: Floats, balance: Any, program: Any, call: Any, chosen: Bools) -> float:
        """Let every unit choose again; return what that gains, EUR. Energy costs `prices` (T,) where they are given."""
        given = self.given
        return float(
            _pass(
                self.order, self.point, self.called, prices, balance, program, call, given.double, given.single,
                given.units, given.times, given.windows, given.scalars, given.longest, chosen,
            )
        )  # fmt: skip


@compiled
def _being_on(
    point: int, called: bool, prices: Floats, balance: Any, program: Any, call: Any, on_kw: Floats, on: Bools,
    cost: Floats,
) -> None:  # fmt: skip
    """Write what being on costs the couplings in each ISP (T,), all others given."""
    for t in range(on.shape[0]):
        kw, mine = on_kw[t], on_kw[t] * on[t]
        total = 0.0
        if called:
            total += _rise(call, point, t, -mine, kw)
        else:
            total += _rise(balance, 0, t, -mine, kw) if np.isnan(prices[t]) else kw * prices[t]
            if point >= 0:
                total += _rise(program, point, t, -mine, kw) + _rise(call, point, t, mine, -kw)
        cost[t] = total


@compiled
def _rise(coupling: Any, row: int, t: int, move: float, more: float) -> float:
    """Return what `more` costs in a coupling's row and ISP once it was moved."""
    s, breakpoints, slopes = coupling.s[row, t] + move, coupling.breakpoints[row, t], coupling.slopes[row, t]
    return cost_of(s + more, breakpoints, slopes) - cost_of(s, breakpoints, slopes)


@compiled
def _pass(
    order: Ints, points: Ints, called: bool, prices: Floats, balance: Any, program: Any, call: Any,
    double: Tables, single: Tables, units: Ints, times: Ints, windows: Ints, scalars: Floats, longest: int, on: Bools,
) -> float:  # fmt: skip
    """Let every unit choose again; keep the couplings up to date; return what it gains, EUR."""
    isps = on.shape[1]
    table, ones, price = np.zeros((2, isps)), np.ones(isps), np.zeros(isps)
    cost, places, new = np.zeros(isps), np.zeros((2, isps), dtype=np.int64), np.zeros(isps, dtype=np.bool_)
    value, switch = np.zeros((4, isps + 1, longest)), np.zeros((2, isps, longest), dtype=np.bool_)
    gain = 0.0
    for i in order:
        load(double, single, units[i], table)
        point = points[i]
        _being_on(point, called, prices, balance, program, call, table[0], on[i], price)
        _, before = reckoned(on[i], ones, times[i], windows[i], scalars[i], price)
        _, after = cheapest(ones, table[1], times[i], windows[i], scalars[i], price, cost, places, value, switch, new)
        if not after < before - _SLIGHT * (1.0 + abs(before)):
            continue
        gain += before - after
        for t in range(isps):
            if new[t] != on[i, t]:
                change = table[0, t] if new[t] else -table[0, t]
                if called:
                    call.s[point, t] += change
                else:
                    balance.s[0, t] += change
                    if point >= 0:
                        program.s[point, t] += change
                        call.s[point, t] -= change
                on[i, t] = new[t]
    return gain
