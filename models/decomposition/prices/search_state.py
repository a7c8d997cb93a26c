"""Where a search stands: its best prices, its bound, and the prices behind every column."""

from dataclasses import dataclass, field

import numpy as np

from models.case import Bools
from models.decomposition.master.restricted_master import RestrictedMaster
from models.decomposition.prices.dual_prices import DualPrices
from models.decomposition.prices.pricing import Pricing
from models.response import Totals

_TIDY = 10  # rounds after which prices are forgotten whose columns are gone


@dataclass(kw_only=True, eq=False)
class SearchState:
    """Where the search stands. Costs, in EUR, are what is minimised: value is their negative."""

    centre: DualPrices  # the best prices so far
    centre_eur: float  # bound at the centre
    bound_eur: float  # best so far
    step: float  # factor on the steps of prices
    prices: dict[int, DualPrices] = field(default_factory=dict)  # of rounds whose answers are still columns
    history: list[float] = field(default_factory=list)  # bound after each round, EUR

    @property
    def rounds(self) -> int:
        """How many rounds were made."""
        return len(self.history)

    def record(
        self, master: RestrictedMaster, prices: DualPrices, totals: Totals, bound_eur: float, asked: Bools | None = None
    ) -> None:
        """Add the answers of a round to the columns, those of the groups (G,) that were asked, and note its bound."""
        number = self.rounds
        self.prices[number] = prices
        master.add(totals, number, asked)
        self.bound_eur = max(self.bound_eur, bound_eur)
        self.history.append(self.bound_eur)
        if number % _TIDY == 0:
            living = set(np.unique(master.columns.round).tolist())
            self.prices = {n: p for n, p in self.prices.items() if n in living}


def first_state(master: RestrictedMaster, pricing: Pricing, start: DualPrices | None = None) -> SearchState:
    """Answer the first prices: `start`, or else the markets' own."""
    prices = master.within(start) if start is not None else master.first_prices()
    totals = pricing.respond(prices.scenario())
    master.set_centre(prices)
    bound_eur = master.bound(prices, float(totals.bound_eur.sum()))
    state = SearchState(centre=prices, centre_eur=bound_eur, bound_eur=bound_eur, step=1.0)
    state.record(master, prices, totals, bound_eur)
    return state
