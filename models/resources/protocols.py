"""What a resource class is to the rest of the mathematics: a ResourceClass, registered in models.resources.registry.

A class is asked about some of its units at a time. `Fields` are arrays of these units' programs, by the fields of
`models.outcome.Programs` that the class has.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol, TypeAlias

import numpy as np
from numpy.typing import NDArray

from models.arrays import UnitArrays
from models.block import Discrete, Flow, Held, ObjectiveTerm, Values
from models.case import Bools, Case, Floats, Ints
from models.mixing import Mixed, Shares
from models.outcome import Fields, Rows
from models.reserve_room import ReserveAllocation
from models.response import Prices, Totals
from models.response import Rows as PriceRows

Choices: TypeAlias = NDArray[Any]
"""What units chose that cannot mix, one row per unit: the class's one field of Programs."""
Answered: TypeAlias = Callable[[], Iterator[tuple[Ints, Choices]]]
"""Gives the choices of some units of a batch, a few units at a time, to the prices of one round."""


class UnitBlock(Protocol):
    """A class's variables and rows in the reference formulation, planned or called."""

    @property
    def flow(self) -> Flow:
        """What the units add to congestion points."""
        ...

    @property
    def worth(self) -> tuple[ObjectiveTerm, ...]:
        """What they cost and earn."""
        ...

    @property
    def held(self) -> Held | None:
        """What reserve they hold; None where the class holds none."""
        ...

    @property
    def discrete(self) -> Discrete:
        """What is not linear."""
        ...

    @property
    def own(self) -> Bools:
        """Where the block decides the programs: (U,) or (U,T). Elsewhere a called program is the planned one."""
        ...

    def programs(self, case: Case, values: Values) -> Fields:
        """Return the solution as the class's fields of Programs, of all units."""
        ...


class Responder(Protocol):
    """Best responses of some units, prepared once; compiled where it matters. See models.response."""

    def respond(self, prices: Prices, rows: PriceRows, count: int) -> Totals:
        """Return the sums of all answers per total 0..count−1."""
        ...


class MixingResponder(Responder, Protocol):
    """Units whose convex combinations of answers are programs, or nearly."""

    def mixtures(
        self, rounds: Sequence[Prices], rows: PriceRows, shares: Shares, chosen: Ints
    ) -> Iterator[tuple[Ints, Mixed]]:
        """Yield mixtures of the answers to K rounds' prices: a few of the chosen units (n,), and theirs."""
        ...


class ChoosingResponder(Responder, Protocol):
    """Units that take one of their answers as it is: half of two is none."""

    def choices(self, prices: Prices, rows: PriceRows, chosen: Ints) -> Choices:
        """Return the choices that make the answers of units at positions `chosen` (n,)."""
        ...


class Descent(Protocol):
    """Units of a batch that choose again in turn, all others given; compiled. `chosen` and the couplings change."""

    def take(self, prices: Floats, balance: Any, program: Any, call: Any, chosen: Choices) -> float:
        """Return what is gained, EUR. Energy costs `prices` (T,), EUR per kW, where they are not NaN.

        The couplings are named tuples with s (n,T), breakpoints (n,T,K), slopes (n,T,K+1): see models.coupling_costs.
        """
        ...


@dataclass(frozen=True, kw_only=True, eq=False)
class Mixing:
    """How units mix their answers."""

    responder: Callable[[Case, Ints, bool, int], MixingResponder]
    """(case, units, called, threads; 0: all there are)"""
    empty: Callable[[Case, int], Fields]
    """(case, count): programs of zero in the precision of the case's"""
    sparse: tuple[str, ...] = ()
    """Fields that are zero for most units: memory that is not written to is not taken."""
    whole_answers: Callable[[Case, Ints, Ints, Floats], Ints] | None = None
    """(case, units (n,), their groups (n,), weights (K,G)): the round whose answer a unit takes as it is, or MIXES"""
    repair: Callable[[Case, Ints, bool, Mixed], None] | None = None
    """(case, units, called, mixed): makes programs in place of mixtures that are none"""


@dataclass(frozen=True, kw_only=True, eq=False)
class Choosing:
    """How units that cannot mix choose among their answers. Their one field of Programs is the choice."""

    responder: Callable[[Case, Ints, bool, int], ChoosingResponder]
    empty: Callable[[Case, int], Fields]
    choose: Callable[[Case, Ints, Ints, Floats, Sequence[Answered], int], Choices]
    """(case, units (n,), their groups (n,), shares of K rounds (K,G), the rounds, passes over the units at most):
    choices close to the shares"""
    descent: Callable[[Case, Ints, bool, Ints, Ints], Descent] | None = None
    """(case, units (n,), called, order in which they choose (n,), their priced points (n,), −1 for none)"""


@dataclass(frozen=True, kw_only=True, eq=False)
class Reserving:
    """How units hold reserve."""

    reserve_kw: Callable[[Case], Floats]
    """Prequalified reserve power (U,), 0: takes no part"""
    allocation: Callable[[Case, Ints, Fields, Ints, Floats], ReserveAllocation]
    """(case, units (n,), programs, theirs at rows (n,), held (R,n,T)): with the room these programs leave"""
    precision: Callable[[Case], np.dtype[Any]]
    """of tables of what is held"""


@dataclass(frozen=True, kw_only=True, eq=False)
class ResourceClass:
    """One resource class. `mixing` or `choosing` says how it answers prices; a class without either has no choice."""

    name: str
    """The field of Case with its arrays, and its name in messages"""
    fields: tuple[str, ...]
    """of models.outcome.Programs"""
    power_kw: Callable[[Case, Rows, Fields], Floats]
    """(case, units, their programs): power (n,T), consumption positive"""
    unmanaged: Callable[[Case], Fields]
    """Programs if nobody steers the units, pins not heeded"""
    terms_eur: Callable[[Case, Rows, Fields, bool], Mapping[str, Floats]] = field(default=lambda *_: {})
    """(case, units, their programs, called): what each unit earns (n,), by term; a called program only its shortfall"""
    block: Callable[[Any, Case, bool], UnitBlock] | None = None
    """(model, case, called): adds variables and rows of all units, called: of those that may be"""
    mixing: Mixing | None = None
    choosing: Choosing | None = None
    reserving: Reserving | None = None
    kinds: Callable[[Case], Ints] | None = None
    """Numbers 0..7 of units (U,) that answer alike; None: all do"""
    shares: Callable[[Case, Ints, Ints, int], Ints] | None = None
    """(case, units (n,), kinds (n,), m): into which of m groups units without a price of their own go; None: in turn"""
    width_kw: Callable[[Case], Floats] | None = None
    """About how wide the range of power of each unit is in one ISP (U,): scales the steps of prices"""
    unpriced: tuple[str, ...] = ()
    """Fields of the arrays (U,T) that no answer to prices depends on"""

    def arrays(self, case: Case) -> UnitArrays:
        """Return the class's arrays of a case."""
        return case.units(self.name)

    def count(self, case: Case) -> int:
        """Return how many units of the class a case has."""
        return len(self.arrays(case).point)
