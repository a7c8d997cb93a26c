"""Finds whole numbers with a proven bound: rounds the relaxation, solves again, and lets HiGHS branch only if needed.

Charging and discharging at once is excluded lazily: a pair gets a binary only once a solution uses both.
Source: docs/explanation/optimisation.md §1.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from models.block import Discrete, Values
from models.case import Bools, Floats
from models.errors import SolverError
from models.matrix import Matrix, with_exclusions
from models.reference.around import directed_around
from models.reference.branching import Branched, Tree, branch
from models.reference.initial_heuristic import first_answer
from models.reference.rounding import (
    EXACT,
    MIXES,
    DiscreteColumns,
    columns_of,
    completed,
    mixing_pairs,
    polish,
    solve_fixed,
    values_of,
)
from models.solver import Relaxation, SolverRun, Status, solve_mixed
from models.solver_log import LATE, SolverLog
from models.work_clock import now

SMALL = 5_000  # problems with at most so many columns are solved exactly unless told otherwise
NEAR = 1e-5  # share of gross cost that giving pairs a direction may cost where only the units around are solved again
_SHARE = 0.3  # share of the time left that rounding may take, where branching may need the rest
INTERIOR = 20_000  # from so many columns on the interior-point method is faster
_MOST_MIX = 0.5  # share of pairs that mix from which on all of them get a direction at once
_STALLS = 1e-2  # share of gross cost below which a gap that hardly narrows ends the search near a known program
_POLISH = 0.2  # share of the time left that is kept for solving HiGHS' whole numbers again


@dataclass(frozen=True, kw_only=True, eq=False)
class SearchResult:
    """The best answer with its duals and the bound of the minimised −value. x is None if time ran out first."""

    x: Floats | None  # (columns,)
    row_dual: Floats  # (rows,)
    reduced_cost: Floats  # (columns,)
    objective: float  # EUR, like all below
    bound: float
    gap_allowed: float
    late: bool  # whether the time was over


def search(
    matrix: Matrix,
    discrete: Discrete,
    *,
    gross_eur: Callable[[Values], float],
    relative_gap: float,
    deadline: float,
    threads: int,
    log: SolverLog,
    incumbent: Floats | None = None,
    relaxation: Relaxation | None = None,
    interior_from: int = INTERIOR,
    columns: DiscreteColumns | None = None,
    exact_to: int = SMALL,
) -> SearchResult:
    """Minimise until gap <= relative_gap × gross cost or the deadline (on models.work_clock.now). Raises SolverError.

    `relaxation` is the problem's own, solved before with other bounds of rows: the search goes on from its last basis.
    Problems of at most `exact_to` columns are solved exactly, whatever gap is asked for.
    `columns`: the discrete part as `columns_of` returns it, which is then not looked up again.
    `incumbent` (V,) holds the whole numbers of a program, and the powers they follow from: the rest is solved anew.
    The log gets every step, with HiGHS' lines about the relaxation and its own branching.
    """
    columns = columns or columns_of(matrix, discrete)
    large = len(matrix.cost) > INTERIOR
    hard = large and len(columns.whole) > 0
    first = Branched(best=None, bound=-np.inf)
    if hard:  # the relaxation may take longer than there is time
        first = first_answer_of(matrix, discrete, threads=threads, deadline=deadline, log=log)
        _say(log, "first answer", first.best, first.bound)
    relaxation = relaxation or Relaxation(matrix, threads=threads, log=log)
    began = now()
    relaxed = relaxation.solve(
        deadline - began, "ipm" if len(matrix.cost) > interior_from and not relaxation.has_basis else "simplex"
    )
    took = now() - began
    if relaxed.status is Status.INFEASIBLE:
        raise SolverError("the problem has no solution, though every coupling is soft; keep the case and report it")
    if relaxed.status is not Status.OPTIMAL:
        return _found(first.best, first.bound, 0.0, late=relaxed.status is Status.TIME_LIMIT)
    bound, x = relaxed.objective, relaxed.x
    small = len(matrix.cost) <= exact_to
    allowed_share = min(relative_gap, EXACT) if small else relative_gap

    def allowed(run: SolverRun) -> float:
        return allowed_share * gross_eur(values_of(matrix, run.x))

    excluded = np.zeros(len(columns.first), dtype=np.bool_)
    left = deadline - now()
    until = now() + (min(left, max(_SHARE * left, 2 * took)) if hard else left)
    step, found = _rounded(relaxation, matrix, columns, relaxed, gross_eur, threads=threads, deadline=until)
    best = _better(first.best, found)
    _say(log, step, best, bound)
    mixing = mixing_pairs(columns, x)
    if incumbent is not None and (best is None or best.objective - bound > allowed(best)):
        best = _better(best, completed(relaxation, columns, incumbent, _mostly(mixing), deadline))
        _say(log, "whole numbers of the program known before, the rest solved again", best, bound)
    if best is None or best.objective - bound > allowed(best):
        branched = _branch_on_choices(relaxation, matrix, columns, relaxed, best, allowed, deadline, log)
        best, bound = branched.best, max(bound, branched.bound)
        _say(log, "branched on bids and starts", best, bound)
    late = False
    stalls_below = 0.0 if incumbent is None or not small else _STALLS * gross_eur(values_of(matrix, relaxed.x))
    while best is None or best.objective - bound > allowed(best):
        time_left = deadline - now()
        if time_left <= 0:
            log.say(f"{LATE} before HiGHS could branch")
            late = True
            break
        time_left = max(time_left - max(_POLISH * time_left, took), 0.5 * time_left)  # what is found is solved again
        excluded |= mixing | _mostly(mixing)
        gap = 0.0 if best is None else allowed(best)
        run = _branch(matrix, columns, excluded, best, gap, time_left, threads, log, stalls_below)
        bound = max(bound, min(run.bound, best.objective if best is not None else np.inf))
        late = run.status is Status.TIME_LIMIT
        if not len(run.x):
            break
        x = run.x[: len(matrix.cost)]
        polished = polish(relaxation, columns, x, excluded, deadline)
        best = _better(best, polished)
        if (
            polished is None and not mixing_pairs(columns, x).any()
        ):  # HiGHS' own answer is a program, only without duals
            best = _better(best, _as_it_is(matrix, run))
        _say(log, f"HiGHS branched with {int(excluded.sum())} pairs excluded", best, bound)
        mixing = mixing_pairs(columns, x) & ~excluded
        if late or not mixing.any():
            break
    reached = 0.0 if best is None else max(relative_gap, EXACT) * gross_eur(values_of(matrix, best.x))
    return _found(best, bound, reached, late=late or now() >= deadline)


def _rounded(
    relaxation: Relaxation, matrix: Matrix, columns: DiscreteColumns, relaxed: SolverRun,
    gross_eur: Callable[[Values], float], *, threads: int, deadline: float,
) -> tuple[str, SolverRun | None]:  # fmt: skip
    """Return an answer near the relaxation's with what is whole in it, and how it was found."""
    if len(matrix.cost) > INTERIOR:
        near = directed_around(relaxation, matrix, columns, relaxed, threads=threads, deadline=deadline)
        if near is not None and near.objective - relaxed.objective <= NEAR * gross_eur(values_of(matrix, near.x)):
            return "relaxation rounded, and only the units around solved again", near
    undecided = np.zeros(len(columns.first), dtype=np.bool_)
    return "relaxation rounded and solved again", polish(relaxation, columns, relaxed.x, undecided, deadline)


def _mostly(mixing: Bools) -> Bools:
    """Return all pairs (N,) where so many mix that mixing must earn money: closed in some, it moves to the others."""
    return np.full(len(mixing), len(mixing) > 0 and bool(mixing.mean() >= _MOST_MIX))


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
    columns = columns_of(matrix, discrete)
    undecided = np.zeros(len(columns.first), dtype=np.bool_)
    count = len(columns.whole)

    def complete(relaxation: Relaxation, x: Floats, bids: Floats) -> SolverRun | None:
        return solve_fixed(relaxation, columns, x, bids[:count], undecided, deadline)

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
    columns: DiscreteColumns,
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
        return solve_fixed(relaxation, columns, x, np.round(x[columns.whole]), undecided, deadline)

    return branch(relaxation, tree, relaxed, best, complete=complete, allowed=allowed, deadline=deadline, log=log)


def _as_it_is(matrix: Matrix, run: SolverRun) -> SolverRun:
    """Return HiGHS' own answer with whole numbers; it has no marginals, so these are zero."""
    count, rows = len(matrix.cost), len(matrix.row_lower)
    return replace(run, x=run.x[:count], row_dual=np.zeros(rows), reduced_cost=np.zeros(count))


def _found(best: SolverRun | None, bound: float, allowed: float, *, late: bool) -> SearchResult:
    if best is None:
        empty = np.zeros(0)
        return SearchResult(
            x=None, row_dual=empty, reduced_cost=empty, objective=np.inf, bound=bound, gap_allowed=allowed, late=late
        )
    return SearchResult(
        x=best.x,
        row_dual=best.row_dual,
        reduced_cost=best.reduced_cost,
        objective=best.objective,
        bound=bound,
        gap_allowed=allowed,
        late=late,
    )


def _branch(
    matrix: Matrix,
    columns: DiscreteColumns,
    excluded: Bools,
    best: SolverRun | None,
    gap: float,
    time_limit_s: float,
    threads: int,
    log: SolverLog,
    stalls_below: float,
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
        stalls_below=stalls_below,
    )
    if run.status is Status.INFEASIBLE:
        raise SolverError("branching found no program where rounding did; keep the case and report it as a bug")
    return run
