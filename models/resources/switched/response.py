"""Best responses of units that are on or off: the cheapest whole program, exactly.

Source: docs/explanation/optimisation.md §2.
"""

from dataclasses import dataclass

import numpy as np

from models.case import Bools, Case, Floats, Ints
from models.compiled import compiled
from models.parameter_views import Tables, load
from models.resources.switched.kernel import cheapest
from models.resources.switched.states import Parameters, cheapest_programs, priced
from models.response import Answers, Prices, Rows, Sums, Tasks, Totals, add_up, check_prices


@dataclass(frozen=True, kw_only=True, eq=False)
class SwitchedAnswers(Answers):
    """Answers with the states of their programs."""

    on: Bools  # (n,T)


@dataclass(frozen=True, kw_only=True, eq=False)
class SwitchedResponder:
    """Units of one case, ready to answer. They hold no reserve."""

    case: Case
    given: Parameters
    threads: int

    @staticmethod
    def of(case: Case, units: Ints, called: bool = False, threads: int = 0) -> "SwitchedResponder":
        """Prepare units (U,); a called program costs only its comfort shortfall. 0 threads: all available ones."""
        return SwitchedResponder(case=case, given=priced(case, units, called=called, threads=threads), threads=threads)

    def respond(self, prices: Prices, rows: Rows, count: int) -> Totals:
        """Return the sums of all answers per total 0..count−1."""
        given = self.given
        check_prices(self.case, prices, rows, len(given.units))
        power = np.ascontiguousarray(prices.power_eur_per_kw, dtype=np.float64)

        def run(begin: int, end: int, tasks: Tasks, sums: Sums) -> None:
            _add(
                begin, end, tasks.order, tasks.first, sums.slot, given.double, given.single, given.units, given.times,
                given.windows, given.scalars, rows.power, power, given.longest, sums.power_kw, sums.money_eur,
            )  # fmt: skip

        return add_up(rows, count, (len(self.case.reserves), self.case.isps), run, threads=self.threads)

    def answers(self, prices: Prices, rows: Rows, chosen: Ints) -> SwitchedAnswers:
        """Return the answers of the units at positions `chosen` (n,)."""
        check_prices(self.case, prices, rows, len(self.given.units))
        found = cheapest_programs(self.given, chosen, rows.power, prices.power_eur_per_kw, threads=self.threads)
        on_kw = self.case.switched.on_kw[self.given.units[chosen]]
        return SwitchedAnswers(
            power_kw=np.where(found.on, on_kw, 0.0).astype(np.float64),
            held_kw=np.zeros((len(self.case.reserves), len(chosen), self.case.isps)),
            cost_eur=found.money_eur[:, 0],
            bound_eur=found.money_eur[:, 1],
            on=found.on,
        )

    def choices(self, prices: Prices, rows: Rows, chosen: Ints) -> Bools:
        """Return the states (n,T) of the answers of the units at positions `chosen` (n,)."""
        return self.answers(prices, rows, chosen).on


@compiled
def _add(
    begin: int, end: int, order: Ints, first: Ints, slot: Ints, double: Tables, single: Tables, units: Ints,
    times: Ints, windows: Ints, scalars: Floats, rows: Ints, power: Floats, longest: int,
    power_kw: Floats, money_eur: Floats,
) -> None:  # fmt: skip
    """Add the answers of blocks begin..end to their slots."""
    isps = power.shape[1]
    table, cost, places = np.zeros((2, isps)), np.zeros(isps), np.zeros((2, isps), dtype=np.int64)
    value, switch = np.zeros((4, isps + 1, longest)), np.zeros((2, isps, longest), dtype=np.bool_)
    on = np.zeros(isps, dtype=np.bool_)
    for block in range(begin, end):
        to = slot[block]
        for i in order[first[block] : first[block + 1]]:
            load(double, single, units[i], table)
            own, bound = cheapest(
                table[0], table[1], times[i], windows[i], scalars[i], power[rows[i]], cost, places, value, switch, on
            )
            for t in range(isps):
                if on[t]:
                    power_kw[to, t] += table[0, t]
            money_eur[to, 0] += own
            money_eur[to, 1] += bound
