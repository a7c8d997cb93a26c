"""The interface of a resource class: a ResourceClass, which models.resources.registry finds.

A class is asked about some of its units at a time. `Fields` are arrays of these units' programs, by the class's fields
of `models.case.Programs`.
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
"""The choices of units that cannot mix, one row per unit: the class's one field of Programs."""
Answered: TypeAlias = Callable[[], Iterator[tuple[Ints, Choices]]]
"""Yields positions of a few units of a batch, with their choices at the prices of one round."""


class UnitBlock(Protocol):
    """A class's variables and rows in the reference formulation, planned or called."""

    @property
    def flow(self) -> Flow:
        """Return the units' power at congestion points."""
        ...

    @property
    def terms(self) -> tuple[ObjectiveTerm, ...]:
        """Return their money, by term."""
        ...

    @property
    def held(self) -> Held | None:
        """Return the reserve they hold; None where the class holds none."""
        ...

    @property
    def discrete(self) -> Discrete:
        """Return its whole numbers and exclusions."""
        ...

    @property
    def own(self) -> Bools:
        """Return where the block decides the programs, (U,) or (U,T). Elsewhere called programs keep the plan."""
        ...

    def programs(self, case: Case, values: Values) -> Fields:
        """Return the solution of all units as the class's fields of Programs."""
        ...


class Responder(Protocol):
    """Best responses of some units, prepared once; compiled where it matters. See models.response."""

    def respond(self, prices: Prices, rows: PriceRows, count: int) -> Totals:
        """Return the sums of all answers per total 0..count−1, see models.response.Totals."""
        ...


class MixingResponder(Responder, Protocol):
    """Units whose convex combinations of answers are programs, or nearly."""

    def mixtures(
        self, rounds: Sequence[Prices], rows: PriceRows, shares: Shares, chosen: Ints
    ) -> Iterator[tuple[Ints, Mixed]]:
        """Yield positions of a few of the chosen units (n,), with mixtures of their answers to K rounds' prices."""
        ...


class ChoosingResponder(Responder, Protocol):
    """Units that take one of their answers as it is, because mixtures of answers are no programs."""

    def choices(self, prices: Prices, rows: PriceRows, chosen: Ints) -> Choices:
        """Return the choices that make the answers of units at positions `chosen` (n,)."""
        ...


class Descent(Protocol):
    """Units of a batch that choose again one after the other, given all others; changes `chosen` and couplings."""

    def take(self, prices: Floats, balance: Any, program: Any, call: Any, chosen: Choices) -> float:
        """Let every unit choose again; return the gain, EUR. Energy costs `prices` (G,T), EUR per kW, where not NaN.

        The couplings are named tuples with s (n,T), breakpoints (n,T,K), slopes (n,T,K+1): see models.coupling_costs.
        """
        ...


@dataclass(frozen=True, kw_only=True, eq=False)
class Mixing:
    """How units mix their answers."""

    responder: Callable[[Case, Ints, bool, int], MixingResponder]
    """(case, units (n,), called, threads; 0: all available ones)"""
    empty: Callable[[Case, int], Fields]
    """(case, count): programs of zero in the precision of the case"""
    sparse: tuple[str, ...] = ()
    """Fields that are zero for most units, and take memory only where they are not"""
    whole: Callable[[Case], Bools] | None = None
    """Units (U,) that take one of their answers as it is, because mixtures may be impossible; None: no unit does"""
    whole_answers: Callable[[Case, Ints, Ints, Floats], Ints] | None = None
    """(case, units (n,), their groups (n,), weights (K,G)): the round whose answer a unit takes as it is, or MIXES"""
    repair: Callable[[Case, Ints, bool, Mixed], None] | None = None
    """(case, units (n,), called, mixed): turns mixtures that are no programs into programs, in place"""


@dataclass(frozen=True, kw_only=True, eq=False)
class Choosing:
    """How units that cannot mix choose among their answers. Their one field of Programs is the choice."""

    responder: Callable[[Case, Ints, bool, int], ChoosingResponder]
    """(case, units (n,), called, threads; 0: all available ones)"""
    empty: Callable[[Case, int], Fields]
    choose: Callable[[Case, Ints, Ints, Floats, Sequence[Answered], int], Choices]
    """(case, units (n,), their groups (n,), shares of K rounds (K,G), the rounds, most passes over the units):
    choices close to the shares"""
    descent: Callable[[Case, Ints, bool, Ints, Ints], Descent] | None = None
    """(case, units (n,), called, order in which they choose (n,), their priced points (n,), −1 for none)"""


@dataclass(frozen=True, kw_only=True, eq=False)
class Reserving:
    """How units hold reserve."""

    reserve_kw: Callable[[Case], Floats]
    """Prequalified reserve power (U,), 0: takes no part"""
    allocation: Callable[[Case, Ints, Fields, Ints, Floats], ReserveAllocation]
    """(case, units (n,), programs, the units' rows in these (n,), held (R,n,T)): with the room the programs leave"""
    precision: Callable[[Case], np.dtype[Any]]
    """Precision of tables of reserve held"""
    together: Callable[[Case, Sequence[Ints], Ints], UnitArrays]
    """(case, G groups of units (n,), a congestion point for each (G,)): arrays of one unit per group that can do
    whatever its group can, at no higher cost, if it may lose energy"""
    apart: Callable[[Case], Bools] | None = None
    """Units (U,) that are put together only with one another, as little is proven with them; None: none"""


@dataclass(frozen=True, kw_only=True, eq=False)
class ResourceClass:
    """One resource class. `mixing` or `choosing` says how it answers prices; a class without either has no choice."""

    name: str
    """The field of Case with its arrays, and its name in messages"""
    example: Callable[[int], UnitArrays]
    """(ISPs, at least 4): a few units at the first congestion point or at none, with which code is compiled ahead"""
    fields: tuple[str, ...]
    """The class's fields of models.case.Programs"""
    power_kw: Callable[[Case, Rows, Fields], Floats]
    """(case, units, their programs): power (n,T), consumption positive"""
    range_kw: Callable[[Case, Ints], tuple[Floats, Floats]]
    """(case, units (n,)): lowest and highest power (n,T) of each unit in each ISP, with any program and reserve held"""
    unmanaged: Callable[[Case], Fields]
    """Programs of the units if nobody steers them, without regard to pins"""
    terms_eur: Callable[[Case, Rows, Fields, bool], Mapping[str, Floats]] = field(default=lambda *_: {})
    """(case, units, their programs, called): each unit's earnings (n,), EUR, by term; called: of shortfall only"""
    unavoidable_eur: Callable[[Case, Ints], Floats] | None = None
    """(case, units (n,)): what their called programs miss whatever they do, at the price of missing it (n,), EUR: the
    plan misses it too, and it is charged once; None: the class misses nothing"""
    resumed: Callable[[Case, Ints, Case, Ints, Fields], tuple[Fields, Bools]] | None = None
    """(case, units (n,), an earlier case, their rows in it (n,), their programs there): these programs under the case,
    and whether each unit (n,) can run its own; None: it can while all its arrays are as they were"""
    follows: Callable[[Case, Ints, Fields], Fields] | None = None
    """(case, units (n,), their programs): the fields of these programs that follow from the others, anew; None: none"""
    mended: Callable[[Case, Ints, Fields, Floats], tuple[Fields, Bools]] | None = None
    """(case, units (n,), programs, reserve held up and down (2,n,T)): programs that come back to these as far as they
    can, and whether each unit (n,) can run its own; None: there is no such thing"""
    block: Callable[[Any, Case, bool], UnitBlock] | None = None
    """(model, case, called): adds variables and rows of all units, or of those that may be called"""
    mixing: Mixing | None = None
    choosing: Choosing | None = None
    reserving: Reserving | None = None
    kinds: Callable[[Case], Ints] | None = None
    """Kind 0..7 of each unit (U,): units of a kind answer alike; None: all units do"""
    shares: Callable[[Case, Ints, Ints, int], Ints] | None = None
    """(case, units (n,), kinds (n,), m): the group 0..m−1 of each unit at an unpriced point; None: dealt in turn"""
    width_kw: Callable[[Case], Floats] | None = None
    """Rough width (U,), kW, of each unit's range of power in one ISP; it scales the steps of prices"""
    mixes: Callable[[Case, Fields, Fields], bool] | None = None
    """(case, programs of all units, other programs of theirs): whether any mixture of the two can be run; None: it can,
    unless the class has units that choose"""
    guarded: Callable[[Case, float], UnitArrays] | None = None
    """(case, EUR/kWh): its arrays, at a price of at least this on what their needs miss; None: the class misses
    nothing"""
    as_it_stands: Callable[[Case], UnitArrays] | None = None
    """Its arrays, whose unmanaged program goes on from what is true, see models.baseline; None: it always does"""
    from_before: Callable[[Case], UnitArrays] | None = None
    """Its arrays, which begin with what the unmanaged program of the Period before leaves; None: with nothing"""
    moved_kw: Callable[[Case, Fields], float] | None = None
    """(case, programs of all units): how far they are from rest, kW, summed over units and ISPs: the sum of its block's
    flow, up to a constant, see models.calm; None: the class is never calmed"""
    steadied: Callable[[Case], Ints] | None = None
    """The units (n,) whose power should change little among equally good programs, see models.calm, since the least
    movement leaves their swings open; None: no unit"""
    unpriced: tuple[str, ...] = ()
    """Fields of the arrays (U,T) that no answer to prices depends on"""

    def arrays(self, case: Case) -> UnitArrays:
        """Return the class's arrays of a case."""
        return case.units(self.name)

    def count(self, case: Case) -> int:
        """Return how many units of the class a case has."""
        return len(self.arrays(case).point)
