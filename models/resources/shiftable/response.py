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
    """Units of one case, ready to answer. They hold no reserve; their own cost is of what is left for later."""

    case: Case
    units: Ints  # (U,) into case.shiftable
    profile_kw: Floats  # (units of the case,D) see Shiftable
    later_eur: Floats  # (units of the case,D) see Shiftable; (0,1) where it costs nothing
    runs: Ints  # (U,3) length, first and last start
    threads: int

    @staticmethod
    def of(case: Case, units: Ints, called: bool = False, threads: int = 0) -> "ShiftableResponder":
        """Prepare units (U,); what is left for later costs called programs nothing. 0 threads: all available ones."""
        data = case.shiftable
        profile = np.ascontiguousarray(data.profile_kw).view()
        profile.setflags(write=False)
        later = np.zeros((0, 1)) if called or not data.later_eur.any() else np.array(data.later_eur, dtype=np.float64)
        return ShiftableResponder(
            case=case,
            units=np.ascontiguousarray(units, dtype=np.int64),
            profile_kw=profile,
            later_eur=later,
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
                begin, end, tasks.order, tasks.first, sums.slot, self.profile_kw, self.later_eur, self.units, self.runs,
                rows.power, power, sums.power_kw, sums.money_eur,
            )  # fmt: skip

        return add_up(rows, count, (len(self.case.reserves), self.case.isps), run, threads=self.threads)

    def answers(self, prices: Prices, rows: Rows, chosen: Ints) -> ShiftableAnswers:
        """Return the answers of the units at positions `chosen` (n,)."""
        check_prices(self.case, prices, rows, len(self.units))
        power = np.ascontiguousarray(prices.power_eur_per_kw, dtype=np.float64)
        n, isps = len(chosen), self.case.isps
        program, start, money = np.zeros((n, isps)), np.zeros(n, dtype=np.int64), np.zeros((n, 2))

        def run(begin: int, end: int) -> None:
            _write(
                begin, end, chosen, self.profile_kw, self.later_eur, self.units, self.runs, rows.power, power, program,
                start, money,
            )  # fmt: skip

        for_each_range(n, n // BLOCK, run, threads=self.threads)
        held = np.zeros((len(self.case.reserves), n, isps))
        own, bound = money.T
        return ShiftableAnswers(power_kw=program, held_kw=held, cost_eur=own, bound_eur=bound, start=start)

    def choices(self, prices: Prices, rows: Rows, chosen: Ints) -> Ints:
        """Return the starts (n,), ISPs from 0, of the answers of the units at positions `chosen` (n,)."""
        return self.answers(prices, rows, chosen).start


@compiled
def _cheapest(profile: Floats, later: Floats, run: Ints, power: Floats) -> tuple[int, float, float]:
    """Return the cheapest start, the earliest of equally cheap ones, its cost later and its whole cost, EUR."""
    best, least, own = run[1], np.inf, 0.0
    for start in range(run[1], run[2] + 1):
        cost, inside, after = 0.0, min(run[0], power.shape[0] - start), 0.0
        for k in range(inside):
            cost += profile[k] * power[start + k]
        if inside < run[0] and later.shape[0] > 0:
            after = later[run[0] - inside - 1]
            cost += after
        if cost < least:
            best, least, own = start, cost, after
    return best, own, least


@compiled
def _add(
    begin: int, end: int, order: Ints, first: Ints, slot: Ints, profile_kw: Floats, later_eur: Floats, units: Ints,
    runs: Ints, row: Ints, power: Floats, power_kw: Floats, money_eur: Floats,
) -> None:  # fmt: skip
    """Add the answers of blocks begin..end to their slots."""
    for block in range(begin, end):
        to = slot[block]
        for i in order[first[block] : first[block + 1]]:
            profile = profile_kw[units[i]]
            later = later_eur[units[i]] if later_eur.shape[0] > 0 else later_eur[:, 0]
            start, own, cost = _cheapest(profile, later, runs[i], power[row[i]])
            for k in range(min(runs[i, 0], power_kw.shape[1] - start)):
                power_kw[to, start + k] += profile[k]
            money_eur[to, 0] += own
            money_eur[to, 1] += cost


@compiled
def _write(
    begin: int, end: int, chosen: Ints, profile_kw: Floats, later_eur: Floats, units: Ints, runs: Ints,
    row: Ints, power: Floats, program: Floats, starts: Ints, money: Floats,
) -> None:  # fmt: skip
    """Write the answers of chosen[begin..end]."""
    for n in range(begin, end):
        i = chosen[n]
        profile = profile_kw[units[i]]
        later = later_eur[units[i]] if later_eur.shape[0] > 0 else later_eur[:, 0]
        starts[n], money[n, 0], money[n, 1] = _cheapest(profile, later, runs[i], power[row[i]])
        for k in range(min(runs[i, 0], program.shape[1] - starts[n])):
            program[n, starts[n] + k] = profile[k]
