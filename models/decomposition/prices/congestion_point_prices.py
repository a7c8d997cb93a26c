"""Searches the prices of priced congestion points' own couplings while those of the whole portfolio stay.

With the portfolio's prices fixed nothing connects the points: each has a centre, steps and a bound of its own, and the
bound of all is their sum. A round asks the units at all priced points, and no others, whose prices stay.
Source: docs/explanation/optimisation.md §3.3.
"""

from collections.abc import Callable
from dataclasses import replace

import numpy as np

from models.decomposition.master.restricted_master import RestrictedMaster
from models.decomposition.prices.pricing import Pricing
from models.decomposition.prices.search_state import SearchState
from models.decomposition.stopping import BoundStays, StopReason
from models.decomposition.tuning import PointSearch, Search


def search_point_prices(
    master: RestrictedMaster,
    pricing: Pricing,
    state: SearchState,
    *,
    aim_eur: float,
    rounds: int,
    patience: int,
    points: PointSearch,
    search: Search,
    after: Callable[[], None] = lambda: None,
    interrupted: Callable[[], StopReason | None],
) -> StopReason:
    """Improve the centre's prices of priced points until a rule stops the search, and return its reason.

    Each point keeps its own centre and step, as a whole search does: some of many points gain in nearly every round,
    while a single one fails in most. `after` is called after every round.
    """
    count = len(master.grouping.priced_points)
    if not count:
        return StopReason.BOUND_STAYS
    stays = BoundStays(patience=patience, little_eur=search.little * aim_eur)
    whole, first = state.centre, state.rounds
    at_points = master.groups.point >= 0
    totals = pricing.respond(whole.scenario(), at_points)
    best = master.bounds_of_points(whole, totals.bound_eur)
    others_eur = state.centre_eur - float(best.sum())
    program, call = whole.program.copy(), whole.call.copy()
    step, failures = np.ones(count), np.zeros(count, dtype=np.int64)
    for _ in range(rounds):
        master.set_centre(state.centre)
        master.set_steps(1.0, points.steps)
        for coupling in (master.couplings.program, master.couplings.call):
            coupling.step[:] *= step[:, None]
        master.improve(search.sweeps, 0.0)
        asked = master.prices()
        prices = replace(whole, program=asked.program, call=asked.call)
        promised = master.bounds_of_points(prices, master.promised(prices))
        totals = pricing.respond(prices.scenario(), at_points)
        found = master.bounds_of_points(prices, totals.bound_eur)
        serious = (found > best) & (found - best >= search.serious * (promised - best))
        step[serious & (promised - found <= search.kept_promise * (promised - best))] *= search.rise
        failures = np.where(serious, 0, failures + 1)
        step[failures >= search.failures] *= search.fall
        failures[failures >= search.failures] = 0
        step = np.clip(step, search.least_step, search.most_step)
        program[serious], call[serious] = prices.program[serious], prices.call[serious]
        best = np.where(serious, found, best)
        state.centre = replace(whole, program=program.copy(), call=call.copy())
        state.centre_eur = others_eur + float(best.sum())
        state.record(master, prices, totals, state.centre_eur, at_points)
        after()
        stop = stays.reason(state.history[first:]) or interrupted()
        if stop:
            return stop
    return StopReason.ROUND_LIMIT
