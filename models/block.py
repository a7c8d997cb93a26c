"""Handles through which a resource class gives its variables to couplings, objective and search. No algebra.

A class never hands out its Pyomo components by name. Its power, money, reserve and whole numbers are given as the
variables themselves, in arrays beside their unit, congestion point and ISP.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, field
from typing import Any, TypeAlias

import numpy as np

from models.adding import sum_rows
from models.algebra import pyo
from models.case import NO_POINT, Bools, Case, Floats, Ints

Variables: TypeAlias = list[Any]
Values: TypeAlias = Callable[[Variables], Floats]
"""Returns the values of Pyomo variables in a solution."""


@dataclass(frozen=True, kw_only=True, eq=False)
class VariableArray:
    """One variable per listed (unit, ISP); every other (unit, ISP) is zero by construction."""

    unit: Ints  # (N,)
    isp: Ints  # (N,)
    variables: Variables

    def spread(self, values: Values, units: int, isps: int) -> Floats:
        """Return the solution as (U,T), zero where there is no variable."""
        table = np.zeros((units, isps))
        table[self.unit, self.isp] = values(self.variables)
        return table


@dataclass(frozen=True, kw_only=True, eq=False)
class Flow:
    """Power: coefficient × variable, kW, of a unit at a congestion point (NO_POINT: none) in an ISP."""

    variables: Variables
    kw_per_unit: Floats  # (N,)
    unit: Ints  # (N,) within its class
    point: Ints  # (N,)
    isp: Ints  # (N,)


@dataclass(frozen=True, kw_only=True, eq=False)
class ObjectiveTerm:
    """Money under the name of a term: Σ eur × variable + constant, EUR, positive where earned."""

    term: str
    variables: Variables
    eur: Floats  # (N,)
    constant_eur: float = 0.0


@dataclass(frozen=True, kw_only=True, eq=False)
class Held:
    """Reserve power: one variable per listed (product, unit, ISP); a symmetric product holds it on both sides."""

    product: Ints  # (N,)
    unit: Ints  # (N,)
    isp: Ints  # (N,)
    point: Ints  # (N,) of the unit
    variables: Variables

    def spread(self, values: Values, products: int, units: int, isps: int) -> Floats:
        """Return the solution as (R,U,T)."""
        table = np.zeros((products, units, isps))
        table[self.product, self.unit, self.isp] = values(self.variables)
        return table


@dataclass(frozen=True, kw_only=True, eq=False)
class Exclusive:
    """Pairs of variables of which at most one may be above zero; `gain` decides which one survives.

    first·gain_first − second·gain_second > 0: the first survives. Stated lazily, see models/reference/mip_search.py.
    """

    first: Variables
    second: Variables
    gain_first: Floats  # (N,)
    gain_second: Floats  # (N,)


@dataclass(frozen=True, kw_only=True, eq=False)
class Switches:
    """Binaries that say whether a power is on, and its least value while it is, unless it is on for a part only."""

    on: Variables
    partly: Variables  # at most one of a unit is 1
    power: Variables
    least_kw: Floats  # (N,)
    unit: Ints  # (N,)


@dataclass(frozen=True, kw_only=True, eq=False)
class States:
    """Binaries that depend on each other; `nearest` turns any fractions (N,) into the nearest possible values."""

    variables: Variables
    nearest: Callable[[Floats], Floats]


@dataclass(frozen=True, kw_only=True, eq=False)
class Choice:
    """Binaries of which exactly one is 1."""

    variables: Variables


@dataclass(frozen=True, kw_only=True, eq=False)
class Whole:
    """A whole number of steps, 0 or at least `least`; `switch` is the binary that says "not 0" where least > 1."""

    variable: Any
    switch: Any | None
    least: int
    product: int
    block: int


@dataclass(frozen=True, kw_only=True, eq=False)
class Known:
    """Where a finished program holds the values of the variables from which whole numbers follow.

    A value is that of the field at `index`, or, with `equals`, whether it equals the variable's own.
    """

    variables: Variables
    field: str
    index: tuple[Ints, ...]  # (N,) each
    equals: Ints | None = None  # (N,)
    called: bool = False


@dataclass(frozen=True, kw_only=True, eq=False)
class ReserveUnits:
    """Power variables of units that hold reserve; `rests` (N,) says whether a variable may be zero all day."""

    variables: Variables
    rests: Bools


@dataclass(frozen=True, kw_only=True, eq=False)
class Discrete:
    """All whole numbers and exclusions of the problem."""

    exclusive: tuple[Exclusive, ...] = field(default=())
    choices: tuple[Choice, ...] = field(default=())
    switches: tuple[Switches, ...] = field(default=())
    states: tuple[States, ...] = field(default=())
    wholes: tuple[Whole, ...] = field(default=())
    reserve_units: tuple[ReserveUnits, ...] = field(default=())
    held: tuple[Held, ...] = field(default=())
    known: tuple[Known, ...] = field(default=())
    energy: Variables = field(default_factory=list)
    """Rows that keep a store's energy from ISP to ISP: e[t] − a·e[t−1] − … = 0"""

    @staticmethod
    def joined(parts: Iterable["Discrete"]) -> "Discrete":
        """Return all of them as one, in order."""
        every = tuple(parts)
        return Discrete(
            exclusive=tuple(one for part in every for one in part.exclusive),
            choices=tuple(one for part in every for one in part.choices),
            switches=tuple(one for part in every for one in part.switches),
            states=tuple(one for part in every for one in part.states),
            wholes=tuple(one for part in every for one in part.wholes),
            reserve_units=tuple(one for part in every for one in part.reserve_units),
            held=tuple(one for part in every for one in part.held),
            known=tuple(one for part in every for one in part.known),
            energy=[row for part in every for row in part.energy],
        )


_BY_TEMPLATE = 32  # rows from which a template is quicker: compiling one takes as long as stating so many
LINEAR = Discrete()
"""No whole numbers and no exclusions."""


@contextmanager
def templates() -> Iterator[None]:
    """Let Pyomo state each indexed constraint once, as a template, which takes a tenth of the time for many rows.

    This sets a flag of Pyomo for the whole process, so problems are built in worker processes only.
    """
    import pyomo.core.base.constraint as pyomo_constraint

    before = pyomo_constraint.TEMPLATIZE_CONSTRAINTS
    pyomo_constraint.TEMPLATIZE_CONSTRAINTS = True
    try:
        yield
    finally:
        pyomo_constraint.TEMPLATIZE_CONSTRAINTS = before


def add_cells(block: Any, name: str, present: Bools, lower: Floats | float, upper: Floats | float) -> VariableArray:
    """Add variable block.name[u,t] for every True of `present` (U,T), lower <= variable <= upper (broadcast)."""
    unit, isp = np.nonzero(present)
    if not len(unit):
        return VariableArray(unit=unit, isp=isp, variables=[])
    index = list(zip(unit.tolist(), isp.tolist(), strict=True))
    low, high = (np.broadcast_to(side, present.shape)[unit, isp].tolist() for side in (lower, upper))
    bounds = dict(zip(index, zip(low, high, strict=True), strict=True))
    variable = pyo.Var(pyo.Set(initialize=index, dimen=2), bounds=bounds)
    block.add_component(name, variable)
    return VariableArray(unit=unit, isp=isp, variables=list(variable.values()))


def add_table(block: Any, name: str, present: Bools, values: Floats) -> None:
    """Add parameter block.name[u,t] = values[u,t] wherever `present` (U,T); values broadcast."""
    unit, isp = np.nonzero(present)
    entries = np.broadcast_to(values, present.shape)[unit, isp].tolist()
    _add_parameter(block, name, dict(zip(zip(unit.tolist(), isp.tolist(), strict=True), entries, strict=True)))


def add_column(block: Any, name: str, units: Ints, values: Floats) -> None:
    """Add parameter block.name[u] = values[u] for units (n,), given the values (U,) of all units."""
    _add_parameter(block, name, dict(zip(units.tolist(), values[units].tolist(), strict=True)))


def _add_parameter(block: Any, name: str, entries: dict[Any, float]) -> None:
    if entries:
        block.add_component(name, pyo.Param(pyo.Set(initialize=list(entries)), initialize=entries, within=pyo.Any))


def add_rows(block: Any, name: str, present: Bools, rule: Callable[..., Any]) -> None:
    """Add constraint block.name[u,t] for every True of `present` (U,T), by one template where there are many."""
    index = list(zip(*(axis.tolist() for axis in np.nonzero(present)), strict=True))
    if index:
        with templates() if len(index) >= _BY_TEMPLATE else nullcontext():
            block.add_component(name, pyo.Constraint(pyo.Set(initialize=index, dimen=2), rule=rule))


def linear_sum(variables: Variables, coefficients: Floats) -> Any:
    """Return Σ coefficient (n,) × variable (n,), as the expression that Pyomo translates fastest."""
    from pyomo.core.expr.numeric_expr import LinearExpression

    return LinearExpression(constant=0, linear_coefs=coefficients.tolist(), linear_vars=variables)


def grouped(keys: Ints, count: int) -> list[Ints]:
    """Return, for each key 0..count−1, the positions (m,) at which it occurs among `keys` (n,), in ascending order."""
    order = np.argsort(keys, kind="stable")
    return np.split(order, np.searchsorted(keys[order], np.arange(1, count)))


def join_flows(flows: Sequence[Flow]) -> Flow:
    """Return all flows as one, in which units of several classes have the same numbers."""
    none = np.zeros(0, dtype=np.int64)
    return Flow(
        variables=[v for flow in flows for v in flow.variables],
        kw_per_unit=np.concatenate([np.zeros(0), *(flow.kw_per_unit for flow in flows)]),
        unit=np.concatenate([none, *(flow.unit for flow in flows)]),
        point=np.concatenate([none, *(flow.point for flow in flows)]),
        isp=np.concatenate([none, *(flow.isp for flow in flows)]),
    )


def new_block(model: Any, name: str) -> Any:
    """Add an empty named block to the model and return it."""
    model.add_component(name, pyo.Block(concrete=True))
    return model.component(name)


def reserved_points(case: Case) -> Bools:
    """Return whether each congestion point (C+1,) has a reservation; the last entry, for units in none, is False."""
    result = np.zeros(len(case.points) + 1, dtype=np.bool_)
    reserved = (case.reservations.reserved_kw != 0).any(axis=1)
    result[case.reservations.point[reserved]] = True
    result[NO_POINT] = False
    return result


def called_units(case: Case, point: Ints) -> Bools:
    """Return whether each unit (U,), at congestion point `point` (U,), may have a called program of its own."""
    return reserved_points(case)[point]


def per_point(case: Case, point: Ints, values: Floats) -> Floats:
    """Sum values (U,…) over congestion points `point` (U,) of units: (C+1,…), the last row for units in none."""
    return sum_rows(values, point, len(case.points) + 1)


def slices(count: int, size: int = 16384) -> Iterator[slice]:
    """Yield slices of 0..count; work on one slice at a time needs memory for that one only."""
    for begin in range(0, count, size):
        yield slice(begin, min(begin + size, count))


def sums_of(count: int, values: Callable[[slice], Floats]) -> Floats:
    """Return the sums over ISPs (count,) of rows 0..count; `values` returns the rows (n,T) of a slice."""
    result = np.zeros(count)
    for few in slices(count):
        result[few] = values(few).sum(axis=1, dtype=np.float64)
    return result
