"""Curtailable generation: forecast <= p <= 0, at a price per MWh curtailed.

Source: docs/reference/formulation.md §2.2.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from models.block import (
    Discrete,
    Flow,
    Held,
    ObjectiveTerm,
    Values,
    VariableArray,
    add_cells,
    add_rows,
    add_table,
    new_block,
    reserved_points,
)
from models.case import NO_LIMIT, Bools, Case, Direction, Floats, Reserve
from models.headroom import add_held, row_name, side_patterns, traded_isps
from models.markets.connection_limits.trees import chains
from models.outcome import Fields
from models.reserve_room import SIDES


@dataclass(frozen=True, kw_only=True, eq=False)
class CurtailableBlock:
    """The variables of the class."""

    power: VariableArray
    flow: Flow
    terms: tuple[ObjectiveTerm, ...]
    held: Held
    discrete: Discrete
    own: Bools  # (U,T) where there is a variable

    def programs(self, case: Case, values: Values) -> Fields:
        """Return the programs (U,T), zero where there is no variable."""
        return {"curtailable_kw": self.power.spread(values, *case.curtailable.forecast_kw.shape)}


def lowest_kw(case: Case) -> Floats:
    """Return the lowest power (U,T), kW: the forecast, or the pinned program where that produces more."""
    return np.fmin(case.curtailable.forecast_kw, case.curtailable.pinned_kw)


def add_curtailable(model: Any, case: Case, called: bool) -> CurtailableBlock:
    """Add forecast[u,t] <= p[u,t] <= 0, p = pinned where pinned, and the reserve that units may hold.

    Money, EUR: −cost·Δ/1000·(p − forecast); a called program costs nothing. There is no variable where nothing is
    forecast; for called programs see `called_cells`.
    """
    data = case.curtailable
    block = new_block(model, "called_curtailable" if called else "curtailable")
    needed = called_cells(case) if called else np.ones(data.forecast_kw.shape, dtype=np.bool_)
    pinned = np.broadcast_to(data.pinned_kw, data.forecast_kw.shape)
    low = np.where(np.isnan(pinned), data.forecast_kw, pinned)
    high = np.where(np.isnan(pinned), 0.0, pinned)
    power = add_cells(block, "power", needed & ((lowest_kw(case) != 0) | (high != 0)), low, high)
    flow = Flow(
        variables=power.variables, kw_per_unit=np.ones(len(power.unit)), unit=power.unit,
        point=data.point[power.unit], isp=power.isp,
    )  # fmt: skip
    held = _hold(block, case, power)
    terms = (_curtailment(case, power),) if not called else ()
    own = np.zeros(data.forecast_kw.shape, dtype=np.bool_)
    own[power.unit, power.isp] = True
    return CurtailableBlock(power=power, flow=flow, terms=terms, held=held, discrete=Discrete(held=(held,)), own=own)


def called_cells(case: Case) -> Bools:
    """Return where (U,T) a called program may differ from the plan with any effect.

    That is in ISPs in which the congestion point has a reservation, and where a unit of such a point may hold reserve
    or is behind a connection limit, its own or one around it, that counts in the ISP.
    """
    data = case.curtailable
    called = np.zeros((len(case.points) + 1, case.isps), dtype=np.bool_)
    np.logical_or.at(called, case.reservations.point, case.reservations.reserved_kw != 0)
    tradable = np.zeros(case.isps, dtype=np.bool_)
    for reserve in case.reserves:
        tradable |= traded_isps(reserve)
    reserved = reserved_points(case)[data.point]
    may_hold = (data.reserve_kw > 0) & reserved
    result: Bools = called[data.point] | (may_hold[:, None] & tradable)
    limited = np.flatnonzero((case.leaf("curtailable") != NO_LIMIT) & reserved)
    if len(limited):
        limits = case.connection_limits
        counts = np.isfinite(limits.import_kw) | np.isfinite(limits.export_kw)
        result[limited] |= (chains(limits) @ counts.astype(np.float64))[case.leaf("curtailable")[limited]] > 0.0
    return result


def _curtailment(case: Case, power: VariableArray) -> ObjectiveTerm:
    rate = case.curtailable.cost_eur_per_mwh[power.unit] * case.isp_hours / 1000
    lowest = lowest_kw(case)[power.unit, power.isp]
    return ObjectiveTerm(
        term="curtailment", variables=power.variables, eur=-rate, constant_eur=float((rate * lowest).sum())
    )


def _hold(block: Any, case: Case, power: VariableArray) -> Held:
    """Σ_up held <= p − lowest, Σ_down held <= max(0, pinned) − p, for every ISP with a variable."""
    data = case.curtailable
    lowest = lowest_kw(case)
    highest = np.broadcast_to(np.fmax(data.pinned_kw, 0.0), lowest.shape)
    present = np.zeros(lowest.shape, dtype=np.bool_)
    present[power.unit, power.isp] = True

    def most(_reserve: Reserve, _side: Direction) -> Floats:
        return np.where(present, highest - lowest, 0.0)

    held = add_held(block, case, data.point, data.reserve_kw, most)
    takers = np.zeros(lowest.shape, dtype=np.bool_)
    takers[held.unit, held.isp] = True
    add_table(block, "lowest", takers, lowest)
    add_table(block, "highest", takers, highest)
    for side in SIDES:
        for products, where in side_patterns(case, held, len(data.point), side):
            add_rows(block, row_name("room", side, products), where, _room_rule(products, side))
    return held


def _room_rule(products: tuple[int, ...], side: Direction) -> Callable[..., Any]:
    def rule(b: Any, u: Any, t: Any) -> Any:
        total = sum(b.held[r, u, t] for r in products)
        if side is Direction.UP:
            return total <= b.power[u, t] - b.lowest[u, t]
        return total <= b.highest[u, t] - b.power[u, t]

    return rule
