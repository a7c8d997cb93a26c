"""Limits of connections and groups in the reference formulation. Source: docs/reference/formulation.md §3.7."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from models.algebra import pyo
from models.block import (
    LINEAR,
    Discrete,
    ObjectiveTerm,
    VariableArray,
    Variables,
    add_cells,
    grouped,
    linear_sum,
    new_block,
    reserved_points,
)
from models.case import NO_LIMIT, Bools, Case, Direction, Floats, Ints
from models.headroom import takes
from models.markets.connection_limits.costs import CALLED_TERM, TERM
from models.markets.connection_limits.trees import called_limits, chains, with_below
from models.markets.protocols import ClassUnits, Marginals, PortfolioSums, QuietBlock


@dataclass(frozen=True, kw_only=True, eq=False)
class ConnectionLimitsBlock(QuietBlock):
    """Soft bounds of what units draw together, with their rows in the order of their breaches."""

    breaches: dict[tuple[bool, str], tuple[VariableArray, Variables]]  # (called, side) → (limit, ISP), rows
    terms: tuple[ObjectiveTerm, ...]
    discrete: Discrete = LINEAR

    def shadow(self, case: Case, marginals: Marginals) -> dict[str, Floats]:
        """Return the value (L,T), EUR, of one more MWh of each limit of the plan; rounding below zero is cut off."""
        per_mwh, shape = 1000 / case.isp_hours, case.connection_limits.import_kw.shape
        found = {side: np.zeros(shape) for side in ("import", "export")}
        for (called, side), (breach, rows) in self.breaches.items():
            if not called:
                found[side][breach.unit, breach.isp] = np.maximum(-marginals.of_rows(rows) * per_mwh, 0.0)
        return {f"connection_{side}_eur_per_mwh": values for side, values in found.items()}


@dataclass(frozen=True, kw_only=True, eq=False)
class _Draws:
    """Power at limits: coefficient × variable, kW, that counts at the innermost limit of its unit."""

    variables: Variables
    kw_per_unit: Floats  # (N,)
    leaf: Ints  # (N,)
    isp: Ints  # (N,)


def limit_connections(model: Any, case: Case, portfolio: PortfolioSums) -> ConnectionLimitsBlock:
    """Add Σ (p + v) − breach <= import[l,t] and Σ (p − u) + breach >= export[l,t] over all units behind each limit.

    u and v are the reserve that units hold up and down. The same holds for called programs and what is held then,
    where a unit behind the limit may be called.
    """
    if not len(case.connection_limits.name):
        return ConnectionLimitsBlock(breaches={}, terms=())
    block, called = new_block(model, "connection_limits"), portfolio.called()
    found: dict[tuple[bool, str], tuple[VariableArray, Variables]] = {}
    every = np.ones(len(case.connection_limits.name), dtype=np.bool_)
    for is_called in (False, True):
        concerned = called_limits(case) if is_called else every
        if is_called and called is None:
            continue
        for side in ("import", "export"):
            draws = list(_draws(case, portfolio.units, side, without=called.units if is_called and called else ()))
            if is_called and called is not None:
                draws += _draws(case, called.units, side)
            found[is_called, side] = _side(block, case, portfolio.fixed_units_kw, draws, side, is_called, concerned)
    terms = []
    for is_called, name in ((False, TERM), (True, CALLED_TERM)):
        cells = [found[key][0] for key in found if key[0] is is_called]
        limit = np.concatenate([np.zeros(0, dtype=np.int64), *(some.unit for some in cells)])
        price = case.connection_limits.penalty_eur_per_mwh[limit] * case.isp_hours / 1000
        terms.append(ObjectiveTerm(term=name, variables=[v for some in cells for v in some.variables], eur=-price))
    return ConnectionLimitsBlock(breaches=found, terms=tuple(terms))


def _draws(
    case: Case, units: Sequence[ClassUnits], side: str, without: Sequence[ClassUnits] = ()
) -> Iterator[_Draws]:  # fmt: skip
    """Yield the power and reserve of units behind limits; `without` decides the rest: units that are called."""
    decided = {one.name: one.own for one in without}
    reserved = reserved_points(case)
    taken, sign = (Direction.DOWN, 1.0) if side == "import" else (Direction.UP, -1.0)
    takers = np.array([takes(reserve, taken) for reserve in case.reserves], dtype=np.bool_)
    for one in units:
        leaf = case.leaf(one.name)
        kept = leaf[one.flow.unit] != NO_LIMIT
        if one.name in decided:
            own = decided[one.name]
            kept &= ~(own[one.flow.unit] if own.ndim == 1 else own[one.flow.unit, one.flow.isp])
        some = np.flatnonzero(kept)
        yield _Draws(
            variables=[one.flow.variables[i] for i in some.tolist()],
            kw_per_unit=one.flow.kw_per_unit[some], leaf=leaf[one.flow.unit[some]], isp=one.flow.isp[some],
        )  # fmt: skip
        if one.held is None or not takers.any():
            continue
        held = (leaf[one.held.unit] != NO_LIMIT) & takers[one.held.product]
        if without:
            held &= ~reserved[one.held.point]
        some = np.flatnonzero(held)
        yield _Draws(
            variables=[one.held.variables[i] for i in some.tolist()],
            kw_per_unit=np.full(len(some), sign), leaf=leaf[one.held.unit[some]], isp=one.held.isp[some],
        )  # fmt: skip


def _side(
    block: Any, case: Case, fixed_kw: Floats, draws: Sequence[_Draws], side: str, called: bool, concerned: Bools
) -> tuple[VariableArray, Variables]:
    limits, isps = case.connection_limits, case.isps
    sign, bound = (1.0, limits.import_kw) if side == "import" else (-1.0, limits.export_kw)
    word = f"{'called_' if called else ''}{side}"
    breach = add_cells(block, f"breach_{word}", np.isfinite(bound) & concerned[:, None], 0.0, np.inf)
    variables = [v for some in draws for v in some.variables]
    kw = np.concatenate([np.zeros(0), *(some.kw_per_unit for some in draws)])
    none = np.zeros(0, dtype=np.int64)
    leaf, isp = (np.concatenate([none, *(getattr(some, name) for some in draws)]) for name in ("leaf", "isp"))
    cells = grouped(leaf * isps + isp, len(limits.name) * isps)
    below = chains(limits).T.tocsr()  # row l: the limits whose units count at l
    rest = with_below(limits, fixed_kw)
    places = list(zip(breach.unit.tolist(), breach.isp.tolist(), strict=True))

    def rule(_block: Any, i: int) -> Any:
        limit, t = places[i]
        inside = below.indices[below.indptr[limit] : below.indptr[limit + 1]]
        mine = np.concatenate([none, *(cells[other * isps + t] for other in inside.tolist())])
        every = [*(variables[j] for j in mine.tolist()), breach.variables[i]]
        most = float(sign * (bound[limit, t] - rest[limit, t]))
        return (None, linear_sum(every, np.append(sign * kw[mine], -1.0)), most)

    block.add_component(f"{word}_rows", pyo.Constraint(range(len(places)), rule=rule))
    return breach, list(block.component(f"{word}_rows").values())
