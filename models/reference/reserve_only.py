"""States balancing capacity and the units that hold it alone, without any other coupling, as arrays for HiGHS.

All energy has a price of its own there. Whole numbers are kept for bids only; pairs of charging and discharging are not
excluded, and powers have no minimum, so that the least cost is a bound of the true one.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import chain
from typing import Any

import numpy as np
from scipy import sparse

from models.algebra import pyo
from models.block import Flow, VariableArray, Variables, reserved_points
from models.case import Case, Floats, Ints, held_freely
from models.markets.points import Points
from models.markets.protocols import PortfolioSums
from models.markets.registry import MARKETS
from models.matrix import Matrix, translate
from models.objective import maximise_value
from models.reference.reading import UnitBlocks, add_units


@dataclass(frozen=True, kw_only=True, eq=False)
class ReserveProblem:
    """The problem's arrays; costs of energy are added by whoever solves it."""

    matrix: Matrix
    planned: tuple[tuple[Ints, Flow], ...]  # columns (n,) of the units' power in the plan
    called: tuple[tuple[Ints, Flow], ...]  # the same (n,) when reservations are called
    bids: tuple[tuple[int, int, int, float], ...]  # product, block, column, MW per step


def state_reserve(case: Case) -> ReserveProblem:
    """State the problem of the case's units and products.

    Energy that a storage unit may lose is free, so that a unit may stand for several that are not quite alike.
    """
    model = pyo.ConcreteModel()
    case = replace(case, held_at_most=held_freely())  # its units may stand for those of several congestion points
    planned = add_units(model, case, called=False)
    called = add_units(model, case, called=True) if reserved_points(case).any() else None
    own = None if called is None else called.coupled
    none = np.zeros(0, dtype=np.int64)
    portfolio = PortfolioSums(
        points=Points(power=VariableArray(unit=none, isp=none, variables=[])),
        fixed_kw=np.zeros((0, case.isps)),
        held=planned.held,
        called=lambda: own,
    )
    (capacity,) = (market for market in MARKETS if market.reserve is not None)
    market = capacity.state(model, case, portfolio)
    scenarios = (planned,) if called is None else (planned, called)
    paid = (replace(term, constant_eur=0.0) for term in market.terms)  # constants of units count, those of bids do not
    maximise_value(model, (*chain.from_iterable(units.terms for units in scenarios), *paid))
    matrix = _with_all(translate(model), [v for units in scenarios for flow in units.flows for v in flow.variables])
    wholes = market.discrete.wholes
    whole = np.zeros(len(matrix.cost), dtype=np.bool_)
    whole[matrix.columns([v for w in wholes for v in (w.variable, w.switch) if v is not None])] = True
    matrix = _lossy(replace(matrix, whole=whole), scenarios)
    return ReserveProblem(
        matrix=matrix,
        planned=_flows(matrix, planned),
        called=() if called is None else _flows(matrix, called),
        bids=tuple(
            (w.product, w.block, int(matrix.columns([w.variable])[0]), case.reserves[w.product].step_mw) for w in wholes
        ),
    )


def _with_all(matrix: Matrix, variables: Variables) -> Matrix:
    """Return the problem with columns also for variables in no row and no term, which only energy's price moves."""
    free = list({id(v): v for v in variables if id(v) not in matrix.column_of}.values())
    first, nothing = len(matrix.cost), sparse.csc_array((matrix.rows.shape[0], len(free)))
    wider = _wider(matrix, nothing, np.array([v.lb for v in free]), np.array([v.ub for v in free]))
    return replace(wider, column_of=matrix.column_of | {id(v): first + i for i, v in enumerate(free)})


def _flows(matrix: Matrix, units: UnitBlocks) -> tuple[tuple[Ints, Flow], ...]:
    return tuple((matrix.columns(flow.variables), flow) for flow in units.flows)


def _lossy(matrix: Matrix, scenarios: Sequence[UnitBlocks]) -> Matrix:
    """Return the problem with a column that loses energy for every energy variable of storage units."""
    rows = [
        matrix.row_of[id(row)]
        for units in scenarios
        for block in units.blocks.values()
        for row in block.discrete.energy
    ]
    count = len(rows)
    more = sparse.csc_array((np.ones(count), rows, np.arange(count + 1)), shape=(matrix.rows.shape[0], count))
    return _wider(matrix, more, np.zeros(count), np.full(count, np.inf))


def _wider(matrix: Matrix, more: Any, lower: Floats, upper: Floats) -> Matrix:
    """Return the problem with columns `more` (rows,n) of no cost, within bounds (n,)."""
    count = len(lower)
    return replace(
        matrix,
        cost=np.append(matrix.cost, np.zeros(count)),
        lower=np.append(matrix.lower, lower),
        upper=np.append(matrix.upper, upper),
        whole=np.append(matrix.whole, np.zeros(count, dtype=np.bool_)),
        rows=sparse.csc_array(sparse.hstack([matrix.rows, more])),
    )
