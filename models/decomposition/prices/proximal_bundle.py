"""Searches prices by a proximal bundle method. Source: docs/explanation/optimisation.md §3.3.

The restricted master, made of the answers so far, proposes prices near the best ones so far (the centre), and promises
a bound at these prices. The answers of all units give the true bound.
"""

from collections.abc import Callable

from models.decomposition.master.restricted_master import RestrictedMaster
from models.decomposition.prices.pricing import Pricing
from models.decomposition.prices.search_state import SearchState
from models.decomposition.stopping import BoundStays, StopReason
from models.decomposition.tuning import Search


def search_prices(
    master: RestrictedMaster,
    pricing: Pricing,
    state: SearchState,
    *,
    aim_eur: float,
    rounds: int,
    patience: int,
    tuning: Search,
    after: Callable[[], None] = lambda: None,
    interrupted: Callable[[], StopReason | None],
    slight: float = 0.0,
) -> StopReason:
    """Raise the bound until a rule stops the search, for example when `patience` rounds gain little of `aim_eur`.

    The centre moves to new prices that bring enough of the promised gain; the step grows and shrinks with that share.
    Joint groups are not asked while their bounds are known well enough, that is, while each can take away no more than
    its part of the share `slight` of the promised gain. `after` is called after every round. Returns the reason to
    stop.
    """
    stays = BoundStays(patience=patience, little_eur=tuning.little * aim_eur)
    failures, first = 0, state.rounds
    master.set_centre(state.centre)
    master.set_steps(state.step, tuning.steps)
    for _ in range(rounds):
        gap = max(master.cost() - state.bound_eur, aim_eur)
        master.improve(tuning.sweeps, tuning.unsolved * gap)
        prices = master.prices()
        promised_eur = master.promised(prices)
        promised = master.bound(prices, float(promised_eur.sum()))
        hoped = max(promised - state.centre_eur, 0.0)
        enough_eur = slight * hoped / max(len(promised_eur), 1)
        known = pricing.known(prices.scenario(), promised_eur, enough_eur) if enough_eur > 0.0 else None
        asked, known_eur = (None, 0.0) if known is None else (~known.groups, float(known.bound_eur.sum()))
        totals = pricing.respond(prices.scenario(), asked)
        found, best = master.bound(prices, float(totals.bound_eur.sum()) + known_eur), state.bound_eur
        state.record(master, prices, totals, found, asked)
        if found - state.centre_eur >= tuning.serious * hoped:
            if promised - found <= tuning.kept_promise * max(promised - best, 0.0):
                state.step = min(state.step * tuning.rise, tuning.most_step)
            state.centre, state.centre_eur, failures = prices, found, 0
            master.set_centre(prices)
        else:
            failures += 1
            if found < state.centre_eur - hoped or failures >= tuning.failures:
                state.step, failures = max(state.step * tuning.fall, tuning.least_step), 0
        master.set_steps(state.step, tuning.steps)
        after()
        stop = stays.reason(state.history[first:]) or interrupted()
        if stop:
            return stop
    return StopReason.ROUND_LIMIT
