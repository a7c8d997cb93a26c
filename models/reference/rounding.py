"""Rounds answers of the relaxation: fixes whole numbers and directions near an answer, and solves the rest again.

Source: docs/explanation/optimisation.md §1.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from models.block import Discrete, Values, Variables
from models.case import Bools, Floats, Ints
from models.errors import SolverError
from models.matrix import Matrix
from models.solver import Relaxation, SolverRun, Status
from models.work_clock import now

MIXES = 1e-6
"""Power in kW above which a variable of an exclusive pair counts as used."""
EXACT = 1e-9
"""A variable's value below this counts as zero, and a gap below this share of gross cost as none."""
_ROUNDING = 1e-6


@dataclass(frozen=True, kw_only=True, eq=False)
class DiscreteColumns:
    """The discrete part as columns of the matrix, see models.block.Discrete."""

    first: Ints  # (N,) of pairs of which at most one column may be above zero
    second: Ints  # (N,)
    gain_first: Floats  # (N,) see models.block.Exclusive
    gain_second: Floats  # (N,)
    choices: list[Ints]  # (n,) each: exactly one column is 1
    whole: Ints  # (W,) of bids, in steps
    switch: Ints  # (W,) of the binary that says whether there is a bid, −1 where none
    least: Ints  # (W,) steps of a bid other than 0
    on: Ints  # (S,) of the binary that says whether a power is on
    partly: Ints  # (S,) of the binary that says whether it is on for a part of the ISP only
    power: Ints  # (S,)
    least_kw: Floats  # (S,) of the power while it is on
    unit: Ints  # (S,) of each power, told apart
    states: list[tuple[Ints, Callable[[Floats], Floats]]]  # columns (n,), and what makes possible states of fractions
    called: Ints  # (C,) variables of called programs that whole numbers follow from
    planned: Ints  # (C,) those of the plan beside them


def values_of(matrix: Matrix, x: Floats) -> Values:
    """Return a function that looks up variables in x (columns,), without the residue of the solver's tolerances."""
    clean = np.clip(x, matrix.lower, matrix.upper)
    clean[np.abs(clean) < EXACT] = 0.0

    def values(variables: Variables) -> Floats:
        return clean[matrix.columns(variables)]

    return values


def columns_of(matrix: Matrix, discrete: Discrete) -> DiscreteColumns:
    """Return the discrete part of a problem as columns of its matrix."""
    pairs, wholes = discrete.exclusive, discrete.wholes
    none = np.zeros(0)
    return DiscreteColumns(
        first=matrix.columns([v for pair in pairs for v in pair.first]),
        second=matrix.columns([v for pair in pairs for v in pair.second]),
        gain_first=np.concatenate([none, *(pair.gain_first for pair in pairs)]),
        gain_second=np.concatenate([none, *(pair.gain_second for pair in pairs)]),
        choices=[matrix.columns(choice.variables) for choice in discrete.choices],
        whole=matrix.columns([whole.variable for whole in wholes]),
        switch=np.array(
            [-1 if w.switch is None else int(matrix.columns([w.switch])[0]) for w in wholes], dtype=np.int64
        ),
        least=np.array([whole.least for whole in wholes], dtype=np.int64),
        on=matrix.columns([v for switches in discrete.switches for v in switches.on]),
        partly=matrix.columns([v for switches in discrete.switches for v in switches.partly]),
        power=matrix.columns([v for switches in discrete.switches for v in switches.power]),
        least_kw=np.concatenate([none, *(switches.least_kw for switches in discrete.switches)]),
        unit=_told_apart([switches.unit for switches in discrete.switches]),
        states=[(matrix.columns(some.variables), some.nearest) for some in discrete.states if some.variables],
        **_as_planned(matrix, discrete),
    )


def _as_planned(matrix: Matrix, discrete: Discrete) -> dict[str, Ints]:
    """Return the columns of called programs that whole numbers follow from, and those of the plan beside them."""
    if not any(some.called for some in discrete.known):
        none = np.zeros(0, dtype=np.int64)
        return {"called": none, "planned": none}
    plan: dict[tuple[Any, ...], int] = {}
    called, planned = list[int](), list[int]()
    for some in discrete.known:
        own = () if some.equals is None else (some.equals,)
        keys = list(zip(*(axis.tolist() for axis in (*some.index, *own)), strict=True))
        for key, column in zip(keys, matrix.columns(some.variables).tolist(), strict=True):
            if not some.called:
                plan[some.field, *key] = column
            elif (some.field, *key) in plan:
                called.append(column)
                planned.append(plan[some.field, *key])
    return {"called": np.array(called, dtype=np.int64), "planned": np.array(planned, dtype=np.int64)}


def mixing_pairs(columns: DiscreteColumns, x: Floats) -> Bools:
    """Return whether x (columns,) uses both variables of each exclusive pair (N,)."""
    return np.minimum(x[columns.first], x[columns.second]) > MIXES


def polish(
    relaxation: Relaxation, columns: DiscreteColumns, x: Floats, decided: Bools, deadline: float
) -> SolverRun | None:
    """Fix whole numbers near x (columns,) and the direction of pairs that mix, and solve the rest; None if out of time.

    A run takes the start with the largest value in x, bids are rounded down, and a pair that mixes keeps the direction
    of its change of energy. So do pairs whose direction x has `decided`, since they could mix again if left open. Units
    that are on or off take the possible states nearest to x. This may be impossible where plan and call are rounded
    apart, so that called starts, say, no longer fit the plan's; then the called program keeps the plan's whole numbers.
    It may be impossible where mixing held a bid; then bids fall to zero. Both together are always possible. Powers with
    a minimum are off where x gives less than half of it, but for the one of each unit that may lie below; if that is
    impossible, None is returned and HiGHS has to branch. `decided` (N,): of each exclusive pair. Raises SolverError
    where nothing is found although bids are zero.
    """
    alike = x.copy()
    alike[columns.called] = x[columns.planned]
    for bids in (_rounded_bids(columns, x), np.zeros(len(columns.whole))):
        for values in (x, alike) if len(columns.called) else (x,):
            run = solve_fixed(relaxation, columns, values, bids, decided, deadline)
            if run is None or run.status is not Status.INFEASIBLE:
                return run
    if len(columns.on):  # rounded powers with a minimum may miss an energy band
        return None
    raise SolverError("no program with all bids at zero was found; keep the case and report it as a bug")


def solve_fixed(
    relaxation: Relaxation, columns: DiscreteColumns, x: Floats, bids: Floats, decided: Bools, deadline: float
) -> SolverRun | None:
    """Return the best answer with whole numbers near x, with these bids, and one direction per pair; None if too late.

    It may be infeasible. x (columns,); bids (whole numbers,): the values of those that are bids; `decided` (N,):
    whether a pair keeps its direction in x.
    """
    closed: list[Ints] = []
    whole, value = fixed_whole(columns, x, bids)
    relaxation.bound_columns(whole, value, value)
    mixing, rounds = mixing_pairs(columns, x) | decided, 0
    try:
        while True:
            closed.append(losers(columns, x, mixing))
            relaxation.bound_columns(closed[-1], np.zeros(len(closed[-1])), np.zeros(len(closed[-1])))
            run = relaxation.solve(deadline - now(), "simplex")
            if run.status is Status.TIME_LIMIT:
                return None
            if run.status is Status.INFEASIBLE:
                return run
            x, rounds = run.x, rounds + 1
            mixing = mixing_pairs(columns, x)
            if not mixing.any():
                return run
            if rounds > 5:
                mixing[:] = True
    finally:
        relaxation.release(np.unique(np.concatenate([whole, *closed])))


def losers(columns: DiscreteColumns, x: Floats, mixing: Bools) -> Ints:
    """Return the column to fix at 0 of each mixing pair (n,): the other one makes the same change of energy alone.

    x (columns,), mixing (N,) of all exclusive pairs.
    """
    keep_first = columns.gain_first * x[columns.first] >= columns.gain_second * x[columns.second]
    return np.where(keep_first, columns.second, columns.first)[mixing]


def _rounded_bids(columns: DiscreteColumns, x: Floats) -> Floats:
    bids = np.floor(x[columns.whole] + _ROUNDING)
    return np.where(bids >= columns.least, bids, 0.0)


def fixed_whole(columns: DiscreteColumns, x: Floats, bids: Floats) -> tuple[Ints, Floats]:
    """Return all whole columns (n,) and the values (n,) at which to fix them, given x (columns,) and bids, in steps."""
    switched = columns.switch >= 0
    parts = [(columns.whole, bids), (columns.switch[switched], (bids[switched] > 0).astype(np.float64))]
    for choice in columns.choices:
        chosen = np.zeros(len(choice))
        chosen[np.argmax(x[choice])] = 1.0
        parts.append((choice, chosen))
    parts.extend((states, nearest(x[states])) for states, nearest in columns.states)
    partly = _partly(x[columns.power], columns.least_kw, columns.unit)
    on = partly | (x[columns.power] >= columns.least_kw / 2)
    parts += [(columns.on, on.astype(np.float64)), (columns.partly, partly.astype(np.float64))]
    return np.concatenate([part for part, _ in parts]), np.concatenate([value for _, value in parts])


def _told_apart(units: list[Ints]) -> Ints:
    """Return numbers of units in a row, (N,); units of different blocks, planned and called, get different ones."""
    found, begin = [np.zeros(0, dtype=np.int64)], 0
    for block in units:
        found.append(block + begin)
        begin += int(block.max(initial=-1)) + 1
    return np.concatenate(found)


def _partly(power: Floats, least_kw: Floats, unit: Ints) -> Bools:
    """Return for each unit the one power (N,) farthest from both 0 and its least value: rounding it would cost most."""
    off = np.minimum(power, least_kw - power)
    order = np.lexsort((-off, unit))
    first = np.ones(len(order), dtype=np.bool_)
    first[1:] = unit[order][1:] != unit[order][:-1]
    result = np.zeros(len(power), dtype=np.bool_)
    result[order[first]] = off[order[first]] > EXACT
    return result


def completed(
    relaxation: Relaxation, columns: DiscreteColumns, x: Floats, decided: Bools, deadline: float
) -> SolverRun | None:
    """Return the best answer with the whole numbers that x (columns,) says; None if there is none or no time.

    `decided` (N,) are the pairs whose direction in x stays: those of which both would be used, left open, to earn.
    """
    run = solve_fixed(relaxation, columns, x, x[columns.whole], decided, deadline)
    return None if run is None or run.status is Status.INFEASIBLE else run
