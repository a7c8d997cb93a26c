"""Couplings as convex piecewise linear costs of one number each, and their conjugates.

Every row that couples units is a *coupling*: a scalar s (kW) with a convex cost φ(s), whose slopes are σ_0 < … < σ_K
between breakpoints b_1 <= … <= b_K. Its price y lies in [σ_0, σ_K]. Balance, limits, distance to the announced program,
reservations and reserve rows all have this form. Compiled; EUR and kW of one ISP.

Source: docs/explanation/optimisation.md §3.2.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np

from models.arrays import Floats
from models.compiled import compiled


@compiled
def negative_conjugate(y: float, breakpoints: Any, slopes: Any) -> float:
    """Return −φ*(y) = min_s [φ(s) − y·s] with φ(0) = 0; a y outside the slopes is replaced by the nearest one."""
    last = breakpoints.shape[0]
    y = min(max(y, slopes[0]), slopes[last])
    k = 0
    while k < last - 1 and y > slopes[k + 1]:
        k += 1
    if np.isinf(breakpoints[k]):  # no breakpoint: φ(s) = slope·s
        return 0.0
    return float(cost_of(breakpoints[k], breakpoints, slopes) - y * breakpoints[k])


@compiled
def cost_of(s: float, breakpoints: Any, slopes: Any) -> float:
    """Return φ(s), φ(0) = 0: the slopes added up from 0 to s."""
    total = 0.0
    low, high = min(s, 0.0), max(s, 0.0)
    before = -np.inf
    for k in range(slopes.shape[0]):
        after = breakpoints[k] if k < breakpoints.shape[0] else np.inf
        left, right = max(before, low), min(after, high)
        if right > left:
            total += slopes[k] * (right - left)
        before = after
    return total if s >= 0 else -total


@dataclass(frozen=True, kw_only=True, eq=False)
class CouplingCosts:
    """One kind of coupling: breakpoints (…,K), padded with +inf, slopes (…,K+1), and Σ φ(0) over all of them, EUR."""

    breakpoints: Floats
    slopes: Floats
    at_zero_eur: float


@dataclass(frozen=True, kw_only=True, eq=False)
class PointCosts:
    """Costs of the programs of congestion points in each ISP, as kinks that can be added up."""

    base: Floats  # (C,T) leftmost slope
    kinks: list[tuple[int, Floats, Floats]]  # point, breakpoint (T,), inf where none, rise of the slope there (T,)
    at_zero_eur: float  # Σ φ(0)


def added(costs: Iterable[PointCosts], shape: tuple[int, int]) -> CouplingCosts:
    """Return the sum of the costs of congestion points, with shape (C,T)."""
    base, kinks, at_zero = np.zeros(shape), [], 0.0
    for one in costs:
        base, at_zero = base + one.base, at_zero + one.at_zero_eur
        kinks += one.kinks
    return CouplingCosts(**stacked(base, kinks), at_zero_eur=at_zero)


def stacked(base: Floats, kinks: list[tuple[int, Floats, Floats]]) -> dict[str, Floats]:
    """Return breakpoints (C,T,K), kW, in order and slopes (C,T,K+1), EUR per kW.

    base (C,T): the leftmost slope; kinks: (row, breakpoint, rise of the slope there).
    """
    count = np.zeros(len(base), dtype=np.int64)
    for point, _, _ in kinks:
        count[point] += 1
    width = max(int(count.max(initial=0)), 1)
    breakpoints = np.full((*base.shape, width), np.inf)
    rises = np.zeros((*base.shape, width))
    used = np.zeros(len(base), dtype=np.int64)
    for point, at, rise in kinks:
        breakpoints[point, :, used[point]], rises[point, :, used[point]] = at, rise
        used[point] += 1
    order = np.argsort(breakpoints, axis=2, kind="stable")
    breakpoints = np.take_along_axis(breakpoints, order, axis=2)
    rises = np.take_along_axis(rises, order, axis=2)
    slopes = np.concatenate([base[..., None], base[..., None] + np.cumsum(rises, axis=2)], axis=2)
    return {"breakpoints": breakpoints, "slopes": slopes}
