"""The answer to a case: programs, positions, bids, shortfalls, value by term, shadow prices, bound and gap.

Sign of money: positive is earned. Termination is a value, never an exception. Source: docs/reference/formulation.md §1.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from enum import Enum
from typing import Any, TypeAlias

import numpy as np

from models.case import ADDED, Case, Duals, Fields, Floats, Headroom, Programs, Rows

__all__ = [
    "Fields",
    "Headroom",
    "Outcome",
    "Positions",
    "ProgramValues",
    "Programs",
    "Rows",
    "Shadow",
    "Termination",
    "position_fields",
]


def _no_limits() -> Floats:
    return np.zeros((0, 0))


def _no_tariffs() -> Floats:
    return np.zeros(0)


class Termination(Enum):
    """How the search ended."""

    OPTIMAL = "optimal"  # gap within the tolerance asked for
    TIME_LIMIT = "time limit"  # best program so far, with its gap
    GAP_OPEN = "gap open"  # the search ended by itself with a wider gap than asked for, and would do so again
    NO_PROGRAM = "no program"  # no usable program was found; arrays hold the baseline


@dataclass(frozen=True, kw_only=True, eq=False)
class ProgramValues:
    """Programs, reserve and positions: the fields of an Outcome that cost or earn money. Shapes as in Outcome."""

    programs: Programs
    called: Programs | None
    headroom: Headroom
    called_headroom: Headroom | None
    point_kw: Floats  # (C+1,T), the last row for units in no congestion point
    day_ahead_kw: Floats  # (T,)
    intraday_buy_kw: Floats  # (T,)
    intraday_sell_kw: Floats  # (T,)
    short_kw: Floats  # (T,)
    long_kw: Floats  # (T,)
    bids_mw: tuple[Floats, ...]  # per reserve product (B,)
    reserve_shortfall_mw: Floats  # (R,T)
    breach_import_kw: Floats  # (L,T)
    breach_export_kw: Floats  # (L,T)
    reservation_shortfall_kw: Floats  # (K,T)
    connection_import_breach_kw: Floats = field(default_factory=_no_limits)  # (L,T) at connection limits
    connection_export_breach_kw: Floats = field(default_factory=_no_limits)  # (L,T)
    called_connection_import_breach_kw: Floats = field(default_factory=_no_limits)  # (L,T) all reservations called
    called_connection_export_breach_kw: Floats = field(default_factory=_no_limits)  # (L,T)
    order_shortfall_kw: Floats = field(default_factory=_no_limits)  # (O,T) not delivered of orders of flexibility
    tariff_eur: Floats = field(default_factory=_no_tariffs)  # (N,) at connections with a tariff
    peak_kw: Floats = field(default_factory=_no_tariffs)  # (P,)
    group_day_ahead_kw: Floats = field(default_factory=_no_limits)  # (G,T) of balancing groups
    group_intraday_kw: Floats = field(default_factory=_no_limits)  # (G,T)
    group_imbalance_kw: Floats = field(default_factory=_no_limits)  # (G,T)


Positions: TypeAlias = tuple[Floats, Floats, Floats, Floats, Floats]
"""Day-ahead, intraday buy and sell, short and long (T,), kW, of one balancing group."""


def position_fields(case: Case, groups: Iterable[Positions]) -> dict[str, Any]:
    """Return the fields of ProgramValues about positions, given those of each balancing group."""
    day_ahead, buy, sell, short, long = (np.array(values) for values in zip(*groups, strict=True))
    found = {
        "day_ahead_kw": day_ahead.sum(axis=0), "intraday_buy_kw": buy.sum(axis=0),
        "intraday_sell_kw": sell.sum(axis=0), "short_kw": short.sum(axis=0), "long_kw": long.sum(axis=0),
    }  # fmt: skip
    if not case.balancing_groups.name:
        return found
    return found | {
        "group_day_ahead_kw": day_ahead, "group_intraday_kw": buy - sell, "group_imbalance_kw": short - long
    }  # fmt: skip


@dataclass(frozen=True, kw_only=True, eq=False)
class Shadow:
    """Shadow prices: the value of one more unit of each coupling."""

    balance_eur_per_mwh: Floats  # (T,) value of consuming one MWh less in the portfolio
    limit_import_eur_per_mwh: Floats  # (L,T) >= 0: value of one more MWh of import limit
    limit_export_eur_per_mwh: Floats  # (L,T) >= 0: value of one more MWh of export limit
    reservation_eur_per_mwh: Floats  # (K,T) >= 0: value of releasing a MWh of the reservation
    reserve_eur_per_mw: Floats  # (R,T) >= 0: value of one more MW of headroom during the ISP
    connection_import_eur_per_mwh: Floats = field(default_factory=_no_limits, metadata=ADDED)
    """(L,T) >= 0: value of one more MWh of import limit of a connection or group"""
    connection_export_eur_per_mwh: Floats = field(default_factory=_no_limits, metadata=ADDED)
    """(L,T) >= 0: value of one more MWh of export limit of a connection or group"""
    group_balance_eur_per_mwh: Floats = field(default_factory=_no_limits, metadata=ADDED)
    """(G,T) value of consuming one MWh less in each balancing group; `balance_eur_per_mwh` is that of the first"""


_EQUAL_EUR, _EQUAL = 1e-7, 1e-9
"""Programs whose values differ by less than this, in EUR and as a share of gross cost, are equally good."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Outcome:
    """One program for the whole portfolio with its proof."""

    termination: Termination
    programs: Programs
    called: Programs | None  # programs when every reservation is called; None: nothing is reserved
    headroom: Headroom
    called_headroom: Headroom | None  # reserve still held when every reservation is called
    point_kw: Floats  # (C,T) program per congestion point
    total_kw: Floats  # (T,) program of the portfolio, congestion point or not
    day_ahead_kw: Floats  # (T,) bought (+), sold (−)
    intraday_buy_kw: Floats  # (T,) >= 0
    intraday_sell_kw: Floats  # (T,) >= 0
    short_kw: Floats  # (T,) >= 0 imbalance: consumed beyond the positions
    long_kw: Floats  # (T,) >= 0
    bids_mw: tuple[Floats, ...]  # per reserve product (B,)
    reserve_shortfall_mw: Floats  # (R,T) committed capacity not held
    breach_import_kw: Floats  # (L,T)
    breach_export_kw: Floats  # (L,T)
    reservation_shortfall_kw: Floats  # (K,T) >= 0 not deliverable when called
    terms_eur: dict[str, float]  # value by term, earned positive; sums to objective_eur
    point_terms_eur: dict[str, Floats]  # (C+1,) the terms that arise at a congestion point; last entry: in none
    objective_eur: float
    bound_eur: float  # proven upper bound of the value of all programs
    gap_eur: float  # bound − objective
    gross_cost_eur: float  # Σ |term|: what relative gaps refer to
    shadow: Shadow
    solver: str  # algorithm and version, for the record
    seconds: dict[str, float]  # build, solve, …
    log: tuple[str, ...] = ()  # the solver's log with our own lines and times, see models.solver_log
    duals: Duals | None = None  # prices from which a later search may begin; None where nothing was decomposed
    connection_import_breach_kw: Floats = field(default_factory=_no_limits, metadata=ADDED)
    """(L,T) drawn beyond the import limit of a connection or group, reserve held down included"""
    connection_export_breach_kw: Floats = field(default_factory=_no_limits, metadata=ADDED)
    """(L,T) given beyond its export limit, reserve held up included"""
    called_connection_import_breach_kw: Floats = field(default_factory=_no_limits, metadata=ADDED)
    """(L,T) the same when every reservation is called"""
    called_connection_export_breach_kw: Floats = field(default_factory=_no_limits, metadata=ADDED)
    """(L,T) likewise"""
    order_shortfall_kw: Floats = field(default_factory=_no_limits, metadata=ADDED)
    """(O,T) >= 0 what the program does not deliver of orders of flexibility"""
    tariff_eur: Floats = field(default_factory=_no_tariffs, metadata=ADDED)
    """(N,) what each connection with a tariff earns with it for energy (negative: pays), EUR"""
    peak_kw: Floats = field(default_factory=_no_tariffs, metadata=ADDED)
    """(P,) the highest import of each peak charge, or the peak reached before where that is higher"""
    group_day_ahead_kw: Floats = field(default_factory=_no_limits, metadata=ADDED)
    """(G,T) what each balancing group has bought day-ahead, net; none where the portfolio is balanced as a whole"""
    group_intraday_kw: Floats = field(default_factory=_no_limits, metadata=ADDED)
    """(G,T) what each buys intraday, net, beside trades that are facts"""
    group_imbalance_kw: Floats = field(default_factory=_no_limits, metadata=ADDED)
    """(G,T) by how much each is short (long: negative)"""

    @property
    def indifference_eur(self) -> float:
        """What another program's value may differ by, EUR, and count as equally good."""
        return _EQUAL_EUR + _EQUAL * self.gross_cost_eur
