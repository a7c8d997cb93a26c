"""Solves a whole LP by a primal-dual interior-point method: all chains, and the linking rows between them.

Mehrotra's predictor and corrector, of which values and multipliers each take the part with which they go furthest.
Source: docs/explanation/optimisation.md §3.9.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from scipy import linalg

from models.case import Floats
from models.decomposition.master_tuning import WholeLps
from models.decomposition.whole.equations import Bent, Equations, NewtonSolver
from models.decomposition.whole.lengths import PARTS, WHOLE, furthest
from models.decomposition.whole.whole_lp import WholeIterate, WholeLp, between

_WIDE = 0.2
"""Least multipliers of the first point at bounds of what is outside of chains, as a share of all others: those of very
wide bounds would be next to nothing, and steps would go anywhere."""


_ROOM = 0.1
"""Least room that rows have at the first point, as a share of what their variables can do at most."""


_BEYOND = 0.1
"""Share of the gap asked for that is aimed at at least: far below it, rounding spoils the equations."""


_NOWHERE = 1e-8
"""Length of a step that leads nowhere."""


@dataclass(frozen=True, kw_only=True, eq=False)
class WholeSolution:
    """How near to the best an iterate is."""

    gap_eur: float
    miss_kw: float  # largest of a linking row
    steps: int


def solve(
    solver: NewtonSolver, z: WholeIterate, number: int, *, enough_eur: float, tuning: WholeLps,
    interrupted: Callable[[], object],
) -> WholeSolution:  # fmt: skip
    """Move the iterate until the gap is `enough_eur` and no row is missed by more than `miss_kw`, or steps are used up.

    number: steps taken before.
    """
    lp = solver.lp
    while True:
        total, misses = lp.gap_eur(z), lp.misses(z)
        worst, own = (float(np.abs(miss).max(initial=0.0)) for miss in (misses[2], np.concatenate(misses[:2])))
        done = total <= enough_eur and max(worst, own) <= tuning.miss_kw
        if done or number >= tuning.most_steps or not np.isfinite(total) or interrupted():
            break
        try:
            here = Equations(solver, z, misses)
        except linalg.LinAlgError:  # rounding has spoilt the equations: this iterate is as good as it gets
            break
        straight = here.step(0.0, Bent())
        (far, _), (dual_far, _) = (furthest(most) for most in here.rates(straight, straight, WHOLE))
        hoped = max(here.gap_after(straight, min(far, 1.0), min(dual_far, 1.0)), 0.0)
        near = total <= enough_eur  # then only rows are still missed: the way to the middle meets them soonest
        aim_eur = total if near else max(total * min((hoped / total) ** 3, 1.0), _BEYOND * enough_eur)
        target = aim_eur / lp.products
        step = here.step(target, Bent.by(straight))
        parts = WHOLE if near else PARTS
        (far, part), (dual_far, dual_part) = (furthest(most) for most in here.rates(straight, step, parts))
        step = between(straight, step, parts[part], parts[dual_part])
        if not step.is_finite or max(far, dual_far) < _NOWHERE:  # rounding, too
            break
        z.go(step, *(min(tuning.back * length, 1.0) for length in (far, dual_far)))
        number += 1
    return WholeSolution(gap_eur=total, miss_kw=worst, steps=number)


def first_iterate(lp: WholeLp, prices: Floats, eur: float) -> WholeIterate:
    """Return an iterate in the middle of everything, with multipliers of about `eur`, EUR per kW."""
    blocks, price = lp.blocks, lp.price
    x, energy = 0.5 * blocks.most, 0.5 * (blocks.low + blocks.high)
    level = blocks.level_low + 1.0
    of_rows = lp.drawn(x, energy, np.zeros_like(level))
    np.maximum.at(level, lp.level, (of_rows[: len(blocks.right)] - blocks.right)[lp.peaks] + 0.1)
    drawn = of_rows - lp.right
    drawn[lp.peaks] -= level[lp.level]
    spread = np.asarray(np.abs(blocks.rows) @ blocks.most)
    room = np.concatenate([
        np.maximum(_ROOM * spread, 0.1), np.maximum(_ROOM * (blocks.high - blocks.low)[blocks.step_at], 1.0),
    ])  # fmt: skip
    slack, beyond = np.maximum(-drawn, 0.0) + room, np.maximum(drawn, 0.0) + room
    beyond[lp.hard] = 0.0
    dual = np.minimum(eur, 0.5 * price)
    dual[len(blocks.right) :] = 0.5 * blocks.step_eur
    below = [np.full(len(x) + len(blocks.held), eur), 0.5 * blocks.level_eur]
    above = [below[0], np.zeros_like(level)]
    chains = float(below[0] @ (lp.high - lp.low)[: len(below[0])]) + float(slack @ dual)
    mean_eur = chains / lp.products
    others = _others(lp, lp.linking.right - lp.fixed - lp.adds @ x)
    least = _WIDE * eur
    low, high = others - lp.linking.lower, lp.linking.upper - others
    return WholeIterate(
        value=np.concatenate([x, energy[blocks.held], level, others]), energy=energy, slack=slack, beyond=beyond,
        below=np.concatenate([*below, np.maximum(mean_eur / low, least)]),
        above=np.concatenate([*above, np.where(np.isfinite(high), np.maximum(mean_eur / high, least), 0.0)]), dual=dual,
        prices=prices.copy(),
    )  # fmt: skip


def _others(lp: WholeLp, wanted: Floats) -> Floats:
    """Return the variables outside of chains near zero but within their bounds, those without end such that rows fit.

    wanted (n',): what they must add up to in the linking rows.
    """
    linking = lp.linking
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
