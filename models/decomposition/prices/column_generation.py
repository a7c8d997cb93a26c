"""Generates columns that fit together: answers near the best prices. Source: docs/explanation/optimisation.md §3.4.

Steps of prices grow from round to round, so that mismatches of supply and demand count more and more: early answers are
cheap, late ones close the mismatches. One share of the groups is asked at a time, and the prices for the next share
take its answers into account.
"""

from collections.abc import Callable
from dataclasses import replace

import numpy as np

from models.decomposition.master.restricted_master import RestrictedMaster
from models.decomposition.prices.pricing import Pricing
from models.decomposition.prices.search_state import SearchState
from models.decomposition.stopping import CloseEnough, CostStays, StopReason
from models.decomposition.tuning import Generation


def generate_columns(
    master: RestrictedMaster,
    pricing: Pricing,
    state: SearchState,
    *,
    rounds: int,
    first_step: float,
    enough_eur: float,
    tuning: Generation,
    after: Callable[[], None] = lambda: None,
    interrupted: Callable[[], StopReason | None],
) -> StopReason:
    """Ask every group `rounds` times, or until the master's cost is within `enough_eur` of the bound or falls no more.

    `first_step` is the factor on the step of prices in the first round. The centre stays at the best prices. `after` is
    called after every share of a round. Returns the reason to stop.
    """
    master.set_centre(state.centre)
    groups = len(master.groups.point)
    shares = min(tuning.shares, groups)
    share = np.random.default_rng(groups).permutation(groups) % shares
    close, stays = CloseEnough(enough_eur=enough_eur), CostStays(watched=tuning.watched * shares, flat=tuning.flat)
    near = pricing.keep()  # connections that answer as a whole stay near what they did in the search
    step, above_eur = first_step, list[float]()
    for number in range(rounds * shares):
        master.set_steps(step, tuning.steps)
        step = min(step * tuning.steeper ** (1 / shares), tuning.steepest)
        master.improve(tuning.sweeps, 0.0)
        above_eur.append(master.cost() - state.bound_eur)
        stop = close.reason(above_eur) or (stays.reason(above_eur) if step >= tuning.steepest else None)
        if stop:
            return stop
        prices, asked = replace(master.prices(), near=near), share == number % shares
        state.record(master, prices, pricing.respond(prices.scenario(), asked, prove=False), -np.inf, asked)
        after()
        stop = interrupted()
        if stop:
            return stop
    master.improve(tuning.sweeps, 0.0)
    return StopReason.ROUND_LIMIT
