"""Reserve power held by units: the ISPs and products in which it is held, and the side of a program it takes.

A product that moves the program up, towards less consumption, takes the up side; one that moves it down takes the down
side; a symmetric product takes the same amount of both.
"""

from collections.abc import Callable, Iterator
from math import ceil
from typing import Any, NamedTuple

import numpy as np

from models.algebra import pyo
from models.block import Held, add_rows
from models.case import Bools, Case, Direction, Floats, Ints, Reserve
from models.reserve_room import SIDES

KW_PER_MW = 1000.0


class Duration(NamedTuple):
    """How long an activation of a product may last."""

    hours: float
    """Hours for which the energy must be there, already when the ISP begins"""
    isps: int
    """ISPs that it may reach into; a part of an ISP counts as one"""
    most_h: float
    """The most hours of it that lie in one ISP"""


def duration(reserve: Reserve, isp_hours: float) -> Duration:
    """Return how long the product must be sustained; a product that need not be takes power only."""
    hours = reserve.sustain_h
    return Duration(hours=hours, isps=ceil(hours / isp_hours - 1e-9), most_h=min(hours, isp_hours))


def has_margins(case: Case) -> bool:
    """Return whether a product must be sustained, so that reserve needs energy beside power."""
    return any(reserve.sustain_h > 0 for reserve in case.reserves)


def takes(reserve: Reserve, side: Direction) -> bool:
    """Return whether the product needs room on that side of a program."""
    return reserve.direction in (side, Direction.SYMMETRIC)


def counted_side(reserve: Reserve) -> Direction:
    """Return the side on which what is held of a product is counted: both are equal where it takes both."""
    return Direction.UP if takes(reserve, Direction.UP) else Direction.DOWN


def traded(reserve: Reserve) -> Bools:
    """Return whether each block (B,) may have a bid above zero: an awarded one, or a free one that is paid.

    A free bid at a price of zero or less only costs headroom, so zero is best and nothing needs to be stated.
    """
    free = np.isnan(reserve.committed_mw)
    reachable: Bools = free & (reserve.max_mw > 0) & (reserve.earned_eur_per_mw > 0)
    return reachable | (np.nan_to_num(reserve.committed_mw) > 0)


def traded_isps(reserve: Reserve) -> Bools:
    """Return whether each ISP (T,) lies in a block that may have a bid above zero."""
    in_block = np.append(traded(reserve), np.False_)  # block −1 reads the last entry
    return in_block[reserve.block]


def products_traded(case: Case) -> Bools:
    """Return `traded_isps` of every product (R,T)."""
    return np.array([traded_isps(reserve) for reserve in case.reserves], dtype=np.bool_).reshape(-1, case.isps)


def add_held(
    block: Any, case: Case, point: Ints, reserve_kw: Floats, most: Callable[[Reserve, Direction], Floats]
) -> Held:
    """Add block.held[r,u,t] in [0, min(prequalified, most room on every side taken)] wherever that is above zero.

    `point` and `reserve_kw` are (U,), most(reserve, side) is (U,T) kW, zero for units that are not in the block.
    """
    parts: list[tuple[Ints, Ints, Ints, Floats]] = []
    for r, reserve in enumerate(case.reserves):
        cap = np.broadcast_to(reserve_kw[:, None], (len(point), case.isps))
        for side in SIDES:
            if takes(reserve, side):
                cap = np.minimum(cap, most(reserve, side))
        unit, isp = np.nonzero((cap > 0) & traded_isps(reserve))
        parts.append((np.full(len(unit), r), unit, isp, cap[unit, isp]))
    product, unit, isp = (np.concatenate([np.array([], dtype=np.int64), *(p[i] for p in parts)]) for i in range(3))
    if not len(unit):
        return Held(product=product, unit=unit, isp=isp, point=point[unit], variables=[])
    caps = np.concatenate([p[3] for p in parts]).tolist()
    index = list(zip(product.tolist(), unit.tolist(), isp.tolist(), strict=True))
    bounds = {key: (0.0, cap) for key, cap in zip(index, caps, strict=True)}
    block.held = pyo.Var(pyo.Set(initialize=index, dimen=3), bounds=bounds)
    held = Held(product=product, unit=unit, isp=isp, point=point[unit], variables=list(block.held.values()))
    _cap_sides(block, case, held, reserve_kw)
    return held


def side_patterns(case: Case, held: Held, units: int, side: Direction) -> Iterator[tuple[tuple[int, ...], Bools]]:
    """Yield each combination of products that take the side, with the cells (U,T) where exactly these are held."""
    pattern = np.zeros((units, case.isps), dtype=np.int64)
    on_side = np.array([takes(reserve, side) for reserve in case.reserves], dtype=np.bool_)
    mine = on_side[held.product] if len(case.reserves) else np.zeros(0, dtype=np.bool_)
    np.bitwise_or.at(pattern, (held.unit[mine], held.isp[mine]), np.left_shift(1, held.product[mine]))
    for bits in np.unique(pattern[pattern > 0]).tolist():
        yield tuple(r for r in range(len(case.reserves)) if bits >> r & 1), pattern == bits


def _cap_sides(block: Any, case: Case, held: Held, reserve_kw: Floats) -> None:
    """Σ_products held[r,u,t] <= reserve_kw[u] on each side; a single product has it as its bound."""
    units = len(reserve_kw)
    takers = np.unique(held.unit)
    block.prequalified_kw = pyo.Param(
        pyo.Set(initialize=takers.tolist()),
        initialize=dict(zip(takers.tolist(), reserve_kw[takers].tolist(), strict=True)),
        within=pyo.Any,
    )
    for side in SIDES:
        for products, where in side_patterns(case, held, units, side):
            if len(products) > 1:
                add_rows(block, row_name("cap", side, products), where, _cap_rule(products))


def _cap_rule(products: tuple[int, ...]) -> Callable[..., Any]:
    def rule(b: Any, u: Any, t: Any) -> Any:
        return sum(b.held[r, u, t] for r in products) <= b.prequalified_kw[u]

    return rule


def row_name(what: str, side: Direction, products: tuple[int, ...]) -> str:
    """Return a component name for the rows of one combination of products."""
    return f"{what}_{side.value}_{'_'.join(map(str, products))}"
