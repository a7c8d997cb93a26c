"""Searches the prices of priced congestion points and connection limits while those of the whole portfolio stay fixed.

A block is a set of priced points together with the connection limits at them. With the portfolio's prices fixed nothing
connects the blocks: each has a centre, steps and a bound of its own, and the bound of all is their sum. A round asks
only units in blocks; the prices of all others stay.
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
    slight: float = 0.0,
) -> StopReason:
    """Improve the centre's prices of blocks until a rule stops the search, and return its reason.

    Each block keeps a centre and a step of its own: in nearly every round some of many points gain, although any single
    point fails in most rounds. As in search_prices, joint groups whose bounds are known well enough are not asked;
    `slight` is a share of the gain promised to their block. `after` is called after every round.
    """
    blocks = master.grouping.blocks
    count = blocks.count
    if not count:
        return StopReason.BOUND_STAYS
    stays = BoundStays(patience=patience, little_eur=search.little * aim_eur)
    whole, first = state.centre, state.rounds
    at_points = blocks.of_group >= 0
    best = master.bounds_of_blocks(whole, state.groups_eur)
    of_group, members = blocks.of_group, np.maximum(np.bincount(blocks.of_group[at_points], minlength=count), 1)
    others_eur = state.centre_eur - float(best.sum())
    program, call, connections = whole.program.copy(), whole.call.copy(), whole.connections.copy()
    of_sum = np.where(blocks.of_sum >= 0, blocks.of_sum, 0)  # sums at which nobody counts never have a price
    step, failures = np.ones(count), np.zeros(count, dtype=np.int64)
    for _ in range(rounds):
        master.set_centre(state.centre)
        master.set_steps(1.0, points.steps)
        for coupling in (master.couplings.program, master.couplings.call):
            coupling.step[:] *= step[blocks.of_point][:, None]
        master.couplings.connections.step[:] *= step[of_sum][:, None]
        master.improve(search.sweeps, 0.0)
        asked = master.prices()
        prices = replace(whole, program=asked.program, call=asked.call, connections=asked.connections)
        promised_eur = master.promised(prices)
        promised = master.bounds_of_blocks(prices, promised_eur)
        enough_eur = np.where(at_points, (slight * np.maximum(promised - best, 0.0) / members)[of_group], 0.0)
        known = pricing.known(prices.scenario(), promised_eur, enough_eur, at_points) if slight > 0.0 else None
        ask, known_eur = (at_points, 0.0) if known is None else (at_points & ~known.groups, known.bound_eur)
        totals = pricing.respond(prices.scenario(), ask)
        found = master.bounds_of_blocks(prices, totals.bound_eur + known_eur)
        serious = (found > best) & (found - best >= search.serious * (promised - best))
        step[serious & (promised - found <= search.kept_promise * (promised - best))] *= search.rise
        failures = np.where(serious, 0, failures + 1)
        step[failures >= search.failures] *= search.fall
        failures[failures >= search.failures] = 0
        step = np.clip(step, search.least_step, search.most_step)
        moved, moved_sums = serious[blocks.of_point], serious[of_sum]
        program[moved], call[moved] = prices.program[moved], prices.call[moved]
        connections[moved_sums] = prices.connections[moved_sums]
        best = np.where(serious, found, best)
        state.centre = replace(whole, program=program.copy(), call=call.copy(), connections=connections.copy())
        state.centre_eur = others_eur + float(best.sum())
        state.record(master, prices, totals, state.centre_eur, ask)
        after()
        stop = stays.reason(state.history[first:]) or interrupted()
        if stop:
            return stop
    return StopReason.ROUND_LIMIT
