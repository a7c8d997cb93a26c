"""Finds the prices of the tied congestion points' own channels while those of the whole portfolio stay.

Then nothing connects the points: each has a centre, steps and a bound of its own, and the bound of all is their sum.
All are asked in the same round; units at untied points, whose prices stay, are not.
Source: docs/explanation/optimisation.md §3.3.
"""

from collections.abc import Callable
from dataclasses import replace

import numpy as np

from models.decomposition.loop import FALL, GOOD, LEAST, MOST, NULLS, RISE, SERIOUS, SWEEPS, State, stale, take
from models.decomposition.master.restricted_master import PINNED, RestrictedMaster
from models.decomposition.prices.pricing import Pricing


def fit_points(
    master: RestrictedMaster,
    pricing: Pricing,
    state: State,
    *,
    aim_eur: float,
    rounds: int,
    patience: int,
    after: Callable[[], None],
    enough: Callable[[], bool],
) -> None:
    """Improve the centre's prices of tied points until a quarter of aim_eur is all that `patience` rounds bring.

    Many points gain in nearly every round, a single one fails in most.
    """
    ties = len(master.parts.tied)
    if not ties:
        return
    whole, first = state.centre, state.rounds
    tied = master.groups.tie >= 0
    totals = pricing.respond(whole.scenario(), tied)
    best = master.bounds_of_points(whole, totals.bound_eur)
    others_eur = state.centre_eur - float(best.sum())
    program, call = whole.program.copy(), whole.call.copy()
    step, nulls = np.ones(ties), np.zeros(ties, dtype=np.int64)
    for _ in range(rounds):
        master.set_centre(state.centre)
        master.set_steps(1.0, PINNED)
        for channel in (master.couplings.program, master.couplings.call):
            channel.step[:] *= step[:, None]
        master.improve(SWEEPS, 0.0)
        asked = master.prices()
        prices = replace(whole, program=asked.program, call=asked.call)
        promised = master.bounds_of_points(prices, master.promised(prices))
        totals = pricing.respond(prices.scenario(), tied)
        found = master.bounds_of_points(prices, totals.bound_eur)
        serious = (found > best) & (found - best >= SERIOUS * (promised - best))
        step[serious & (promised - found <= GOOD * (promised - best))] *= RISE
        nulls = np.where(serious, 0, nulls + 1)
        step[nulls >= NULLS] *= FALL
        nulls[nulls >= NULLS] = 0
        step = np.clip(step, LEAST, MOST)
        program[serious], call[serious] = prices.program[serious], prices.call[serious]
        best = np.where(serious, found, best)
        state.centre = replace(whole, program=program.copy(), call=call.copy())
        state.centre_eur = others_eur + float(best.sum())
        take(master, state, prices, totals, state.centre_eur, tied)
        after()
        if stale(state, first, patience, aim_eur) or enough():
            return
