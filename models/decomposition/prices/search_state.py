"""The state of a search: its best prices, its bound, and the prices behind every column."""

from dataclasses import dataclass, field

import numpy as np

from models.case import Bools, Floats
from models.decomposition.master.restricted_master import RestrictedMaster
from models.decomposition.prices.dual_prices import DualPrices
from models.decomposition.prices.pricing import Pricing
from models.response import Totals

_TIDY = 10  # every so many rounds prices are forgotten that no column belongs to any more


@dataclass(kw_only=True, eq=False)
class SearchState:
    """The state of a search. All money is cost in EUR, the negative of value."""

    centre: DualPrices  # the best prices so far
    centre_eur: float  # bound at the centre
    bound_eur: float  # the best bound so far
    groups_eur: Floats  # (G,) bound of each group at the first prices
    step: float  # factor on the steps of prices
    prices: dict[int, DualPrices] = field(default_factory=dict)  # by number of the round, while its answers are columns
    history: list[float] = field(default_factory=list)  # bound after each round, EUR

    @property
    def rounds(self) -> int:
        """Return the number of rounds so far."""
        return len(self.history)

    def record(
        self, master: RestrictedMaster, prices: DualPrices, totals: Totals, bound_eur: float, asked: Bools | None = None
    ) -> None:
        """Add a round's answers, of all groups or of those asked (G,), to the columns, and note its bound."""
        number = self.rounds
        self.prices[number] = prices
        master.add(totals, number, asked)
        self.bound_eur = max(self.bound_eur, bound_eur)
        self.history.append(self.bound_eur)
        if number % _TIDY == 0:
            living = set(np.unique(master.columns.round).tolist())
            self.prices = {n: p for n, p in self.prices.items() if n in living}


def limits_at_centre(master: RestrictedMaster, pricing: Pricing, state: SearchState, *, gap_eur: float) -> Floats:
    """Return what a kW more of limits within connections (2,L,T) is worth at the centre, EUR, see Pricing.joint_limits.

    Connections answer again only where what they answered last does not prove their bound within their part of the gap.
    """
    prices, promised_eur = state.centre.scenario(), master.promised(state.centre)
    known = pricing.known(prices, promised_eur, gap_eur / max(len(promised_eur), 1)) if gap_eur > 0.0 else None
    return pricing.joint_limits(prices, None if known is None else ~known.groups)


def first_state(master: RestrictedMaster, pricing: Pricing, start: DualPrices | None = None) -> SearchState:
    """Return the state after the first prices, `start` or the markets' own, are answered."""
    prices = master.within(start) if start is not None else master.first_prices()
    totals = pricing.respond(prices.scenario())
    master.set_centre(prices)
    bound_eur = master.bound(prices, float(totals.bound_eur.sum()))
    state = SearchState(centre=prices, centre_eur=bound_eur, bound_eur=bound_eur, groups_eur=totals.bound_eur, step=1.0)
    state.record(master, prices, totals, bound_eur)
    return state
