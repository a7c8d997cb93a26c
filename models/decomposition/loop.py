"""The bundle loop: prices out, answers in. Sees only the master and the pricing.

Source: docs/explanation/optimisation.md §3.3.
"""

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np

from models.case import Bools
from models.decomposition.master.restricted_master import GATHER, RestrictedMaster
from models.decomposition.prices.dual_prices import DualPrices
from models.decomposition.prices.pricing import Pricing
from models.response import Totals

RISE, FALL = 1.6, 0.6
LEAST, MOST = 1e-3, 1e4
SERIOUS = 0.1  # share of the promised gain a step must bring to become the new centre
GOOD = 0.5  # share of the promised gain from which steps grow
NULLS = 4  # steps in a row that bring nothing before they shrink
SWEEPS = 6
_MIX_SWEEPS = 1
_SHARES = 4  # of the groups: so many are asked in turn while answers are gathered
_WATCHED, _FLAT = 5, 0.85  # gathering ends when so many rounds leave more than this of what the master is above
_STEEPER, _STEEPEST = 2.0, 1e3  # by how much steps grow while answers are gathered, and to what
_ENOUGH = 1e-3  # of the gap: what the master may leave unsolved in a round
STALE = 15  # rounds over which the bound's progress is judged, where every round may fail
_LITTLE = 0.25  # of what is aimed for: less progress is none


@dataclass(frozen=True, kw_only=True, eq=False)
class Round:
    """One round of all groups or of some, for progress and the record. Value is earned positive."""

    number: int
    value_eur: float  # of the best program found so far; −inf before there is one
    bound_eur: float  # proven: no program is worth more
    gap_of_gross: float  # of the two, relative to gross cost
    seconds: float  # since the search began


@dataclass(kw_only=True, eq=False)
class State:
    """Where the loop stands. Costs are what is minimised: value is their negative."""

    centre: DualPrices
    centre_eur: float  # bound at the centre
    bound_eur: float  # best so far
    step: float
    prices: dict[int, DualPrices] = field(default_factory=dict)  # of rounds whose answers are still columns
    history: list[float] = field(default_factory=list)  # bound after each round

    @property
    def rounds(self) -> int:
        """How many rounds were made."""
        return len(self.history)


def begin(master: RestrictedMaster, pricing: Pricing, start: DualPrices | None = None) -> State:
    """Answer the first prices."""
    prices = master.within(start) if start is not None else master.first_prices()
    totals = pricing.respond(prices.scenario())
    master.set_centre(prices)
    bound = master.bound(prices, float(totals.bound_eur.sum()))
    state = State(centre=prices, centre_eur=bound, bound_eur=bound, step=1.0)
    take(master, state, prices, totals, bound)
    return state


def take(
    master: RestrictedMaster, state: State, prices: DualPrices, totals: Totals, bound: float, asked: Bools | None = None
) -> None:  # fmt: skip
    """Add the answers of a round to the columns, those of the groups (G,) that were asked, and note its bound."""
    number = state.rounds
    state.prices[number] = prices
    master.add(totals, number, asked)
    state.bound_eur = max(state.bound_eur, bound)
    state.history.append(state.bound_eur)
    if number % 10 == 0:
        living = set(np.unique(master.columns.round).tolist())
        state.prices = {n: p for n, p in state.prices.items() if n in living}


def stale(state: State, first: int, patience: int, aim_eur: float) -> bool:
    """Say whether so many rounds, of those since round `first`, brought next to nothing of what is aimed for."""
    made = state.rounds - first
    return made > patience and state.history[-1] - state.history[-1 - patience] <= _LITTLE * aim_eur


def search(
    master: RestrictedMaster,
    pricing: Pricing,
    state: State,
    *,
    aim_eur: float,
    rounds: int,
    after: Callable[[], None],
    enough: Callable[[], bool],
    patience: int = STALE,
) -> None:
    """Raise the bound until a quarter of aim_eur is all that `patience` rounds bring, or `enough`.

    The centre moves where a step brings enough of what the columns promise; steps grow and shrink by it.
    """
    nulls, first = 0, state.rounds
    master.set_centre(state.centre)
    master.set_steps(state.step)
    for _ in range(rounds):
        gap = max(master.cost() - state.bound_eur, aim_eur)
        master.improve(SWEEPS, _ENOUGH * gap)
        prices = master.prices()
        promised = master.model(prices)
        totals = pricing.respond(prices.scenario())
        found, best = master.bound(prices, float(totals.bound_eur.sum())), state.bound_eur
        take(master, state, prices, totals, found)
        hoped = max(promised - state.centre_eur, 0.0)
        if found - state.centre_eur >= SERIOUS * hoped:
            if promised - found <= GOOD * max(promised - best, 0.0):
                state.step = min(state.step * RISE, MOST)
            state.centre, state.centre_eur, nulls = prices, found, 0
            master.set_centre(prices)
        else:
            nulls += 1
            if found < state.centre_eur - hoped or nulls >= NULLS:
                state.step, nulls = max(state.step * FALL, LEAST), 0
        master.set_steps(state.step)
        after()
        if stale(state, first, patience, aim_eur) or enough():
            return


def gather(
    master: RestrictedMaster,
    pricing: Pricing,
    state: State,
    *,
    start: float,
    rounds: int,
    enough_eur: float,
    after: Callable[[], None],
    enough: Callable[[], bool],
) -> None:
    """Gather answers that fit together, while the centre stays at the best prices.

    Steps grow from `start` from round to round, so that mismatches count for more and more: early answers are good,
    late ones fill what is missing. A share of the groups is asked at a time, the next knows what they answered.
    `rounds` ask everybody. Ends when the cost the master sees is within `enough_eur` of the bound, or stays.
    """
    master.set_centre(state.centre)
    groups = len(master.groups.tie)
    shares = min(_SHARES, groups)
    share = np.random.default_rng(groups).permutation(groups) % shares
    watched = _WATCHED * shares
    factor, above = start, [np.inf] * watched
    for turn in range(rounds * shares):
        master.set_steps(factor, GATHER)
        factor = min(factor * _STEEPER ** (1 / shares), _STEEPEST)
        master.improve(_MIX_SWEEPS, 0.0)
        above.append(master.cost() - state.bound_eur)
        flat = factor >= _STEEPEST and above[-1] > _FLAT * above[-1 - watched]
        if above[-1] <= enough_eur or flat:
            return
        prices, asked = master.prices(), share == turn % shares
        take(master, state, prices, pricing.respond(prices.scenario(), asked), -np.inf, asked)
        after()
        if enough():
            return
    master.improve(_MIX_SWEEPS, 0.0)
