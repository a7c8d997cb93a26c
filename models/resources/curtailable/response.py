"""Best responses of curtailable generation: the cheapest of a few powers per ISP.

Source: docs/explanation/optimisation.md §2.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from models.case import Bools, Case, Floats, Ints
from models.compiled import compiled
from models.headroom import products_traded
from models.mixing import Mixed, Shares, check_rounds, chunks, places, power_seen, rewards_of, share_of
from models.parameter_views import Tables, load, parameter_views
from models.response import (
    BLOCK,
    Answers,
    Prices,
    Rows,
    Sides,
    Sums,
    Tasks,
    Totals,
    add_up,
    best_sides,
    check_prices,
    for_each_range,
)


@dataclass(frozen=True, kw_only=True, eq=False)
class CurtailableResponder:
    """Units of one case, ready to answer."""

    case: Case
    units: Ints  # (U,) into case.curtailable
    double: Tables  # forecast, pinned
    single: Tables
    scalars: Floats  # (U,2) EUR per kW curtailed during an ISP, prequalified reserve
    threads: int

    @staticmethod
    def of(case: Case, units: Ints, called: bool = False, threads: int = 0) -> "CurtailableResponder":
        """Prepare units (U,); a called program costs nothing. With 0 threads all available ones are used."""
        data = case.curtailable
        rate = np.zeros(len(units)) if called else data.cost_eur_per_mwh[units] * (case.isp_hours / 1000)
        double, single = parameter_views(data.forecast_kw, data.pinned_kw)
        return CurtailableResponder(
            case=case,
            units=np.ascontiguousarray(units, dtype=np.int64),
            double=double,
            single=single,
            scalars=np.column_stack([rate, data.reserve_kw[units]]).astype(np.float64),
            threads=threads,
        )

    def respond(self, prices: Prices, rows: Rows, count: int) -> Totals:
        """Return the sums of all answers per total 0..count−1."""
        check_prices(self.case, prices, rows, len(self.units))
        sides = self._sides(prices.held_eur_per_kw)
        power = np.ascontiguousarray(prices.power_eur_per_kw, dtype=np.float64)

        def run(begin: int, end: int, tasks: Tasks, sums: Sums) -> None:
            _add(
                begin, end, tasks.order, tasks.first, sums.slot, self.double, self.single, self.units, self.scalars,
                (rows.power, rows.held), power, sides.eur_per_kw, sides.product,
                sums.power_kw, sums.held_kw, sums.money_eur,
            )  # fmt: skip

        return add_up(rows, count, (len(self.case.reserves), self.case.isps), run, threads=self.threads)

    def answers(self, prices: Prices, rows: Rows, chosen: Ints) -> Answers:
        """Return the answers of the units at positions `chosen` (n,)."""
        check_prices(self.case, prices, rows, len(self.units))
        sides, n, isps = self._sides(prices.held_eur_per_kw), len(chosen), self.case.isps
        power = np.ascontiguousarray(prices.power_eur_per_kw, dtype=np.float64)
        program, money = np.zeros((n, isps)), np.zeros((n, 2))
        held = np.zeros((len(self.case.reserves), n, isps))

        def run(begin: int, end: int) -> None:
            _write(
                begin, end, chosen, self.double, self.single, self.units, self.scalars, (rows.power, rows.held),
                power, sides.eur_per_kw, sides.product, program, held, money,
            )  # fmt: skip

        for_each_range(n, n // BLOCK, run, threads=self.threads)
        return Answers(power_kw=program, held_kw=held, cost_eur=money[:, 0], bound_eur=money[:, 1])

    def mixtures(
        self, rounds: Sequence[Prices], rows: Rows, shares: Shares, chosen: Ints
    ) -> Iterator[tuple[Ints, Mixed]]:
        """Yield positions of a few of the chosen units (n,), with mixtures of their answers to K rounds' prices."""
        check_rounds(self.case, rounds, rows, shares, len(self.units))
        if not rounds:
            return
        sides = self._sides(rewards_of(rounds))
        for few in chunks(chosen):
            yield few, self._mixture(rounds, rows, shares, few, sides)

    def _mixture(self, rounds: Sequence[Prices], rows: Rows, shares: Shares, chosen: Ints, sides: Sides) -> Mixed:
        power, row = power_seen(rounds, rows, chosen)
        isps, (reserve_units, place) = self.case.isps, places(self.scalars[chosen, 1] > 0)
        program, held = np.zeros((len(chosen), isps)), np.zeros((len(self.case.reserves), len(reserve_units), isps))

        def run(begin: int, end: int) -> None:
            _mix(
                begin, end, chosen, self.double, self.single, self.units, self.scalars,
                (row, rows.held, rows.total), power, sides.eur_per_kw, sides.product, shares.weight, shares.only,
                place, program, held,
            )  # fmt: skip

        for_each_range(len(chosen), len(chosen) // BLOCK, run, threads=self.threads)
        nobody = np.zeros(0, dtype=np.int64)
        return Mixed(
            fields={"curtailable_kw": program}, short=nobody, sparse={}, reserve_units=reserve_units, held_kw=held
        )

    def _sides(self, held_eur_per_kw: Floats) -> Sides:
        return best_sides(self.case, held_eur_per_kw, self._traded)

    @cached_property
    def _traded(self) -> Bools:
        return products_traded(self.case)


@compiled
def _respond(table: Floats, scalars: Floats, power: Floats, sides: Floats, answer: Floats) -> tuple[float, float]:
    """Fill answer (4,T) with power and reserve held up, down and both ways; return own cost and cost with prices.

    The cost is convex and piecewise linear in p, so it is least at an end, where the room reaches the prequalified
    power, or where both rooms are equal. Of equally good powers the one that curtails least is taken.
    """
    rate, q = scalars[0], scalars[1]
    own = total = 0.0
    for t in range(table.shape[1]):
        forecast, pin = table[0, t], table[1, t]
        if not np.isnan(pin):
            lowest, highest, count = min(forecast, pin), max(pin, 0.0), 1
            powers = (pin, pin, pin, pin, pin)
        else:
            lowest, highest = forecast, 0.0
            count = 2 if q <= 0.0 else 5
            powers = (lowest, highest, lowest + q, highest - q, 0.5 * (lowest + highest))
        least = np.inf
        for k in range(count):
            p = powers[k]
            if not (lowest <= p <= highest):
                continue
            up, down = min(q, p - lowest), min(q, highest - p)
            cost = power[t] * p + rate * max(p - forecast, 0.0)
            cost -= sides[0, t] * up + sides[1, t] * down + sides[2, t] * min(up, down)
            if cost < least:
                least = cost
                answer[0, t] = p
        p = answer[0, t]
        up, down = min(q, p - lowest), min(q, highest - p)
        both = min(up, down) if sides[2, t] > 0.0 else 0.0
        answer[1, t], answer[2, t], answer[3, t] = up - both, down - both, both
        own += rate * max(p - forecast, 0.0)
        total += least
    return own, total


@compiled
def _add(
    begin: int, end: int, order: Ints, first: Ints, slot: Ints,
    double: Tables, single: Tables, units: Ints, scalars: Floats,
    rows: tuple[Ints, Ints], power: Floats, sides: Floats, product: Ints,
    power_kw: Floats, held_kw: Floats, money_eur: Floats,
) -> None:  # fmt: skip
    """Add the answers of blocks begin..end to their slots."""
    isps = power.shape[1]
    table, answer = np.empty((2, isps)), np.empty((4, isps))
    for block in range(begin, end):
        to = slot[block]
        for i in order[first[block] : first[block + 1]]:
            load(double, single, units[i], table)
            h = rows[1][i]
            own, bound = _respond(table, scalars[i], power[rows[0][i]], sides[h], answer)
            power_kw[to] += answer[0]
            if scalars[i, 1] > 0.0:
                for side in range(3):
                    for t in range(isps):
                        if product[h, side, t] >= 0:
                            held_kw[to, product[h, side, t], t] += answer[1 + side, t]
            money_eur[to, 0] += own
            money_eur[to, 1] += bound


@compiled
def _write(
    begin: int, end: int, chosen: Ints, double: Tables, single: Tables, units: Ints, scalars: Floats,
    rows: tuple[Ints, Ints], power: Floats, sides: Floats, product: Ints,
    program: Floats, held_kw: Floats, money_eur: Floats,
) -> None:  # fmt: skip
    """Write the answers of chosen[begin..end]."""
    isps = power.shape[1]
    table, answer = np.empty((2, isps)), np.empty((4, isps))
    for n in range(begin, end):
        i = chosen[n]
        load(double, single, units[i], table)
        h = rows[1][i]
        money_eur[n, 0], money_eur[n, 1] = _respond(table, scalars[i], power[rows[0][i]], sides[h], answer)
        program[n] = answer[0]
        for side in range(3):
            for t in range(isps):
                if product[h, side, t] >= 0:
                    held_kw[product[h, side, t], n, t] += answer[1 + side, t]


@compiled
def _mix(
    begin: int, end: int, chosen: Ints, double: Tables, single: Tables, units: Ints, scalars: Floats,
    rows: tuple[Ints, Ints, Ints], power: Floats, sides: Floats, product: Ints, weight: Floats, only: Ints,
    place: Ints, program: Floats, held_kw: Floats,
) -> None:  # fmt: skip
    """Add up the answers of chosen[begin..end] to K rounds, see models.resources.storage.batch.mix_units."""
    rounds, isps = power.shape[0], power.shape[2]
    table, answer = np.empty((2, isps)), np.empty((4, isps))
    for n in range(begin, end):
        i = chosen[n]
        load(double, single, units[i], table)
        for k in range(rounds):
            share = share_of(weight, only, k, i, rows[2][i])
            if share <= 0.0:
                continue
            h = k * (sides.shape[0] // rounds) + rows[1][i]
            _respond(table, scalars[i], power[k, rows[0][n]], sides[h], answer)
            program[n] += share * answer[0]
            if place[n] >= 0:
                for side in range(3):
                    for t in range(isps):
                        if product[h, side, t] >= 0:
                            held_kw[product[h, side, t], place[n], t] += share * answer[1 + side, t]
