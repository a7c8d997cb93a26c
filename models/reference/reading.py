"""Turns the solver's variables and duals into an Outcome. No algebra but signs and units of duals."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from models.assembly import assemble
from models.block import Discrete, Flow, Held, ObjectiveTerm, Values, Variables, called_units
from models.case import Case, Direction, Floats
from models.connection_costs import tariff_fields
from models.connection_loads import breach_fields, called_programs, held_units
from models.headroom import takes
from models.markets.positions import fewer_trades
from models.markets.protocols import CalledUnits, ClassUnits, Marginals, MarketBlock
from models.markets.registry import MARKETS
from models.matrix import Matrix
from models.outcome import Headroom, Outcome, Programs, ProgramValues, Shadow, Termination
from models.reference.mip_search import SearchResult
from models.reference.rounding import values_of
from models.reserve_room import SIDES
from models.resources.protocols import UnitBlock
from models.resources.registry import RESOURCES
from models.resources.totals import points_kw
from models.solver import version


@dataclass(frozen=True, kw_only=True, eq=False)
class UnitBlocks:
    """The classes with variables, planned or called, by name and in the order of the registry."""

    blocks: dict[str, UnitBlock]

    @property
    def flows(self) -> tuple[Flow, ...]:
        """Return their power at congestion points."""
        return tuple(block.flow for block in self.blocks.values())

    @property
    def held(self) -> tuple[Held, ...]:
        """Return the reserve they hold."""
        return tuple(block.held for block in self.blocks.values() if block.held is not None)

    @property
    def terms(self) -> tuple[ObjectiveTerm, ...]:
        """Return their money, by term."""
        return tuple(term for block in self.blocks.values() for term in block.terms)

    @property
    def coupled(self) -> CalledUnits:
        """Return what couplings see of them when they are called."""
        return CalledUnits(flows=self.flows, held=self.held, units=self.by_class)

    @property
    def by_class(self) -> tuple[ClassUnits, ...]:
        """Return what couplings of single connections see of them."""
        return tuple(
            ClassUnits(name=name, flow=block.flow, held=block.held, own=block.own)
            for name, block in self.blocks.items()
        )


def add_units(model: Any, case: Case, *, called: bool) -> UnitBlocks:
    """Add the units' blocks: planned, or called, which are those at reserved congestion points."""
    case = case.when_called() if called else case
    return UnitBlocks(blocks={one.name: one.block(model, case, called) for one in RESOURCES if one.block is not None})


@dataclass(frozen=True, kw_only=True, eq=False)
class Problem:
    """The stated problem with the handles that read its answer."""

    model: Any
    units: UnitBlocks
    called: UnitBlocks | None
    markets: dict[str, MarketBlock]  # by name, in the order of the registry
    terms: tuple[ObjectiveTerm, ...]
    discrete: Discrete


def read_outcome(
    case: Case, problem: Problem, matrix: Matrix, found: SearchResult, seconds: dict[str, float]
) -> Outcome:
    """Return the outcome of the best answer found; `seconds` are those of each stage. Raises ValueError without one."""
    if found.x is None:
        raise ValueError("nothing was found: there is no answer to read")
    values = values_of(matrix, found.x)
    reached = found.objective - found.bound <= found.gap_allowed
    return assemble(
        case,
        read_answer(case, problem, values),
        _shadow(case, problem, matrix, found),
        termination=Termination.OPTIMAL if reached else Termination.TIME_LIMIT if found.late else Termination.GAP_OPEN,
        bound_eur=-found.bound,
        solver=version(),
        seconds=seconds,
    )


def read_answer(case: Case, problem: Problem, values: Values) -> ProgramValues:
    """Return all programs, positions and shortfalls of an answer."""
    programs = _programs(case, problem.units, values)
    headroom = _headroom(case, problem.units, values)
    point_kw = points_kw(case, programs)
    found: dict[str, Any] = {}
    for market in MARKETS:
        found |= problem.markets[market.name].outcome(case, values)
        found |= {} if market.settled is None else market.settled(case, point_kw)
    found |= fewer_trades(case, programs, point_kw, found)
    called, called_headroom = None, None
    if problem.called is not None:
        called = _called(case, programs, problem.called, values)
        called_headroom = _called_headroom(case, headroom, problem.called, values)
    found |= tariff_fields(case, programs)
    found |= breach_fields(
        case, programs, held_units(case, headroom), None if called is None else called_programs(case, called),
        None if called_headroom is None else held_units(case, called_headroom, called=True),
    )  # fmt: skip
    return ProgramValues(
        programs=programs, called=called, headroom=headroom, called_headroom=called_headroom, point_kw=point_kw, **found
    )


def _programs(case: Case, units: UnitBlocks, values: Values) -> Programs:
    found = {name: v for block in units.blocks.values() for name, v in block.programs(case, values).items()}
    return Programs(**found)


def _called(case: Case, planned: Programs, units: UnitBlocks, values: Values) -> Programs:
    """Return the called programs; units without a called variable keep their plan."""
    found = {}
    for resource in RESOURCES:
        if resource.name in units.blocks:
            block, before = units.blocks[resource.name], planned.of(resource.fields)
            for name, called in block.programs(case, values).items():
                own = block.own.reshape(block.own.shape + (1,) * (called.ndim - block.own.ndim))
                found[name] = np.where(own, called, before[name])
    return Programs(**found)


def _headroom(case: Case, units: UnitBlocks, values: Values) -> Headroom:
    products, found = len(case.reserves), {}
    for name, block in units.blocks.items():
        if block.held is not None:
            held = block.held.spread(values, products, len(case.units(name).point), case.isps)
            for side in SIDES:
                takers = np.array([takes(reserve, side) for reserve in case.reserves], dtype=np.bool_)
                found[name, side] = held * takers.reshape(-1, 1, 1)
    return Headroom.by_class(found)


def _called_headroom(case: Case, planned: Headroom, units: UnitBlocks, values: Values) -> Headroom:
    called = _headroom(case, units, values)
    found: dict[tuple[str, Direction], Floats] = {}
    for name, block in units.blocks.items():
        if block.held is not None:
            mine = called_units(case, case.units(name).point)[None, :, None]
            found |= {(name, s): np.where(mine, called.of(name, s), planned.of(name, s)) for s in SIDES}
    return Headroom.by_class(found)


def _shadow(case: Case, problem: Problem, matrix: Matrix, found: SearchResult) -> Shadow:
    """Return shadow prices from d cost / d right-hand side, EUR per kW in one ISP."""

    def of_rows(rows: Variables) -> Floats:
        return found.row_dual[[matrix.row_of[id(row)] for row in rows]] if rows else np.zeros(0)

    marginals = Marginals(of_rows=of_rows, of_variables=lambda variables: found.reduced_cost[matrix.columns(variables)])
    values: dict[str, Floats] = {}
    for block in problem.markets.values():
        values |= block.shadow(case, marginals)
    return Shadow(**values)
