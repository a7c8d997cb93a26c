"""The bundle loop: prices out, answers in. Sees only the master and the pricing. Source: docs/optimisation.md §8.3."""

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np

from models.decomposition.master import MIX, Master, Tension
from models.decomposition.pricing import Pricing
from models.response import Totals

_RISE, _FALL = 1.6, 0.6
_LEAST, _MOST = 1e-3, 1e4
_SERIOUS = 0.1  # share of the promised gain a step must bring to become the new centre
_GOOD = 0.5  # share of the promised gain from which steps grow
_NULLS = 4  # steps in a row that bring nothing before they shrink
_SWEEPS = 6
_MIX_SWEEPS = 8
_ENOUGH = 1e-3  # of the gap: what the master may leave unsolved in a round
_STALE = 15  # rounds over which the bound's progress is judged


@dataclass(frozen=True, kw_only=True, eq=False)
class Round:
    """One round, for progress and the record. Value is earned positive."""

    number: int
    value_eur: float  # of the best program found so far; −inf before there is one
    bound_eur: float  # proven: no program is worth more
    gap_of_gross: float  # of the two, relative to gross cost
    seconds: float  # since the search began


@dataclass(kw_only=True, eq=False)
class State:
    """Where the loop stands. Costs are what is minimised: value is their negative."""

    centre: Tension
    centre_eur: float  # bound at the centre
    bound_eur: float  # best so far
    step: float
    prices: dict[int, Tension] = field(default_factory=dict)  # of rounds whose answers are still columns
    history: list[float] = field(default_factory=list)  # bound after each round

    @property
    def rounds(self) -> int:
        """How many rounds were made."""
        return len(self.history)


def begin(master: Master, pricing: Pricing, start: Tension | None = None) -> State:
    """Answer the first prices."""
    prices = master.within(start) if start is not None else master.first_prices()
    totals = pricing.respond(prices.scenario())
    master.set_centre(prices)
    bound = master.bound(prices, float(totals.bound_eur.sum()))
    state = State(centre=prices, centre_eur=bound, bound_eur=bound, step=1.0)
    _take(master, state, prices, totals, bound)
    return state


def _take(master: Master, state: State, prices: Tension, totals: Totals, bound: float) -> None:
    number = state.rounds
    state.prices[number] = prices
    master.add(totals, number)
    state.bound_eur = max(state.bound_eur, bound)
    state.history.append(state.bound_eur)
    if number % 10 == 0:
        living = set(np.unique(master.columns.round).tolist())
        state.prices = {n: p for n, p in state.prices.items() if n in living}


def search(
    master: Master,
    pricing: Pricing,
    state: State,
    *,
    aim_eur: float,
    rounds: int,
    after: Callable[[], None],
    enough: Callable[[], bool],
) -> None:
    """Raise the bound until a quarter of aim_eur is all that _STALE rounds bring, or `enough`.

    The centre moves where a step brings enough of what the columns promise; steps grow and shrink by it.
    """
    nulls, first = 0, state.rounds
    master.set_centre(state.centre)
    master.set_steps(state.step)
    for _ in range(rounds):
        gap = max(master.cost() - state.bound_eur, aim_eur)
        master.improve(_SWEEPS, _ENOUGH * gap)
        prices = master.prices()
        promised = master.model(prices)
        totals = pricing.respond(prices.scenario())
        found = master.bound(prices, float(totals.bound_eur.sum()))
        _take(master, state, prices, totals, found)
        hoped = max(promised - state.centre_eur, 0.0)
        if found - state.centre_eur >= _SERIOUS * hoped:
            if promised - found <= _GOOD * max(promised - state.bound_eur, 0.0):
                state.step = min(state.step * _RISE, _MOST)
            state.centre, state.centre_eur, nulls = prices, found, 0
            master.set_centre(prices)
        else:
            nulls += 1
            if found < state.centre_eur - hoped or nulls >= _NULLS:
                state.step, nulls = max(state.step * _FALL, _LEAST), 0
        master.set_steps(state.step)
        after()
        made = state.rounds - first
        stale = made > _STALE and state.history[-1] - state.history[-1 - _STALE] <= 0.25 * aim_eur
        if stale or enough():
            return


def gather(
    master: Master,
    pricing: Pricing,
    state: State,
    *,
    rounds: int,
    after: Callable[[], None],
    enough: Callable[[], bool],
) -> None:
    """Gather answers that fit together: mismatches are weighed heavily while the centre stays at the best prices."""
    master.set_centre(state.centre)
    master.set_steps(1.0, MIX)
    for _ in range(rounds):
        master.improve(_MIX_SWEEPS, 0.0)
        prices = master.prices()
        totals = pricing.respond(prices.scenario())
        _take(master, state, prices, totals, master.bound(prices, float(totals.bound_eur.sum())))
        after()
        if enough():
            return
    master.improve(_MIX_SWEEPS, 0.0)
