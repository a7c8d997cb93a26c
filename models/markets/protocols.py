"""What a market, or an obligation, is to the rest of the mathematics: a Market, registered in models.markets.registry.

A market is a convex cost of sums of programs: of the whole portfolio (its positions), of a congestion point's programs,
planned or called, or of the reserve that units hold.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from models.block import Discrete, Flow, Held, ObjectiveTerm, Values, Variables
from models.case import Bools, Case, Floats
from models.coupling_costs import CouplingCosts, PointCosts
from models.markets.points import Points
from models.outcome import ProgramValues


@dataclass(frozen=True, kw_only=True, eq=False)
class CalledUnits:
    """What units do when every reservation is called at once, in the reference formulation."""

    flows: Sequence[Flow]
    held: Sequence[Held]


@dataclass(frozen=True, kw_only=True, eq=False)
class Portfolio:
    """What markets are stated in, in the reference formulation."""

    points: Points
    fixed_kw: Floats  # (C+1,T) programs of the units without a choice
    held: Sequence[Held]
    called: Callable[[], CalledUnits | None]
    """None where nothing is reserved; states the called units when it is first asked"""
    positions: list[Flow] = field(default_factory=list)
    """kW that markets stated so far deliver to the balance; the point of such a flow means nothing"""


@dataclass(frozen=True, kw_only=True, eq=False)
class Marginals:
    """Prices of the best program found: d cost / d right-hand side of rows, d cost / d value of variables."""

    of_rows: Callable[[Variables], Floats]
    of_variables: Callable[[Variables], Floats]


class MarketBlock(Protocol):
    """A market's variables and rows in the reference formulation."""

    @property
    def worth(self) -> tuple[ObjectiveTerm, ...]:
        """Return its money, by term."""
        ...

    @property
    def discrete(self) -> Discrete:
        """Return its whole numbers and exclusions."""
        ...

    def outcome(self, case: Case, values: Values) -> Mapping[str, Any]:
        """Return its fields of ProgramValues."""
        ...

    def shadow(self, case: Case, marginals: Marginals) -> Mapping[str, Floats]:
        """Return its fields of Shadow."""
        ...


@dataclass(frozen=True, kw_only=True, eq=False)
class Market:
    """One market or obligation. What it does not have stays out."""

    name: str
    state: Callable[[Any, Case, Portfolio], MarketBlock]
    """(model, case, portfolio): adds its variables and rows"""
    portfolio_eur: Callable[[Case, ProgramValues], Mapping[str, float]] | None = None
    """What the portfolio as a whole earns there, by term; constants included"""
    placed_eur: Callable[[Case, ProgramValues], Mapping[str, Floats]] | None = None
    """What is earned at congestion points (C+1,), by term, the last entry for units in none"""
    settled: Callable[[Case, Floats], Mapping[str, Any]] | None = None
    """(case, P_c (C+1,T)): its fields of ProgramValues that follow from programs alone"""
    priced_points: Callable[[Case], Bools] | None = None
    """Which congestion points' programs have a price of their own by it (C,)"""
    balance: Callable[[Case], CouplingCosts] | None = None
    """Cost (T) of covering s kW beyond the positions that are decided before: one market has it"""
    programs: Callable[[Case], PointCosts] | None = None
    """Cost (C,T) of a congestion point's program P"""
    calls: Callable[[Case, float], PointCosts] | None = None
    """(case, EUR per kW that stand for "not allowed"): cost (C,T) of called less planned program, Q − P"""
    reserve: Callable[[Case, float, bool], CouplingCosts] | None = None
    """(case, EUR per kW as above, whether it counts): cost (R,T) of reserve held less bids: one market has it"""
    whole_only: Callable[[Case], bool] = field(default=lambda _case: False)
    """Whether a case has something of it that only the reference formulation plans, for it is no such cost per ISP"""
