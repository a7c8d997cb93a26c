"""Best responses of shiftable runs: the cheapest whole start, exactly.

Source: docs/explanation/optimisation.md §2.
"""

from dataclasses import dataclass

import numpy as np

from models.case import Case, Floats, Ints
from models.compiled import compiled
from models.response import BLOCK, Answers, Prices, Rows, Sums, Tasks, Totals, add_up, check_prices, for_each_range


@dataclass(frozen=True, kw_only=True, eq=False)
class ShiftableAnswers(Answers):
    """Answers with the starts of their programs."""

    start: Ints  # (n,)


@dataclass(frozen=True, kw_only=True, eq=False)
class ShiftableResponder:
    """Units of one case, ready to answer. They hold no reserve and have no cost of their own."""

    case: Case
    units: Ints  # (U,) into case.shiftable
    profile_kw: Floats  # of all units of the case
    runs: Ints  # (U,3) length, first and last start
    threads: int

    @staticmethod
    def of(case: Case, units: Ints, called: bool = False, threads: int = 0) -> "ShiftableResponder":
        """Prepare units (U,); a called program is like any other. With 0 threads all available ones are used."""
        del called
        data = case.shiftable
        profile = np.ascontiguousarray(data.profile_kw).view()
        profile.setflags(write=False)
        return ShiftableResponder(
            case=case,
            units=np.ascontiguousarray(units, dtype=np.int64),
            profile_kw=profile,
            runs=np.column_stack([data.length[units], data.first_start[units], data.last_start[units]]).astype(
                np.int64
            ),
            threads=threads,
        )

    def respond(self, prices: Prices, rows: Rows, count: int) -> Totals:
        """Return the sums of all answers per total 0..count−1."""
        check_prices(self.case, prices, rows, len(self.units))
        power = np.ascontiguousarray(prices.power_eur_per_kw, dtype=np.float64)

        def run(begin: int, end: int, tasks: Tasks, sums: Sums) -> None:
            _add(
                begin, end, tasks.order, tasks.first, sums.slot, self.profile_kw, self.units, self.runs,
                rows.power, power, sums.power_kw, sums.money_eur,
            )  # fmt: skip

        return add_up(rows, count, (len(self.case.reserves), self.case.isps), run, threads=self.threads)

    def answers(self, prices: Prices, rows: Rows, chosen: Ints) -> ShiftableAnswers:
        """Return the answers of the units at positions `chosen` (n,)."""
        check_prices(self.case, prices, rows, len(self.units))
        power = np.ascontiguousarray(prices.power_eur_per_kw, dtype=np.float64)
        n, isps = len(chosen), self.case.isps
        program, start, bound = np.zeros((n, isps)), np.zeros(n, dtype=np.int64), np.zeros(n)

        def run(begin: int, end: int) -> None:
            _write(begin, end, chosen, self.profile_kw, self.units, self.runs, rows.power, power, program, start, bound)

        for_each_range(n, n // BLOCK, run, threads=self.threads)
        held = np.zeros((len(self.case.reserves), n, isps))
        return ShiftableAnswers(power_kw=program, held_kw=held, cost_eur=np.zeros(n), bound_eur=bound, start=start)

    def choices(self, prices: Prices, rows: Rows, chosen: Ints) -> Ints:
        """Return the starts of the answers of the units at positions `chosen` (n,)."""
        return self.answers(prices, rows, chosen).start


@compiled
def _cheapest(profile: Floats, run: Ints, power: Floats) -> tuple[int, float]:
    """Return the cheapest start, the earliest of equally cheap ones, and its cost, EUR."""
    best, least = run[1], np.inf
    for start in range(run[1], run[2] + 1):
        cost = 0.0
        for k in range(run[0]):
            cost += profile[k] * power[start + k]
        if cost < least:
            best, least = start, cost
    return best, least


@compiled
def _add(
    begin: int, end: int, order: Ints, first: Ints, slot: Ints, profile_kw: Floats, units: Ints, runs: Ints,
    row: Ints, power: Floats, power_kw: Floats, money_eur: Floats,
) -> None:  # fmt: skip
    """Add the answers of blocks begin..end to their slots."""
    for block in range(begin, end):
        to = slot[block]
        for i in order[first[block] : first[block + 1]]:
            profile = profile_kw[units[i]]
            start, cost = _cheapest(profile, runs[i], power[row[i]])
            for k in range(runs[i, 0]):
                power_kw[to, start + k] += profile[k]
            money_eur[to, 1] += cost


@compiled
def _write(
    begin: int, end: int, chosen: Ints, profile_kw: Floats, units: Ints, runs: Ints,
    row: Ints, power: Floats, program: Floats, starts: Ints, bound: Floats,
) -> None:  # fmt: skip
    """Write the answers of chosen[begin..end]."""
    for n in range(begin, end):
        i = chosen[n]
        profile = profile_kw[units[i]]
        starts[n], bound[n] = _cheapest(profile, runs[i], power[row[i]])
        for k in range(runs[i, 0]):
            program[n, starts[n] + k] = profile[k]
