"""Finds whole numbers with a proven bound: rounds the relaxation, solves again, and lets HiGHS branch only if needed.

Charging and discharging at once is excluded lazily: a pair gets a binary only once a solution uses both.
Source: docs/explanation/optimisation.md §1.
"""

from collections.abc import Callable
from dataclasses import dataclass
from time import perf_counter

import numpy as np

from models.block import Discrete, Values, Variables
from models.case import Bools, Floats, Ints
from models.errors import SolverError
from models.reference.branching import Branched, Tree, branch
from models.reference.initial_heuristic import first_answer
from models.solver import Matrix, Relaxation, SolverRun, Status, solve_mixed, with_exclusions
from models.solver_log import LATE, SolverLog

MIXES = 1e-6
"""Power in kW above which a variable of an exclusive pair counts as used."""
_SMALL = 5_000  # problems with at most so many columns are solved exactly, whatever gap is asked for
_EXACT = 1e-9  # gap, as a share of gross cost, that counts as exact
_SHARE = 0.3  # share of the time left that rounding may take, where branching may need the rest
_INTERIOR = 20_000  # from so many columns on the interior-point method is faster where there are bids
_ROUNDING = 1e-6


@dataclass(frozen=True, kw_only=True, eq=False)
class SearchResult:
    """The best answer with its duals and the bound of the minimised −value. x is None if time ran out first."""

    x: Floats | None
    row_dual: Floats
    reduced_cost: Floats
    objective: float
    bound: float
    gap_allowed: float


@dataclass(frozen=True, kw_only=True, eq=False)
class _Columns:
    """The discrete part as columns of the matrix."""

    first: Ints
    second: Ints
    gain_first: Floats
    gain_second: Floats
    choices: list[Ints]
    whole: Ints
    switch: Ints  # −1 where none
    least: Ints
    on: Ints
    power: Ints
    least_kw: Floats
    states: list[tuple[Ints, Callable[[Floats], Floats]]]


def search(
    matrix: Matrix,
    discrete: Discrete,
    *,
    gross_eur: Callable[[Values], float],
    relative_gap: float,
    deadline: float,
    threads: int,
    log: SolverLog,
) -> SearchResult:
    """Minimise until gap <= relative_gap × gross cost or the deadline (on time.perf_counter). Raises SolverError.

    The log gets every step, with HiGHS' lines about the relaxation and its own branching.
    """
    columns = _columns(matrix, discrete)
    large = len(matrix.cost) > _INTERIOR
    hard = large and len(columns.whole) > 0
    first = Branched(best=None, bound=-np.inf)
    if hard:  # the relaxation may take longer than there is time
        first = first_answer_of(matrix, discrete, threads=threads, deadline=deadline, log=log)
        _say(log, "first answer", first.best, first.bound)
    relaxation = Relaxation(matrix, threads=threads, log=log)
    began = perf_counter()
    relaxed = relaxation.solve(deadline - began, "ipm" if hard else "simplex")
    took = perf_counter() - began
    if relaxed.status is Status.INFEASIBLE:
        raise SolverError("the problem has no solution, though every coupling is soft; keep the case and report it")
    if relaxed.status is not Status.OPTIMAL:
        return _found(first.best, first.bound, 0.0)
    bound, x = relaxed.objective, relaxed.x
    small = len(matrix.cost) <= _SMALL
    allowed_share = min(relative_gap, _EXACT) if small else relative_gap

    def allowed(run: SolverRun) -> float:
        return allowed_share * gross_eur(values_of(matrix, run.x))

    excluded = np.zeros(len(columns.first), dtype=np.bool_)
    left = deadline - perf_counter()
    until = perf_counter() + (min(left, max(_SHARE * left, 2 * took)) if hard else left)
    best = _better(first.best, _polish(relaxation, columns, x, excluded, until))
    _say(log, "relaxation rounded and solved again", best, bound)
    if best is None or best.objective - bound > allowed(best):
        branched = _branch_on_choices(relaxation, matrix, columns, relaxed, best, allowed, deadline, log)
        best, bound = branched.best, max(bound, branched.bound)
        _say(log, "branched on bids and starts", best, bound)
    mixing = _mixing(columns, x)
    while best is None or best.objective - bound > allowed(best):
        time_left = deadline - perf_counter()
        if time_left <= 0:
            log.say(f"{LATE} before HiGHS could branch")
            break
        excluded |= mixing
        gap = 0.0 if best is None else allowed(best)
        run = _branch(matrix, columns, excluded, best, gap, time_left, threads, log)
        bound = max(bound, min(run.bound, best.objective if best is not None else np.inf))
        if not len(run.x):
            break
        x = run.x[: len(matrix.cost)]
        best = _better(best, _polish(relaxation, columns, x, excluded, deadline))
        _say(log, f"HiGHS branched with {int(excluded.sum())} pairs excluded", best, bound)
        mixing = _mixing(columns, x) & ~excluded
        if not mixing.any():
            break
    reached = 0.0 if best is None else max(relative_gap, _EXACT) * gross_eur(values_of(matrix, best.x))
    return _found(best, bound, reached)


def _say(log: SolverLog, step: str, best: SolverRun | None, bound: float) -> None:
    value = "none" if best is None else f"{-best.objective:.6f} EUR"
    log.say(f"{step}: best program {value}, no program above {-bound:.6f} EUR")


def _better(best: SolverRun | None, other: SolverRun | None) -> SolverRun | None:
    if best is None or other is None:
        return best or other
    return other if other.objective < best.objective else best


def first_answer_of(
    matrix: Matrix, discrete: Discrete, *, threads: int, deadline: float, log: SolverLog | None = None
) -> Branched:
    """Return a first answer within seconds, with a proven bound that is far away."""
    columns = _columns(matrix, discrete)
    undecided = np.zeros(len(columns.first), dtype=np.bool_)
    count = len(columns.whole)

    def complete(relaxation: Relaxation, x: Floats, bids: Floats) -> SolverRun | None:
        return _solve_fixed(relaxation, columns, x, bids[:count], undecided, deadline)

    return first_answer(
        matrix,
        bids=np.concatenate([columns.whole, columns.switch[columns.switch >= 0]]),
        held=matrix.columns([v for held in discrete.held for v in held.variables]),
        powers=matrix.columns([v for units in discrete.reserve_units for v in units.variables]),
        rests=np.concatenate([units.rests for units in discrete.reserve_units]),
        complete=complete,
        threads=threads,
        deadline=deadline,
        log=log,
    )


def _branch_on_choices(
    relaxation: Relaxation,
    matrix: Matrix,
    columns: _Columns,
    relaxed: SolverRun,
    best: SolverRun | None,
    allowed: Callable[[SolverRun], float],
    deadline: float,
    log: SolverLog,
) -> Branched:
    """Branch on bids and starts. Answers found have no pair that mixes; the bound leaves such pairs to HiGHS."""
    whole = np.concatenate([columns.whole, columns.switch[columns.switch >= 0]])
    tree = Tree(whole=whole, lower=matrix.lower[whole], upper=matrix.upper[whole], choices=tuple(columns.choices))

    undecided = np.zeros(len(columns.first), dtype=np.bool_)

    def complete(x: Floats) -> SolverRun | None:
        return _solve_fixed(relaxation, columns, x, np.round(x[columns.whole]), undecided, deadline)

    return branch(relaxation, tree, relaxed, best, complete=complete, allowed=allowed, deadline=deadline, log=log)


def values_of(matrix: Matrix, x: Floats) -> Values:
    """Return a function that looks up variables' values in x, without the residue of the solver's tolerances."""
    clean = np.clip(x, matrix.lower, matrix.upper)
    clean[np.abs(clean) < _EXACT] = 0.0

    def values(variables: Variables) -> Floats:
        return clean[matrix.columns(variables)]

    return values


def _found(best: SolverRun | None, bound: float, allowed: float) -> SearchResult:
    if best is None:
        empty = np.zeros(0)
        return SearchResult(
            x=None, row_dual=empty, reduced_cost=empty, objective=np.inf, bound=bound, gap_allowed=allowed
        )
    return SearchResult(
        x=best.x,
        row_dual=best.row_dual,
        reduced_cost=best.reduced_cost,
        objective=best.objective,
        bound=bound,
        gap_allowed=allowed,
    )


def _columns(matrix: Matrix, discrete: Discrete) -> _Columns:
    pairs, wholes = discrete.exclusive, discrete.wholes
    none = np.zeros(0)
    return _Columns(
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
        power=matrix.columns([v for switches in discrete.switches for v in switches.power]),
        least_kw=np.concatenate([none, *(switches.least_kw for switches in discrete.switches)]),
        states=[(matrix.columns(some.variables), some.nearest) for some in discrete.states if some.variables],
    )


def _mixing(columns: _Columns, x: Floats) -> Bools:
    return np.minimum(x[columns.first], x[columns.second]) > MIXES


def _polish(relaxation: Relaxation, columns: _Columns, x: Floats, decided: Bools, deadline: float) -> SolverRun | None:
    """Fix whole numbers near x and the direction of pairs that mix, and solve the rest; None if out of time.

    A run takes the start with the largest value in x, bids are rounded down, and a pair that mixes keeps the direction
    of its change of energy. So do pairs whose direction x has `decided`, since they could mix again if left open. This
    is always possible unless mixing held a bid; then bids fall to zero, which is always possible. Units that are on or
    off take the possible states nearest to x. Powers with a minimum are off where x gives less than half of it; if that
    is impossible, there is no answer and HiGHS has to branch.
    """
    for bids in (_rounded_bids(columns, x), np.zeros(len(columns.whole))):
        run = _solve_fixed(relaxation, columns, x, bids, decided, deadline)
        if run is None or run.status is not Status.INFEASIBLE:
            return run
    if len(columns.on):  # rounded powers with a minimum may miss an energy band
        return None
    raise SolverError("no program with all bids at zero was found; keep the case and report it as a bug")


def _solve_fixed(
    relaxation: Relaxation, columns: _Columns, x: Floats, bids: Floats, decided: Bools, deadline: float
) -> SolverRun | None:
    closed: list[Ints] = []
    whole, value = _fixed_whole(columns, x, bids)
    relaxation.bound_columns(whole, value, value)
    mixing, rounds = _mixing(columns, x) | decided, 0
    try:
        while True:
            closed.append(_losers(columns, x, mixing))
            relaxation.bound_columns(closed[-1], np.zeros(len(closed[-1])), np.zeros(len(closed[-1])))
            run = relaxation.solve(deadline - perf_counter(), "simplex")
            if run.status is Status.TIME_LIMIT:
                return None
            if run.status is Status.INFEASIBLE:
                return run
            x, rounds = run.x, rounds + 1
            mixing = _mixing(columns, x)
            if not mixing.any():
                return run
            if rounds > 5:
                mixing[:] = True
    finally:
        relaxation.release(np.unique(np.concatenate([whole, *closed])))


def _losers(columns: _Columns, x: Floats, mixing: Bools) -> Ints:
    """Return the column to fix at 0 of each mixing pair: the other one can make the same change of energy alone."""
    keep_first = columns.gain_first * x[columns.first] >= columns.gain_second * x[columns.second]
    return np.where(keep_first, columns.second, columns.first)[mixing]


def _rounded_bids(columns: _Columns, x: Floats) -> Floats:
    bids = np.floor(x[columns.whole] + _ROUNDING)
    return np.where(bids >= columns.least, bids, 0.0)


def _fixed_whole(columns: _Columns, x: Floats, bids: Floats) -> tuple[Ints, Floats]:
    """Return all whole columns and the values at which to fix them."""
    switched = columns.switch >= 0
    parts = [(columns.whole, bids), (columns.switch[switched], (bids[switched] > 0).astype(np.float64))]
    for choice in columns.choices:
        chosen = np.zeros(len(choice))
        chosen[np.argmax(x[choice])] = 1.0
        parts.append((choice, chosen))
    parts.extend((states, nearest(x[states])) for states, nearest in columns.states)
    parts.append((columns.on, (x[columns.power] >= columns.least_kw / 2).astype(np.float64)))
    return np.concatenate([part for part, _ in parts]), np.concatenate([value for _, value in parts])


def _branch(
    matrix: Matrix,
    columns: _Columns,
    excluded: Bools,
    best: SolverRun | None,
    gap: float,
    time_limit_s: float,
    threads: int,
    log: SolverLog,
) -> SolverRun:
    """Let HiGHS branch with the exclusions found so far, from the best answer so far."""
    first, second = columns.first[excluded], columns.second[excluded]
    start = np.zeros(0) if best is None else np.append(best.x, (best.x[first] > MIXES).astype(np.float64))
    run = solve_mixed(
        with_exclusions(matrix, first, second),
        start=start,
        absolute_gap=max(gap / 2, 1e-9),
        time_limit_s=time_limit_s,
        threads=threads,
        log=log,
    )
    if run.status is Status.INFEASIBLE:
        raise SolverError("branching found no program where rounding did; keep the case and report it as a bug")
    return run
