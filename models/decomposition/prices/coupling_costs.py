"""Couplings as convex piecewise linear costs of one number each, their proximal prices and their conjugates.

Every coupling row of the problem is a *channel*: a scalar s (kW) with a convex cost φ(s), slopes σ_0 < … < σ_K between
breakpoints b_1 <= … <= b_K. Its price y lies in [σ_0, σ_K]. Balance, limits, distance to the announced program,
reservations and reserve rows all have this form. Compiled; EUR and kW of one ISP.
Source: docs/explanation/optimisation.md §3.2.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np

from models.case import Case, Floats
from models.compiled import compiled


@compiled
def conjugate(y: float, points: Any, slopes: Any) -> float:
    """Return min_s [φ(s) − y·s] with φ(0) = 0; y is taken as the nearest slope where it lies outside."""
    last = points.shape[0]
    y = min(max(y, slopes[0]), slopes[last])
    k = 0
    while k < last - 1 and y > slopes[k + 1]:
        k += 1
    if np.isinf(points[k]):  # no breakpoint at all: φ(s) = slope·s
        return 0.0
    return float(cost_of(points[k], points, slopes) - y * points[k])


@compiled
def cost_of(s: float, points: Any, slopes: Any) -> float:
    """Return φ(s), φ(0) = 0: the slopes added up from 0 to s."""
    total = 0.0
    low, high = min(s, 0.0), max(s, 0.0)
    before = -np.inf
    for k in range(slopes.shape[0]):
        after = points[k] if k < points.shape[0] else np.inf
        left, right = max(before, low), min(after, high)
        if right > left:
            total += slopes[k] * (right - left)
        before = after
    return total if s >= 0 else -total


@dataclass(frozen=True, kw_only=True, eq=False)
class CouplingCosts:
    """One kind of coupling: breakpoints (…,K), padded with +inf, slopes (…,K+1), and Σ φ(0) over all of them, EUR."""

    points: Floats
    slopes: Floats
    at_zero_eur: float


def balance(case: Case) -> CouplingCosts:
    """Return for each ISP (T) the cost of covering a need of s kW beyond the day-ahead position.

    Long imbalance, intraday sale, intraday purchase, short imbalance; what is dearer than imbalance is never used.
    """
    per_kw = case.isp_hours / 1000
    market = case.intraday
    net = np.nan_to_num(market.committed_kw)
    free = np.isnan(market.committed_kw)
    points = np.stack(
        [net - np.where(free, market.sell_depth_kw, 0.0), net, net + np.where(free, market.buy_depth_kw, 0.0)], axis=1
    )
    long, short = -case.imbalance.long_eur_per_mwh, case.imbalance.short_eur_per_mwh
    sell, buy = (np.clip(price, long, short) for price in (market.sell_eur_per_mwh, market.buy_eur_per_mwh))
    slopes = np.stack([long, sell, buy, short], axis=1) * per_kw
    committed = market.buy_eur_per_mwh @ np.maximum(net, 0.0) - market.sell_eur_per_mwh @ np.maximum(-net, 0.0)
    to_there = sum(cost_of(float(net[t]), points[t], slopes[t]) for t in np.flatnonzero(net))
    return CouplingCosts(points=points, slopes=slopes, at_zero_eur=float(committed) * per_kw - float(to_there))


def programs(case: Case) -> CouplingCosts:
    """Return for each congestion point and ISP (C,T) what its program P costs by itself.

    Limits at their penalties and the distance from what was announced.
    """
    per_kw = case.isp_hours / 1000
    limits = case.limits
    parts: list[tuple[int, Floats, Floats]] = []  # point, breakpoint (T,), rise of the slope there (T,)
    base = np.zeros((len(case.points), case.isps))
    at_zero = 0.0
    for row, point in enumerate(limits.point.tolist()):
        rise = np.full(case.isps, limits.penalty_eur_per_mwh[row] * per_kw)
        for bound, sign in ((limits.import_kw[row], 1.0), (limits.export_kw[row], -1.0)):
            there = np.isfinite(bound)
            if there.any():
                parts.append((point, np.where(there, bound, np.inf), np.where(there, rise, 0.0)))
                if sign < 0:
                    base[point] -= np.where(there, rise, 0.0)
                at_zero += float(np.maximum(-sign * bound[there], 0.0) @ rise[there])
    if case.anchor is not None:
        rate = case.anchor.eur_per_mwh * per_kw
        for point in range(len(case.points)):
            known = ~np.isnan(case.anchor.point_kw[point])
            if known.any() and rate > 0:
                level = np.where(known, case.anchor.point_kw[point], np.inf)
                parts.append((point, level, np.where(known, 2 * rate, 0.0)))
                base[point] -= np.where(known, rate, 0.0)
                at_zero += rate * float(np.abs(case.anchor.point_kw[point][known]).sum())
    return CouplingCosts(**stacked(base, parts), at_zero_eur=at_zero)


def reservations(case: Case, hard_eur_per_kw: float) -> CouplingCosts:
    """Return for each congestion point and ISP (C,T) the cost of d = Q − P, called less planned program.

    R < 0 asks for d <= ΣR + Σs, cheapest shortfall first, and never more than all of it, which costs
    `hard_eur_per_kw`; R > 0 is mirrored.
    """
    per_kw = case.isp_hours / 1000
    data = case.reservations
    parts: list[tuple[int, Floats, Floats]] = []
    base = np.zeros((len(case.points), case.isps))
    order = np.argsort(data.penalty_eur_per_mwh, kind="stable")
    for point in np.unique(data.point).tolist():
        mine = [row for row in order.tolist() if data.point[row] == point]
        for sign in (-1.0, 1.0):
            amounts = np.stack([np.maximum(sign * data.reserved_kw[row], 0.0) for row in mine])
            there = amounts.sum(axis=0) > 0
            if not there.any():
                continue
            at, slope = amounts.sum(axis=0), np.zeros(case.isps)
            for row, amount in zip(mine, amounts, strict=True):
                price = np.where(amount > 0, max(data.penalty_eur_per_mwh[row] * per_kw, 0.0), slope)
                parts.append((point, np.where(there, sign * at, np.inf), np.where(there, price - slope, 0.0)))
                at, slope = at - amount, price
            parts.append((point, np.where(there, 0.0, np.inf), np.where(there, hard_eur_per_kw - slope, 0.0)))
            if sign > 0:  # the slopes rise from -hard to 0 as d grows
                base[point] -= np.where(there, hard_eur_per_kw, 0.0)
    at_zero = float((data.penalty_eur_per_mwh[:, None] * np.abs(data.reserved_kw)).sum()) * per_kw
    return CouplingCosts(**stacked(base, parts), at_zero_eur=at_zero)


def stacked(base: Floats, parts: list[tuple[int, Floats, Floats]]) -> dict[str, Floats]:
    """Return breakpoints (C,T,K) in order and slopes (C,T,K+1) from the leftmost slope and the rises."""
    count = np.zeros(len(base), dtype=np.int64)
    for point, _, _ in parts:
        count[point] += 1
    width = max(int(count.max(initial=0)), 1)
    points = np.full((*base.shape, width), np.inf)
    rises = np.zeros((*base.shape, width))
    used = np.zeros(len(base), dtype=np.int64)
    for point, at, rise in parts:
        points[point, :, used[point]], rises[point, :, used[point]] = at, rise
        used[point] += 1
    order = np.argsort(points, axis=2, kind="stable")
    points = np.take_along_axis(points, order, axis=2)
    rises = np.take_along_axis(rises, order, axis=2)
    slopes = np.concatenate([base[..., None], base[..., None] + np.cumsum(rises, axis=2)], axis=2)
    return {"points": points, "slopes": slopes}
