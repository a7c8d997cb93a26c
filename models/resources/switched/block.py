"""Switched units: off, or on at a given power, with least times of both. Source: docs/reference/formulation.md §2.5.

on[t] − on[t−1] = start[t] − stop[t];  Σ start over the last min_run ISPs <= on[t] <= 1 − Σ stop over the last min_rest
ISPs (Rajan and Takriti 2005: with these rows the least times need no further whole numbers);  least_on <= Σ on in a
window + unmet − excess <= most_on.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np

from models.algebra import pyo
from models.block import (
    Discrete,
    Flow,
    Known,
    ObjectiveTerm,
    States,
    Values,
    VariableArray,
    Variables,
    add_cells,
    called_units,
    linear_sum,
    new_block,
)
from models.case import Bools, Case, Floats, Ints
from models.outcome import Fields
from models.resources.switched.states import meetable, nearest, settled, starts


@dataclass(frozen=True, kw_only=True, eq=False)
class SwitchedBlock:
    """on[u,t] = 1 if unit u is on in ISP t, for ISPs in which the state is not settled already."""

    on: VariableArray
    settled: Bools  # (U,T) the states that are settled
    flow: Flow
    terms: tuple[ObjectiveTerm, ...]
    discrete: Discrete
    own: Bools  # (U,)
    held: None = None

    def programs(self, case: Case, values: Values) -> Fields:
        """Return the states (U,T), off for units that are not in the block."""
        free_on = self.on.spread(values, len(case.switched.point), case.isps) > 0.5
        return {"switched_on": self.settled | free_on}


@dataclass(frozen=True, kw_only=True, eq=False)
class _Table:
    """Looks up variables by unit and ISP or window."""

    of: dict[tuple[int, int], Any]

    @staticmethod
    def by(cells: VariableArray) -> "_Table":
        index = zip(cells.unit.tolist(), cells.isp.tolist(), strict=True)
        return _Table(of=dict(zip(index, cells.variables, strict=True)))

    def over(self, unit: int, isps: range) -> Variables:
        return [self.of[unit, t] for t in isps]


def add_switched(model: Any, case: Case, called: bool) -> SwitchedBlock:
    """Add on, start and stop of units; `on` is fixed where pins or an earlier start or stop settle the state.

    Money, EUR: −start_eur·start and comfort shortfall −s·(unmet + excess); a called program costs only its own
    shortfall. unmet and excess exist only for units that cannot keep the bounds of their windows.
    """
    data, block = case.switched, new_block(model, "called_switched" if called else "switched")
    shape = (len(data.point), case.isps)
    own = called_units(case, data.point) if called else np.ones(shape[0], dtype=np.bool_)
    units = np.flatnonzero(own)
    chosen, done, first = np.zeros(shape, dtype=np.bool_), np.zeros(shape, dtype=np.bool_), np.zeros(shape[0], np.int64)
    chosen[units] = True
    done[units], first[units] = settled(case, units)
    free = chosen & (np.arange(case.isps) >= first[:, None])
    may = _may(case)
    on = add_cells(block, "on", chosen, np.where(free, 0.0, done), np.where(free, may, done))
    for variable in on.variables:
        variable.domain = pyo.Binary
    starts_here = np.where(np.arange(case.isps) <= data.latest_start[:, None], 1.0, 0.0)
    start, stop = (add_cells(block, word, free, 0.0, most) for word, most in (("start", starts_here), ("stop", 1.0)))
    _add_times(block, case, units, first, (on, start, stop))
    slacks = _add_needs(block, case, units, on)
    term = "called comfort shortfall" if called else "comfort shortfall"
    missing = ObjectiveTerm(term=term, variables=slacks.variables, eur=-data.shortfall_eur[slacks.unit])
    open_ = free[on.unit, on.isp]
    decided = VariableArray(
        unit=on.unit[open_], isp=on.isp[open_], variables=[on.variables[i] for i in np.flatnonzero(open_).tolist()]
    )
    return SwitchedBlock(
        on=decided,
        settled=done & ~free,
        flow=Flow(
            variables=on.variables,
            kw_per_unit=np.broadcast_to(data.on_kw, shape)[on.unit, on.isp].astype(np.float64),
            unit=on.unit,
            point=data.point[on.unit],
            isp=on.isp,
        ),
        terms=(missing,) if called else (_starting(case, start, done, first), missing),
        discrete=Discrete(
            states=(States(variables=decided.variables, nearest=lambda x: _nearest(case, units, decided, x)),),
            known=(
                Known(
                    variables=decided.variables, field="switched_on", index=(decided.unit, decided.isp), called=called
                ),
            ),
        ),
        own=own,
    )


def _may(case: Case) -> Bools:
    """Return where (U,T) a unit may choose to be on: in its windows, unless it is pinned off."""
    data, isp = case.switched, np.arange(case.isps)
    inside = np.zeros((len(data.point), case.isps), dtype=np.bool_)
    for first, end in zip(data.window_first.T, data.window_end.T, strict=True):
        inside |= (isp >= first[:, None]) & (isp < end[:, None])
    return inside & np.isnan(data.pinned_on)


def _add_times(
    block: Any, case: Case, units: Ints, first: Ints, cells: tuple[VariableArray, VariableArray, VariableArray]
) -> None:
    """State how `on` follows from start and stop, and the least times; a unit pinned off may stop too soon."""
    data, isps = case.switched, case.isps
    on, start, stop = (_Table.by(some) for some in cells)
    pins = np.broadcast_to(data.pinned_on, (len(data.point), isps))
    index = [(u, t) for u in units.tolist() for t in range(int(first[u]), isps)]

    def follows(_block: Any, u: int, t: int) -> Any:
        pair, signs = [start.of[u, t], stop.of[u, t], on.of[u, t]], [-1.0, 1.0, 1.0]
        if t == 0:
            was = float(data.before[u] > 0)
            return (was, linear_sum(pair, np.array(signs)), was)
        return (0.0, linear_sum([*pair, on.of[u, t - 1]], np.array([*signs, -1.0])), 0.0)

    def runs(_block: Any, u: int, t: int) -> Any:
        if not np.isnan(pins[u, t]):
            return pyo.Constraint.Skip
        begin = max(t - int(data.min_run[u]) + 1, int(first[u]))
        cut = np.flatnonzero(~np.isnan(pins[u, begin:t]))
        begun = start.over(u, range(begin + (int(cut[-1]) + 1 if len(cut) else 0), t + 1))
        return (None, linear_sum([*begun, on.of[u, t]], np.append(np.ones(len(begun)), -1.0)), 0.0)

    def rests(_block: Any, u: int, t: int) -> Any:
        ended = stop.over(u, range(max(t - int(data.min_rest[u]) + 1, int(first[u])), t + 1))
        return (None, linear_sum([*ended, on.of[u, t]], np.ones(len(ended) + 1)), 1.0)

    for name, rule in (("follows", follows), ("runs", runs), ("rests", rests)) if index else ():
        block.add_component(name, pyo.Constraint(pyo.Set(initialize=index, dimen=2), rule=rule))


def _add_needs(block: Any, case: Case, units: Ints, on: VariableArray) -> VariableArray:
    """Bound the number of ISPs on in every window; return the variables of missed ISPs."""
    data, of = case.switched, _Table.by(on)
    there = data.window_end > data.window_first
    soft = np.zeros(there.shape, dtype=np.bool_)
    soft[units] = there[units] & ~meetable(case, units)[:, None]
    unmet, excess = (add_cells(block, word, soft, 0.0, np.inf) for word in ("unmet", "excess"))
    less, more = _Table.by(unmet), _Table.by(excess)

    def bounds(_block: Any, u: int, w: int) -> Any:
        states = of.over(u, range(int(data.window_first[u, w]), int(data.window_end[u, w])))
        signs = np.ones(len(states))
        if soft[u, w]:
            states, signs = [*states, less.of[u, w], more.of[u, w]], np.append(signs, [1.0, -1.0])
        return (float(data.least_on[u, w]), linear_sum(states, signs), float(data.most_on[u, w]))

    index = [(u, w) for u in units.tolist() for w in np.flatnonzero(there[u]).tolist()]
    if index:
        block.needs = pyo.Constraint(pyo.Set(initialize=index, dimen=2), rule=bounds)
    return VariableArray(
        unit=np.concatenate([unmet.unit, excess.unit]),
        isp=np.concatenate([unmet.isp, excess.isp]),
        variables=unmet.variables + excess.variables,
    )


def _starting(case: Case, start: VariableArray, done: Bools, first: Ints) -> ObjectiveTerm:
    """Return −start_eur for every start; starts before the first free ISP are constant."""
    rate = case.switched.start_eur
    before = starts(case.switched, done & (np.arange(case.isps) < first[:, None]))
    return ObjectiveTerm(
        term="starts", variables=start.variables, eur=-rate[start.unit], constant_eur=-float((rate * before).sum())
    )


def _nearest(case: Case, units: Ints, on: VariableArray, share_on: Floats) -> Floats:
    shares = np.zeros((len(case.switched.point), case.isps))
    shares[on.unit, on.isp] = share_on
    shares[units] = nearest(case, units, shares[units])
    return shares[on.unit, on.isp]
