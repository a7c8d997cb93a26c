"""Improves a decomposed program a few units at a time: each few are planned exactly around what all others do.

It is for portfolios with many units at limits that take one of their answers as it is, such as cars with a minimum
power: their answers hardly ever add up to what a limit leaves, and one model of all units would take too long. Units
that share limits are planned together as far as that goes, so what is left to gain is little.
Source: docs/explanation/optimisation.md §3.5.
"""

from collections.abc import Callable, Iterator
from dataclasses import fields, replace
from time import perf_counter
from typing import Any

import numpy as np
from scipy import sparse
from scipy.sparse.csgraph import connected_components

from models.assembly import proven_eur
from models.block import reserved_points
from models.case import NO_LIMIT, NO_TARIFF, Bools, Case, Ints
from models.decomposition.prices.grouping import priced_points
from models.decomposition.reoptimise.few_units import few_units
from models.errors import ProofError, SolverError
from models.evaluation import evaluable, worth_more
from models.outcome import Outcome, Termination
from models.reference.problem import solve as reference
from models.resources.registry import PRICED
from models.work_clock import now

FEW = 60
"""Most units planned at once. Larger: they find more together, and take longer."""
_OF_GAP = 0.3
"""Share of the gap asked for that what is left open of all the few may add up to. Larger: quicker, rougher programs."""
_SHARE = 4.0
"""Each few may take so many times their share of the time left. Larger: hard ones leave less time to the others."""
_LEAST_S = 0.5
"""Least seconds that a few may take. Larger: the same."""
_LITTLE = 0.1
"""A pass over all units that gains less than this share of the gap asked for is the last. Larger: fewer passes."""


def improved(
    case: Case,
    found: Outcome,
    *,
    relative_gap: float,
    time_limit_s: float,
    threads: int,
    cancelled: Callable[[], bool] = lambda: False,
    most: int = FEW,
) -> Outcome:
    """Return the outcome after passes over all units at limits, `most` at a time, or `found` where nothing was gained.

    Its bound and its prices stay. `relative_gap` is a share of gross cost. It ends as `optimal` once that is proven, as
    `time limit` when the time, in seconds of work, is over or somebody cancels, and as `gap open` otherwise.
    """
    if not evaluable(case) or case.balancing_groups.name or case.remainder is not None:
        return found
    began, deadline, rng = perf_counter(), now() + time_limit_s, np.random.default_rng(case.isps)
    best, late = replace(found, programs=_copied(found.programs), headroom=_copied(found.headroom)), False
    if found.called is not None and found.called_headroom is not None:
        best = replace(best, called=_copied(found.called), called_headroom=_copied(found.called_headroom))
    lines = list[str]()
    while not late:
        before_eur, batches, done = best.objective_eur, list(_batches(case, rng, most)), 0
        for index, units in enumerate(batches):
            left = deadline - now()
            late = left <= 0 or cancelled()
            if late or _proven(best, found, relative_gap):
                break
            time_s = max(_SHARE * left / (len(batches) - index), _LEAST_S)
            gap = _OF_GAP * relative_gap / len(batches)
            best, why = _with_few(case, best, units, gap, min(left, time_s), threads)
            lines += [why] if why else []
            done += 1
        gained = best.objective_eur - before_eur
        lines.append(
            f"{done} of {len(batches)} times a few units planned around all others: worth {best.objective_eur:.6f} EUR"
        )
        if _proven(best, found, relative_gap) or gained <= _LITTLE * relative_gap * best.gross_cost_eur:
            break
    if best.objective_eur <= found.objective_eur:
        return found
    bound = proven_eur(found.bound_eur, objective_eur=best.objective_eur, gross_cost_eur=best.gross_cost_eur)
    gap = bound - best.objective_eur
    ended = Termination.TIME_LIMIT if late else Termination.GAP_OPEN
    return replace(
        best, bound_eur=bound, gap_eur=gap, solver=f"{found.solver}; few units in turn",
        termination=Termination.OPTIMAL if gap <= relative_gap * best.gross_cost_eur else ended,
        seconds=found.seconds | {"few in turn": perf_counter() - began}, log=(*found.log, *lines), duals=found.duals,
    )  # fmt: skip


def _proven(best: Outcome, found: Outcome, relative_gap: float) -> bool:
    return found.bound_eur - best.objective_eur <= relative_gap * best.gross_cost_eur


def _with_few(
    case: Case, best: Outcome, units: dict[str, Ints], gap: float, time_limit_s: float, threads: int
) -> tuple[Outcome, str]:  # fmt: skip
    """Return the outcome after some units were planned around all others, or `best`; its tables are written to.

    With it, why the solver failed, if it did: others may still be improved.
    """
    few = few_units(case, best, units)
    try:
        new = reference(few.case, relative_gap=gap, time_limit_s=time_limit_s, threads=threads, exact_to=0)
    except ProofError:
        raise
    except SolverError as error:
        return best, f"a few units stay as they are: {error}"
    if new.termination is Termination.NO_PROGRAM:
        return best, ""
    undo = few.put_in(case, best, new)
    better = worth_more(case, best, best.objective_eur)
    if better is None:
        undo()
    return better or best, ""


def _batches(case: Case, rng: np.random.Generator, most: int) -> Iterator[dict[str, Ints]]:
    """Yield a few units of each class at a time, units of common limits together, in random order."""
    names = [one.name for one in PRICED]
    name = np.concatenate([np.full(one.count(case), k) for k, one in enumerate(PRICED)])
    unit = np.concatenate([np.arange(one.count(case)) for one in PRICED])
    together, limit, open_ = _shared(case)
    rank = rng.permutation(int(together.max(initial=0)) + 1)
    within = rng.permutation(max(len(case.connection_limits.name), 1) + 1)
    order = np.lexsort((rng.random(len(unit)), within[limit], rank[together]))
    order = order[open_[order]]
    whole = _whole(case)
    for begin in _cuts(together[order], limit[order], most):
        mine = order[begin]
        if whole[mine].any():
            yield {of: np.sort(unit[mine[name[mine] == k]]) for k, of in enumerate(names)}


def _cuts(together: Ints, limit: Ints, most: int) -> Iterator[slice]:
    """Yield ranges of at most so many units that end where limits do, as far as these count no more."""
    ends = np.flatnonzero((np.diff(together) != 0) | (np.diff(limit) != 0)) + 1
    ends, begin = np.append(ends, len(together)), 0
    while begin < len(together):
        later = ends[(ends > begin) & (ends <= begin + most)]
        end = int(later[-1]) if len(later) else min(begin + most, len(together))
        yield slice(begin, end)
        begin = end


def _whole(case: Case) -> Bools:
    """Return which units of all classes, in order, cannot mix their answers."""
    parts = []
    for one in PRICED:
        how = one.mixing
        some = np.full(one.count(case), how is None)
        parts.append(some if how is None or how.whole is None else how.whole(case))
    return np.concatenate(parts)


def _shared(case: Case) -> tuple[Ints, Ints, Bools]:
    """Return for each unit of all classes, in order: what it shares prices with, its innermost limit, if it counts.

    Units at a priced point, behind limits that have a limit around them in common, or at one connection with a tariff
    share prices. Units that share prices with a point whose reservation may be called do not count, and neither do
    those that share prices with nobody.
    """
    points, limits, tariffs = len(case.points), len(case.connection_limits.name), len(case.connection_tariffs.name)
    count, priced = points + limits + tariffs, np.append(priced_points(case), np.False_)
    limit = np.concatenate([case.leaf(one.name) for one in PRICED])
    point = np.concatenate([one.arrays(case).point for one in PRICED])
    nodes = np.stack([
        np.where(priced[point], point, count),
        np.where(limit == NO_LIMIT, count, points + limit),
        np.where((of := np.concatenate([case.tariff(one.name) for one in PRICED])) == NO_TARIFF, count,
                 points + limits + of),
    ])  # fmt: skip
    above = case.connection_limits.parent
    inside = np.flatnonzero(above != NO_LIMIT)
    first = np.concatenate([nodes[0], nodes[0], nodes[1], points + inside])
    second = np.concatenate([nodes[1], nodes[2], nodes[2], points + above[inside]])
    known = (first < count) & (second < count)
    graph = sparse.coo_array((np.ones(known.sum()), (first[known], second[known])), shape=(count + 1, count + 1))
    of_node = connected_components(graph, directed=False)[1]
    node = nodes.min(axis=0)
    called = reserved_points(case)
    called[case.held_at_most.point] = True
    shut = np.zeros(int(of_node.max()) + 1, dtype=np.bool_)
    shut[of_node[:points][called[:-1]]] = True
    for one in PRICED:  # limits may count units that are called at points without a limit
        mine = called[one.arrays(case).point]
        behind = case.leaf(one.name)[mine]
        shut[of_node[points + behind[behind != NO_LIMIT]]] = True
    together = of_node[node]
    return together, np.where(limit == NO_LIMIT, limits, limit), (node < count) & ~shut[together] & ~called[point]


def _copied(table: Any) -> Any:
    """Return a copy of every array, to be written to."""
    return type(table)(**{item.name: np.array(getattr(table, item.name)) for item in fields(table)})
