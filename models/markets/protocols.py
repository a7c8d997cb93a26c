"""The interface of a market or an obligation: a Market, which models.markets.registry finds.

A market is a convex cost of a sum: of all programs in the portfolio (its positions), of a congestion point's programs,
planned or called, or of the reserve that units hold.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol, runtime_checkable

import numpy as np

from models.block import Discrete, Flow, Held, ObjectiveTerm, Values, Variables
from models.case import Bools, Case, Floats, Ints
from models.coupling_costs import CouplingCosts, PointCosts
from models.markets.points import Points
from models.outcome import Outcome, ProgramValues


@dataclass(frozen=True, kw_only=True, eq=False)
class ClassUnits:
    """The units of one class in the reference formulation, planned or called."""

    name: str
    flow: Flow
    held: Held | None
    own: Bools  # where their programs are decided, (U,) or (U,T); elsewhere called programs keep the plan


@dataclass(frozen=True, kw_only=True, eq=False)
class CalledUnits:
    """Power and reserve of units when every reservation is called at once, in the reference formulation."""

    flows: Sequence[Flow]
    held: Sequence[Held]
    units: Sequence[ClassUnits]


@dataclass(frozen=True, kw_only=True, eq=False)
class PortfolioSums:
    """The sums in which markets are stated in the reference formulation."""

    points: Points
    fixed_kw: Floats  # (C+1,T) programs of the units without a choice
    held: Sequence[Held]
    called: Callable[[], CalledUnits | None]
    """Returns the called units, which it states at the first call; None where nothing is reserved"""
    units: Sequence[ClassUnits] = ()
    fixed_units_kw: Floats = field(default_factory=lambda: np.zeros((0, 0)))
    """(L,T) programs of the units without a choice, at each connection limit alone"""
    fixed_tariffs_kw: Floats = field(default_factory=lambda: np.zeros((0, 0)))
    """(N,T) the same at each connection with a tariff"""
    fixed_groups_kw: Floats = field(default_factory=lambda: np.zeros((0, 0)))
    """(G,T) the same in each balancing group"""
    positions: list[Flow] = field(default_factory=list)
    """Power, kW, that the markets stated so far deliver to the balance of a group, which is the unit of these flows;
    their points mean nothing"""


@dataclass(frozen=True, kw_only=True, eq=False)
class Marginals:
    """Marginal costs of the best program found: d cost / d right-hand side of rows, d cost / d value of variables."""

    of_rows: Callable[[Variables], Floats]
    """(n rows): EUR per unit of each right-hand side (n,)"""
    of_variables: Callable[[Variables], Floats]
    """(n variables): EUR per unit of each (n,)"""


@dataclass(frozen=True, kw_only=True, eq=False)
class Allowed:
    """What rows and variables of a stated problem allow: lower <= row <= upper, 0 <= variable <= most."""

    rows: Variables
    lower: Floats  # (N,)
    upper: Floats  # (N,)
    variables: Variables = field(default_factory=list)
    most: Floats = field(default_factory=lambda: np.zeros(0))  # (n,)


@runtime_checkable
class Restated(Protocol):
    """A block whose rows can be given what another case allows, without stating them again."""

    def allowed(self, case: Case) -> Allowed | None:
        """Return what its rows allow in a case that differs in nothing else; None where it would have other rows."""
        ...


class MarketBlock(Protocol):
    """A market's variables and rows in the reference formulation."""

    @property
    def terms(self) -> tuple[ObjectiveTerm, ...]:
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
        """Return its fields of Shadow, in the shapes and units given there."""
        ...


class QuietBlock:
    """A market's block that adds nothing to an outcome, as all that is of interest follows from programs.

    Blocks that add something override the method in question, see MarketBlock.
    """

    def outcome(self, case: Case, values: Values) -> Mapping[str, Any]:
        """Return no fields of ProgramValues."""
        del case, values
        return {}

    def shadow(self, case: Case, marginals: Marginals) -> Mapping[str, Floats]:
        """Return no fields of Shadow."""
        del case, marginals
        return {}


def rows_at(points_of: Callable[[Case], Ints]) -> Callable[[Case, Ints], Ints]:
    """Return the function `at` of PlacedRows, for rows whose congestion points (rows,) `points_of` gives."""
    return lambda case, points: np.flatnonzero(np.isin(points_of(case), points))


@dataclass(frozen=True, kw_only=True, eq=False)
class PlacedRows:
    """Rows of a market that are at one congestion point each, and what an outcome says of them, row by row."""

    at: Callable[[Case, Ints], Ints]
    """(case, congestion points (n,)): the rows (m,) there"""
    values: tuple[str, ...]
    """Fields of ProgramValues, (rows of the case,) or (rows of the case,T)"""
    prices: tuple[str, ...] = ()
    """Fields of Shadow, (rows of the case,T)"""
    renewed: bool = False
    """Whether a part may have other rows when it is planned again: in the whole they then follow those of all other
    points, see models.decomposition.reoptimise.merging"""


@dataclass(frozen=True, kw_only=True, eq=False)
class Market:
    """One market or obligation. Entries that it does not have are left out."""

    name: str
    state: Callable[[Any, Case, PortfolioSums], MarketBlock]
    """(model, case, portfolio): adds its variables and rows"""
    portfolio_eur: Callable[[Case, ProgramValues], Mapping[str, float]] | None = None
    """Earnings of the portfolio as a whole, by term, EUR, constants included"""
    placed_eur: Callable[[Case, ProgramValues], Mapping[str, Floats]] | None = None
    """Earnings at congestion points (C+1,), by term, EUR; the last entry is for units in none"""
    settled: Callable[[Case, Floats], Mapping[str, Any]] | None = None
    """(case, P_c (C+1,T)): the fields of ProgramValues that follow from programs alone"""
    priced_points: Callable[[Case], Bools] | None = None
    """Whether the market gives each congestion point's program (C,) a price of its own"""
    balance: Callable[[Case], CouplingCosts] | None = None
    """Cost (G,T) of covering s kW of a balancing group beyond the positions decided before; one market has it"""
    programs: Callable[[Case], PointCosts] | None = None
    """Cost (C,T) of each congestion point's program P"""
    calls: Callable[[Case, float], PointCosts] | None = None
    """(case, EUR per kW that stands for "not allowed"): cost (C,T) of called less planned program, Q − P"""
    reserve: Callable[[Case, float, bool, bool], CouplingCosts] | None = None
    """(case, EUR per kW as above, whether the row exists, whether planned and called rows share their shortfalls): cost
    (R,T) of reserve held less bids; one market has it"""
    shortfalls: Callable[[Case], Iterator[tuple[int, int, float, float]]] | None = None
    """The shortfalls that rows may share: product, ISP, most MW, EUR per MW"""
    sampled: Callable[[Case, float], Mapping[str, Any]] | None = None
    """(case, share of the units): the fields of Case with its limits and positions for a sample of the portfolio; None:
    it has none, or they are rows at congestion points, which are sampled with these"""
    whole_only: Callable[[Case], bool] = field(default=lambda _case: False)
    """Whether a case has a cost of this market that is no sum over ISPs: only the reference plans such a case"""
    placed: tuple[PlacedRows, ...] = ()
    """Its rows at congestion points, which are cut out with these and put back"""
    eased: Callable[[Case, Outcome, float], Mapping[str, Any]] | None = None
    """(case, a plan of it, EUR/MWh): the fields of Case with its promises, eased by what the plan misses of them, so
    that missing more costs this price; None: it promises nothing"""
