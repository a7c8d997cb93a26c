"""Moves the solution of a whole LP to one about as good in which stores rest where moving earns nothing.

Of the best solutions, the interior-point method finds the one in their middle: there stores charge and discharge at
once wherever that costs nothing, which no program can do. A little cost of moving leaves only those that do not.
Source: docs/explanation/optimisation.md §3.10.
"""

from collections.abc import Callable
from dataclasses import replace

from models.case import Ints
from models.decomposition.master_tuning import LoneLps, WholeLps
from models.decomposition.whole.equations import NewtonSolver
from models.decomposition.whole.interior import WholeSolution, solve
from models.decomposition.whole.lone import LoneUnits
from models.decomposition.whole.slots import CHARGE, DISCHARGE
from models.decomposition.whole.whole_lp import WholeIterate


def moves_of(units: LoneUnits) -> Ints:
    """Return the variables (n,) with which stores charge and discharge and generators curtail."""
    generation = max((int(sun.slot.max(initial=-1)) + 1 for sun in units.solar), default=0)
    slots = [CHARGE, DISCHARGE, *range(units.number.shape[2] - generation, units.number.shape[2])]
    numbers = units.number[:, :, slots]
    return numbers[numbers >= 0]


def rest(
    solver: NewtonSolver, z: WholeIterate, moves: Ints, *, eur_per_kw: float, enough_eur: float, lone: LoneLps,
    tuning: WholeLps, interrupted: Callable[[], object],
) -> WholeSolution:  # fmt: skip
    """Move the iterate to the best where `moves` (n,) cost more by `eur_per_kw` in an ISP, of which nothing is kept.

    What a variable costs more is added to the multiplier of its lower bound, so equations of multipliers stay met. What
    would be moved for nothing is about the mean product of a value and its multiplier, divided by that cost: it goes on
    until that is `still_kw`. The bound of the iterate is lower from then on, so it must be taken before.
    """
    lp, kept = solver.lp, solver.lp.cost.copy()
    lp.cost[moves] += eur_per_kw
    z.below[moves] += eur_per_kw
    try:
        return solve(
            solver, z, 0, enough_eur=min(enough_eur, lone.still_kw * eur_per_kw * lp.products),
            tuning=replace(tuning, most_steps=lone.rest_steps), interrupted=interrupted,
        )  # fmt: skip
    finally:
        lp.cost[:] = kept
