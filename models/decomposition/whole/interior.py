"""Solves a whole program by a primal-dual interior-point method: all chains, and the linking rows between them.

Mehrotra's predictor and corrector. Source: docs/explanation/optimisation.md §3.9.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from scipy import linalg

from models.case import Floats
from models.decomposition.master_tuning import WholePrograms
from models.decomposition.whole.equations import Bent, Equations, Solver
from models.decomposition.whole.program import Point, WholeProgram


@dataclass(frozen=True, kw_only=True, eq=False)
class Solution:
    """How near to the best a point is."""

    gap_eur: float
    miss_kw: float  # largest of a linking row
    steps: int


def solve(
    solver: Solver, z: Point, number: int, *, enough_eur: float, tuning: WholePrograms,
    interrupted: Callable[[], object],
) -> Solution:  # fmt: skip
    """Move the point until the gap is `enough_eur` and no row is missed by more than `miss_kw`, or steps are used up.

    number: of steps before.
    """
    program = solver.program
    while True:
        total, misses = program.gap_eur(z), program.misses(z)
        worst, own = (float(np.abs(miss).max(initial=0.0)) for miss in (misses[2], np.concatenate(misses[:2])))
        done = total <= enough_eur and max(worst, own) <= tuning.miss_kw
        if done or number >= tuning.most_steps or not np.isfinite(total) or interrupted():
            break
        try:
            here = Equations(solver, z, misses)
        except linalg.LinAlgError:  # rounding has spoilt the equations: this point is as good as it gets
            break
        straight = here.step(0.0, Bent())
        far, dual_far = (min(length, 1.0) for length in here.lengths(straight))
        hoped = max(here.gap_after(straight, far, dual_far), 0.0)
        target = total / program.products * min((hoped / total) ** 3, 1.0)
        step = here.step(target, Bent.by(straight))
        far, dual_far = (min(tuning.back * length, 1.0) for length in here.lengths(step))
        z.go(step, far, dual_far)
        number += 1
    return Solution(gap_eur=total, miss_kw=worst, steps=number)


def first_point(program: WholeProgram, prices: Floats, eur: float) -> Point:
    """Return a point in the middle of everything, with multipliers of about `eur`, EUR per kW."""
    blocks, price = program.blocks, program.price
    x, energy = 0.5 * blocks.most, 0.5 * (blocks.low + blocks.high)
    level = blocks.level_low + 1.0
    of_rows = program.drawn(x, energy, np.zeros_like(level))
    np.maximum.at(level, program.level, (of_rows[: len(blocks.right)] - blocks.right)[program.peaks] + 0.1)
    drawn = of_rows - program.right
    drawn[program.peaks] -= level[program.level]
    room = np.repeat([0.1, 1.0], [len(blocks.right), len(blocks.step_at)])
    slack, beyond = np.maximum(-drawn, 0.0) + room, np.maximum(drawn, 0.0) + room
    beyond[program.hard] = 0.0
    dual = np.minimum(eur, 0.5 * price)
    dual[len(blocks.right) :] = 0.5 * blocks.step_eur
    below = [np.full(len(x) + len(blocks.held), eur), 0.5 * blocks.level_eur]
    above = [below[0], np.zeros_like(level)]
    chains = float(below[0] @ (program.high - program.low)[: len(below[0])]) + float(slack @ dual)
    mean_eur = chains / program.products
    others = _others(program, program.linking.right - program.fixed - program.adds @ x)
    low, high = others - program.linking.lower, program.linking.upper - others
    return Point(
        value=np.concatenate([x, energy[blocks.held], level, others]), energy=energy, slack=slack, beyond=beyond,
        below=np.concatenate([*below, mean_eur / low]), above=np.concatenate([*above, mean_eur / high]), dual=dual,
        prices=prices.copy(),
    )  # fmt: skip


def _others(program: WholeProgram, wanted: Floats) -> Floats:
    """Return the variables outside of chains near zero but within their bounds, those without end such that rows fit.

    wanted (n',): what they must add up to in the linking rows.
    """
    linking = program.linking
    endless = ~np.isfinite(linking.upper)
    inside = np.minimum(0.5 * (linking.upper - linking.lower), 1.0)
    value = np.clip(0.0, linking.lower + inside, linking.upper - inside)
    rest = wanted - linking.others @ value
    entries = linking.others.tocoo()
    for sign in (1.0, -1.0):
        column = np.full(len(rest), -1)
        some = endless[entries.col] & (entries.data * sign > 0)
        column[entries.row[some]] = entries.col[some]
        there = column >= 0
        value[column[there]] += np.maximum(sign * rest[there], 0.0)
    return np.asarray(value)
