"""Lets units that are on or off choose again, one after the other, exactly and given all others. Compiled.

A unit is on or off in each ISP, so being on has one cost per ISP at the couplings, whatever their shape, and the unit's
best program is found exactly. Source: docs/explanation/optimisation.md §3.5.
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
"""Share of a program's cost, plus 1 EUR, that a better one must save; smaller savings are rounding."""


@dataclass(frozen=True, kw_only=True, eq=False)
class SwitchedDescent:
    """The units of one batch, ready to choose again."""

    given: Parameters
    called: bool
    order: Ints  # (n,) the order in which units choose
    point: Ints  # (n,) index of the unit's priced point, −1 for none
    group: Ints  # (n,) its balancing group

    @staticmethod
    def of(case: Case, units: Ints, called: bool, order: Ints, point: Ints) -> "SwitchedDescent":
        """Prepare units (n,), of which `order` (n,) is the order in which they choose, at priced points `point` (n,).

        A called program costs only its own comfort shortfall.
        """
        return SwitchedDescent(
            given=priced(case, units, called=called), called=called, order=order, point=point,
            group=case.balanced_in("switched")[units],
        )  # fmt: skip

    def take(self, prices: Floats, balance: Any, program: Any, call: Any, chosen: Bools) -> float:
        """Let every unit choose again, writing its states to chosen (n,T); return the gain, EUR.

        Energy costs `prices` (G,T), EUR per kW of one ISP, where they are not NaN.
        """
        given = self.given
        return float(
            _pass(
                self.order, self.point, self.group, self.called, prices, balance, program, call, given.double,
                given.single, given.units, given.times, given.windows, given.scalars, given.longest, chosen,
            )
        )  # fmt: skip


@compiled
def _being_on(
    point: int, group: int, called: bool, prices: Floats, balance: Any, program: Any, call: Any, on_kw: Floats,
    on: Bools, cost: Floats,
) -> None:  # fmt: skip
    """Write the cost (T,) at the couplings of being on in each ISP, given all other units."""
    for t in range(on.shape[0]):
        kw, mine = on_kw[t], on_kw[t] * on[t]
        total = 0.0
        if called:
            total += _rise(call, point, t, -mine, kw)
        else:
            price = prices[group, t]
            total += _rise(balance, group, t, -mine, kw) if np.isnan(price) else kw * price
            if point >= 0:
                total += _rise(program, point, t, -mine, kw) + _rise(call, point, t, mine, -kw)
        cost[t] = total


@compiled
def _rise(coupling: Any, row: int, t: int, move: float, more: float) -> float:
    """Return the cost of `more` kW in a coupling's row and ISP after it has moved by `move`."""
    s, breakpoints, slopes = coupling.s[row, t] + move, coupling.breakpoints[row, t], coupling.slopes[row, t]
    return cost_of(s + more, breakpoints, slopes) - cost_of(s, breakpoints, slopes)


@compiled
def _pass(
    order: Ints, points: Ints, groups: Ints, called: bool, prices: Floats, balance: Any, program: Any, call: Any,
    double: Tables, single: Tables, units: Ints, times: Ints, windows: Ints, scalars: Floats, longest: int, on: Bools,
) -> float:  # fmt: skip
    """Let every unit choose again, and update the couplings; return the gain, EUR."""
    isps = on.shape[1]
    table, ones, price = np.zeros((2, isps)), np.ones(isps), np.zeros(isps)
    cost, places, new = np.zeros(isps), np.zeros((2, isps), dtype=np.int64), np.zeros(isps, dtype=np.bool_)
    value, switch = np.zeros((4, isps + 1, longest)), np.zeros((2, isps, longest), dtype=np.bool_)
    gain = 0.0
    for i in order:
        load(double, single, units[i], table)
        point, group = points[i], groups[i]
        _being_on(point, group, called, prices, balance, program, call, table[0], on[i], price)
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
                    balance.s[group, t] += change
                    if point >= 0:
                        program.s[point, t] += change
                        call.s[point, t] -= change
                on[i, t] = new[t]
    return gain
