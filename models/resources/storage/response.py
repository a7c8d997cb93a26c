"""Best responses of storage units to prices: prepared once, then answered in compiled code, in threads.

Source: docs/explanation/optimisation.md §2.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from models.case import Bools, Case, Direction, Floats, Ints
from models.headroom import KW_PER_MW, duration, products_traded, takes
from models.mixing import Mixed, Shares, check_rounds, chunks, places, power_seen, rewards_of
from models.parameter_views import Tables, parameter_views
from models.resources.storage.batch import Offers, answer_units, mark_slack, mix_units
from models.resources.storage.duals import dual_vertices
from models.resources.storage.layout import OFFSET, RESERVE, STEPS, TABLE
from models.response import (
    BLOCK,
    Answers,
    Prices,
    Rows,
    Sums,
    Tasks,
    Totals,
    add_up,
    best_sides,
    check_prices,
    for_each_range,
)

_SCALARS = (
    "discharge_efficiency",
    "retention",
    "energy_start_kwh",
    "wear_eur_per_kwh",
    "end_value_eur_per_kwh",
    "shortfall_eur_per_kwh",
    "reserve_kw",
    "charge_min_kw",
)
_TOLERANCE = 1e-6
"""Tolerance of answers to the decomposition's prices, see StorageResponder.respond. A larger one takes less time per
unit that holds reserve, and leaves a wider gap."""
_FEW = 24
"""Units of one size that together hold the most that may be bid, or was awarded, up to which each is large: its answers
count exactly how activations over several ISPs add up, which takes some milliseconds. Larger: answers of smaller units
are exact, too, and their bounds better."""
_NO_DETAILS = np.zeros((0, 3, 0))


@dataclass(frozen=True, kw_only=True, eq=False)
class StorageAnswers(Answers):
    """Answers with power in both directions and the resulting energy."""

    charge_kw: Floats  # (n,T)
    discharge_kw: Floats  # (n,T)
    energy_kwh: Floats  # (n,T) at the end of the ISP
    unmet_kwh: Floats  # (n,T)
    excess_kwh: Floats  # (n,T)


@dataclass(frozen=True, kw_only=True, eq=False)
class StorageResponder:
    """Units of one case, ready to answer. Tables are read in place, in single or double precision, and not copied."""

    case: Case
    units: Ints  # (U,) into case.storage
    double: Tables
    single: Tables
    scalars: Floats  # (U,10+2K)
    threads: int
    tolerance: float  # see respond

    @staticmethod
    def of(
        case: Case, units: Ints, called: bool = False, threads: int = 0, tolerance: float = 1e-9
    ) -> "StorageResponder":
        """Prepare units (U,); a called program costs only its comfort shortfall. 0 threads: all available ones."""
        data = case.storage
        double, single = parameter_views(*(getattr(data, name) for name in TABLE))
        steps = 0 if called else data.worth_from_kwh.shape[1]
        scalars = np.zeros((len(units), STEPS + 2 * steps))
        for k, name in enumerate(_SCALARS):
            free = called and name in ("wear_eur_per_kwh", "end_value_eur_per_kwh")
            scalars[:, k] = 0.0 if free else getattr(data, name)[units]
        scalars[:, OFFSET] = 0.0 if called else -data.worth_eur(units, np.zeros(len(units)))
        for k in range(steps):
            scalars[:, STEPS + 2 * k] = data.worth_step_eur_per_kwh[units, k]
            scalars[:, STEPS + 2 * k + 1] = data.worth_from_kwh[units, k]
        responder = StorageResponder(
            case=case,
            units=np.ascontiguousarray(units, dtype=np.int64),
            double=double,
            single=single,
            scalars=scalars,
            threads=threads,
            tolerance=tolerance,
        )
        for_each_range(len(units), len(units) // 4096, responder._mark_slack, threads=threads)
        return responder

    def respond(self, prices: Prices, rows: Rows, count: int, *, tolerance: float | None = None) -> Totals:
        """Return the sums of all answers per total 0..count−1; no (U,T) array is made.

        Where units hold reserve, the search for an answer ends when it and its bound differ by at most `tolerance`, EUR
        relative to 1 + |cost| of a unit; None: the responder's own. Bounds are proven at any tolerance.
        """
        check_prices(self.case, prices, rows, len(self.units))
        offers = self._offers(prices.held_eur_per_kw)
        power = np.ascontiguousarray(prices.power_eur_per_kw, dtype=np.float64)

        def run(begin: int, end: int, tasks: Tasks, sums: Sums) -> None:
            answer_units(
                begin, end, tasks.order, tasks.first, sums.slot,
                self.double, self.single, self.units, self.scalars, self.case.isp_hours,
                (rows.power, rows.held), power, offers, self.tolerance if tolerance is None else tolerance,
                sums.power_kw, sums.held_kw, sums.money_eur, _NO_DETAILS,
            )  # fmt: skip

        return add_up(rows, count, (len(self.case.reserves), self.case.isps), run, threads=self.threads)

    def answers(self, prices: Prices, rows: Rows, chosen: Ints, *, tolerance: float | None = None) -> StorageAnswers:
        """Return the answers of the units at positions `chosen` (n,)."""
        check_prices(self.case, prices, rows, len(self.units))
        offers, n, isps = self._offers(prices.held_eur_per_kw), len(chosen), self.case.isps
        power = np.ascontiguousarray(prices.power_eur_per_kw, dtype=np.float64)
        each = np.arange(n + 1)
        program, held = np.zeros((n, isps)), np.zeros((n, len(self.case.reserves), isps))
        money, details = np.zeros((n, 2)), np.zeros((n, 3, isps))

        def run(begin: int, end: int) -> None:
            answer_units(
                begin, end, chosen, each, each,
                self.double, self.single, self.units, self.scalars, self.case.isp_hours,
                (rows.power, rows.held), power, offers, self.tolerance if tolerance is None else tolerance,
                program, held, money, details,
            )  # fmt: skip

        for_each_range(n, n // BLOCK, run, threads=self.threads)
        return StorageAnswers(
            power_kw=program,
            held_kw=held.transpose(1, 0, 2),
            cost_eur=money[:, 0],
            bound_eur=money[:, 1],
            charge_kw=np.maximum(program, 0.0),
            discharge_kw=np.maximum(-program, 0.0),
            energy_kwh=details[:, 0],
            unmet_kwh=details[:, 1],
            excess_kwh=details[:, 2],
        )

    def mixtures(
        self, rounds: Sequence[Prices], rows: Rows, shares: Shares, chosen: Ints, *, tolerance: float | None = None
    ) -> Iterator[tuple[Ints, Mixed]]:
        """Yield positions of a few of the chosen units (n,), with mixtures of their answers to K rounds' prices."""
        check_rounds(self.case, rounds, rows, shares, len(self.units))
        if not rounds:
            return
        offers = self._offers(rewards_of(rounds))
        for few in chunks(chosen):
            yield (
                few,
                self._mixture(rounds, rows, shares, few, offers, self.tolerance if tolerance is None else tolerance),
            )

    def _mixture(
        self, rounds: Sequence[Prices], rows: Rows, shares: Shares, chosen: Ints, offers: Offers, tolerance: float
    ) -> Mixed:
        power, row = power_seen(rounds, rows, chosen)
        reserve_units, place = places(self.scalars[chosen, RESERVE] > 0)
        wide = (len(chosen), self.case.isps)
        charge, discharge, energy, slack = np.zeros(wide), np.zeros(wide), np.zeros(wide), np.zeros((2, *wide))
        held = np.zeros((len(self.case.reserves), len(reserve_units), self.case.isps))

        def run(begin: int, end: int) -> None:
            mix_units(
                begin, end, chosen, self.double, self.single, self.units, self.scalars, self.case.isp_hours,
                (row, rows.held, rows.total), power, offers, shares.weight, shares.only, tolerance,
                place, energy, slack, charge, discharge, held,
            )  # fmt: skip

        for_each_range(len(chosen), len(chosen) // BLOCK, run, threads=self.threads)
        short = np.flatnonzero((slack != 0).any(axis=(0, 2)))
        return Mixed(
            fields={"charge_kw": charge, "discharge_kw": discharge, "energy_kwh": energy},
            short=short,
            sparse={"unmet_kwh": slack[0, short], "excess_kwh": slack[1, short]},
            reserve_units=reserve_units,
            held_kw=held,
        )

    def _offers(self, held_eur_per_kw: Floats) -> Offers:
        """Return the earnings of room at these rewards; vertices only where a product must be sustained."""
        rewards = np.ascontiguousarray(held_eur_per_kw, dtype=np.float64)
        traded, needs, margins, large_kw = self._products
        sides = best_sides(self.case, rewards, traded)
        vertices, number = dual_vertices(rewards if margins else rewards[:0], needs, traded)
        return Offers(
            sides=sides.eur_per_kw,
            product=sides.product,
            rewards=rewards,
            needs=needs,
            traded=traded,
            vertices=vertices,
            number=number,
            large_kw=large_kw,
        )

    @cached_property
    def _products(self) -> tuple[Bools, Floats, bool, float]:
        """Return which products are traded (R,T), what a kW of each takes of the rooms (R,4), whether any must be
        sustained, and from which prequalified power on it counts exactly that activations reach over several ISPs, kW.
        """
        reserves = self.case.reserves
        traded = products_traded(self.case)
        up, down = (
            np.array([float(takes(reserve, side)) for reserve in reserves]) for side in (Direction.UP, Direction.DOWN)
        )
        hours = np.array([duration(reserve, self.case.isp_hours).hours for reserve in reserves])
        asked_mw = [np.where(np.isnan(one.committed_mw), one.max_mw, one.committed_mw).max() for one in reserves]
        reaching = any(duration(reserve, self.case.isp_hours).isps > 1 for reserve in reserves)
        large_kw = KW_PER_MW * float(max(asked_mw)) / _FEW if reaching else np.inf
        needs = np.column_stack([up, down, hours * up, hours * down])
        return traded, needs, bool((hours > 0).any() and traded.any()), large_kw

    def _mark_slack(self, begin: int, end: int) -> None:
        mark_slack(begin, end, self.double, self.single, self.units, self.scalars, self.case.isp_hours, self.case.isps)


def pricing_responder(case: Case, units: Ints, called: bool, threads: int) -> StorageResponder:
    """Return the responder of the decomposition for units (n,) of the case, as planned or as called."""
    return StorageResponder.of(case, units, called, threads, _TOLERANCE)
