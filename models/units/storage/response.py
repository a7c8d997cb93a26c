"""Best responses of storage units to prices: prepared once, then answered in compiled code, in threads.

Source: docs/optimisation.md §7.
"""

from dataclasses import dataclass

import numpy as np

from models.bands import ROUNDING_KWH
from models.case import Case, Floats, Ints
from models.errors import CaseError
from models.headroom import traded_isps
from models.response import (
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
from models.tables import Tables, tables
from models.units.storage.kernel import add_responses, mark_slack, write_responses

_TABLE = (
    "charge_kw",
    "discharge_kw",
    "charge_efficiency",
    "energy_min_kwh",
    "energy_max_kwh",
    "demand_kwh",
    "pinned_kw",
)
_SCALARS = (
    "discharge_efficiency",
    "retention",
    "energy_start_kwh",
    "wear_eur_per_kwh",
    "end_value_eur_per_kwh",
    "shortfall_eur_per_kwh",
    "reserve_kw",
)


@dataclass(frozen=True, kw_only=True, eq=False)
class StorageAnswers(Answers):
    """With what the power does to the energy level."""

    charge_kw: Floats  # (n,T)
    discharge_kw: Floats  # (n,T)
    energy_kwh: Floats  # (n,T) at the end of the ISP
    unmet_kwh: Floats  # (n,T)
    excess_kwh: Floats  # (n,T)


@dataclass(frozen=True, kw_only=True, eq=False)
class StorageResponder:
    """Units of one case, ready to answer. Tables stay where they are, in single or double precision, never copied."""

    case: Case
    units: Ints  # (U,) into case.storage
    double: Tables
    single: Tables
    scalars: Floats  # (U,8)
    threads: int

    @staticmethod
    def of(case: Case, units: Ints, *, called: bool = False, threads: int = 0) -> "StorageResponder":
        """Prepare units (U,); a called program costs nothing but its own comfort shortfall. 0 threads: all there are.

        Raises CaseError for reserve products with an energy margin.
        """
        data = case.storage
        if bool((data.reserve_kw[units] > 0).any()) and any(reserve.sustain_h > 0 for reserve in case.reserves):
            raise CaseError("reserves: products with sustain_h above 0 have no best response of storage yet")
        double, single = tables(*(getattr(data, name) for name in _TABLE))
        scalars = np.zeros((len(units), len(_SCALARS) + 1))
        for k, name in enumerate(_SCALARS):
            free = called and name in ("wear_eur_per_kwh", "end_value_eur_per_kwh")
            scalars[:, k] = 0.0 if free else getattr(data, name)[units]
        responder = StorageResponder(
            case=case,
            units=np.ascontiguousarray(units, dtype=np.int64),
            double=double,
            single=single,
            scalars=scalars,
            threads=threads,
        )
        for_each_range(len(units), len(units) // 4096, responder._mark_slack, threads=threads)
        return responder

    def respond(self, prices: Prices, rows: Rows, count: int) -> Totals:
        """Return the sums of all answers per total 0..count−1; no (U,T) array comes into being."""
        check_prices(self.case, prices, rows, len(self.units))
        sides = self._sides(prices)
        power = np.ascontiguousarray(prices.power_eur_per_kw, dtype=np.float64)

        def run(begin: int, end: int, tasks: Tasks, sums: Sums) -> None:
            add_responses(
                begin, end, tasks.order, tasks.first, sums.slot,
                self.double, self.single, self.units, self.scalars, self.case.isp_hours,
                (rows.power, rows.held), power, sides.eur_per_kw, sides.product,
                sums.power_kw, sums.held_kw, sums.money_eur,
            )  # fmt: skip

        return add_up(rows, count, (len(self.case.reserves), self.case.isps), run, threads=self.threads)

    def answers(self, prices: Prices, rows: Rows, chosen: Ints) -> StorageAnswers:
        """Return the answers of the units at positions `chosen` (n,)."""
        check_prices(self.case, prices, rows, len(self.units))
        sides, n, isps = self._sides(prices), len(chosen), self.case.isps
        power = np.ascontiguousarray(prices.power_eur_per_kw, dtype=np.float64)
        programs, money = np.zeros((4, n, isps)), np.zeros((n, 2))
        held = np.zeros((len(self.case.reserves), n, isps))

        def run(begin: int, end: int) -> None:
            write_responses(
                begin, end, chosen,
                self.double, self.single, self.units, self.scalars, self.case.isp_hours,
                (rows.power, rows.held), power, sides.eur_per_kw, sides.product,
                programs, held, money,
            )  # fmt: skip

        for_each_range(n, n // 256, run, threads=self.threads)
        return StorageAnswers(
            power_kw=programs[0],
            held_kw=held,
            cost_eur=money[:, 0],
            bound_eur=money[:, 1],
            charge_kw=np.maximum(programs[0], 0.0),
            discharge_kw=np.maximum(-programs[0], 0.0),
            energy_kwh=programs[1],
            unmet_kwh=programs[2],
            excess_kwh=programs[3],
        )

    def _sides(self, prices: Prices) -> Sides:
        traded = np.array([traded_isps(reserve) for reserve in self.case.reserves], dtype=np.bool_)
        return best_sides(self.case, prices.held_eur_per_kw, traded.reshape(-1, self.case.isps))

    def _mark_slack(self, begin: int, end: int) -> None:
        mark_slack(
            begin, end, self.double, self.single, self.units, self.scalars, self.case.isp_hours, self.case.isps,
            ROUNDING_KWH,
        )  # fmt: skip
