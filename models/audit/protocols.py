"""The interfaces through which classes and markets are audited, one module for each of them.

These modules are registered in models.audit.resources.registry and models.audit.markets.registry. They are written from
docs/reference/formulation.md alone, and share nothing with block, response or search.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import TypeAlias

from models.audit.scenario import Situation
from models.case import Case, Floats
from models.outcome import Outcome, Programs

Findings: TypeAlias = Iterator[str]


class Payer(Enum):
    """Whose money a term is."""

    COUNTERPARTY = "paid by or to a counterparty"  # penalties included, which are paid where the plan comes true
    OWNER = "a cost of owners"
    CUSTOMER = "paid by customers at their connections"
    NOBODY = "a planning price"
    NEXT_PERIOD = "handed from one Period to the next"


def no_findings(case: Case, outcome: Outcome) -> Findings:
    """Yield nothing."""
    del case, outcome
    yield from ()


@dataclass(frozen=True, kw_only=True, eq=False)
class ProgramField:
    """A field of Programs."""

    wide: bool = True  # shape (U,T), otherwise (U,)
    kinds: str = "fi"  # numpy's kinds of numbers that are allowed
    unit: str = "kW"


@dataclass(frozen=True, kw_only=True, eq=False)
class ClassAudit:
    """How a resource class is checked."""

    name: str
    """The class's field of Case"""
    fields: Mapping[str, ProgramField]
    """The class's fields of Programs"""
    power_kw: Callable[[Case, Programs], Floats]
    """Power (U,T), kW, of any programs, impossible ones included"""
    check: Callable[[Case, Situation], Findings]
    """Yields findings about programs that no unit can run in a situation"""
    terms_eur: Callable[[Case, Programs, bool], Mapping[str, Floats]] | None = None
    """(case, programs, called): each unit's earnings (U,), EUR, by term; called: only those of a called program"""
    payers: Mapping[str, Payer] = field(default_factory=dict)
    """Term → whose money it is, for every term of terms_eur"""
    reserve_kw: Callable[[Case], Floats] | None = None
    """Prequalified reserve power (U,), kW; None: the class holds no reserve"""
    room_kw: Callable[[Case, Situation, str], Floats] | None = None
    """(case, situation, "up" or "down"): room in power (U,T), kW, that the programs leave"""
    margin: Callable[[Case, Situation, str, Floats], Findings] | None = None
    """(case, situation, side, held (R,U,T)): yields findings where the energy does not last"""


@dataclass(frozen=True, kw_only=True, eq=False)
class MarketAudit:
    """How a market or an obligation is checked. Entries that it does not have are left out."""

    name: str
    check: Callable[[Case, Outcome], Findings] = no_findings
    shapes: Callable[[Case], Mapping[str, tuple[int, ...]]] | None = None
    """Shapes of the market's fields of Outcome"""
    shadows: Callable[[Case], Mapping[str, tuple[str, ...]]] | None = None
    """Names of the rows of the market's fields of Shadow, whose prices are never negative"""
    position_kw: Callable[[Case, Outcome], Floats] | None = None
    """Power (T,), kW, delivered to the portfolio's balance"""
    portfolio_eur: Callable[[Case, Outcome], Mapping[str, float]] | None = None
    """Earnings of the portfolio as a whole, by term, EUR"""
    placed_eur: Callable[[Case, Outcome], Mapping[str, Floats]] | None = None
    """Earnings at congestion points (C+1,), by term, EUR"""
    payers: Callable[[Case], Mapping[str, Payer]] | None = None
    """Term → whose money it is, for every term of portfolio_eur and placed_eur"""
