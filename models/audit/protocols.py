"""What the audit knows of a resource class and of a market: a module each, registered in models.audit.registry.

They are written from the formulation alone (docs/reference/formulation.md) and share nothing with block, response or
search.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import TypeAlias

from models.audit.scenario import Situation
from models.case import Case, Floats
from models.outcome import Outcome, Programs

Findings: TypeAlias = Iterator[str]


def no_findings(case: Case, outcome: Outcome) -> Findings:
    """Yield nothing."""
    del case, outcome
    yield from ()


@dataclass(frozen=True, kw_only=True, eq=False)
class ProgramField:
    """A field of Programs."""

    wide: bool = True  # (U,T), else (U,)
    kinds: str = "fi"  # of numbers, as numpy calls them
    unit: str = "kW"


@dataclass(frozen=True, kw_only=True, eq=False)
class ClassAudit:
    """How a resource class is checked."""

    name: str
    """The field of Case"""
    fields: Mapping[str, ProgramField]
    """of Programs"""
    power_kw: Callable[[Case, Programs], Floats]
    """Power (U,T), also of programs that are impossible"""
    check: Callable[[Case, Situation], Findings]
    """Yields what no unit can do in a situation"""
    terms_eur: Callable[[Case, Programs, bool], Mapping[str, Floats]] | None = None
    """(case, programs, called): what each unit earns (U,), by term; called: a called program's own terms"""
    reserve_kw: Callable[[Case], Floats] | None = None
    """Prequalified reserve power (U,); None: the class holds no reserve"""
    room_kw: Callable[[Case, Situation, str], Floats] | None = None
    """(case, situation, "up" or "down"): room in power beside the programs (U,T)"""
    margin: Callable[[Case, Situation, str, Floats], Findings] | None = None
    """(case, situation, side, held (R,U,T)): yields where the energy does not last"""


@dataclass(frozen=True, kw_only=True, eq=False)
class MarketAudit:
    """How a market, or an obligation, is checked. What a market does not have stays out."""

    name: str
    check: Callable[[Case, Outcome], Findings] = no_findings
    shapes: Callable[[Case], Mapping[str, tuple[int, ...]]] | None = None
    """Shapes of its fields of Outcome"""
    shadows: Callable[[Case], Mapping[str, tuple[str, ...]]] | None = None
    """Names of the rows of its fields of Shadow; prices that are never negative"""
    position_kw: Callable[[Outcome], Floats] | None = None
    """What it delivers to the portfolio's balance (T,)"""
    portfolio_eur: Callable[[Case, Outcome], Mapping[str, float]] | None = None
    """What the portfolio as a whole earns there, by term"""
    placed_eur: Callable[[Case, Outcome], Mapping[str, Floats]] | None = None
    """What is earned at congestion points (C+1,), by term"""
